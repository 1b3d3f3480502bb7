"""Past: pipelines as they stood, with what was known then and nothing later."""

import datetime as dt

import pandas as pd
from deal_frames import AS_OF, day, frame, frames, story

from kamlib.funnel import past

START, END = dt.date(2025, 6, 30), dt.date(2025, 9, 30)


def test_quarters_are_calendar_quarters_that_are_over():
    assert past.quarter_ends(AS_OF, 2) == [dt.date(2025, 6, 30), dt.date(2025, 9, 30), AS_OF]
    assert past.quarter_ends(dt.date(2025, 11, 15), 1) == [dt.date(2025, 6, 30), dt.date(2025, 9, 30)]


def test_amount_and_expected_close_are_those_told_by_then():
    deal = story("D1", [("needs", "2025-05-01"), ("proposal", "2025-08-01")], "won", "2025-09-10", amount=300.0)
    deals, history = frames([deal])
    deals["expected_close"] = day("2025-09-10")  # as the CRM has it now
    history["amount"], history["expected_close"] = [100.0, 300.0], [day("2025-07-15"), day("2025-09-01")]
    then = frame("deals", deals.assign(status="open", closed_at=None))
    known = history[history["entered_at"] <= pd.Timestamp(START)]
    (row,) = past.open_then(past.Book(START, END, then, known), deals).itertuples()
    assert (row.amount, row.expected_close) == (100, day("2025-07-15"))
    assert (row.result, row.won_amount) == ("won", 300)
    slips = pd.DataFrame({"deal_id": ["D1"], "by": [day("2025-06-20")], "to_close": [day("2025-08-20")]})
    (row,) = past.open_then(past.Book(START, END, then, known, slips), deals).itertuples()
    assert row.expected_close == day("2025-08-20")
    (row,) = past.open_then(past.Book(START, END, then, known, is_present=True), deals).itertuples()
    assert (row.amount, row.expected_close) == (300, day("2025-09-10"))


def test_books_of_the_sample_hold_what_the_border_lets_through(sample):
    books = past.books(sample, 3)
    assert [book.until for book in books][-1] == sample.as_of
    for book in books:
        assert (book.history["entered_at"] <= pd.Timestamp(book.day)).all()
        assert not (book.deals["closed_at"] > pd.Timestamp(book.day)).any()
    deals = past.decided(sample.frame("deals"))
    then = past.open_then(books[-1], deals)
    was_open = (deals["created_at"] <= pd.Timestamp(books[-1].day)) & ~(
        deals["closed_at"] <= pd.Timestamp(books[-1].day)
    )
    assert set(then["deal_id"]) == set(deals.loc[was_open, "deal_id"])


def test_a_deal_found_invalid_later_was_open_and_brought_nothing():
    then, history = frames([story("D1", [("needs", "2025-05-01")])])
    now = past.decided(frames([story("D1", [("needs", "2025-05-01")], "invalid", "2025-08-01")])[0])
    (row,) = past.open_then(past.Book(START, END, then, history), now).itertuples()
    assert (row.result, row.won_amount) == ("lost", 0)


def test_quarters_before_the_first_deal_are_left_out(sample):
    assert len(past.books(sample, 40)) == 11  # the first deal is of January 2023
