"""Coverage: due deals over what is left of the target, against 1 ÷ win rate by value."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from deal_frames import day, frame, frames, story

from kamlib.funnel import coverage, past

AS_OF = dt.date(2025, 8, 15)


def company():
    """Ten closed deals, five of 100 won and five of 100 lost; two open ones due in the running quarter, one later."""
    closed = [story(f"C{i}", [("needs", "2025-01-01")], "won" if i < 5 else "lost", "2025-05-01") for i in range(10)]
    booked = story("B1", [("needs", "2025-06-01")], "won", "2025-07-20", amount=50.0)
    due = [story(f"O{i}", [("needs", "2025-07-01")], amount=200.0, expected_close=day(date), owner=owner)
           for i, (date, owner) in enumerate((("2025-07-15", "Wu"), ("2025-09-30", "Li"), ("2025-10-01", "Li")))]  # fmt: skip
    deals, _ = frames([*closed, booked, *due])
    targets = pd.DataFrame(
        {
            "period": day("2025-07-01"),
            "months": 3,
            "owner": ["Wu", "Li"],
            "metric": "won_amount",
            "target": [150.0, 100.0],
        }
    )
    return deals, frame("targets", targets)


def test_by_hand():
    deals, targets = company()
    table = coverage.coverage_table([], deals, targets, AS_OF).set_index("owner")
    total = table.loc["all_owners"]
    assert total[["target_amount", "booked_amount", "due_amount"]].tolist() == [250, 50, 400]
    assert total["coverage_ratio"] == pytest.approx(400 / 200)
    assert total["required_ratio"] == pytest.approx(1050 / 550)  # the booked one was won as well
    assert total["required_ratio_low"] < total["required_ratio"] < total["required_ratio_high"]
    assert table.loc["Wu", "coverage_ratio"] == pytest.approx(200 / (150 - 50))
    assert table.loc["Li", "coverage_ratio"] == pytest.approx(2)
    assert np.isnan(total["attainment_rate"])
    assert "began with 2.0× its target" in coverage.coverage_claim(table.reset_index())


def test_yearly_and_monthly_targets_are_cut_to_the_quarter():
    deals, targets = company()
    year = targets.assign(period=day("2025-01-01"), months=12, target=365.0)
    months = pd.concat([targets.assign(period=day(f"2025-{m:02}-01"), months=1, target=30.0) for m in (6, 7, 8, 9)])
    for given, expected in ((year, 2 * 92), (months, 2 * 90)):
        table = coverage.coverage_table([], deals, given.astype(targets.dtypes), AS_OF)
        assert table["target_amount"].iloc[0] == pytest.approx(expected)


def test_stale_deals_cover_nothing():
    deals, targets = company()
    old = frames([story("S1", [("needs", "2023-01-01")], amount=900.0, expected_close=day("2025-07-01"))])[0]
    table = coverage.coverage_table([], pd.concat([deals, old], ignore_index=True), targets, AS_OF)
    assert table["due_amount"].iloc[0] == 400


def test_what_is_required_cannot_be_said_without_closed_amounts():
    deals, targets = company()
    deals.loc[deals["status"] == "lost", "amount"] = 0.0
    table = coverage.coverage_table([], deals, targets, AS_OF)
    assert table["required_ratio"].isna().all()
    assert "what is required cannot be said" in coverage.coverage_claim(table)
    coverage.plot_coverage(table)


def test_no_target_no_coverage():
    deals, targets = company()
    assert coverage.coverage_table([], deals, targets.head(0), AS_OF).empty
    assert coverage.coverage_table([], frame("deals"), targets, AS_OF).empty
    assert coverage.coverage_table([], deals, targets.assign(metric="revenue"), AS_OF).empty


def test_the_sample_by_quarter_and_by_owner(sample):
    deals = past.decided(sample.frame("deals"))
    table = coverage.coverage_table(past.books(sample), deals, sample.frame("targets"), sample.as_of)
    everybody = table[table["owner"] == "all_owners"]
    assert len(everybody) == 8
    owners = table[table["owner"] != "all_owners"]
    assert owners["target_amount"].sum() == pytest.approx(everybody["target_amount"].iloc[-1])
    assert owners["due_amount"].sum() <= everybody["due_amount"].iloc[-1]
    for row in everybody.itertuples():
        won = deals[(deals["status"] == "won") & deals["closed_at"].between(row.first_day, row.last_day)]
        assert row.won_amount == pytest.approx(won["amount"].sum())
    assert "Attained:" in coverage.coverage_claim(table)
    assert "目标完成率" in coverage.coverage_claim(table, "zh")
    coverage.plot_coverage(table)
