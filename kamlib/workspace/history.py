"""What CRMs do not export, read off the snapshots: stage, tier and owner changes, relationships, slipped closing dates.

A change is known from the first snapshot that shows it. When it happened lies between two bounds: `after` is the last
day on which the old state was seen (it happened later), `by` the first day on which the new one was (it happened then
or before). Where the export itself gives the day, `after` is the day before it. What happened twice between two
snapshots is seen once.

All functions take what `kamlib.load` returns for a workspace and see its snapshots up to its date; from the files of a
snapshot they read only the columns they need. Without two snapshots the frames are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from kamlib.sources.sql import literal, name_of, path_of
from kamlib.tables import SQL_TYPES, TABLES
from kamlib.workspace.snapshots import SCORES, Snapshot

if TYPE_CHECKING:
    from kamlib.workspace import Data

STAGES, TIERS = "deal_stage_history", "score_snapshots"
FILES = {TIERS: SCORES}
"""What of a table is read from another file: tiers are those given at the import."""


def complete(con: duckdb.DuckDBPyConnection, held: Sequence[Snapshot], delivered: frozenset[str]) -> frozenset[str]:
    """Complete the stage history and the tiers of the newest snapshot, as `con` has them, by what all of them teach.

    A deal's history in the newest export counts from its first row on; before it, that of older exports, and the moves
    inferred from the deals themselves. Tiers are those given at each import, unless the export brought its own.
    Returns the tables that are measured thereby.
    """
    learnt = set()
    if len(held) > 1 and "deals" in delivered:
        _replace(con, STAGES, _stage_rows(con, held))
        learnt.add(STAGES)
    if held and TIERS not in delivered:
        _replace(con, TIERS, f"{_seen(con, held, TIERS, TABLES[TIERS].names)} SEMI JOIN accounts USING (account_id)")
        learnt.add(TIERS)
    return frozenset(learnt)


def _replace(con: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    listed = ", ".join(map(name_of, TABLES[table].names))
    con.execute(f"CREATE TABLE learnt AS SELECT {listed} FROM ({rows})")
    (kind,) = con.execute(f"SELECT table_type FROM information_schema.tables WHERE table_name = '{table}'").fetchone()
    con.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {table}")
    con.execute(f"ALTER TABLE learnt RENAME TO {table}")


def _seen(con: duckdb.DuckDBPyConnection, held: Sequence[Snapshot], name: str, columns: Sequence[str]) -> str:
    """FROM clause over one table in all snapshots: `seen` (the snapshot's date), `before` (the previous one's, NULL for
    the first) and `columns`, NULL where a snapshot does not have them."""
    kinds = {column: SQL_TYPES[TABLES[name].column(column).type] for column in columns}
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {column}" for column, kind in kinds.items())
    parts = [f"SELECT NULL::DATE AS seen, NULL::DATE AS before, {empty} LIMIT 0"]
    for i, snapshot in enumerate(held):
        if path := snapshot.file(FILES.get(name, f"{name}.parquet")):
            relation = f"read_parquet({path_of(path)}, hive_partitioning=false)"
            there = {column for column, *_ in con.execute(f"DESCRIBE FROM {relation}").fetchall()}
            cells = ", ".join(f"{c if c in there else 'NULL'}::{kind} AS {c}" for c, kind in kinds.items())
            before = f"DATE '{held[i - 1].as_of}'" if i else "NULL"
            parts.append(f"SELECT DATE '{snapshot.as_of}', {before}, {cells} FROM {relation}")
    return f"FROM ({' UNION ALL '.join(f'({part})' for part in parts)})"


def _stage_rows(con: duckdb.DuckDBPyConnection, held: Sequence[Snapshot]) -> str:
    """SELECT of the completed stage history: what exports say, and before that what the deals themselves show.

    A deal first seen open has entered its stage some time since its creation. One first seen closed teaches a stage
    only when it was created since the snapshot before. A closed deal moved before it was closed.
    """
    deals = _seen(
        con,
        held,
        "deals",
        ("deal_id", "stage", "status", "amount", "expected_close", "created_at", "closed_at"),
    )
    said = _seen(con, held, STAGES, TABLES[STAGES].names)
    return f"""
        WITH steps AS (
            SELECT *, lag(stage) OVER w AS old, coalesce(lag(seen) OVER w, created_at - 1, before) AS after,
                lag(seen) OVER w IS NULL AS is_first
            {deals} WHERE stage IS NOT NULL AND coalesce(created_at <= seen, true)
            WINDOW w AS (PARTITION BY deal_id ORDER BY seen)
        ), moves AS (
            SELECT deal_id, stage, CASE WHEN closed_at > coalesce(after, created_at - 1) THEN least(closed_at, seen) ELSE seen END
                AS entered_at, amount, expected_close, after::DATE AS entered_after
            FROM steps
            WHERE old IS DISTINCT FROM stage AND (NOT is_first OR status = 'open' OR created_at > before)
        ), firsts AS (
            SELECT deal_id, seen, min(entered_at) AS first {said} GROUP BY ALL
        ), limits AS (
            SELECT deal_id, seen, min(first) OVER (
                PARTITION BY deal_id ORDER BY seen ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next
            FROM firsts
        ), said AS (
            SELECT s.* EXCLUDE (seen, before) FROM ({said}) s JOIN limits l ON s.deal_id = l.deal_id AND s.seen = l.seen
            WHERE next IS NULL OR entered_at < next
        ), inferred AS (
            SELECT m.* FROM moves m LEFT JOIN (SELECT deal_id, min(entered_at) AS first FROM said GROUP BY ALL) f
                ON m.deal_id = f.deal_id
            WHERE first IS NULL OR m.entered_at < first
        )
        SELECT * FROM (FROM said UNION ALL BY NAME FROM inferred) SEMI JOIN deals USING (deal_id)
        ORDER BY deal_id, entered_at, stage
    """


def stage_moves(data: Data) -> pd.DataFrame:
    """Return every move of a deal into a stage: deal_id, from_stage (missing for the first), to_stage, after, by, amount."""
    return _frame(data, f"""
        SELECT deal_id, lag(stage) OVER w AS from_stage, stage AS to_stage,
            coalesce(entered_after, entered_at - 1)::DATE AS after, entered_at AS "by", amount::DOUBLE AS amount
        FROM {STAGES} WHERE entered_at <= {_day(data)}
        WINDOW w AS (PARTITION BY deal_id ORDER BY entered_at) ORDER BY deal_id, entered_at
    """)  # fmt: skip


def stage_durations(data: Data) -> pd.DataFrame:
    """Return how long each stay of a deal in a stage can have lasted: deal_id, stage, entered_after, entered_by,
    left_after, left_by, is_current, stay_days_low, stay_days, stay_days_high, stay_days_error.

    The stay ends with the next move, with the deal, or (is_current) at the date of `data`, when it is not over yet.
    `stay_days` is the middle of the shortest and the longest possible stay, `stay_days_error` what it can be off.
    """
    return _frame(data, f"""
        WITH stays AS (
            SELECT h.deal_id, h.stage, coalesce(entered_after, entered_at - 1)::DATE AS entered_after, entered_at AS entered_by,
                lead(entered_at) OVER w AS next, lead(coalesce(entered_after, entered_at - 1)) OVER w AS next_after,
                CASE WHEN d.closed_at <= {_day(data)} THEN d.closed_at END AS closed
            FROM {STAGES} h LEFT JOIN deals d USING (deal_id) WHERE entered_at <= {_day(data)}
            WINDOW w AS (PARTITION BY h.deal_id ORDER BY entered_at)
        ), ended AS (
            SELECT *, coalesce(next_after, closed - 1, {_day(data)} - 1)::DATE AS left_after,
                coalesce(next, closed, {_day(data)}) AS left_by, next IS NULL AND closed IS NULL AS is_current
            FROM stays
        ), ranges AS (
            SELECT *, greatest(0, left_after + 1 - entered_by) AS low, greatest(0, left_by - entered_after - 1) AS high
            FROM ended
        )
        SELECT deal_id, stage, entered_after, entered_by, left_after, left_by, is_current, low AS stay_days_low,
            (low + high) / 2 AS stay_days, high AS stay_days_high, (high - low) / 2 AS stay_days_error
        FROM ranges ORDER BY deal_id, entered_by
    """)  # fmt: skip


def tier_moves(data: Data) -> pd.DataFrame:
    """Return every change of tier between two snapshots, as the tiers were given then: account_id, from_tier, to_tier,
    from_composite, to_composite, after, by, rules_changed (the rules were others, which may be the reason)."""
    rules = [f"(DATE '{one.as_of}', {literal(one.manifest['rules'])})" for one in data.snapshots]
    seen = _seen(data.con.con, data.snapshots, TIERS, ("account_id", "tier", "composite"))
    return _frame(data, f"""
        SELECT account_id, lag(tier) OVER w AS from_tier, tier AS to_tier, lag(composite) OVER w AS from_composite,
            composite AS to_composite, lag(seen) OVER w AS after, seen AS "by", lag(hash) OVER w <> hash AS rules_changed
        FROM ({seen}) JOIN (VALUES {", ".join(rules) or "(NULL, NULL)"}) AS r (day, hash) ON seen = day
        WINDOW w AS (PARTITION BY account_id ORDER BY seen)
        QUALIFY after IS NOT NULL AND from_tier IS DISTINCT FROM to_tier ORDER BY "by", account_id
    """)  # fmt: skip


def owner_changes(data: Data) -> pd.DataFrame:
    """Return every change of owner: record ("account" or "deal"), account_id, deal_id, from_owner, to_owner, after, by."""
    parts = [
        f"""SELECT '{kind}' AS record, account_id, {deal} AS deal_id, lag(owner) OVER w AS from_owner, owner AS to_owner,
            lag(seen) OVER w AS after, seen AS "by"
        {_seen(data.con.con, data.snapshots, f"{kind}s", ("account_id", f"{kind}_id", "owner"))}
        WINDOW w AS (PARTITION BY {kind}_id ORDER BY seen)
        QUALIFY after IS NOT NULL AND from_owner IS DISTINCT FROM to_owner"""
        for kind, deal in (("account", "NULL::VARCHAR"), ("deal", "deal_id"))
    ]
    return _frame(
        data, f'FROM (FROM ({parts[0]}) UNION ALL FROM ({parts[1]})) ORDER BY "by", record, account_id, deal_id'
    )


def slippage(data: Data) -> pd.DataFrame:
    """Return every change of the expected closing date of an open deal: deal_id, account_id, owner, amount, from_close,
    to_close, pushed_days (negative: brought forward), after, by."""
    columns = ("deal_id", "account_id", "owner", "amount", "expected_close", "status")
    return _frame(data, f"""
        SELECT deal_id, account_id, owner, amount::DOUBLE AS amount, lag(expected_close) OVER w AS from_close,
            expected_close AS to_close, expected_close - from_close AS pushed_days, lag(seen) OVER w AS after, seen AS "by"
        {_seen(data.con.con, data.snapshots, "deals", columns)}
        WHERE status = 'open' AND expected_close IS NOT NULL
        WINDOW w AS (PARTITION BY deal_id ORDER BY seen)
        QUALIFY from_close <> to_close ORDER BY "by", deal_id
    """)  # fmt: skip


def relationship_changes(data: Data) -> pd.DataFrame:
    """Return every change in who is who at the customer: account_id, contact_id, deal_id, change ("role", "stance",
    "contact_new", "contact_left", "contact_gone": no longer exported), from_value, to_value, after, by."""
    return _frame(data, f"""
        FROM ({_assessed(data, "role")} UNION ALL {_assessed(data, "stance")} UNION ALL {_contacts(data)})
        ORDER BY "by", account_id, contact_id, change
    """)  # fmt: skip


def _assessed(data: Data, value: str) -> str:
    """Changes of one value, the last assessment counting; its date is exact where it is given."""
    key = "account_id, contact_id, deal_id"
    seen = _seen(data.con.con, data.snapshots, "relationships", (*key.split(", "), "assessed_at", value))
    return f"""FROM (
        WITH last AS (
            SELECT seen, {key}, arg_max({value}, coalesce(assessed_at, DATE '0001-01-01')) AS value, max(assessed_at) AS day
            {seen} WHERE {value} IS NOT NULL GROUP BY ALL
        ), steps AS (
            SELECT *, lag(value) OVER w AS old, lag(seen) OVER w AS since FROM last
            WINDOW w AS (PARTITION BY {key} ORDER BY seen)
        )
        SELECT {key}, '{value}' AS change, old::VARCHAR AS from_value, value::VARCHAR AS to_value,
            CASE WHEN day > since AND day <= seen THEN day - 1 ELSE since END::DATE AS after,
            CASE WHEN day > since AND day <= seen THEN day ELSE seen END AS "by"
        FROM steps WHERE since IS NOT NULL AND old IS DISTINCT FROM value
    )"""


def _contacts(data: Data) -> str:
    """Contacts that came, left, or are no longer exported."""
    seen = _seen(data.con.con, data.snapshots, "contacts", ("account_id", "contact_id", "created_at", "left_at"))
    days = ", ".join(
        f"(DATE '{a.as_of}', DATE '{b.as_of}')" for a, b in zip(data.snapshots, data.snapshots[1:], strict=False)
    )
    return f"""FROM (
        WITH seen AS (SELECT * {seen}), days AS (FROM (VALUES {days or "(NULL::DATE, NULL::DATE)"}) AS d (earlier, later))
        SELECT account_id, contact_id, NULL::VARCHAR AS deal_id, 'contact_new' AS change, NULL AS from_value, NULL AS to_value,
            CASE WHEN created_at > before AND created_at <= seen THEN created_at - 1 ELSE before END::DATE AS after,
            CASE WHEN created_at > before AND created_at <= seen THEN created_at ELSE seen END AS "by"
        FROM (SELECT * FROM seen QUALIFY row_number() OVER (PARTITION BY contact_id ORDER BY seen) = 1)
        WHERE before IS NOT NULL
        UNION ALL
        SELECT account_id, contact_id, NULL, 'contact_left', NULL, NULL,
            CASE WHEN left_at > since AND left_at <= seen THEN left_at - 1 ELSE since END::DATE,
            CASE WHEN left_at > since AND left_at <= seen THEN left_at ELSE seen END
        FROM (SELECT *, lag(left_at) OVER w AS old, lag(seen) OVER w AS since FROM seen
              WINDOW w AS (PARTITION BY contact_id ORDER BY seen))
        WHERE since IS NOT NULL AND old IS NULL AND left_at <= seen
        UNION ALL
        SELECT account_id, contact_id, NULL, 'contact_gone', NULL, NULL, earlier, later
        FROM seen JOIN days ON seen.seen = earlier
        ANTI JOIN (SELECT contact_id, seen AS later FROM seen) AS still USING (contact_id, later)
    )"""


def _day(data: Data) -> str:
    return f"DATE '{data.as_of}'"


def _frame(data: Data, query: str) -> pd.DataFrame:
    frame = data.con.con.execute(query).df()
    days = [name for name in ("after", "by", "from_close", "to_close") if name in frame]
    return frame.astype(dict.fromkeys(days, "datetime64[us]"))
