"""Forecasts that add up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamlib.models import reconcile as r

CODES = np.array([0, 0, 1, 1, 1])
S = r.summing_matrix(CODES)


def test_the_matrix_sums():
    assert S.shape == (8, 5)
    assert (S @ [1, 2, 3, 4, 5]).tolist() == [15, 3, 12, 1, 2, 3, 4, 5]


@given(st.lists(st.floats(0, 1e9), min_size=8, max_size=8), st.sampled_from(r.METHODS))
def test_every_method_adds_up_and_none_is_negative(base, method):
    made = r.reconcile(np.array(base)[:, None], S, method, np.arange(1.0, 9))
    assert np.abs(made - S @ made[3:]).max() <= 1e-9 * max(made.max(), 1)
    assert (made >= 0).all()


@pytest.mark.parametrize("method", r.METHODS)
def test_what_agrees_already_stays(method):
    base = S @ np.array([[1.0], [2], [3], [4], [5]])
    assert r.reconcile(base, S, method, np.ones(8)) == pytest.approx(base)


def test_ols_is_the_orthogonal_projection():
    base = np.array([[20.0], [4], [12], [1], [2], [3], [4], [5]])
    assert r.reconcile(base, S, "ols") == pytest.approx(S @ np.linalg.pinv(S) @ base)


def test_a_node_that_was_always_right_is_hardly_moved():
    base = np.array([[20.0], [4], [12], [1], [2], [3], [4], [5]])
    sure = r.reconcile(base, S, "variance", np.array([1e-6, 1, 1, 1, 1, 1, 1, 1]))
    assert sure[0, 0] == pytest.approx(20, abs=1e-3)


def test_a_zero_variance_does_no_harm():
    made = r.reconcile(S @ np.ones((5, 1)), S, "variance", np.zeros(8) + [0, 1, 1, 1, 1, 1, 1, 0])
    assert made[0, 0] == pytest.approx(5)


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match="magic"):
        r.reconcile(np.ones((8, 1)), S, "magic")
