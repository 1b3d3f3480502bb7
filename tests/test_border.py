"""The cut at many days: what `on_each` shows on a day is what `at` shows on it, for every table."""

import datetime as dt

import pandas as pd
import pytest

from kamlib.tables import TABLES
from kamlib.workspace import to_frame

DAYS = [dt.date(2024, 2, 29), dt.date(2024, 12, 31), dt.date(2025, 6, 15)]
CUT_WHOLE = ("accounts", "order_lines")


@pytest.mark.parametrize("name", [name for name in TABLES if name not in CUT_WHOLE])
def test_many_days_at_once_show_what_each_of_them_knew(sample, name):
    many = to_frame(sample.on_each(name, DAYS))
    for day in DAYS:
        then = sample.at(day).frame(name)
        part = many[many["cutoff"] == pd.Timestamp(day)].drop(columns="cutoff")
        then = then[part.columns]  # the stage of a deal is not among them
        order = list(part.columns)
        pd.testing.assert_frame_equal(
            part.astype(str).sort_values(order, ignore_index=True),
            then.astype(str).sort_values(order, ignore_index=True),
        )


def test_no_row_is_newer_than_its_day(sample):
    for name in ("orders", "contacts", "deals", "surveys", "cases"):
        newest = sample.newest_on_each(name, DAYS)
        assert (newest.dt.normalize() <= newest.index).all()


def test_what_has_no_date_of_its_own_and_days_ahead_are_refused(sample):
    for name in CUT_WHOLE:
        with pytest.raises(ValueError, match="one day only"):
            sample.on_each(name, DAYS)
    with pytest.raises(ValueError, match="after the as-of date"):
        sample.on_each("orders", [dt.date(2026, 1, 1)])
    with pytest.raises(ValueError, match="after the as-of date"):
        sample.at(dt.date(2026, 1, 1))
