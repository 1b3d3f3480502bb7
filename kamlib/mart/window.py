"""The windows that the mart counts in: the last months up to and including the as-of date, and those before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ibis import Value

if TYPE_CHECKING:
    from kamlib.workspace import Data


SUM = "decimal(38, 2)"
"""The type of a sum of amounts: exact, hence the same on every run and machine."""


@dataclass(frozen=True)
class Window:
    """The days from `start` up to and including `end`."""

    start: dt.date
    end: dt.date

    def holds(self, column: Value) -> Value:
        """Return whether the date or time in `column` lies in the window."""
        return column.cast("date").between(self.start, self.end)


def months_ending(end: dt.date, months: int) -> Window:
    """Return the `months` months that end with the day `end`: to 31 December they start on a 1 January.

    The start is the day after `end`, `months` months earlier; when that month lacks the day (29 February), the first of
    the next month.
    """
    after = end + dt.timedelta(days=1)
    year, month = divmod(after.year * 12 + after.month - 1 - months, 12)
    try:
        return Window(dt.date(year, month + 1, after.day), end)
    except ValueError:  # never in December, so the next month is of the same year
        return Window(dt.date(year, month + 2, 1), end)


def windows(data: Data) -> tuple[Window, Window]:
    """Return the window of the mart and the one of as many months before it."""
    months = data.settings.window_months
    this = months_ending(data.as_of, months)
    twice = months_ending(data.as_of, 2 * months)
    return this, Window(twice.start, this.start - dt.timedelta(days=1))
