"""Check one table on the engine: every cell typed, every fault noted, rows that cannot be used set aside.

What is wrong with a required cell, a reference that must hold or a key costs the row; what is wrong with an optional
cell costs the cell. Everything is SQL over the stream; only grouped faults come to Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

import duckdb

from kamlib import words
from kamlib.quality.cleaning import Cleaner
from kamlib.settings import Settings
from kamlib.sources import cells
from kamlib.sources.files import Opened
from kamlib.sources.ledger import EXAMPLES, Fault, LedgerEntry
from kamlib.sources.sql import literal, name_of
from kamlib.tables import SQL_TYPES, TABLES, Column, Table

SHOWN = 200
"""Letters of a value that a fault keeps."""
UNREAD = {"set_aside_row": "BIGINT", "set_aside_reason": "VARCHAR", "set_aside_line": "VARCHAR"}


@dataclass
class Checked:
    """A table in the making. Its rows are in `staged.<table>` with `__k` and `__row` of the file, its faults, one row
    each, in `faults.<table>`; what is set aside leaves the one and is noted in the other."""

    con: duckdb.DuckDBPyConnection
    table: Table
    opened: Opened
    columns: dict[str, str]
    """Header in the file by canonical column."""
    settings: Settings
    read: int = 0
    unreadable: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def rows(self) -> str:
        return f"staged.{self.table.name}"

    @property
    def faults(self) -> str:
        return f"faults.{self.table.name}"

    @property
    def file(self) -> str:
        """SQL for the file that the row `s` came from."""
        return "s.__file" if self.opened.origin else literal(self.opened.source.label)

    @property
    def money(self) -> str:
        """SQL for the money that the row `s` carries."""
        return f"s.{name_of(self.table.money)}" if self.table.money in self.columns else "NULL"

    def run(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self.con.execute(sql)

    def note(self, kind: str, action: str, columns: str, value: str, where: str) -> int:
        """Note a fault for each staged row that `where` (a FROM clause after `s`) leaves; return how many."""
        return self.run(
            f"INSERT INTO {self.faults} SELECT s.__k, s.__row, {self.file}, {literal(columns)}, {literal(kind)}, "
            f"{literal(action)}, left(CAST({value} AS VARCHAR), {SHOWN}), {self.money} FROM {self.rows} s {where}"
        ).fetchone()[0]

    def remove(self) -> None:
        """Take the rows out that were noted to be set aside."""
        self.run(f"DELETE FROM {self.rows} WHERE __k IN (SELECT k FROM {self.faults} WHERE action = 'set_aside')")


_FAULT = (
    "k BIGINT, row BIGINT, file VARCHAR, col VARCHAR, kind VARCHAR, action VARCHAR, value VARCHAR, money DECIMAL(18,2)"
)


def stage(checked: Checked) -> None:
    """Read the file once: type every cell; a cell at fault becomes null and is listed in `__cells` of its row."""
    table, opened = checked.table, checked.opened
    delivered = [column for column in table.columns if column.name in checked.columns]
    file = ", __file" if opened.origin else ""
    given, plain, read, faults = [f"__k, __row{file}"], ["*"], ["*"], ["*"]
    cleaner, sign = Cleaner(table, delivered, checked.settings), _sign_of_money(checked, delivered)
    for i, column in enumerate(delivered):
        header = checked.columns[column.name]
        native = opened.columns[header]
        cell = cells.given(name_of(header), native, column)
        if i in cleaner.places:
            cell, native = f"CAST({cell} AS VARCHAR)", "VARCHAR"
        given.append(f"{cell} AS g{i}")
        plain.append(f"{cells.plain(f'g{i}', native, column, checked.settings)} AS p{i}")
        read.append(f"{cells.read(f'p{i}', native, column)} AS r{i}")
        wrong = cells.fault(f"g{i}", f"r{i}", column)
        if sign and column.name == table.money and "currency" in checked.columns:
            wrong = (
                f"CASE WHEN {sign} <> r{delivered.index(table.column('currency'))} THEN 'not_money' ELSE {wrong} END"
            )
        faults.append(f"{wrong} AS f{i}")
    final = [f"__k, __row{file}", _cells_at_fault(delivered), *["__changes"] * bool(cleaner.places)]
    for column in table.columns:
        i = delivered.index(column) if column in delivered else None
        value = "NULL" if i is None else f"CASE WHEN f{i} IS NULL THEN r{i} END"
        if column.name == "currency" and sign:
            value = f"coalesce({value}, {sign})"
        final.append(f"CAST({value} AS {SQL_TYPES[column.type]}) AS {name_of(column.name)}")
    steps = [", ".join(step) for step in (given, *cleaner.steps(), plain, read, faults, final)]
    opened.make(
        checked.con,
        checked.rows,
        lambda source: reduce(lambda table, step: f"SELECT {step} FROM ({table})", steps, source),
    )
    cleaner.log(checked.con, checked.rows)
    checked.run(f"CREATE TABLE {checked.faults} ({_FAULT})")
    if sign and checked.run(f"SELECT count(currency) FROM {checked.rows}").fetchone()[0]:
        checked.columns.setdefault("currency", checked.columns[table.money])
    checked.unreadable = opened.unreadable(checked.con)
    checked.read = checked.run(f"SELECT count(*) FROM {checked.rows}").fetchone()[0] + len(checked.unreadable)
    renumber(checked.con, checked.rows, [*(row for row, _, _ in checked.unreadable), *opened.blanks])


def _sign_of_money(checked: Checked, delivered: list[Column]) -> str:
    """SQL for the currency whose sign stands in what a row is worth; "" where no sign can stand."""
    table = checked.table
    if table.money not in checked.columns or "currency" not in table.names:
        return ""
    i = delivered.index(table.column(table.money))
    if checked.opened.columns[checked.columns[table.money]] != "VARCHAR":
        return ""
    return f"({cells.currency_of(f'g{i}', checked.settings)})"


def _cells_at_fault(columns: list[Column]) -> str:
    """SQL for the list of cells at fault; most rows have none and pay nothing for it."""
    any_fault = " OR ".join(f"f{i} IS NOT NULL" for i in range(len(columns)))
    listed = ", ".join(
        f"{{'col': {literal(column.name)}, 'kind': f{i}, 'value': CAST(g{i} AS VARCHAR)}}"
        for i, column in enumerate(columns)
    )
    return f"CASE WHEN {any_fault} THEN list_filter([{listed}], cell -> cell.kind IS NOT NULL) END AS __cells"


def renumber(con: duckdb.DuckDBPyConnection, table: str, skipped: Iterable[int]) -> None:
    """Give the rows of `table` that come after a line the reader skipped the number the user sees."""
    if numbers := [(row,) for row in sorted(set(skipped))]:
        bring(con, "skipped", {"row": "BIGINT"}, numbers)
        con.execute(
            f"UPDATE {table} SET __row = __row + n FROM (SELECT low, n, lead(low, 1, {1 << 62}) OVER (ORDER BY low) AS high "
            "FROM (SELECT row - 1 - place AS low, max(place) AS n "
            "FROM (SELECT row, row_number() OVER (ORDER BY row) AS place FROM skipped) GROUP BY low)) "
            "WHERE __k > low AND __k <= high"
        )


def bring(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], found: list[tuple]) -> None:
    """Make a temporary table of many rows; the engine would take them one by one for an hour."""
    import pyarrow as pa

    arrays = [list(column) for column in zip(*found, strict=True)]
    con.register("found", pa.table(dict(zip(columns, arrays, strict=True))))
    cells = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in columns.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {cells} FROM found")
    con.unregister("found")


def check_cells(checked: Checked) -> None:
    """Set aside the rows of which a required or firm cell is at fault; other cells at fault are blank already."""
    costly = [column.name for column in checked.table.columns if column.required or column.firm]
    required = ", ".join(map(literal, costly)) or "''"
    found = checked.run(
        f"INSERT INTO {checked.faults} SELECT s.__k, s.__row, {checked.file}, cell.col, cell.kind, "
        f"CASE WHEN cell.col IN ({required}) THEN 'set_aside' ELSE 'blanked' END, left(cell.value, {SHOWN}), {checked.money} "
        f"FROM (SELECT *, unnest(__cells) AS cell FROM {checked.rows} WHERE __cells IS NOT NULL) s"
    ).fetchone()[0]
    if found:
        checked.remove()


def check_merged(checked: Checked) -> None:
    """Set aside the accounts that `kam.toml` merges into others; what points to them was pointed to those."""
    if merged := ", ".join(map(literal, checked.settings.merged)):
        checked.note("merged", "set_aside", "account_id", "s.account_id", f"WHERE s.account_id IN ({merged})")
        checked.remove()


def check_references(checked: Checked, delivered: set[str], required: bool) -> None:
    """Set aside rows that need a row which is not there; or blank optional references to nothing."""
    for column in checked.table.columns:
        if column.required != required or column.name not in checked.columns or column.ref not in delivered:
            continue
        cell, (key,) = name_of(column.name), TABLES[column.ref].key
        orphans = f"ANTI JOIN staged.{column.ref} t ON s.{cell} = t.{key} WHERE s.{cell} IS NOT NULL"
        action = "set_aside" if required else "blanked"
        if not checked.note("orphan", action, column.name, f"s.{cell}", orphans):
            continue
        if required:
            checked.remove()
        else:
            checked.run(
                f"UPDATE {checked.rows} SET {cell} = NULL WHERE __k IN "
                f"(SELECT k FROM {checked.faults} WHERE kind = 'orphan' AND col = {literal(column.name)})"
            )


def check_key(checked: Checked) -> None:
    """Keep the first row of each key and set the later ones aside."""
    key = [name for name in checked.table.key if name in checked.columns]
    names = ", ".join(name_of(name) for name in key)
    same = " AND ".join(f"s.{name_of(name)} IS NOT DISTINCT FROM t.{name_of(name)}" for name in key)
    twins = f"(SELECT {names}, min(__k) AS first_k FROM {checked.rows} GROUP BY {names} HAVING count(*) > 1)"
    value = f"concat_ws(' + ', {', '.join(f's.{name_of(name)}' for name in key)})"
    later = f"JOIN {twins} t ON {same} AND s.__k > t.first_k"
    if checked.note("duplicate", "set_aside", " + ".join(key), value, later):
        checked.remove()


def check_dates(checked: Checked) -> None:
    """Tell of rows that end before they begin, of facts that lie ahead, and of closed deals that nobody knows when."""
    table = checked.table
    if table.dated in checked.columns and not table.ends:  # an invoice or a contract may be dated ahead
        begun = f"CAST(s.{table.dated} AS DATE)"
        checked.note("ahead", "told", table.dated, begun, f"WHERE {begun} > current_date + 1")
    for column in (*table.later, *table.ends):
        if {column, table.dated} <= checked.columns.keys():
            ends, begins = f"CAST(s.{column} AS DATE)", f"CAST(s.{table.dated} AS DATE)"
            value = f"{ends} || ' < ' || {begins}"
            checked.note("before", "told", column, value, f"WHERE {ends} < {begins}")
    if table.name == "deals":
        closed = "WHERE s.status IN ('won', 'lost') AND s.closed_at IS NULL"
        checked.note("not_closed", "told", "closed_at", "s.deal_id", closed)


def finish(checked: Checked) -> tuple[LedgerEntry, list[Fault]]:
    """Make the table under its own name, keep what was set aside whole, and return entry and faults."""
    table = checked.table
    columns = ", ".join(name_of(name) for name in table.names)
    checked.run(f"CREATE VIEW {name_of(table.name)} AS SELECT {columns} FROM {checked.rows}")
    kept, money_kept = checked.run(f"SELECT count(*), sum({checked.money}) FROM {checked.rows} s").fetchone()
    aside, money_aside = checked.run(
        f"SELECT count(*), sum(money) FROM (SELECT k, first(money) AS money FROM {checked.faults} "
        "WHERE action = 'set_aside' GROUP BY k)"
    ).fetchone()
    blanked = checked.run(f"SELECT count(*) FROM {checked.faults} WHERE action = 'blanked'").fetchone()[0]
    if aside or checked.unreadable:
        _keep_set_aside(checked)
    has_money = checked.money != "NULL"
    entry = LedgerEntry(
        table.name, checked.opened.source.label, checked.read, kept, aside + len(checked.unreadable),
        float(money_aside or 0) if has_money else None, float(money_kept or 0) if has_money else None, blanked,
    )  # fmt: skip
    return entry, _grouped(checked)


def _keep_set_aside(checked: Checked) -> None:
    """Read the file again for the rows set aside, as they were delivered."""
    con, name, colon = checked.con, checked.table.name, words.say(None, ": ", "：")
    reason = f"string_agg(col || '{colon}' || {_said(checked.table)}, '; ' ORDER BY col)"
    cells = "r.* EXCLUDE (__k, __row)" + (" RENAME (__file AS set_aside_file)" if checked.opened.origin else "")
    select = (
        f"SELECT a.row AS set_aside_row, a.reason AS set_aside_reason, {cells} FROM ({checked.opened.again}) r "
        f"JOIN (SELECT k, row, {reason} AS reason FROM {checked.faults} WHERE action = 'set_aside' GROUP BY k, row) a "
        "ON a.k = r.__k"
    )
    if checked.unreadable:
        said = words.word("fault.unreadable") + colon
        bring(con, "unread", UNREAD, [(row, said + reason, line) for row, reason, line in checked.unreadable])
        select += " UNION ALL BY NAME FROM unread"
    con.execute(f"CREATE TABLE set_aside.{name_of(name)} AS FROM ({select}) ORDER BY set_aside_row")


def _said(table: Table) -> str:
    """SQL for the reason of a fault in words."""
    kinds = [key.removeprefix("fault.") for key in words.LABELS if key.startswith("fault.")]
    refs = " ".join(f"WHEN {literal(c.name)} THEN {literal(' ' + c.ref)}" for c in table.columns if c.ref)
    which = f" || CASE col {refs} ELSE '' END" if refs else ""
    cases = [
        f"WHEN {literal(kind)} THEN {literal(words.word(f'fault.{kind}'))}{which if kind == 'orphan' else ''}"
        for kind in kinds
    ]
    return f"CASE kind {' '.join(cases)} ELSE kind END"


def _grouped(checked: Checked) -> list[Fault]:
    groups = checked.run(
        f"SELECT file, col, kind, action, count(*), sum(money), "
        f"arg_min({{'row': row, 'value': coalesce(value, '')}}, row, {EXAMPLES}) "
        f"FROM {checked.faults} GROUP BY file, col, kind, action ORDER BY min(row), col"
    ).fetchall()
    faults = [
        Fault(
            checked.table.name, file, column, kind, action, n,
            tuple((example["row"], example["value"]) for example in examples),
            *_particulars(checked.table, column, kind), money=None if money is None else float(money),
        )
        for file, column, kind, action, n, money, examples in groups
    ]  # fmt: skip
    if checked.unreadable:
        lines = tuple((row, line.strip()) for row, _, line in checked.unreadable[:EXAMPLES])
        label, n = checked.opened.source.label, len(checked.unreadable)
        faults.append(Fault(checked.table.name, label, "", "unreadable", "set_aside", n, lines))
    return faults


def _particulars(table: Table, name: str, kind: str) -> tuple[str, str]:
    """Return (detail, cure) that depend on the column: the table referred to, the values or the range allowed."""
    column = next((column for column in table.columns if column.name == name), None)
    if column is None:
        return "", ""
    if kind == "orphan":
        return column.ref, ""
    if kind == "before":
        return table.dated, ""
    if kind == "not_allowed":
        return "", ", ".join(column.values)
    if kind == "out_of_range":
        return "", f"≥ {column.low:g}" if column.high is None else f"{column.low:g} … {column.high:g}"
    return "", ""
