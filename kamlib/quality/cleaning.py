"""Cleaning rules of `kam.toml`, applied where files are read: what the files hold stays as it is, every change is logged.

[[cleaning]] with `tidy` sets width and blanks of a text right, with `values` replaces values of a column, with `merge`
points every table from one account to another. Keys and money are never changed, so that rows and sums stay.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from kamlib.formulas import as_text_sql
from kamlib.language import say
from kamlib.settings import Settings
from kamlib.sources.ledger import EXAMPLES, Fault
from kamlib.sources.sql import literal, name_of
from kamlib.tables import Column, Table

FILE = "cleaning.csv"
LOG = ("table", "key", "column", "before", "after", "rule")
_WIDE = "".join(map(chr, (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)))) + "＆＠．－／　"
_NARROW = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz&@.-/ "


def tidy(text: str) -> str:
    """Return SQL for a text with letters, digits and blanks of half width, single blanks, and none between Chinese
    letters. Brackets and other Chinese punctuation stay: （中国） is how a name is registered."""
    blanks = rf"regexp_replace(translate({text}, {literal(_WIDE)}, {literal(_NARROW)}), '[\p{{Cf}}\p{{Cc}}]', '', 'g')"
    single = rf"trim(regexp_replace({blanks}, '[\p{{Z}}]+', ' ', 'g'))"
    joined = rf"regexp_replace({single}, '(\p{{Han}}) (\p{{Han}})', '\1\2', 'g')"
    return (
        rf"nullif(regexp_replace({joined}, '(\p{{Han}}) (\p{{Han}})', '\1\2', 'g'), '')"  # the first takes every other
    )


class Cleaner:
    """The rules for one table, as steps of the SELECT that reads it; `places` are the columns that a rule may change."""

    def __init__(self, table: Table, delivered: list[Column], settings: Settings) -> None:
        self.table, self.delivered, self.merged = table, delivered, settings.merged
        own = [rule for rule in settings.cleaning if rule.table == table.name]
        self.tidied = {rule.column for rule in own if rule.tidy}
        self.values = {rule.column: {} for rule in own if rule.values}
        for rule in own:
            self.values.get(rule.column, {}).update(rule.values)
        self.pointed = {c.name for c in table.columns if c.ref == "accounts"} if self.merged else set()
        changed = {*self.tidied, *self.values, *self.pointed}
        self.places = [i for i, column in enumerate(delivered) if column.name in changed]

    def steps(self) -> list[list[str]]:
        """Return the steps that put the cleaned cells in the place of the given ones, g0, g1 …, and list the changes."""
        if not self.places:
            return []
        cells = [f"{self._cleaned(i)} AS c{i}" for i in self.places]
        differ = " OR ".join(f"g{i} IS DISTINCT FROM c{i}" for i in self.places)
        listed = ", ".join(
            f"{{'col': {literal(self.delivered[i].name)}, 'before': g{i}, 'after': c{i}, 'rule': {literal(self._rule(i))}}}"
            for i in self.places
        )
        changes = f"list_filter([{listed}], cell -> cell.before IS DISTINCT FROM cell.after)"
        given = ", ".join(f"g{i}, c{i}" for i in self.places)
        cleaned = [f"c{i} AS g{i}" for i in self.places]
        return [
            ["*", *cells],
            [f"* EXCLUDE ({given})", *cleaned, f"CASE WHEN {differ} THEN {changes} END AS __changes"],
        ]

    def log(self, con: duckdb.DuckDBPyConnection, rows: str) -> None:
        """Write the changes, listed in the staged `rows`, into the log."""
        key = ", ".join(name_of(name) for name in self.table.key)
        if self.places:
            con.execute(
                f"INSERT INTO cleaning SELECT {literal(self.table.name)}, key, c.col, c.before, c.after, c.rule FROM (SELECT "
                f"concat_ws(' + ', {key}) AS key, unnest(__changes) AS c FROM {rows} WHERE __changes IS NOT NULL ORDER BY __k)"
            )
            con.execute(f"ALTER TABLE {rows} DROP __changes")

    def _cleaned(self, place: int) -> str:
        """SQL for a cell as the rules want it; nobody becomes the parent of itself."""
        name, cell = self.delivered[place].name, f"g{place}"
        if name in self.tidied:
            cell = tidy(cell)
        if name in self.values:
            cell = _replaced(cell, self.values[name])
            cell = tidy(cell) if name in self.tidied else cell
        if name not in self.pointed:
            return cell
        pointed = _replaced(cell, self.merged)
        if self.table.name != "accounts":
            return pointed
        own = f"g{[column.name for column in self.delivered].index('account_id')}"
        return f"CASE WHEN {pointed} <> {cell} AND {pointed} = {own} THEN NULL ELSE {pointed} END"

    def _rule(self, place: int) -> str:
        kinds = {"tidy": self.tidied, "values": self.values, "merge": self.pointed}
        return " + ".join(kind for kind, columns in kinds.items() if self.delivered[place].name in columns)


def _replaced(cell: str, values: dict[str, str]) -> str:
    cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in values.items())
    return f"CASE {cell} {cases} ELSE {cell} END"


def start(con: duckdb.DuckDBPyConnection) -> None:
    """Begin the log."""
    con.execute(f"CREATE TABLE cleaning ({', '.join(f'{name_of(name)} VARCHAR' for name in LOG)})")


def told(con: duckdb.DuckDBPyConnection, table: str, file: str) -> list[Fault]:
    """Return what was changed in a table, column by column, the most frequent changes as examples."""
    groups = con.execute(
        'SELECT "column", rule, before, after, count(*) FROM cleaning WHERE "table" = ? GROUP BY ALL ORDER BY 1, 5 DESC, 3',
        [table],
    ).fetchall()
    faults = []
    for column in dict.fromkeys(group[0] for group in groups):
        own = [group for group in groups if group[0] == column]
        examples = tuple((None, f"{before} → {after} ({n:,})") for _, _, before, after, n in own[:EXAMPLES])
        faults.append(
            Fault(table, file, column, "cleaned", "told", sum(group[4] for group in own), examples, detail=own[0][1])
        )
    return faults


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Path]:
    """Write the log, if the tables of `con` were read with one and anything was changed, as `cleaning.csv` into `folder`;
    return the path."""
    logged = "SELECT 1 FROM duckdb_tables() WHERE table_name = 'cleaning'"
    if not con.execute(logged).fetchone() or not con.execute("SELECT 1 FROM cleaning LIMIT 1").fetchone():
        return []
    cells = [f"{as_text_sql(name_of(name))} AS {name_of(name)}" for name in LOG]
    target = literal(str(folder / FILE))
    con.execute(f"COPY (SELECT {', '.join(cells)} FROM cleaning) TO {target} (HEADER, DELIMITER ',')")
    return [folder / FILE]


def unknown(con: duckdb.DuckDBPyConnection, merged: dict[str, str]) -> list[str]:
    """Return a sentence for every account that others shall be merged into and that is not there."""
    known = (
        {account for (account,) in con.execute("SELECT account_id FROM staged.accounts").fetchall()}
        if merged
        else set()
    )
    return [
        say(
            None,
            f"kam.toml: [[cleaning]] merge: the account {account} is not in accounts. Correct the id, or leave the line out.",
            f"kam.toml：[[cleaning]] merge：客户表中没有客户 {account}。请更正编号，或删除该行。",
        )
        for account in sorted(set(merged.values()) - known)
    ]
