"""Selling: concessions by band, losses by stage and reason, every closed deal counted once."""

import pytest
from deal_frames import AS_OF, STAGES, frame, frames, random_book, story

from kamlib import funnel
from kamlib.funnel import selling


def deal(number: int, first: float, last: float, status: str, **more):
    path = [("needs", "2025-01-01"), ("proposal", "2025-02-01")]
    return story(f"D{number}", path, status, "2025-04-01", amount=last, **more), first


def test_concessions_by_hand():
    given = [
        deal(1, 100, 100, "won"),
        deal(2, 100, 96, "won"),
        deal(3, 100, 92, "lost"),
        deal(4, 100, 50, "lost"),
        deal(5, 100, 120, "won"),
    ]
    deals, history = frames([one for one, _ in given])
    history["amount"] = [value for one, first in given for value in (first, one[0]["amount"])]
    table = selling.concession_table(deals, history, AS_OF).set_index("concession")
    assert table["n_won"].to_dict() == {"raised": 1, "kept_amount": 1, "up_to_5": 1, "up_to_10": 0, "above_10": 0}
    assert table["n_lost"].sum() == 2
    assert table["given_amount"].to_dict() == pytest.approx(
        {"raised": -20, "kept_amount": 0, "up_to_5": 4, "up_to_10": 0, "above_10": 0}
    )


def test_a_lost_deal_written_down_to_nought_gave_nothing_away():
    (one, first) = deal(1, 100, 0, "lost")
    deals, history = frames([one])
    history["amount"] = [100.0, 97.0]
    assert selling.concession_table(deals, history, AS_OF)["concession"].tolist() == ["up_to_5"]


def test_losses_by_stage_and_reason():
    deals, history = frames([
        story("D1", [("needs", "2025-01-01")], "lost", "2025-04-01", loss_reason="price", competitor="Kaneo"),
        story("D2", [("needs", "2025-01-01"), ("proposal", "2025-02-01")], "lost", "2025-04-01", competitor="Kaneo"),
    ])  # fmt: skip
    table = selling.stage_loss_table(funnel.stage_entries(deals, history, STAGES), deals, AS_OF)
    assert table.drop(columns="lost_amount").to_numpy().tolist() == [
        ["needs", "price", 1, "Kaneo"],
        ["proposal", "unknown", 1, "Kaneo"],
    ]


def test_every_lost_deal_is_in_one_row():
    deals, history, _ = random_book(3, 200)
    deals = funnel.population(deals)
    table = selling.stage_loss_table(funnel.stage_entries(deals, history, STAGES), deals, AS_OF, months=60)
    assert table["n_lost"].sum() == (deals["status"] == "lost").sum()


def test_nothing_at_all():
    entries = funnel.stage_entries(frame("deals"), frame("deal_stage_history"), STAGES)
    assert selling.stage_loss_table(entries, frame("deals"), AS_OF).empty
    assert selling.concession_table(frame("deals"), frame("deal_stage_history"), AS_OF).empty
