"""Net promoter score and top-2-box: worked examples of the adjusted Wald interval (MeasuringU, after Rocks 2016) and
the Wilson interval, and their coverage in simulation.

"Interval estimation for the net promoter score": n + 3, promoters + ¾, detractors + ¾.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from kamlib import stats


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "nps", "centre", "low", "high"),
    [
        (500, 300, 200, 30.00, 29.91, 25.08, 34.74),
        (30, 10, 10, 40.00, 37.74, 16.19, 59.28),
        (8, 5, 2, 40.00, 33.33, -0.23, 66.89),
        (12, 4, 4, 40.00, 34.78, 2.09, 67.47),
    ],
)
def test_worked_examples_to_two_decimals(promoters, passives, detractors, nps, centre, low, high):
    """Printed there to one or two decimals: 25.08 to 34.74; 37.7 (16.2, 59.3); 33.3 (−0.2, 66.9); 2 to 67."""
    found = stats.nps_interval(promoters, detractors, promoters + passives + detractors)
    assert round(found["nps"], 2) == nps
    assert round((found["low"] + found["high"]) / 2, 2) == centre
    assert (round(found["low"], 2), round(found["high"], 2)) == (low, high)


def test_plain_wald_is_not_what_we_print():
    """500/300/200: standard error 2.47, plain Wald ± 4.84."""
    p, d, n = 0.5, 0.2, 1000
    error = 100 * np.sqrt((p + d - (p - d) ** 2) / n)
    assert (round(error, 2), round(1.959964 * error, 2)) == (2.47, 4.84)
    found = stats.nps_interval(500, 200, 1000)
    assert (found["low"], found["high"]) != pytest.approx((30 - 4.84, 30 + 4.84), abs=0.05)


@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.2), (0.35, 0.35, 0.3), (0.3, 0.5, 0.2), (0.6, 0.25, 0.15)])
def test_nps_intervals_cover_the_truth_at_n_50(shares):
    drawn = np.random.default_rng(50).multinomial(50, shares, size=6000)
    found = [stats.nps_interval(k, d, 50) for k, _, d in drawn]
    truth = 100 * (shares[0] - shares[2])
    assert 0.93 <= np.mean([f["low"] <= truth <= f["high"] for f in found]) <= 0.97


def test_top_2_box_intervals_cover_the_truth_at_n_50():
    """Mean over true shares (Brown, Cai and DasGupta 2001): for a single one the count is too coarse for 93–97 %."""
    k, truths, hits = np.arange(51), np.linspace(0.3, 0.95, 131), []
    low, high = stats.wilson(k, np.full(51, 50))
    for p in truths:
        hits.append(binom.pmf(k, 50, p)[(low <= p) & (p <= high)].sum())
    assert 0.93 <= np.mean(hits) <= 0.97
    assert min(hits) >= 0.90
