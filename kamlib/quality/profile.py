"""One pass over each table: how many rows, how many of each column are filled, up to which day, how much money."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pandas as pd

from kamlib.sources.enrichment import COMPLETED
from kamlib.sources.sql import name_of
from kamlib.tables import TABLES

MAY_BE_EMPTY = {
    "accounts": {"parent_account_id", "influence"},
    "contacts": {"reports_to", "left_at"},
    "account_team": {"since", "until"},
    "relationships": {"deal_id"},
    "deals": {"account_id", "closed_at", "loss_reason", "competitor", "next_step", "next_step_due"},
    "orders": {"deal_id", "promotion", "promised_at", "delivered_at"},
    "returns": {"order_id", "product_id"},
    "invoices": {"order_id"},
    "payments": {"invoice_id"},
    "service_costs": {"account_id", "quantity"},
    "losses": {"competitor", "note", "weight"},
    "cases": {"contact_id", "first_response_at", "closed_at", "topic", "severity", "reopened"},
    "surveys": {
        "contact_id", "answered_at", "overall", "recommend", "product_quality", "service_attitude", "delivery_speed",
        "after_sales", "comment",
    },
    "activities": {"contact_id", "deal_id"},
    "score_snapshots": {"influence"},
    "enrichment": {"account_id", "credit_code", "account_name", *COMPLETED},
}  # fmt: skip
"""Columns of which an empty cell says something: no parent, still open, nobody named."""


@dataclass(frozen=True)
class Profile:
    """What one pass over a table tells. `filled` counts the cells of each column that hold something."""

    table: str
    rows: int
    filled: dict[str, int]
    newest: dt.date | None
    money: float | None

    @property
    def delivered(self) -> list[str]:
        """The columns that must be filled, or that hold something in some row."""
        table = TABLES[self.table]
        return [column.name for column in table.columns if column.required or self.filled[column.name]]

    @property
    def expected(self) -> list[str]:
        """The delivered columns of which an empty cell is a gap."""
        return [name for name in self.delivered if name not in MAY_BE_EMPTY.get(self.table, ())]


def profile(con: duckdb.DuckDBPyConnection, name: str, as_of: dt.date) -> Profile:
    """Return the profile of the table called `name`; its newest row is the last one not later than `as_of`."""
    table = TABLES[name]
    counts = [f"count({name_of(column)})" for column in table.names]
    day = f"CAST({name_of(table.dated)} AS DATE)" if table.dated else ""
    newest = f"max({day}) FILTER ({day} <= DATE '{as_of}')" if day else "NULL"
    money = f"CAST(sum({name_of(table.money)}) AS DOUBLE)" if table.money else "NULL"
    rows, newest, money, *filled = con.execute(
        f"SELECT count(*), {newest}, {money}, {', '.join(counts)} FROM {name_of(name)}"
    ).fetchone()
    return Profile(name, rows, dict(zip(table.names, filled, strict=True)), newest, money)


def fill_table(con: duckdb.DuckDBPyConnection, profiles: Iterable[Profile]) -> pd.DataFrame:
    """Return how much of each delivered column is filled: table_name, column_name, tier, fill_share, n_rows.

    Accounts are counted once more for each tier of the CRM; elsewhere, and for all accounts, tier is "".
    """
    rows = []
    for one in profiles:
        rows += [
            (one.table, column, "", one.filled[column] / one.rows, one.rows) for column in one.delivered if one.rows
        ]
        if one.table == "accounts" and "account_tier" in one.delivered:
            counts = ", ".join(f"count({name_of(column)})" for column in one.delivered)
            tiers = f"SELECT account_tier, count(*), {counts} FROM accounts WHERE account_tier IS NOT NULL GROUP BY 1 ORDER BY 1"
            for tier, n, *filled in con.execute(tiers).fetchall():
                rows += [("accounts", c, tier, k / n, n) for c, k in zip(one.delivered, filled, strict=True)]
    return pd.DataFrame(rows, columns=["table_name", "column_name", "tier", "fill_share", "n_rows"])
