"""Relative importance on R's data set `swiss`, the documented example of the package relaimpo (Grömping 2006).

LMG, last, first, betasq, pratt and R² as `calc.relimp` prints them (man/calc.relimp.Rd); Johnson's relative weights and
CAR scores as computed with their authors' definitions.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kamlib.models import importance

SWISS = """
80.2 17.0 15 12 9.96 22.2|83.1 45.1 6 9 84.84 22.2|92.5 39.7 5 5 93.40 20.2|85.8 36.5 12 7 33.77 20.3|76.9 43.5 17 15 5.16 20.6
76.1 35.3 9 7 90.57 26.6|83.8 70.2 16 7 92.85 23.6|92.4 67.8 14 8 97.16 24.9|82.4 53.3 12 7 97.67 21.0|82.9 45.2 16 13 91.38 24.4
87.1 64.5 14 6 98.61 24.5|64.1 62.0 21 12 8.52 16.5|66.9 67.5 14 7 2.27 19.1|68.9 60.7 19 12 4.43 22.7|61.7 69.3 22 5 2.82 18.7
68.3 72.6 18 2 24.20 21.2|71.7 34.0 17 8 3.30 20.0|55.7 19.4 26 28 12.11 20.2|54.3 15.2 31 20 2.15 10.8|65.1 73.0 19 9 2.84 20.0
65.5 59.8 22 10 5.23 18.0|65.0 55.1 14 3 4.52 22.4|56.6 50.9 22 12 15.14 16.7|57.4 54.1 20 6 4.20 15.3|72.5 71.2 12 1 2.40 21.0
74.2 58.1 14 8 5.23 23.8|72.0 63.5 6 3 2.56 18.0|60.5 60.8 16 10 7.72 16.3|58.3 26.8 25 19 18.46 20.9|65.4 49.5 15 8 6.10 22.5
75.5 85.9 3 2 99.71 15.1|69.3 84.9 7 6 99.68 19.8|77.3 89.7 5 2 100.00 18.3|70.5 78.2 12 6 98.96 19.4|79.4 64.9 7 3 98.22 20.2
65.0 75.9 9 9 99.06 17.8|92.2 84.6 3 3 99.46 16.3|79.3 63.1 13 13 96.83 18.1|70.4 38.4 26 12 5.62 20.3|65.7 7.7 29 11 13.79 20.5
72.7 16.7 22 13 11.22 18.9|64.4 17.6 35 32 16.92 23.0|77.6 37.6 15 7 4.97 20.0|67.6 18.7 25 7 8.65 19.5|35.0 1.2 37 53 42.34 18.0
44.7 46.6 16 29 50.43 18.2|42.8 27.7 22 29 58.33 19.3
"""
"""R's data set `swiss`: fertility, agriculture, examination, education, catholic, infant mortality; 47 provinces, 1888."""


DRIVERS = ["Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality"]
PUBLISHED = {
    "last": [0.0429, 0.0074, 0.1620, 0.0624, 0.0569],  # 0.056945 by least squares; reprinted as .0570
    "first": [0.1247, 0.4172, 0.4406, 0.2150, 0.1735],
    "betasq": [0.0979, 0.0272, 0.4494, 0.1208, 0.0631],
    "pratt": [-0.1105, 0.1064, 0.4450, 0.1612, 0.1046],
    "johnson": [0.0484, 0.1547, 0.2720, 0.1147, 0.1170],
    "car": [0.0006, 0.1511, 0.3233, 0.1151, 0.1167],
}


@pytest.fixture(scope="module")
def swiss() -> pd.DataFrame:
    rows = [row.split() for row in SWISS.strip().replace("\n", "|").split("|")]
    return pd.DataFrame(rows, dtype=float, columns=["Fertility", *DRIVERS])


@pytest.fixture(scope="module")
def found(swiss) -> pd.DataFrame:
    return importance.measures(swiss.Fertility, swiss[DRIVERS])


def test_lmg_has_the_five_digits_of_relaimpo_and_sums_to_r2(swiss, found):
    assert swiss.Fertility.var() == pytest.approx(156.0425, abs=1e-4)
    assert found.lmg.round(5).tolist() == [0.05709, 0.17117, 0.26013, 0.10557, 0.11277]
    assert (100 * found.lmg / found.lmg.sum()).round(1).tolist() == [8.1, 24.2, 36.8, 14.9, 16.0]
    design = np.column_stack([np.ones(len(swiss)), swiss[DRIVERS]])
    left = swiss.Fertility - design @ np.linalg.lstsq(design, swiss.Fertility, rcond=None)[0]
    r2 = 1 - (left @ left) / ((swiss.Fertility - swiss.Fertility.mean()) ** 2).sum()
    assert round(r2, 6) == 0.706735
    assert abs(found.lmg.sum() - r2) < 1e-12


@pytest.mark.parametrize("measure", PUBLISHED)
def test_the_other_measures_have_their_four_digits(found, measure):
    assert found[measure].round(4).tolist() == PUBLISHED[measure]


def test_raw_coefficients_would_mislead(found):
    """D.11-10: importance is not read off regression coefficients.

    `swiss` shows why: Pratt's product of beta and correlation is negative for agriculture, and squared betas put
    examination last although alone it explains more than all but one; LMG puts it second.
    """
    assert found.pratt["Agriculture"] < 0
    assert found.betasq.idxmin() == "Examination"
    assert found.lmg.rank(ascending=False)["Examination"] == 2
    assert (found.lmg > 0).all()
