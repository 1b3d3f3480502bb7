"""What data platforms say about customers: joined to accounts by a valid credit code, else by name, and used where the
CRM says nothing.

Records are joined at the border, once; accounts are completed where tables are cut at the as-of date, so that nothing
is known before it was retrieved. What the CRM says stands, and decides who may see an account.
"""

from __future__ import annotations

import re
from collections import defaultdict

import duckdb
import ibis

from kamlib.quality.validity import is_credit_code
from kamlib.sources.ledger import EXAMPLES, Fault
from kamlib.sources.rows import bring
from kamlib.sources.sql import literal

COMPLETED = ("region", "country", "industry", "employees", "annual_revenue", "market_share", "influence")
"""The columns of accounts that third-party data may complete."""

SAID = " UNION ALL ".join(
    f"SELECT account_id, {literal(name)} AS col, CAST(a.{name} AS VARCHAR) AS value, CAST(e.{name} AS VARCHAR) AS other_value, "
    f"source, retrieved_at, record_id FROM enrichment e JOIN accounts a USING (account_id) WHERE e.{name} IS NOT NULL"
    for name in COMPLETED
)
"""Every cell that a joined record fills, beside what the CRM says."""
NEWEST = "QUALIFY row_number() OVER (PARTITION BY account_id, col ORDER BY retrieved_at DESC, record_id DESC) = 1"

_LOG = f"""
    INSERT INTO cleaning SELECT 'accounts', account_id, col, value, other_value,
        'enrichment: ' || source || ', ' || retrieved_at
    FROM ({SAID}) WHERE value IS NULL ORDER BY account_id, col, retrieved_at, record_id
"""
_COUNT = f"""
    SELECT col, source, count(*) FROM (FROM ({SAID}) WHERE value IS NULL {NEWEST}) GROUP BY ALL ORDER BY 1, 3 DESC, 2
"""


def completed(accounts: ibis.Table, records: ibis.Table) -> ibis.Table:
    """Return `accounts` with empty cells filled from the newest of `records` that fills them."""
    order = [records.retrieved_at, records.record_id]
    newest = records.group_by("account_id").agg(**{name: records[name].last(order_by=order) for name in COMPLETED})
    joined = accounts.left_join(newest, "account_id", rname="other_{name}")
    filled = {name: joined[name].fill_null(joined[f"other_{name}"]) for name in COMPLETED}
    return joined.mutate(**filled).select(accounts.columns)


def join(con: duckdb.DuckDBPyConnection, file: str) -> list[Fault]:
    """Give each record of `file` without an account the one it is about, log every cell that this completes, and return
    what was completed, and which records match no account, or several."""
    joined, none, several = [], [], []
    for row, record, called, accounts, by in _matches(con):
        if len(accounts) == 1:
            joined.append((record, accounts[0], f"joined by {by}"))
        elif accounts:
            several.append((row, f"{called}: {', '.join(accounts)}"))
        else:
            none.append((row, called))
    if joined:
        _store(con, joined)
    con.execute(_LOG)
    open_ones = (("no_match", none), ("several_matches", several))
    return [
        *_told(con, file),
        *(Fault("enrichment", file, "", kind, "told", len(n), tuple(n[:EXAMPLES])) for kind, n in open_ones if n),
    ]


def _matches(con: duckdb.DuckDBPyConnection) -> list[tuple[int, str, str, list[str], str]]:
    """Return row, id, what it is called, the accounts it may be about, and by which column, for each open record.

    A name matches when it is the same once written one way; not when both sides have a valid code, and these differ."""
    records = con.execute(
        "SELECT __row, record_id, account_name, credit_code FROM staged.enrichment WHERE account_id IS NULL ORDER BY __row"
    ).fetchall()
    accounts = (
        con.execute("SELECT account_id, account_name, credit_code FROM accounts ORDER BY 1").fetchall()
        if records
        else []
    )
    code_of = {account: _valid(code) for account, _, code in accounts}
    by_code, by_name = defaultdict(list), defaultdict(list)
    for account, code in code_of.items():
        by_code[code].append(account)
    for (account, *_), keys in zip(accounts, _keys([name for _, name, _ in accounts]), strict=True):
        for key in keys:
            by_name[key].append(account)
    found = []
    for (row, record, name, code), keys in zip(records, _keys([name or "" for _, _, name, _ in records]), strict=True):
        valid, by = _valid(code), "credit_code"
        matches = by_code.get(valid, []) if valid else []
        if not matches:
            named = {account for key in keys for account in by_name.get(key, ())}
            matches, by = sorted(a for a in named if not (valid and code_of[a])), "account_name"
        found.append((row, record, name or code or record, matches, by))
    return found


def _keys(names: list[str]) -> list[set[tuple[str, str]]]:
    """What must be equal for two names to match; a place in brackets tells companies of one group apart."""
    from kamlib.quality.names import normal_names

    return [{(name.solid, name.place) for name in several if name.solid} for several in normal_names(names)]


def _valid(code: str | None) -> str | None:
    bare = re.sub(r"[\s-]", "", code or "").upper()
    return bare if is_credit_code(bare) else None


def _store(con: duckdb.DuckDBPyConnection, joined: list[tuple[str, str, str]]) -> None:
    bring(con, "joined", {"record": "VARCHAR", "account": "VARCHAR", "rule": "VARCHAR"}, joined)
    con.execute("UPDATE staged.enrichment SET account_id = account FROM joined WHERE record_id = record")
    con.execute("INSERT INTO cleaning SELECT 'enrichment', record, 'account_id', NULL, account, rule FROM joined")


def _told(con: duckdb.DuckDBPyConnection, file: str) -> list[Fault]:
    """Tell, column by column, how many cells of accounts the newest records complete, and whose records."""
    groups = con.execute(_COUNT).fetchall()
    faults = []
    for column in dict.fromkeys(column for column, _, _ in groups):
        own = [(source, n) for name, source, n in groups if name == column]
        examples = tuple((None, f"{source} ({n:,})") for source, n in own[:EXAMPLES])
        faults.append(Fault("accounts", file, column, "completed", "told", sum(n for _, n in own), examples))
    return faults
