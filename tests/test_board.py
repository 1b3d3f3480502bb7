"""Board: accounts, stages and quadrants, each open deal once; new accounts watched for a year."""

import datetime as dt

import pandas as pd
import pytest
from deal_frames import AS_OF, STAGES, day, frame, frames, story

from kamlib import funnel
from kamlib.funnel import board, pipeline
from kamlib.words import LABELS


def book():
    deals, history = frames([
        story("D1", [("needs", "2025-11-01")], amount=100.0, next_step_due=day("2025-12-01")),
        story("D2", [("negotiation", "2025-11-01")], amount=50.0),
        story("D3", [("needs", "2025-12-20")], amount=70.0, account_id="A2", next_step_due=day("2026-01-10")),
        story("D4", [("needs", "2025-12-20")], amount=900.0, account_id=None),
    ])  # fmt: skip
    touched = frame("activities", [{"deal_id": "D3", "happened_at": day("2025-12-27")}])
    ageing = pipeline.ageing_table(deals, history, touched, STAGES, AS_OF)
    return ageing, funnel.stage_visits(deals, history, STAGES)


MART = pd.DataFrame({
    "account_id": ["A1", "A2"], "account_name": ["One", "Two"], "last_order": [pd.NaT, day("2025-10-01")],
})  # fmt: skip


def test_progress_by_account():
    table = board.progress_table(*[book()[0], MART, book()[1]]).set_index("account_id")
    assert table.index.tolist() == ["A1", "A2"]
    assert table.loc["A1", ["n_deals", "amount", "furthest_stage", "n_overdue_steps"]].tolist() == [
        2,
        150,
        "negotiation",
        1,
    ]
    assert table.loc["A2", ["quiet_days", "last_order"]].tolist() == [4, day("2025-10-01")]


def test_pursuit_by_stage_counts_every_open_deal():
    table = board.pursuit_table(*book()).set_index("stage")
    assert table["n_deals"].to_dict() == {"needs": 3, "negotiation": 1}
    assert table.loc["needs", ["n_quiet", "n_without_step", "n_overdue_steps"]].tolist() == [2, 1, 1]


def test_strategy_by_quadrant_and_stage_has_words_for_every_cell():
    ageing, _ = book()
    quadrants = pd.DataFrame({"account_id": ["A1", "A2"], "quadrant": ["strategic", "standard"]})
    table = board.strategy_table(ageing, quadrants, funnel.ladder(STAGES, "group")).set_index("approach")
    assert table["n_deals"].to_dict() == {
        "strategic.interested_customers": 1, "strategic.negotiation_customers": 1, "standard.interested_customers": 1,
    }  # fmt: skip
    from kamlib.segmentation.matrix import QUADRANTS

    for quadrant in QUADRANTS:
        for group in ("prospect_customers", "interested_customers", "negotiation_customers"):
            assert f"{quadrant}.{group}" in LABELS


def test_new_accounts_are_watched_for_a_year_and_old_customers_are_not_new():
    created = [day("2024-03-01")] * 3 + [day("2024-03-01"), day("2025-06-01")]
    ordered = [day("2024-06-01"), pd.NaT, day("2025-06-01"), day("2023-01-01"), day("2025-07-01")]
    mart = pd.DataFrame({"account_id": [f"A{i}" for i in range(5)], "created_at": created, "first_order": ordered})
    deals, _ = frames([story("D1", [("needs", "2024-04-01")], "won", "2024-05-30", account_id="A0"),
                       story("D2", [("needs", "2024-04-01")], "won", "2025-05-30", account_id="A1")])  # fmt: skip
    table = board.development_table(mart, deals, AS_OF).set_index("milestone")
    # A2 ordered after more than a year, A3 had ordered before, A4 is too young
    assert table["n_accounts"].to_dict() == {"account_new": 3, "first_deal": 2, "first_win": 1, "first_order": 1}
    assert table.loc["first_win", "reached_rate"] == pytest.approx(1 / 3)


def test_nothing_at_all():
    ageing = pipeline.ageing_table(frame("deals"), frame("deal_stage_history"), frame("activities"), STAGES, AS_OF)
    visits = funnel.stage_visits(frame("deals"), frame("deal_stage_history"), STAGES)
    assert board.progress_table(ageing, MART, visits).empty
    assert board.pursuit_table(ageing, visits).empty
    empty = MART.head(0).assign(
        created_at=pd.Series(dtype="datetime64[us]"), first_order=pd.Series(dtype="datetime64[us]")
    )
    table = board.development_table(empty, frame("deals"), dt.date(2025, 12, 31))
    assert table["n_accounts"].eq(0).all()
    assert table["reached_rate"].isna().all()
