"""Profit of acting on a score: published figures of the EMP for churn, simple integration, and what must always hold."""

import numpy as np
import pytest

from kamlib.models import profit

STAKES = {"value": 200.0, "offer": 10.0, "contact": 1.0}
EIGHT = [0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]
TWELVE = [0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0], [0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.8, 0.15, 0.25]


def test_empulse_docstring():
    """empulse, docstring of `empc_score` and `expected_cost`: EMPC 23.875593418348124 at a fraction of
    .8743700763487141; with a fixed share of acceptance 23.875 at .875 (anchors 2.5)."""
    assert profit.expected_maximum_profit(*EIGHT, **STAKES) == pytest.approx(
        (23.875593418348124, 0.8743700763487141), abs=1e-12
    )
    assert profit.maximum_profit(*EIGHT, **STAKES) == pytest.approx((23.875, 0.875), abs=1e-12)


def test_empulse_perfect_prediction():
    """empulse, tests/metrics/test_churn.py: perfect scores at 50 % churn give 28.0000 with half contacted."""
    assert profit.expected_maximum_profit([0, 1] * 4, [0, 1] * 4, **STAKES) == pytest.approx((28.0, 0.5), abs=1e-4)


def test_emp_py():
    """emp-py by Bravo: MP 18.75 at .833333, EMP 18.7530306 at .830654 (anchors 2.5)."""
    assert profit.maximum_profit(*TWELVE, **STAKES) == pytest.approx((18.75, 0.833333), abs=1e-6)
    assert profit.expected_maximum_profit(*TWELVE, **STAKES) == pytest.approx((18.7530306, 0.830654), abs=1e-6)


def test_equals_integration_over_the_share_that_accepts():
    from scipy.stats import beta

    random = np.random.default_rng(4)
    y = random.random(200) < 0.3
    score = np.round(y * 0.3 + random.random(200), 1)
    cells = (np.arange(4000) + 0.5) / 4000
    by_share = [profit.maximum_profit(y, score, accepts=share, **STAKES)[0] for share in cells]
    weights = np.diff(beta.cdf(np.linspace(0, 1, 4001), *profit.ACCEPTS))
    assert profit.expected_maximum_profit(y, score, **STAKES)[0] == pytest.approx(np.dot(by_share, weights), abs=1e-4)


def test_a_useless_score_earns_what_contacting_all_or_nobody_earns():
    y = [1] * 30 + [0] * 70
    everybody = 0.3 * (0.3 * 190 - 1) - 0.7 * 11
    assert profit.maximum_profit(y, np.zeros(100), **STAKES) == pytest.approx((everybody, 1.0))
    assert profit.maximum_profit(y, np.zeros(100), value=20, offer=10, contact=1) == (0.0, 0.0)


def test_contacting_from_the_threshold_on_is_where_the_profit_turns():
    at = float(profit.threshold(200, offer=10, contact=1, accepts=0.3))
    assert at * (0.3 * 190 - 1) == pytest.approx((1 - at) * 11)
    assert profit.threshold([100, 400], offer=10, contact=1, accepts=0.3)[1] < at
    assert profit.threshold(5, offer=10, contact=30, accepts=0.3) > 1  # not worth its offer: never
