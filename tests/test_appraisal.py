"""Notebook 08: whose revenue it was on the day, what the target was, and that only managers see it."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kamlib import appraisal, words
from kamlib.appraisal import gap, team, win_rates
from kamlib.privacy.roles import restrict
from kamlib.sources.ledger import Access

DAY = pd.Timestamp


def accounts_of(**owners):
    return pd.DataFrame({
        "account_id": list(owners), "owner": list(owners.values()), "account_type": "Maker", "industry": "Steel",
        "region": "North", "is_key_account": True,
    })  # fmt: skip


def team_of(*rows):
    table = pd.DataFrame(rows, columns=["account_id", "person", "since", "until"]).assign(team_role="sales")
    return table.assign(since=pd.to_datetime(table["since"]), until=pd.to_datetime(table["until"]))


def deals_of(rows):
    """Deals from (owner, account_type, status, amount, closed day, expected day)."""
    table = pd.DataFrame(rows, columns=["owner", "account_type", "status", "amount", "closed_at", "expected_close"])
    for name in ("closed_at", "expected_close"):
        table[name] = pd.to_datetime(table[name])
    filled = {"deal_id": [f"D{i}" for i in range(len(table))], "account_id": "A", "created_at": DAY("2024-06-01"), "next_step": "call",
              "industry": "Steel", "region": "North", "is_key_account": True}  # fmt: skip
    return table.assign(**filled)


def book_of(deals=None, targets=None, **frames):
    accounts = frames.get("accounts", accounts_of(A="Ann", B="Bo"))
    nothing = pd.DataFrame({"account_id": [], "day": pd.to_datetime([]), "amount": []})
    return appraisal.Book(
        as_of=dt.date(2025, 12, 31), months=12, accounts=accounts,
        credit=appraisal.credit_of(accounts, frames.get("team", team_of())),
        deals=deals_of([]) if deals is None else deals, revenue=frames.get("revenue", nothing),
        targets=targets_of() if targets is None else targets,
        surveys=frames.get("surveys", pd.DataFrame({"account_id": [], "overall": [], "answered_at": pd.to_datetime([]), "invited_at": pd.to_datetime([])})),
        activities=frames.get("activities", pd.DataFrame({"account_id": [], "happened_at": pd.to_datetime([]), "type": []})),
    )  # fmt: skip


def targets_of(*rows):
    table = pd.DataFrame(rows, columns=["period", "months", "owner", "metric", "target"])
    return table.assign(period=pd.to_datetime(table["period"]), target=table["target"].astype(float))


def test_revenue_belongs_to_whoever_had_the_account_on_the_day():
    credit = appraisal.credit_of(
        accounts_of(A="Bo"), team_of(("A", "Ann", "2024-01-01", "2025-06-30"), ("A", "Bo", "2025-07-01", None))
    )
    rows = pd.DataFrame({"account_id": "A", "day": [DAY("2025-06-30"), DAY("2025-07-01")], "amount": [10.0, 20.0]})
    found = appraisal.credited(rows, credit, "day")
    assert found[["owner", "amount", "part"]].values.tolist() == [["Ann", 10.0, 1.0], ["Bo", 20.0, 1.0]]


def test_two_people_share_and_gaps_fall_to_the_present_owner():
    credit = appraisal.credit_of(
        accounts_of(A="Cy"), team_of(("A", "Ann", "2025-01-01", "2025-03-31"), ("A", "Bo", "2025-03-01", "2025-03-31"))
    )
    days = [DAY("2024-12-31"), DAY("2025-02-01"), DAY("2025-03-15"), DAY("2025-04-01")]
    rows = pd.DataFrame({"account_id": "A", "day": days, "amount": 8.0})
    found = appraisal.credited(rows, credit, "day")
    assert found.groupby("owner").apply(lambda g: (g["amount"] * g["part"]).sum()).to_dict() == {
        "Ann": 12,
        "Bo": 4,
        "Cy": 16,
    }


def test_every_yuan_of_an_owned_account_is_credited_once(sample):
    book = appraisal.book(sample, 12)
    parts = appraisal.credited(book.revenue, book.credit, "day")
    owned = book.revenue[book.revenue["account_id"].isin(book.credit["account_id"])]
    assert (parts["amount"] * parts["part"]).sum() == pytest.approx(owned["amount"].sum(), abs=0.01)


def test_targets_count_by_their_days():
    rows = targets_of(
        ("2025-01-01", 3, "Ann", "revenue", 90),
        ("2025-04-01", 3, "Ann", "revenue", 91),
        ("2025-01-01", 12, "Ann", "satisfaction", 4.2),
    )
    found = appraisal.targets_within(rows, DAY("2025-02-15"), DAY("2025-12-31")).set_index("metric")["target"]
    assert found["revenue"] == pytest.approx(90 * 45 / 90 + 91)
    assert found["satisfaction"] == pytest.approx(4.2)


def test_attainment_by_hand_and_a_missing_target_is_named():
    words.speak("en", "CNY")
    revenue = pd.DataFrame(
        {
            "account_id": ["A", "B", "A"],
            "day": [DAY("2025-05-01"), DAY("2025-05-01"), DAY("2024-05-01")],
            "amount": [80.0, 50.0, 70.0],
        }
    )
    table = appraisal.attainment_table(
        book_of(revenue=revenue, targets=targets_of(("2025-01-01", 12, "Ann", "revenue", 100)))
    )
    ann = table[(table["owner"] == "Ann") & (table["metric"] == "revenue")].iloc[0]
    assert (ann["actual"], ann["target"], ann["attainment_rate"], ann["before"]) == (80, 100, 0.8, 70)
    said = appraisal.attainment_claim(table, "en")
    assert said == "0 of 1 people reached their revenue target; the team reached 80 % of CNY 100; no target: Bo."
    appraisal.plot_attainment(table).figure.canvas.draw()


@pytest.mark.parametrize(
    ("role", "seen"), [("", True), ("manager", True), ("rep", False), ("partner", False), ("analyst", False)]
)
def test_only_managers_see_it(sample, role, seen):
    shown = replace(sample, ledger=replace(sample.ledger, access=Access(role, "x")))
    book = appraisal.book(shown, 12)
    for table in (
        appraisal.attainment_table(book), win_rates.fair_table(book, "account_type"), gap.gap_table(book),
        team.team_table(book, "account_type"), win_rates.rank_table(book, "account_type"),
    ):  # fmt: skip
        assert (len(table) > 0) is seen


def test_a_reps_run_shows_nobody(sample):
    mine = restrict(sample, "rep", sample.mart["owner"].dropna().iloc[0])
    book = appraisal.book(mine, 12)
    assert appraisal.attainment_table(book).empty
    assert appraisal.credited(book.revenue, book.credit, "day").eval("amount * part").sum() == 0


def test_the_future_cannot_leak(sample):
    day = dt.date(2025, 6, 30)
    book = appraisal.book(sample.at(day), 12)
    assert book.deals["closed_at"].max() <= DAY(day)
    assert book.revenue["day"].max() <= DAY(day)
    assert book.start == DAY("2024-07-01")


def test_nobody_and_nothing():
    book = book_of(accounts=accounts_of(A=None))
    for table in (
        appraisal.attainment_table(book), win_rates.fair_table(book, "account_type"), gap.gap_table(book),
        team.team_table(book, "account_type"), win_rates.rank_table(book, "account_type"),
    ):  # fmt: skip
        assert table.empty
    assert np.isnan(appraisal.targets_within(targets_of(), DAY("2025-01-01"), DAY("2025-12-31"))["target"]).all()
