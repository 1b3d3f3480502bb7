"""Tenure compared: planted differences are found, absent ones are not, and minimum events are kept."""

import numpy as np
import pandas as pd
import pytest

from kamlib import words
from kamlib.churn import survival, tenure_groups


def company(seed, n=240, effect=1.0):
    """Customers with exponential lives of mean 1,200 days, shorter where the kind is "B"; seen from a random age on."""
    random = np.random.default_rng(seed)
    kind = np.where(random.random(n) < 0.4, "B", "A")
    life = np.ceil(random.exponential(1200 / np.exp(effect * (kind == "B")))).astype(int)
    entry = random.integers(0, 700, n)
    tenures = pd.DataFrame({
        "account_id": [f"n{i}" for i in range(n)], "entry_days": entry, "tenure_days": np.minimum(life, entry + 1000),
        "churned": life <= entry + 1000,
    })  # fmt: skip
    accounts = pd.DataFrame({
        "account_id": tenures["account_id"], "account_type": kind, "annual_revenue": random.lognormal(15, 1, n), "country": "China",
    })  # fmt: skip
    return tenures[tenures["tenure_days"] > entry].reset_index(drop=True), accounts


@pytest.fixture(scope="module")
def planted():
    return company(0)


def test_a_planted_difference_is_found_by_both_tests(planted):
    tenures, accounts = planted
    groups = tenure_groups.groups_table(tenures, accounts.set_index("account_id")["account_type"])
    assert groups["segment"].unique().tolist() == ["A", "B"]
    assert groups["log_rank_p_rate"].iloc[0] < 0.01
    assert "more than chance" in tenure_groups.groups_claim(groups, "en")
    hazards = tenure_groups.hazards_table(tenures, tenure_groups.covariates(accounts)).set_index("covariate")
    assert hazards.index.tolist() == ["doubled_revenue", "kind:B"]  # all are in China: nothing to compare
    row = hazards.loc["kind:B"]
    assert row["hazard_ratio_low"] < np.e < row["hazard_ratio_high"]
    assert hazards.loc["doubled_revenue", "hazard_ratio_low"] < 1 < hazards.loc["doubled_revenue", "hazard_ratio_high"]
    assert "B × " in tenure_groups.hazards_claim(hazards.reset_index(), "zh")


def test_companies_without_a_difference_raise_no_alarm():
    """One in twenty at 5 %: over 60 companies at most seven by either test."""
    alarms = np.zeros(2)
    for seed in range(60):
        tenures, accounts = company(seed, n=150, effect=0.0)
        groups = tenure_groups.groups_table(tenures, accounts.set_index("account_id")["account_type"])
        row = tenure_groups.hazards_table(
            tenures,
            tenure_groups.covariates(accounts)[
                ["kind:A" if (accounts["account_type"] == "B").mean() > 0.5 else "kind:B"]
            ],
        )
        alarms += [groups["log_rank_p_rate"].iloc[0] < 0.05, row["p_rate"].iloc[0] < 0.05]
    assert alarms.max() <= 7


def test_minimum_events_per_group_and_per_covariate(planted):
    tenures, accounts = planted
    few = tenures.assign(churned=tenures["churned"] & (tenures.index < 30))
    assert few["churned"].sum() < 20
    assert tenure_groups.groups_table(few, accounts.set_index("account_id")["account_type"]).empty
    assert len(tenure_groups.hazards_table(few, tenure_groups.covariates(accounts))) == 1
    assert tenure_groups.hazards_table(tenures.assign(churned=False), tenure_groups.covariates(accounts)).empty
    third = accounts.set_index("account_id")["account_type"].where(accounts.index % 20 != 0, "C")
    third.index = accounts["account_id"]
    groups = tenure_groups.groups_table(tenures, third)
    assert "C" not in set(groups["segment"])  # taken together with what else is small, or left out


def test_the_restricted_mean_is_unbiased_and_its_interval_covers_under_late_entry():
    """120 companies; the mean of an exponential life up to the horizon is known: 95 % intervals cover 92–98 %."""
    covered, gaps = [], []
    for seed in range(120):
        tenures, _ = company(seed, n=400, effect=0.0)
        found = survival.mean_days(survival.survival_table(tenures), fewest=25)
        true = 1200 * (1 - np.exp(-found["horizon"] / 1200))
        covered.append(found["low"] <= true <= found["high"])
        gaps.append(found["mean"] / true - 1)
    assert 0.91 <= np.mean(covered) <= 0.985
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(120) + 0.005


def test_yearly_rates_add_up_to_all_losses_and_all_years():
    tenures, _ = company(3)
    table = tenure_groups.yearly_table(tenures, most=40)
    assert table["n_losses"].sum() == tenures["churned"].sum()
    assert table["years_mean"].sum() * survival.YEAR_DAYS == pytest.approx(
        (tenures["tenure_days"] - tenures["entry_days"]).sum()
    )
    assert (table["hazard_rate_low"] <= table["hazard_rate"]).all()
    # Garwood: 0 events → upper bound 3.689; 10 events → 4.795 to 18.390 (chi-squared tables)
    ten = tenure_groups.yearly_table(
        pd.DataFrame({"entry_days": 0, "tenure_days": [365] * 10, "churned": True}), most=1
    )
    assert (ten[["hazard_rate_low", "hazard_rate_high"]].iloc[0] * ten["years_mean"].iloc[0]).tolist() == pytest.approx(
        [4.795, 18.390], abs=1e-3
    )


def test_facts_nobody_filled_in_are_no_covariates():
    _, accounts = company(1)
    assert tenure_groups.covariates(
        accounts.assign(annual_revenue=np.nan, account_type=None, country=None)
    ).columns.empty


def test_drawn_and_said_in_both_languages(planted):
    tenures, accounts = planted
    groups = tenure_groups.groups_table(tenures, accounts.set_index("account_id")["account_type"])
    hazards = tenure_groups.hazards_table(tenures, tenure_groups.covariates(accounts))
    for table, plot, claim in (
        (groups, tenure_groups.plot_groups, tenure_groups.groups_claim),
        (hazards, tenure_groups.plot_hazards, tenure_groups.hazards_claim),
    ):
        assert plot(table).figure
        assert claim(table, "en") != claim(table, "zh")
        assert not [column for column in table.columns if column not in words.LABELS]
