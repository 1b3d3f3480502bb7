"""Survival compared: lifelines as an oracle under delayed entry, known hazards found again, noise left alone."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test, proportional_hazard_test

from kamlib.models import competing_risks, survival


def observed(n, seed, effect=0.7, *, delayed=True, whole=True):
    """Exponential lives of mean 1,000 days, ended sooner where x = 1; seen from a random age on, to the age of 1,500."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 2, n)
    life = random.exponential(1000 / np.exp(effect * x))
    life = np.ceil(life) if whole else life
    entry = np.floor(random.uniform(0, 600, n)) if delayed else np.zeros(n)
    seen = pd.DataFrame(
        {"x": x, "z": random.normal(size=n), "days": np.minimum(life, 1500), "left": life <= 1500, "entry": entry}
    )
    return seen[seen["days"] > seen["entry"]].reset_index(drop=True)


def test_cox_agrees_with_lifelines_under_ties_and_delayed_entry():
    data = observed(300, 0)
    ours = survival.cox(data["days"], data["left"], data[["x", "z"]], data["entry"])
    theirs = CoxPHFitter().fit(data, "days", "left", entry_col="entry")
    assert ours.table["coef"].to_numpy() == pytest.approx(theirs.params_.to_numpy(), abs=1e-6)
    assert ours.table["coef_se"].to_numpy() == pytest.approx(theirs.standard_errors_.to_numpy(), abs=1e-6)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood_, abs=1e-8)
    assert ours.n_events == data["left"].sum()


def test_proportionality_agrees_with_lifelines_without_ties_and_late_entries():
    """lifelines ranks tied times by row order and forgets late entries in its residuals; without both we are equal."""
    data = observed(200, 1, delayed=False, whole=False).drop(columns="entry")
    ours = survival.cox(data["days"], data["left"], data[["x", "z"]])
    theirs = proportional_hazard_test(CoxPHFitter().fit(data, "days", "left"), data, time_transform="rank")
    assert ours.table["ph_chi2"].to_numpy() == pytest.approx(theirs.summary["test_statistic"].to_numpy(), rel=1e-4)


def test_strata_share_the_coefficients():
    data = observed(300, 2, delayed=False).assign(s=lambda d: (d["z"] > 0).astype(int)).drop(columns="entry")
    ours = survival.cox(data["days"], data["left"], data[["x"]], strata=data["s"])
    theirs = CoxPHFitter().fit(data.drop(columns="z"), "days", "left", strata=["s"])
    assert ours.table["coef"].item() == pytest.approx(theirs.params_.item(), abs=1e-6)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood_, abs=1e-6)


def test_log_rank_agrees_with_lifelines_on_three_groups_and_with_cox_under_late_entries():
    data = observed(200, 3, delayed=False)
    groups = np.array(["a", "b", "c"])[np.arange(len(data)) % 3]
    theirs = multivariate_logrank_test(data["days"], groups, data["left"])
    assert survival.log_rank(data["days"], data["left"], groups)["chi2"] == pytest.approx(theirs.test_statistic)
    late = observed(800, 4, effect=0.25, whole=False)
    score = survival.log_rank(late["days"], late["left"], late["x"], late["entry"])["chi2"]
    wald = survival.cox(late["days"], late["left"], late[["x"]], late["entry"]).table
    assert score == pytest.approx((wald["coef"].item() / wald["coef_se"].item()) ** 2, rel=0.03)


def test_the_curve_with_delayed_entry_is_the_one_of_lifelines():
    data = observed(150, 5)
    ours = competing_risks.cumulative_incidence(
        data["days"], np.where(data["left"], "left", ""), ("left",), entry=data["entry"]
    )
    theirs = KaplanMeierFitter().fit(data["days"], data["left"], entry=data["entry"])
    bounds = theirs.confidence_interval_survival_function_.reindex(ours["day"]).to_numpy()
    assert ours["open_share"].to_numpy() == pytest.approx(theirs.survival_function_at_times(ours["day"]).to_numpy())
    assert ours[["open_share_low", "open_share_high"]].to_numpy()[1:-1] == pytest.approx(bounds[1:-1])


def test_a_known_hazard_ratio_is_found_and_its_interval_covers():
    """300 simulated companies of 300 customers with late entry: no bias, 95 % intervals cover 92–98 %."""
    found = []
    for seed in range(300):
        data = observed(300, seed)
        row = survival.cox(data["days"], data["left"], data[["x"]], data["entry"]).table.iloc[0]
        found.append(
            (row["coef"], row["hazard_ratio_low"] <= np.exp(0.7) <= row["hazard_ratio_high"], row["ph_p"] < 0.05)
        )
    coef, covered, alarms = np.array(found, float).T
    assert coef.mean() == pytest.approx(0.7, abs=3 * coef.std() / np.sqrt(300) + 0.01)
    assert 0.93 <= covered.mean() <= 0.97
    assert alarms.mean() <= 0.08  # hazards are proportional: the test may cry wolf one time in twenty


def test_groups_that_do_not_differ_are_told_apart_one_time_in_twenty():
    alarms = []
    for seed in range(300):
        data = observed(120, seed, effect=0.0)
        alarms.append(survival.log_rank(data["days"], data["left"], data["x"], data["entry"])["p"] < 0.05)
    assert 0.02 <= np.mean(alarms) <= 0.085


def test_nothing_to_compare():
    assert np.isnan(survival.log_rank([1, 2], [True, True], ["a", "a"])["p"])
    assert np.isnan(survival.log_rank([1, 2], [False, False], ["a", "b"])["p"])
