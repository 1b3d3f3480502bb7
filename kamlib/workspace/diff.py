"""What changed between two dates of a workspace, with the money: opening + changes = closing, to the cent.

Each side is the snapshot that counts on its date, cut at that snapshot's date. An order that both sides should know but
only the later one does was booked late; one that only the earlier one knows vanished; one that both know with another
amount, date or customer was restated. These three are a changed past, which a CFO asks for.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from kamlib.errors import InputError
from kamlib.settings import FILE, Settings, read_settings
from kamlib.sources import store
from kamlib.tables import TABLES
from kamlib.workspace import snapshots, vault
from kamlib.workspace.snapshots import SCORES, Snapshot

USED = ("accounts", "orders", "returns", "deals", "score_snapshots")
_KNOWN = {"accounts": "created_at", "orders": "order_date", "returns": "return_date", "deals": "created_at"}

# how each side is seen on its day: rows known by then, deals closed later still open
_SIDE = """
    CREATE SCHEMA {side};
    CREATE VIEW {side}.orders AS SELECT * REPLACE (coalesce(amount, 0) AS amount) FROM {side}_orders WHERE order_date <= {day};
    CREATE VIEW {side}.accounts AS FROM {side}_accounts
        WHERE coalesce(created_at <= {day}, true) OR account_id IN (SELECT account_id FROM {side}.orders);
    CREATE VIEW {side}.deals AS
        SELECT * REPLACE (coalesce(amount, 0) AS amount, CASE WHEN closed_at > {day} THEN 'open' ELSE status END AS status)
        FROM {side}_deals WHERE coalesce(created_at <= {day}, true);
    CREATE VIEW {side}.tiers AS FROM {side}_score_snapshots;
    CREATE TABLE {side}.revenue AS
        SELECT account_id, sum(amount)::DECIMAL(18,2) AS revenue FROM (
            SELECT account_id, amount FROM {side}.orders WHERE order_date > {first}
            UNION ALL SELECT account_id, -amount FROM {side}_returns WHERE return_date > {first} AND return_date <= {day}
        ) GROUP BY account_id;
"""

# of both sides, as last written
_NAMES = """
    CREATE VIEW names AS SELECT account_id, account_name FROM b.accounts
    UNION ALL SELECT account_id, account_name FROM a.accounts ANTI JOIN b.accounts USING (account_id)
"""

_ORDERS = """
    SELECT coalesce(b.order_id, a.order_id) AS order_id, coalesce(b.account_id, a.account_id) AS account_id,
        n.account_name, coalesce(b.order_date, a.order_date) AS order_date,
        CASE WHEN b.order_id IS NULL THEN 'vanished' WHEN a.order_id IS NOT NULL THEN 'restated'
            WHEN b.order_date <= {opening} THEN 'booked_late' ELSE 'new' END AS change,
        a.amount AS amount_before, b.amount AS amount_after, coalesce(b.amount, 0) - coalesce(a.amount, 0) AS amount_change
    FROM a.orders a FULL JOIN b.orders b ON a.order_id = b.order_id
    LEFT JOIN names n ON n.account_id = coalesce(b.account_id, a.account_id)
    WHERE a.order_id IS NULL OR b.order_id IS NULL OR a.amount <> b.amount OR a.order_date <> b.order_date
        OR a.account_id <> b.account_id
    ORDER BY list_position(['restated', 'vanished', 'booked_late', 'new'], change), abs(amount_change) DESC, order_id
"""

_ACCOUNTS = """
    SELECT coalesce(b.account_id, a.account_id) AS account_id, coalesce(b.account_name, a.account_name) AS account_name,
        coalesce(b.owner, a.owner) AS owner, CASE WHEN a.account_id IS NULL THEN 'new' ELSE 'gone' END AS change,
        coalesce(rb.revenue, ra.revenue, 0) AS revenue
    FROM a.accounts a FULL JOIN b.accounts b ON a.account_id = b.account_id
    LEFT JOIN a.revenue ra ON ra.account_id = a.account_id LEFT JOIN b.revenue rb ON rb.account_id = b.account_id
    WHERE a.account_id IS NULL OR b.account_id IS NULL ORDER BY change, revenue DESC, account_id
"""

# one row per deal and change; a deal may have moved and slipped
_DEALS = """
    WITH both_sides AS (
        SELECT coalesce(b.deal_id, a.deal_id) AS deal_id, coalesce(b.account_id, a.account_id) AS account_id,
            coalesce(b.owner, a.owner) AS owner, a.deal_id AS in_a, b.deal_id AS in_b, a.status AS status_a,
            b.status AS status_b, a.stage AS stage_a, b.stage AS stage_b, a.expected_close AS close_a,
            b.expected_close AS close_b, a.amount AS amount_before, b.amount AS amount_after
        FROM a.deals a FULL JOIN b.deals b ON a.deal_id = b.deal_id
    ), changes AS (
        SELECT *, 'new' AS change, NULL AS from_value, stage_b AS to_value FROM both_sides WHERE in_a IS NULL
        UNION ALL SELECT *, 'gone', stage_a, NULL FROM both_sides WHERE in_b IS NULL
        UNION ALL SELECT *, status_b, stage_a, stage_b FROM both_sides
            WHERE status_b <> 'open' AND coalesce(status_a, 'open') <> status_b
        UNION ALL SELECT *, 'reopened', status_a, stage_b FROM both_sides WHERE status_a <> 'open' AND status_b = 'open'
        UNION ALL SELECT *, 'moved', stage_a, stage_b FROM both_sides
            WHERE in_a IS NOT NULL AND status_b = 'open' AND stage_a IS DISTINCT FROM stage_b
        UNION ALL SELECT *, CASE WHEN close_b < close_a THEN 'brought_forward' ELSE 'slipped' END, close_a::VARCHAR,
            close_b::VARCHAR FROM both_sides WHERE status_b = 'open' AND close_a <> close_b
        UNION ALL SELECT *, 'restated', amount_before::VARCHAR, amount_after::VARCHAR FROM both_sides
            WHERE status_a = 'open' AND status_b = 'open' AND amount_before <> amount_after
    )
    SELECT deal_id, account_id, account_name, owner, change, from_value, to_value, amount_before, amount_after
    FROM changes LEFT JOIN names USING (account_id) ORDER BY
        list_position(['won', 'lost', 'invalid', 'new', 'gone', 'reopened', 'moved', 'slipped', 'brought_forward', 'restated'],
            change), coalesce(amount_after, amount_before) DESC, deal_id
"""

_TIERS = """
    SELECT b.account_id, c.account_name, a.tier AS from_tier, b.tier AS to_tier, a.composite AS from_composite,
        b.composite AS to_composite, coalesce(r.revenue, 0) AS revenue, {other_rules} AS rules_changed
    FROM a.tiers a JOIN b.tiers b ON a.account_id = b.account_id LEFT JOIN b.accounts c ON c.account_id = b.account_id
    LEFT JOIN b.revenue r ON r.account_id = b.account_id
    WHERE a.tier IS DISTINCT FROM b.tier ORDER BY revenue DESC, account_id
"""

_OWNERS = """
    SELECT b.account_id, b.account_name, a.owner AS from_owner, b.owner AS to_owner, coalesce(r.revenue, 0) AS revenue
    FROM a.accounts a JOIN b.accounts b ON a.account_id = b.account_id LEFT JOIN b.revenue r ON r.account_id = b.account_id
    WHERE a.owner IS DISTINCT FROM b.owner ORDER BY revenue DESC, account_id
"""

# n_records: how many are concerned; n_change and amount_change: by how much the stock changes
_TOTALS = """
    WITH orders AS ({orders}), pipeline AS (
        SELECT CASE WHEN a.deal_id IS NULL THEN 'new' WHEN b.deal_id IS NULL THEN 'gone' WHEN a.status <> 'open' THEN 'reopened'
                WHEN b.status <> 'open' THEN b.status ELSE 'restated' END AS line,
            (b.status IS NOT DISTINCT FROM 'open')::INT - (a.status IS NOT DISTINCT FROM 'open')::INT AS n,
            CASE WHEN b.status = 'open' THEN b.amount ELSE 0 END - CASE WHEN a.status = 'open' THEN a.amount ELSE 0 END AS amount
        FROM a.deals a FULL JOIN b.deals b ON a.deal_id = b.deal_id
        WHERE (a.status = 'open' OR b.status = 'open')
            AND NOT (a.status IS NOT DISTINCT FROM b.status AND a.amount IS NOT DISTINCT FROM b.amount)
    ), lines AS (
        SELECT 'accounts' AS stock, 'opening' AS line, count(*) AS n_records, count(*) AS n_change, NULL::DECIMAL(18,2) AS amount
            FROM a.accounts
        UNION ALL SELECT 'accounts', change, count(*), CASE change WHEN 'new' THEN count(*) ELSE -count(*) END, NULL
            FROM ({accounts}) GROUP BY change
        UNION ALL SELECT 'accounts', 'closing', count(*), count(*), NULL FROM b.accounts
        UNION ALL SELECT 'orders', 'opening', count(*), count(*), coalesce(sum(amount), 0) FROM a.orders
        UNION ALL SELECT 'orders', change, count(*), sum((amount_after IS NOT NULL)::INT - (amount_before IS NOT NULL)::INT),
            sum(amount_change) FROM orders GROUP BY change
        UNION ALL SELECT 'orders', 'closing', count(*), count(*), coalesce(sum(amount), 0) FROM b.orders
        UNION ALL SELECT 'pipeline', 'opening', count(*), count(*), coalesce(sum(amount), 0) FROM a.deals WHERE status = 'open'
        UNION ALL SELECT 'pipeline', line, count(*), sum(n), sum(amount) FROM pipeline GROUP BY line
        UNION ALL SELECT 'pipeline', 'closing', count(*), count(*), coalesce(sum(amount), 0) FROM b.deals WHERE status = 'open'
    )
    SELECT stock, line, n_records, n_change::BIGINT AS n_change, amount AS amount_change FROM lines ORDER BY stock, list_position(
        ['opening', 'new', 'booked_late', 'reopened', 'restated', 'won', 'lost', 'invalid', 'vanished', 'gone', 'closing'], line)
"""


@dataclass(frozen=True)
class Diff:
    """What changed between two snapshots; `frames` are totals, accounts, orders, deals, tiers, owners; `stages` names
    the deal stages in both languages."""

    opening: Snapshot
    closing: Snapshot
    currency: str
    stages: dict[str, tuple[str, str]]
    frames: dict[str, pd.DataFrame]


def diff(workspace: Path, opening: dt.date, closing: dt.date) -> Diff:
    """Compare the snapshots that count on two dates. InputError when they are one, or in two currencies.

    totals: stock (accounts, orders, pipeline: the open deals), line, n_records, n_change, amount_change. The other frames
    list what changed, most important first; `revenue` is net revenue in the window of `kam.toml` up to that side's date.
    """
    opened = vault.unlock(workspace)
    sides = [_snapshot(workspace, day, opened) for day in (opening, closing)]
    a, b = sides
    if a.as_of >= b.as_of:
        dates = ", ".join(str(one.as_of) for one in snapshots.current(workspace))
        raise InputError(
            f"{workspace}: there is nothing between {opening} and {closing}. Snapshots: {dates}.",
            f"{workspace}：{opening} 与 {closing} 之间没有两份可比较的快照。现有快照：{dates}。",
        )
    rules = [read_settings(one.file(FILE).parent) for one in sides]
    if rules[0].currency != rules[1].currency:
        raise InputError(
            f"{a.as_of} is in {rules[0].currency}, {b.as_of} in {rules[1].currency}: they cannot be compared.",
            f"{a.as_of} 的币种为 {rules[0].currency}，{b.as_of} 的币种为 {rules[1].currency}，无法比较。",
        )
    with duckdb.connect() as con:
        for side, snapshot, rule in zip("ab", sides, rules, strict=True):
            _bring(con, side, snapshot, rule)
        con.execute(_NAMES)
        facts = {"opening": f"DATE '{a.as_of}'", "other_rules": a.manifest["rules"] != b.manifest["rules"]}
        queries = {"accounts": _ACCOUNTS, "orders": _ORDERS, "deals": _DEALS, "tiers": _TIERS, "owners": _OWNERS}
        queries = {name: query.format(**facts) for name, query in queries.items()}
        queries = {"totals": _TOTALS.format(**queries), **queries}
        frames = {name: con.execute(query).df() for name, query in queries.items()}
    return Diff(a, b, rules[1].currency, rules[1].stage_names, frames)


def _snapshot(workspace: Path, day: dt.date, opened: vault.Vault | None) -> Snapshot:
    if not snapshots.is_workspace(workspace):
        raise snapshots.no_workspace(workspace)
    if found := snapshots.current(workspace, day, opened):
        return found[-1]
    dates = ", ".join(str(one.as_of) for one in snapshots.current(workspace))
    raise InputError(
        f"{workspace} holds no snapshot of {day} or before. Snapshots: {dates or 'none'}.",
        f"{workspace} 中没有 {day} 当天或之前的快照。现有快照：{dates or '无'}。",
    )


def _bring(con: duckdb.DuckDBPyConnection, side: str, snapshot: Snapshot, rule: Settings) -> None:
    """Make the tables of one side, as they were known on its day, in a schema of their own."""
    for name in USED:
        path = snapshot.file(SCORES if name == "score_snapshots" else f"{name}.parquet")
        store.view(con, TABLES[name], path, f"{side}_{name}")
    first = (pd.Timestamp(snapshot.as_of) + pd.Timedelta(days=1) - pd.DateOffset(months=rule.window_months)).date()
    last_before = first - dt.timedelta(days=1)
    con.execute(_SIDE.format(side=side, day=f"DATE '{snapshot.as_of}'", first=f"DATE '{last_before}'"))
