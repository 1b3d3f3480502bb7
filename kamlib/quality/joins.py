"""How far the tables of the CRM and the ERP find each other: rows with and without a partner, from both sides.

A row set aside because what it names is not there has left its table; the ledger still knows it and its money.
"""

from __future__ import annotations

import duckdb
import pandas as pd

from kamlib.quality.profile import Profile
from kamlib.sources.ledger import Ledger
from kamlib.sources.sql import name_of
from kamlib.tables import TABLES

FILE = "joins.csv"
JOINS = (
    ("orders", "account_id"), ("order_lines", "order_id"), ("order_lines", "product_id"), ("invoices", "order_id"),
    ("payments", "invoice_id"), ("deals", "account_id"),
)  # fmt: skip
COLUMNS = ["table_name", "other_table", "n_matched", "n_unmatched", "money_unmatched", "money_unmatched_share"]
_BOTH_SIDES = """
    WITH named AS (SELECT DISTINCT {column} AS key FROM {table})
    SELECT count({column}), count(*), CAST(sum({money}) FILTER ({column} IS NULL) AS DOUBLE), CAST(sum({money}) AS DOUBLE)
    FROM {table}
    UNION ALL
    SELECT count(n.key), count(*), CAST(sum({other_money}) FILTER (n.key IS NULL) AS DOUBLE),
        CAST(sum({other_money}) AS DOUBLE)
    FROM {other} o LEFT JOIN named n ON n.key = o.{other_key}
"""


def join_table(con: duckdb.DuckDBPyConnection, profiles: dict[str, Profile], ledger: Ledger) -> pd.DataFrame:
    """Return two rows per pair of tables that can be joined, one for each side: table_name, other_table, n_matched,
    n_unmatched, money_unmatched, money_unmatched_share (of all money of the side; nan where it carries none).

    Rows that name nothing, or something that is not there, are unmatched; so are those that nothing names. A column
    that was not delivered joins nothing, and is left out.
    """
    rows = []
    for table, column in JOINS:
        other = TABLES[table].column(column).ref
        orphans = [f for f in ledger.faults if (f.table, f.column, f.kind) == (table, column, "orphan")]
        if {table, other} <= profiles.keys() and (profiles[table].filled[column] or orphans):
            gone = [fault for fault in orphans if fault.action == "set_aside"]
            rows += _both_sides(con, table, column, sum(f.n for f in gone), sum(f.money or 0.0 for f in gone))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"money_unmatched": float, "money_unmatched_share": float})


def _both_sides(con: duckdb.DuckDBPyConnection, table: str, column: str, n_gone: int, money_gone: float) -> list[tuple]:
    other = TABLES[table].column(column).ref
    (other_key,) = TABLES[other].key
    query = _BOTH_SIDES.format(
        table=name_of(table), column=column, other=name_of(other), other_key=other_key,
        money=_money(table), other_money=_money(other),
    )  # fmt: skip
    sides = []
    gone = ((table, other, n_gone, money_gone), (other, table, 0, 0.0))
    for (own, joined, n, money), (matched, rows, unmatched, total) in zip(
        gone, con.execute(query).fetchall(), strict=True
    ):
        carries = bool(TABLES[own].money)
        lost, whole = (unmatched or 0.0) + money, (total or 0.0) + money
        share = lost / whole if carries and whole else float("nan")
        sides.append((own, joined, matched, rows - matched + n, lost if carries else float("nan"), share))
    return sides


def _money(table: str) -> str:
    return TABLES[table].money or "CAST(NULL AS DOUBLE)"
