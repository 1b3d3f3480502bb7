"""The shared statistics against published numbers, independent oracles, simulations with known truth, and invariants."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats as sp

from kamlib import stats

POSITIVE = hnp.arrays(float, st.integers(2, 30), elements=st.floats(0.01, 1e6))


# Wilson ---------------------------------------------------------------------------------------------------------------


def test_wilson_gives_the_published_intervals():
    assert np.round(stats.wilson(3, 30), 3).tolist() == [0.035, 0.256]
    assert np.round(stats.wilson(0, 30), 3).tolist() == [0, 0.114]
    assert np.round(stats.wilson(7, 10), 2).tolist() == [0.40, 0.89]


@given(
    st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from((0.8, 0.95, 0.99))
)
def test_wilson_is_scipys(pair, level):
    k, n = pair
    oracle = sp.binomtest(k, n).proportion_ci(level, method="wilson")
    low, high = stats.wilson(k, n, level)
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert 0 <= low <= k / n <= high <= 1


def test_wilson_takes_arrays_and_series_and_knows_nothing_of_no_trials():
    low, high = stats.wilson(pd.Series([3, 0, 0]), pd.Series([30, 30, 0]))
    assert np.round(low, 3).tolist()[:2] == [0.035, 0]
    assert np.isnan([low[2], high[2]]).all()
    assert np.isnan(stats.wilson(0, 0)).all()


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5])
@pytest.mark.parametrize("n", [10, 30, 200])
def test_wilson_covers_the_truth_in_nearly_95_of_100_samples(rate, n):
    k = np.arange(n + 1)
    low, high = stats.wilson(k, np.full(n + 1, n))
    coverage = sp.binom.pmf(k, n, rate)[(low <= rate) & (rate <= high)].sum()  # exact, no simulation needed
    assert 0.91 <= coverage <= 0.995


# Shrinkage ------------------------------------------------------------------------------------------------------------


def test_shrinkage_finds_the_prior_the_rates_were_drawn_from():
    random = np.random.default_rng(1)
    n = random.integers(20, 200, 3000)
    k = random.binomial(n, random.beta(6, 14, 3000))
    assert stats.beta_binomial_prior(k, n) == pytest.approx((6, 14), rel=0.1)


def test_shrunk_rates_are_nearer_the_truth_than_raw_ones():
    random = np.random.default_rng(2)
    n, truth = random.integers(3, 30, 400), random.beta(8, 12, 400)
    k = random.binomial(n, truth)
    raw, shrunk = k / n, stats.beta_binomial_shrink(k, n)
    assert ((shrunk - truth) ** 2).mean() < 0.6 * ((raw - truth) ** 2).mean()


def test_equal_units_get_the_pooled_rate_and_a_long_record_beats_a_lucky_one():
    assert stats.beta_binomial_shrink([5, 50, 500], [10, 100, 1000]) == pytest.approx(0.5, abs=1e-3)
    lucky, proven, *_ = stats.beta_binomial_shrink([7, 650, 20, 30, 80], [10, 1000, 60, 60, 200])
    assert lucky < proven


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=8))
def test_shrinkage_stays_between_the_raw_rate_and_the_prior_mean(pairs):
    k, n = (np.array(column) for column in zip(*pairs, strict=True))
    shrunk = stats.beta_binomial_shrink(k, n)
    if n.sum() == 0:
        assert np.isnan(shrunk).all()
        return
    alpha, beta = stats.beta_binomial_prior(k, n)
    middle = alpha / (alpha + beta)
    raw = np.where(n > 0, k / np.maximum(n, 1), middle)
    assert ((np.minimum(raw, middle) - 1e-9 <= shrunk) & (shrunk <= np.maximum(raw, middle) + 1e-9)).all()


# NPS ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "nps", "low", "high"),
    [(12, 4, 4, 40, 2.09, 67.47), (500, 300, 200, 30, 25.08, 34.74), (30, 10, 10, 40, 16.19, 59.28), (8, 5, 2, 40, -0.23, 66.89)],
)  # fmt: skip
def test_nps_gives_the_published_intervals(promoters, passives, detractors, nps, low, high):
    found = stats.nps([9] * promoters + [8] * passives + [0] * detractors)
    assert found["n"] == promoters + passives + detractors
    assert [round(found[name], 2) for name in ("nps", "low", "high")] == [nps, low, high]


def test_nps_classes_end_at_six_and_nine_and_missing_answers_do_not_count():
    assert [stats.nps([score])["nps"] for score in (0, 6, 7, 8, 9, 10)] == [-100, -100, 0, 0, 100, 100]
    assert stats.nps([10, None, np.nan])["n"] == 1
    assert np.isnan(stats.nps([])["nps"])


@given(*[st.integers(0, 60)] * 3)
def test_nps_stays_within_its_scale_and_mirrors(promoters, passives, detractors):
    n = promoters + passives + detractors
    found, mirrored = stats.nps_interval(promoters, detractors, n), stats.nps_interval(detractors, promoters, n)
    if n:
        assert -100 <= found["low"] <= found["high"] <= 100
        assert (found["nps"], found["low"]) == pytest.approx((-mirrored["nps"], -mirrored["high"]))


@pytest.mark.parametrize(("n", "p", "d"), [(15, 0.5, 0.2), (30, 0.4, 0.4), (200, 0.7, 0.1)])
def test_the_nps_interval_covers_the_truth(n, p, d):
    draws = np.random.default_rng(3).multinomial(n, [p, 1 - p - d, d], 4000)
    found = [stats.nps_interval(promoters, detractors, n) for promoters, _, detractors in draws]
    assert np.mean([f["low"] <= 100 * (p - d) <= f["high"] for f in found]) == pytest.approx(0.95, abs=0.02)


# Means, bootstrap, shares -----------------------------------------------------------------------------------------------


def test_the_mean_interval_is_scipys():
    values = [4, 5, 3, 4, 2, 5, np.nan]
    oracle = sp.ttest_1samp(values[:-1], 0).confidence_interval(0.9)
    assert stats.mean_interval(values, 0.9) == pytest.approx((oracle.low, oracle.high))
    assert np.isnan(stats.mean_interval([3])).all()


def test_the_bootstrap_agrees_with_scipys_and_repeats_itself():
    values = np.random.default_rng(4).gamma(2, 10, 60)
    ours = stats.bootstrap_interval(values, n=4000)
    oracle = sp.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=5).confidence_interval
    assert ours == pytest.approx((oracle.low, oracle.high), rel=0.02)
    assert ours == stats.bootstrap_interval(values, n=4000)


def test_the_bootstrap_takes_frames_series_and_vector_statistics():
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "y": [2.0, 4, 6, 8]})
    low, high = stats.bootstrap_interval(frame, lambda rows: rows.mean(), n=200)
    assert 2 * low[0] == low[1] < high[1] == 2 * high[0]
    assert stats.bootstrap_interval(frame, lambda rows: rows.y.sum() / rows.x.sum(), n=50) == (2, 2)
    assert stats.bootstrap_interval(frame.x, n=100) == stats.bootstrap_interval(frame.x.to_numpy(), n=100)
    assert np.isnan(stats.bootstrap_interval([])).all()


def test_drawing_whole_accounts_widens_the_interval_of_repeated_rows():
    accounts = np.repeat(np.arange(20), 30)
    values = np.repeat(np.random.default_rng(6).normal(0, 1, 20), 30)
    rows, groups = stats.bootstrap_interval(values, n=500), stats.bootstrap_interval(values, groups=accounts, n=500)
    assert groups[1] - groups[0] > 3 * (rows[1] - rows[0])


def test_a_dirichlet_row_of_two_is_jeffreys_interval():
    low, high = stats.dirichlet_interval([[3, 27], [0, 30], [0, 0]])
    assert (low[0, 0], high[0, 0]) == pytest.approx(sp.beta.ppf([0.025, 0.975], 3.5, 27.5))
    assert (low[1, 0], high[1, 1]) == (0, 1)
    assert np.isnan([low[2], high[2]]).all()
    assert [side.tolist() for side in stats.dirichlet_interval([5])] == [[1], [1]]


@given(hnp.arrays(int, st.tuples(st.integers(1, 4), st.integers(1, 7)), elements=st.integers(0, 40)))
def test_dirichlet_intervals_hold_the_observed_share(counts):
    low, high = stats.dirichlet_interval(counts)
    assert low.shape == high.shape == counts.shape
    for row in np.flatnonzero(counts.sum(axis=1)):
        share = counts[row] / counts[row].sum()
        assert ((low[row] >= 0) & (low[row] <= share + 0.01) & (share <= high[row] + 0.01) & (high[row] <= 1)).all()


# Concentration ----------------------------------------------------------------------------------------------------------


def test_concentration_gives_the_published_figures():
    assert stats.hhi([30, 30, 20, 20]) == pytest.approx(0.26)
    assert stats.effective_number([30, 30, 20, 20]) == pytest.approx(1 / 0.26)
    assert stats.gini([1, 2, 3, 4, 5], corrected=False) == pytest.approx(0.266667, abs=1e-6)
    assert stats.gini([0, 0, 0, 1], corrected=False) == 0.75
    assert stats.gini([0, 0, 0, 1]) == 1
    ineq = [541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]  # example of the R package ineq
    assert stats.gini(ineq, corrected=False) == pytest.approx(0.462091, abs=1e-6)
    assert stats.concentration_ratio([30, 30, 20, 20], 3) == pytest.approx(0.8)


@given(POSITIVE)
def test_concentration_keeps_its_bounds_and_ignores_unit_and_order(values):
    n = len(values)
    for measure in (stats.hhi, stats.effective_number, stats.gini, lambda x: stats.concentration_ratio(x, 2)):
        assert measure(values[::-1] * 7) == pytest.approx(measure(values))
    assert 1 / n - 1e-9 <= stats.hhi(values) <= 1 + 1e-9
    assert 1 - 1e-9 <= stats.effective_number(values) <= n + 1e-6
    assert -1e-9 <= stats.gini(values) <= 1 + 1e-9
    pairs = np.abs(values[:, None] - values).sum() / (2 * n * n * values.mean())
    assert stats.gini(values, corrected=False) == pytest.approx(pairs, abs=1e-9)
    assert stats.concentration_ratio(values, n) == pytest.approx(1)
    assert stats.hhi(np.append(values, -5)) == pytest.approx(stats.hhi(values))


@pytest.mark.parametrize("values", [[], [0, 0], [-1, -2], [np.nan]])
def test_nothing_positive_has_no_concentration(values):
    for measure in (stats.hhi, stats.effective_number, stats.gini, stats.concentration_ratio):
        assert np.isnan(measure(values))
    assert np.isnan(stats.gini([5]))
    assert stats.gini([5], corrected=False) == 0


# Trend ------------------------------------------------------------------------------------------------------------------


def test_the_trend_is_the_median_of_all_pairs_and_shrugs_at_one_odd_month():
    y = np.array([1, 3, 4, 8, 9, 12, 30.0])
    found = stats.theil_sen(y)
    slopes = [(y[j] - y[i]) / (j - i) for i in range(7) for j in range(i + 1, 7)]
    assert found["slope"] == pytest.approx(np.median(slopes))
    assert found["low"] <= found["slope"] <= found["high"]
    straight = stats.theil_sen([0, 1, 2, 3, 400, 5, 6, 7, 8])
    assert (straight["slope"], straight["intercept"]) == (1, 0)
    assert found["p"] == pytest.approx(sp.kendalltau(range(7), y).pvalue)


def test_the_trend_of_too_little_is_unknown_and_of_a_constant_is_flat():
    assert np.isnan(stats.theil_sen([1, 2])["slope"])
    assert np.isnan(stats.theil_sen([1, 2, 3], [5, 5, 5])["slope"])
    assert {"n": 3, "slope": 0, "p": 1}.items() <= stats.theil_sen([4, 4, np.nan, 4]).items()


def test_without_a_trend_one_test_in_twenty_finds_one():
    random = np.random.default_rng(7)
    assert np.mean([stats.theil_sen(random.normal(size=24))["p"] < 0.05 for _ in range(1000)]) == pytest.approx(
        0.05, abs=0.02
    )


# Importance -------------------------------------------------------------------------------------------------------------

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


@pytest.fixture(scope="module")
def swiss() -> pd.DataFrame:
    rows = [row.split() for row in SWISS.strip().replace("\n", "|").split("|")]
    return pd.DataFrame(
        rows, dtype=float, columns=["y", "Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality"]
    )


def test_lmg_gives_the_shares_that_relaimpo_documents(swiss):
    assert swiss.y.var() == pytest.approx(156.0425, abs=1e-4)
    found = stats.lmg(swiss.y, swiss.drop(columns="y"))
    published = {
        "Agriculture": 0.05709,
        "Examination": 0.17117,
        "Education": 0.26013,
        "Catholic": 0.10557,
        "Infant.Mortality": 0.11277,
    }
    assert found.round(5).to_dict() == published
    assert found.sum() == pytest.approx(0.706735, abs=1e-6)


def _mean_over_orders(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The definition: every driver's gain in R², averaged over all orders in which drivers can enter."""

    def fit(columns: tuple[int, ...]) -> float:
        design = np.column_stack([np.ones(len(y)), x[:, list(columns)]])
        rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        return 1 - rest @ rest / ((y - y.mean()) @ (y - y.mean()))

    orders = list(permutations(range(x.shape[1])))
    gains = np.zeros(x.shape[1])
    for order in orders:
        for place, driver in enumerate(order):
            gains[driver] += fit(order[: place + 1]) - fit(order[:place])
    return gains / len(orders)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(8, 40))
def test_lmg_is_the_mean_over_all_orders_of_entry(seed, drivers, n):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, drivers)) @ random.normal(size=(drivers, drivers))
    y = x @ random.normal(size=drivers) + random.normal(size=n)
    found = stats.lmg(y, x)
    assert found.to_numpy() == pytest.approx(_mean_over_orders(y, x), abs=1e-8)
    assert (found >= -1e-9).all()


def test_lmg_shares_twins_leaves_out_missing_rows_and_says_when_it_cannot():
    random = np.random.default_rng(8)
    x, noise = random.normal(size=40), random.normal(size=40)
    twins = stats.lmg(x + noise, pd.DataFrame({"a": x, "b": x, "flat": 1.0}))
    assert twins.a == pytest.approx(twins.b)
    assert twins.sum() == pytest.approx(np.corrcoef(x + noise, x)[0, 1] ** 2)
    assert twins.flat == pytest.approx(0)
    assert stats.lmg([*(x + noise), np.nan], [*x, 3.0])[0] == pytest.approx(twins.sum())
    assert stats.lmg([1, 2, 3], np.eye(3)).isna().all()
    assert stats.lmg(np.ones(9), np.arange(9)).isna().all()
    with pytest.raises(ValueError, match="13 drivers; lmg takes at most 12"):
        stats.lmg(x, np.ones((40, 13)))
