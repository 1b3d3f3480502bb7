"""The past: what did the pipeline look like at the start of each quarter, and what became of its deals?

Forecasts, coverage and slippage are judged on what was known then: each book is the data as of an earlier day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kamlib.funnel import population

if TYPE_CHECKING:
    from kamlib.workspace import Data

QUARTERS = 8
"""How many past quarters are looked back on."""


@dataclass(frozen=True)
class Book:
    """Deals and stage history as known at the end of `day`, on which a period begins that ends with `until`.

    `slips`: changes of the expected closing date that snapshots saw (`kamlib.workspace.history.slippage`). `is_present`:
    `day` is the as-of date, so that amounts and expected dates of the deals are those of the day.
    """

    day: dt.date
    until: dt.date
    deals: pd.DataFrame
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    slips: pd.DataFrame = field(default_factory=pd.DataFrame)
    is_present: bool = False


def decided(deals: pd.DataFrame) -> pd.DataFrame:
    """Return the population of `deals` with those that were found invalid on a date as lost on it.

    For a win rate they never were deals; but while one is open nobody knows, and a forecast must reckon with that end too.
    """
    dropped = (deals["status"] == "invalid") & deals["closed_at"].notna()
    return population(deals.assign(status=deals["status"].mask(dropped, "lost")))


def quarter_ends(as_of: dt.date, quarters: int) -> list[dt.date]:
    """Return the last days of the last `quarters` + 1 calendar quarters that are over on `as_of`, in order."""
    ends = pd.date_range(end=pd.Timestamp(as_of), periods=quarters + 1, freq="QE")
    return [end.date() for end in ends]


def books(data: Data, quarters: int = QUARTERS) -> list[Book]:
    """Return the book at the start of each of the last `quarters` whole quarters, oldest first, as known then.

    Quarters that begin before the first deal are left out. Deals are `decided`.
    """
    from kamlib.workspace import history

    first = data.frame("deals")["created_at"].min()
    ends, found = quarter_ends(data.as_of, quarters), []
    for day, until in zip(ends, ends[1:], strict=False):
        if not pd.Timestamp(day) >= first:
            continue
        then = data.at(day)
        slips = history.slippage(then) if then.snapshots else pd.DataFrame()
        found.append(Book(day, until, decided(then.frame("deals")), then.frame("deal_stage_history"), slips))
    return found


def open_then(book: Book, deals: pd.DataFrame) -> pd.DataFrame:
    """Return the deals that were open at the start of the period: deal_id, owner, stage, created_at, amount and
    expected_close as known then (missing when no dated record tells), and what became of each by its end.

    `deals` is what is known now, `decided`. result: "won", "lost" or "open"; won_amount: what a deal brought that was won.
    """
    then = book.deals[book.deals["status"] == "open"].set_index("deal_id")
    if not book.is_present:
        told = book.history.sort_values("entered_at", kind="stable").groupby("deal_id")["amount"].last()
        then["amount"] = told.reindex(then.index).fillna(then["amount"])
        then["expected_close"] = _expected(book).reindex(then.index)
    now = deals.set_index("deal_id").reindex(then.index)
    over = now["closed_at"] <= pd.Timestamp(book.until)
    then["result"] = np.where(over, now["status"].astype(object), "open")
    then["won_amount"] = now["amount"].where(then["result"] == "won", 0.0).fillna(0)
    columns = ["owner", "stage", "created_at", "amount", "expected_close", "result", "won_amount"]
    return then.reset_index()[["deal_id", *columns]]


def _expected(book: Book) -> pd.Series:
    """Return the expected closing date of each deal by the last dated record of it."""
    told = book.history[["deal_id", "entered_at", "expected_close"]].set_axis(["deal_id", "on", "close"], axis=1)
    if len(book.slips):
        told = pd.concat([told, book.slips[["deal_id", "by", "to_close"]].set_axis(told.columns, axis=1)])
    return told.dropna(subset="close").sort_values("on", kind="stable").groupby("deal_id")["close"].last()
