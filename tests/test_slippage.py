"""Slippage: due deals are won, lost or slipped, by the date that stood there on the first day."""

import datetime as dt

import pandas as pd
import pytest
from deal_frames import day, frame, frames, story

from kamlib.funnel import past, slippage
from kamlib.stats import wilson

START, END = dt.date(2025, 6, 30), dt.date(2025, 9, 30)


def book_of(rows: list[tuple[str, str, str, str | None]]):
    """`rows`: deal, expected close then, status now, closed. Returns the book on START and the deals now."""
    deals, history = frames([story(d, [("needs", "2025-05-01")], status, closed) for d, _, status, closed in rows])
    history["expected_close"] = [day(close) for _, close, *_ in rows]
    then = frame("deals", deals.assign(status="open", closed_at=None))
    return past.Book(START, END, then, history), deals


ROWS = [
    ("D1", "2025-07-31", "won", "2025-08-15"), ("D2", "2025-07-31", "lost", "2025-09-30"),
    ("D3", "2025-09-30", "won", "2025-10-01"), ("D4", "2025-08-31", "open", None),
    ("D5", "2025-06-30", "won", "2025-07-02"), ("D6", "2025-10-01", "won", "2025-08-01"),
]  # fmt: skip


def test_by_hand():
    (row,) = slippage.slippage_table(*[[part] if i == 0 else part for i, part in enumerate(book_of(ROWS))]).to_dict(
        "records"
    )
    # D5 was overdue before, D6 due later; D3 came a day late
    assert [row[name] for name in ("n_due", "n_won", "n_lost", "n_slipped", "n_overdue")] == [4, 1, 1, 2, 1]
    assert row["slipped_rate"] == 0.5
    assert (row["slipped_rate_low"], row["slipped_rate_high"]) == pytest.approx(wilson(2, 4))
    assert (row["due_amount"], row["won_amount"], row["slipped_amount"]) == (400, 100, 200)


def test_pushes_are_dates_moved_later():
    deals, history = frames([
        story("D1", [("needs", "2025-05-01"), ("proposal", "2025-06-01"), ("negotiation", "2025-07-01")], "won", "2025-08-01"),
        story("D2", [("needs", "2025-05-01")], "lost", "2025-06-01"),
    ])  # fmt: skip
    history["expected_close"] = [day("2025-07-01"), day("2025-07-21"), day("2025-07-11"), day("2025-06-01")]
    table = slippage.push_table(deals, history, pd.DataFrame()).set_index("n_pushes")
    assert table.loc[1, ["n_won", "n_lost", "pushed_days"]].tolist() == [1, 0, 20]  # brought forward counts for nothing
    assert table.loc[0, ["n_won", "n_lost"]].tolist() == [0, 1]
    slips = pd.DataFrame({"deal_id": ["D2"], "by": [day("2025-05-15")], "to_close": [day("2025-08-01")]})
    assert slippage.push_table(deals, history, slips)["n_pushes"].tolist() == [1]


def test_without_dated_records_nothing_can_be_said():
    book, deals = book_of(ROWS)
    book.history["expected_close"] = pd.NaT
    assert slippage.slippage_table([book], deals).empty
    assert slippage.push_table(deals, book.history, pd.DataFrame()).empty


def test_few_deals_make_no_claim():
    book, deals = book_of(ROWS)
    table = slippage.slippage_table([book], deals)
    assert slippage.slippage_claim(table) == "Not enough data on slippage (n = 4)."


def test_the_sample_slips_and_every_due_deal_is_counted_once(sample):
    deals = past.decided(sample.frame("deals"))
    table = slippage.slippage_table(past.books(sample), deals)
    assert (table["n_due"] == table["n_won"] + table["n_lost"] + table["n_slipped"]).all()
    assert "slipped past its end" in slippage.slippage_claim(table)
    assert "延到季末之后" in slippage.slippage_claim(table, "zh")
    assert len(slippage.plot_slippage(table).patches) == 3 * len(table)
