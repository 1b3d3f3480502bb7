"""The shared statistics against published numbers, independent oracles, simulations with known truth, and invariants."""

from __future__ import annotations

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


# Correlations and votes -------------------------------------------------------------------------------------------------


def test_correlation_interval_is_fishers():
    """r = 0.5 over 28 units: tanh(0.5493 ± 1.95996 ÷ 5) = 0.156 … 0.736."""
    assert np.round(stats.correlation_interval(0.5, 28), 3).tolist() == [0.156, 0.736]
    assert np.isnan(stats.correlation_interval(0.5, 3)).all()
    assert sp.pearsonr([1, 2, 3, 4, 6.0], [1, 3, 2, 5, 4.0]).confidence_interval(0.95) == pytest.approx(
        stats.correlation_interval(sp.pearsonr([1, 2, 3, 4, 6.0], [1, 3, 2, 5, 4.0])[0], 5)
    )


def test_effective_votes_are_n_when_all_weigh_the_same():
    assert stats.effective_votes([2.0] * 7) == pytest.approx(7)
    assert stats.effective_votes([8, 1]) == pytest.approx(81 / 65)
    assert stats.effective_votes([]) == 0


def test_nps_difference_covers_the_truth_and_is_symmetric():
    random = np.random.default_rng(11)
    one, two = (random.multinomial(50, shares, size=4000) for shares in ((0.5, 0.3, 0.2), (0.35, 0.35, 0.3)))
    found = [stats.nps_difference((a[0], a[2], 50), (b[0], b[2], 50)) for a, b in zip(one, two, strict=True)]
    assert 0.93 <= np.mean([f["low"] <= -25 <= f["high"] for f in found]) <= 0.97
    back = stats.nps_difference((20, 10, 50), (30, 5, 50)), stats.nps_difference((30, 5, 50), (20, 10, 50))
    assert back[0]["change"] == pytest.approx(30)
    assert back[0]["low"] == pytest.approx(-back[1]["high"])
    assert back[0]["p"] < 0.05
    assert np.isnan(stats.nps_difference((0, 0, 0), (1, 0, 1))["p"])


def test_holm_adjusts_as_published():
    """Holm (1979): smallest p times the number of tests, then one fewer each, never decreasing."""
    assert stats.holm([0.01, 0.04, np.nan, 0.03]) == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)
    assert stats.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert len(stats.holm([])) == 0
