"""Weights from judgements, from entropy and perturbed; TOPSIS: by hand, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamlib.models.weighting import ahp, entropy_interval, entropy_weights, perturbed_weights, topsis


@given(st.lists(st.floats(0.05, 20), min_size=1, max_size=8))
def test_judgements_without_contradiction_give_back_their_weights(weights):
    weights = np.array(weights)
    found = ahp(weights[:, None] / weights)
    assert found.weights == pytest.approx(weights / weights.sum(), rel=1e-6)
    assert found.ratio == pytest.approx(0, abs=1e-6)
    assert found.contradiction == pytest.approx(0, abs=1e-6)


def test_the_worst_triad_is_the_one_that_was_turned_round():
    weights = np.array([4, 2, 2, 1, 1.0])
    matrix = weights[:, None] / weights
    matrix[1, 2], matrix[2, 1] = 4, 1 / 4
    found = ahp(matrix)
    assert {1, 2} < set(found.triad)
    assert found.contradiction == pytest.approx(1 - 1 / 4)
    assert found.ratio > 0


def test_one_and_two_criteria_cannot_contradict_each_other():
    assert ahp([[1]]).triad == ()
    two = ahp([[1, 3], [1 / 3, 1]])
    assert two.weights == pytest.approx([0.75, 0.25])
    assert (two.ratio, two.triad) == (0, ())


def test_judgements_that_are_not_reciprocal_are_refused():
    for wrong in ([[1, 2], [2, 1]], [[1, 2, 3]], [[1, -2], [-0.5, 1]]):
        with pytest.raises(ValueError, match="square, positive"):
            ahp(wrong)


def test_entropy_by_hand_and_without_spread():
    x = np.array([[1.0, 5], [3, 5]])
    assert entropy_weights(x).tolist() == [1, 0]
    assert np.isnan(entropy_weights([[2.0, 5], [2, 5]])).all()
    p = np.array([0.25, 0.75])
    e = -(p * np.log(p)).sum() / np.log(2)
    mixed = entropy_weights([[1.0, 5], [3, 15]])
    assert mixed.tolist() == pytest.approx([0.5, 0.5])
    assert entropy_weights([[1.0, 1], [3, 1.5]])[0] == pytest.approx((1 - e) / (1 - e + 1 - _entropy(1, 1.5)))


def _entropy(*values):
    p = np.array(values) / sum(values)
    return -(p * np.log(p)).sum() / np.log(len(p))


def test_a_missing_value_is_left_out_of_its_column_and_a_shift_tames_zeros():
    x = np.array([[1.0, 4], [3, 6], [np.nan, 5]])
    assert np.isfinite(entropy_weights(x)).all()
    zeros = np.array([[0.0, 60], [40, 70], [60, 50]])
    assert entropy_weights(zeros, 20)[0] < entropy_weights(zeros)[0]


def test_the_interval_of_entropy_weights_holds_the_estimate_and_narrows():
    draw = np.random.default_rng(1)
    wide, narrow = (draw.uniform(20, 100, (n, 3)) for n in (15, 600))
    for x in (wide, narrow):
        low, high = entropy_interval(x, n=300)
        assert ((low <= entropy_weights(x)) & (entropy_weights(x) <= high)).all()
    spans = [np.subtract(*reversed(entropy_interval(x, n=300))).mean() for x in (wide, narrow)]
    assert spans[1] < spans[0] / 3


def test_topsis_gives_the_ideal_one_and_the_worst_zero_and_leaves_gaps_out():
    closeness = topsis([[9, 1], [1, 9], [5, 5], [np.nan, 1]], [1, 1], [True, False])
    assert closeness[:3].tolist() == pytest.approx([1, 0, 0.5])
    assert np.isnan(closeness[3])
    assert np.isnan(topsis([[1, 1], [1, 1]], [1, 1])).all()


def test_perturbed_weights_scatter_as_stated_and_zeros_stay():
    drawn = perturbed_weights([40, 20, 20, 20, 0], n=20_000)
    assert drawn.sum(axis=1) == pytest.approx(1)
    assert (drawn[:, 4] == 0).all()
    assert drawn[:, 0].mean() == pytest.approx(0.4, abs=0.002)
    assert drawn[:, 1].std() == pytest.approx(np.sqrt(0.2 * 0.8 / 101), rel=0.03)
