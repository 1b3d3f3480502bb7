"""Gini coefficients as the R package ineq (Zeileis) computes them, uncorrected: its example of ten incomes, and two by hand."""

import numpy as np
import pytest

from kamlib import stats

INCOMES = [541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]
"""`x` of `example(Gini)` in the package's documentation."""


@pytest.mark.parametrize(("values", "raw"), [([1, 2, 3, 4, 5], 0.266667), ([0, 0, 0, 1], 0.75), (INCOMES, 0.462091)])
def test_the_raw_form_to_six_digits_and_the_correction(values, raw):
    assert stats.gini(values, corrected=False) == pytest.approx(raw, abs=5e-7)
    n = len(values)
    assert stats.gini(values) == pytest.approx(stats.gini(values, corrected=False) * n / (n - 1), rel=1e-12)


def test_one_who_has_everything_is_one_only_when_corrected():
    assert stats.gini([0, 0, 0, 0, 7]) == pytest.approx(1)
    assert stats.gini([0, 0, 0, 0, 7], corrected=False) == pytest.approx(0.8)  # the most that n = 5 allows


def test_half_the_mean_absolute_difference_is_the_same():
    gaps = np.abs(np.subtract.outer(INCOMES, INCOMES)).mean()
    assert stats.gini(INCOMES, corrected=False) == pytest.approx(gaps / (2 * np.mean(INCOMES)), rel=1e-12)
