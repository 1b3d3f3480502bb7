"""Published examples of weighting: AHP (Saaty's drinks; a textbook matrix), entropy and TOPSIS, to six digits."""

import numpy as np
import pytest

from kamlib.models.weighting import ahp, entropy_weights, topsis

DRINKS = {
    ("coffee", "wine"): 9, ("coffee", "tea"): 5, ("coffee", "beer"): 2, ("coffee", "soda"): 1, ("coffee", "milk"): 1,
    ("coffee", "water"): 1 / 2, ("wine", "tea"): 1 / 3, ("wine", "beer"): 1 / 9, ("wine", "soda"): 1 / 9,
    ("wine", "milk"): 1 / 9, ("wine", "water"): 1 / 9, ("tea", "beer"): 1 / 3, ("tea", "soda"): 1 / 4, ("tea", "milk"): 1 / 3,
    ("tea", "water"): 1 / 9, ("beer", "soda"): 1 / 2, ("beer", "milk"): 1, ("beer", "water"): 1 / 3, ("soda", "milk"): 2,
    ("soda", "water"): 1 / 2, ("milk", "water"): 1 / 3,
}  # fmt: skip
"""Which drink is consumed more in the USA: Saaty's judgements, as the README of ahpy (MIT) prints them."""
DECISION = np.array([[250, 16, 12, 5], [200, 16, 8, 3], [300, 32, 16, 4], [275, 32, 8, 4], [225, 16, 16, 2.0]])
"""Five alternatives, four criteria of which the first is a cost; reprinted in many texts on TOPSIS."""


def test_saatys_drinks():
    names = sorted({name for pair in DRINKS for name in pair})
    matrix = np.eye(7)
    for (one, other), value in DRINKS.items():
        i, j = names.index(one), names.index(other)
        matrix[i, j], matrix[j, i] = value, 1 / value
    found = ahp(matrix)
    shares = dict(zip(names, found.weights.round(3), strict=True))
    assert shares == {
        "water": 0.327, "soda": 0.190, "coffee": 0.177, "milk": 0.129, "beer": 0.116, "tea": 0.042, "wine": 0.019,
    }  # fmt: skip
    assert found.ratio == pytest.approx(0.022, abs=5e-4)


def test_the_textbook_matrix_of_three():
    found = ahp([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]])
    assert found.weights == pytest.approx([0.6370, 0.2583, 0.1047], abs=5e-5)
    assert found.eigenvalue == pytest.approx(3.0385, abs=5e-5)
    assert found.index == pytest.approx(0.01926, abs=5e-6)
    assert found.ratio == pytest.approx(0.0332, abs=5e-5)


def test_entropy_and_topsis_of_the_five_alternatives():
    benefit = [False, True, True, True]
    weights = entropy_weights(DECISION)
    assert weights == pytest.approx([0.063915, 0.378831, 0.287921, 0.269333], abs=6e-7)
    equal = topsis(DECISION, np.full(4, 0.25), benefit)
    assert equal == pytest.approx([0.534277, 0.308368, 0.691632, 0.534737, 0.401046], abs=6e-7)
    assert topsis(DECISION, weights, benefit) == pytest.approx(
        [0.463793, 0.180636, 0.819364, 0.596419, 0.356], abs=6e-7
    )
