"""The cut: tables as they were known on a date, or on each of many; what came later is gone or undone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import pandas as pd

from kamlib.tables import TABLES, Table


def known_on(con: ibis.BaseBackend, table: Table, as_of: dt.date) -> ibis.Table:
    """Return `table` as it was known on `as_of`: later rows gone, later facts undone."""
    rows = con.table(table.name)
    if table.dated:
        known = _there(rows, table, as_of)
        if table.name == "accounts":  # who has ordered is known, though the CRM may have been filled later
            orders = known_on(con, TABLES["orders"], as_of).semi_join(rows.filter(~known), "account_id")
            known |= rows.account_id.isin(orders.account_id)
        rows = rows.filter(known)
    rows = _undone(rows, table, as_of)
    if table.name == "order_lines":
        orders = known_on(con, TABLES["orders"], as_of)
        rows = rows.semi_join(orders, "order_id")
    if table.name == "deals":
        rows = _stage_then(con, rows, as_of)
    return rows


def known_on_each(con: ibis.BaseBackend, table: Table, days: Sequence[dt.date]) -> ibis.Table:
    """Return the rows of `table` once for each of `days`, as they were known on it; the day is in `cutoff`.

    Accounts and order lines have no date of their own, and the stage of a deal a history: they are cut one day at a time.
    """
    if table.name in ("accounts", "order_lines"):
        raise ValueError(f"{table.name} can be cut at one day only; use Data.at")
    cutoffs = ibis.memtable({"cutoff": [pd.Timestamp(day).date() for day in days]}, schema={"cutoff": "date"})
    rows = con.table(table.name).cross_join(cutoffs)
    if table.dated:
        rows = rows.filter(_there(rows, table, rows.cutoff))
    rows = _undone(rows, table, rows.cutoff)
    return rows.drop("stage") if table.name == "deals" else rows


def newest(rows: ibis.Table, table: Table) -> ibis.Table:
    """Return per cut-off the latest date that says since when a row of `known_on_each`, or a part of it, is known."""
    dates = [rows[name].cast("timestamp") for name in (table.dated, *table.later) if name]
    return rows.group_by("cutoff").agg(newest=ibis.greatest(*(date.max() for date in dates)))


def _there(rows: ibis.Table, table: Table, day: dt.date | ibis.Value) -> ibis.Value:
    """Return whether a row is known on `day`."""
    return rows[table.dated].isnull() | (rows[table.dated].cast("date") <= day)


def _undone(rows: ibis.Table, table: Table, day: dt.date | ibis.Value) -> ibis.Table:
    """Give columns that became known after `day` the value they had before."""
    for date_column, before in table.later.items():
        unknown_yet = rows[date_column].notnull() & (rows[date_column].cast("date") > day)
        rows = rows.mutate(
            **{
                name: unknown_yet.ifelse(ibis.null() if value is None else ibis.literal(value), rows[name])
                for name, value in before.items()
            }
        )
    return rows


def _stage_then(con: ibis.BaseBackend, deals: ibis.Table, as_of: dt.date) -> ibis.Table:
    """Give deals the stage their history shows on `as_of`: none when it begins later. Deals without history keep the
    exported stage."""
    history = con.table("deal_stage_history")
    stage_then = history.stage.argmax(history.entered_at, where=history.entered_at <= as_of)
    joined = deals.left_join(history.group_by("deal_id").agg(stage_then=stage_then), "deal_id")
    stage = joined.deal_id_right.notnull().ifelse(joined.stage_then, joined.stage)
    return joined.mutate(stage=stage).select(deals.columns)
