"""Superiority: by hand, against U, and coverage of its interval on simulated groups of known truth."""

import numpy as np
import pytest
from scipy import stats as sp

from kamlib.models.superiority import superiority


def test_by_hand_and_as_u():
    found, low, high = superiority([3, 4, 5], [1, 2, 3])
    assert found == pytest.approx(8.5 / 9)
    assert low < 0.5 < high
    draw = np.random.default_rng(0)
    one, other = draw.integers(0, 9, 14), draw.integers(0, 9, 11)
    assert superiority(one, other)[0] == pytest.approx(sp.mannwhitneyu(one, other).statistic / (14 * 11))
    assert superiority(other, one)[0] == pytest.approx(1 - superiority(one, other)[0])


def test_groups_wholly_apart_still_have_an_interval_and_empty_ones_none():
    assert superiority([4, 5, 6, 7, 8], [1, 2, 3])[1] == pytest.approx(0.54, abs=0.05)
    assert superiority([1, 2, 3], [4, 5, 6, 7, 8])[2] == pytest.approx(0.46, abs=0.05)
    assert np.isnan(superiority([], [1, 2])).all()
    assert np.isnan(superiority([np.nan], [1, 2])).all()


@pytest.mark.parametrize(("m", "n"), [(5, 5), (9, 10), (10, 30)])
@pytest.mark.parametrize("apart", [0, 1, 2])
def test_the_interval_covers_the_truth(m, n, apart):
    draw, truth = np.random.default_rng(0), sp.norm.cdf(apart / np.sqrt(2))
    covered = 0
    for _ in range(400):
        _, low, high = superiority(draw.normal(apart, 1, m), draw.normal(0, 1, n))
        covered += low <= truth <= high
    assert covered / 400 >= 0.92
