"""Read a folder of canonical tables into the engine: typed, checked, in one currency, with a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

from kamlib.errors import InputError
from kamlib.language import say
from kamlib.quality import cleaning
from kamlib.settings import Settings
from kamlib.sources import amounts, enrichment, money, rows, stages, three_tables
from kamlib.sources.files import TIERING, Opened, Source, bound, find_tables, open_source
from kamlib.sources.headers import Matched, match
from kamlib.sources.ledger import Fault, Ledger, LedgerEntry, called
from kamlib.sources.sql import name_of
from kamlib.tables import EITHER, NEEDED, SQL_TYPES, TABLES, Table, missing


@dataclass
class Reading:
    """What reading a folder gave: the ledger, the currency of all money, the files read, and what makes it unusable."""

    ledger: Ledger
    currency: str
    files: list[Path] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_folder(con: duckdb.DuckDBPyConnection, folder: Path, settings: Settings, scratch: Path) -> Reading:
    """Read every table in `folder`, or in the one workbook that it is; see `read_tables`."""
    sources, faults, strangers = find_tables(folder)
    told = [Fault("", path.name, "", "unknown_file", "told", 1, cure=_nearest(path.stem, TABLES)) for path in strangers]
    tiering = {key: sources.pop(key) for key in TIERING if key in sources}
    files = [source.path for source in (*sources.values(), *tiering.values())]
    if tiering:
        made, more, lost = three_tables.bring(tiering, sources.get("accounts"), scratch)
        sources |= made
        faults += more
        told += lost
    reading = read_tables(con, sources, settings, scratch, folder)
    ledger = reading.ledger
    reading.ledger = Ledger(ledger.entries, (*ledger.faults, *told), con=con)
    reading.faults[:0] = faults
    reading.files = sorted(set(files))
    return reading


def read_tables(
    con: duckdb.DuckDBPyConnection, sources: dict[str, Source], settings: Settings, scratch: Path, where: Path
) -> Reading:
    """Make every canonical table in `con` under its own name, typed and checked; absent ones empty.

    Tables are read in the order of their references, so that an orphan of a row set aside is found too. Nothing is
    raised: `faults` of the result says what makes the data unusable.
    """
    _begin(con, scratch)
    reading = Reading(Ledger(), settings.currency)
    opened = _open_all(con, sources, scratch, reading)
    reading.faults += [_absent(name, where) for name in missing(sources)]
    staged: dict[str, rows.Checked] = {}
    told: list[Fault] = []
    for table in in_order():
        if table.name in opened:
            source, matched = opened[table.name]
            told += _left_out(table, source, matched)
            one = rows.Checked(con, table, source, matched.columns, settings)
            if _staged(one, reading):
                staged[table.name] = one
                told += cleaning.told(con, table.name, source.source.label)
                continue
        _make_empty(con, table)
    reading.currency, faults = money.base_currency(staged, settings)
    reading.faults += faults
    told += money.convert(staged, reading.currency, settings.rates)
    for one in staged.values():
        _check(one, set(staged))
    reading.faults += cleaning.unknown(con, settings.merged) if "accounts" in staged else []
    results = [rows.finish(one) for one in staged.values()]
    for faults, found in _across(con, staged, settings, where):
        reading.faults += faults
        told += found
    reading.faults += [
        _nothing_left(entry, found) for entry, found in results if entry.table in (*NEEDED, *EITHER) and not entry.kept
    ]
    places = list(TABLES)
    entries = sorted((entry for entry, _ in results), key=lambda entry: places.index(entry.table))
    reading.ledger = Ledger(tuple(entries), (*(fault for _, found in results for fault in found), *told), con=con)
    reading.files = [source.path for source in sources.values()]
    con.execute("RESET memory_limit")
    return reading


def _begin(con: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    bound(con, scratch)
    for schema in ("staged", "faults", "set_aside"):
        con.execute(f"CREATE SCHEMA {schema}")
    cleaning.start(con)


def in_order() -> list[Table]:
    """Return the tables so that each comes after those it refers to."""
    refers = {t.name: {column.ref for column in t.columns if column.ref not in ("", t.name)} for t in TABLES.values()}
    return [TABLES[name] for name in TopologicalSorter(refers).static_order()]


def _open_all(
    con: duckdb.DuckDBPyConnection, sources: dict[str, Source], scratch: Path, reading: Reading
) -> dict[str, tuple[Opened, Matched]]:
    opened = {}
    for name, source in list(sources.items()):
        try:
            file = open_source(con, source, f"file_{name}", scratch)
        except InputError as error:
            reading.faults.append(str(error))
            continue
        if source.sheet and not con.execute(f"SELECT count(*) FROM ({file.first})").fetchone()[0]:
            del sources[name]  # a sheet of a template that nobody filled in: not delivered
            continue
        matched = match(
            TABLES[name], file.columns, called(str(source.path) + f", sheet {source.sheet}" * bool(source.sheet))
        )
        reading.faults += matched.faults
        if not matched.faults:
            opened[name] = (file, matched)
    return opened


def _staged(one: rows.Checked, reading: Reading) -> bool:
    try:
        rows.stage(one)
    except duckdb.Error as error:
        path, reason = one.opened.source.path, str(error).splitlines()[0][:160]
        reading.faults.append(
            say(
                None,
                f"{path}: cannot be read to its end ({reason}). Export it again.",
                f"{path} 无法完整读取（{reason}）。请重新导出。",
            )
        )
        return False
    return True


def _check(one: rows.Checked, delivered: set[str]) -> None:
    rows.check_cells(one)
    if one.table.name == "accounts":
        rows.check_merged(one)
    rows.check_references(one, delivered, required=True)
    rows.check_key(one)
    rows.check_references(one, delivered, required=False)
    rows.check_dates(one)


def _across(
    con: duckdb.DuckDBPyConnection, staged: dict[str, rows.Checked], settings: Settings, where: Path
) -> Iterator[tuple[list[str], list[Fault]]]:
    """What can be checked, and completed, only when all tables are there."""
    yield stages.check(con, settings, where)
    if "orders" in staged:
        yield amounts.complete_orders(con, where, staged["orders"].opened.source.label)
    if {"accounts", "enrichment"} <= staged.keys():
        yield [], enrichment.join(con, staged["enrichment"].opened.source.label)


def _absent(name: str, where: Path) -> str:
    return say(
        None,
        f"{where} holds no table {name}: bring {name.split()[0]}.csv, .parquet or .xlsx. Nothing can be computed without.",
        f"{where} 中缺少数据表 {name.replace(' or ', ' 或 ')}：请提供 {name.split()[0]}.csv、.parquet 或 .xlsx，否则无法计算。",
    )


def _nothing_left(entry: LedgerEntry, faults: list[Fault]) -> str:
    if not entry.read:
        return say(
            None,
            f"{entry.file} holds no row below its header. Bring the rows of {entry.table}.",
            f"{called(entry.file, 'zh')} 的表头之下没有数据。请提供 {entry.table} 的数据行。",
        )
    worst = max((fault for fault in faults if fault.action == "set_aside"), key=lambda fault: fault.n)
    return say(
        None,
        f"{entry.file}: none of its {entry.read:,} rows can be used. {worst.text()}",
        f"{called(entry.file, 'zh')}：{entry.read:,} 行全部无法采用。{worst.text()}",
    )


def _make_empty(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f"{name_of(column.name)} {SQL_TYPES[column.type]}" for column in table.columns)
    con.execute(f"CREATE TABLE {name_of(table.name)} ({columns})")


def _left_out(table: Table, source: Opened, matched: Matched) -> list[Fault]:
    """Tell of columns, sheets and cells that are not read."""
    label = source.source.label
    return [
        *(_stranger(table, label, header) for header in matched.strangers),
        *(Fault(table.name, label, name, "more_sheets", "told", 1) for name in source.more),
        *source.told(table.name),
    ]


def _stranger(table: Table, file: str, header: str) -> Fault:
    return Fault(table.name, file, header, "unknown_column", "told", 1, cure=_nearest(header, table.names))


def _nearest(name: str, known: Iterable[str]) -> str:
    return next(iter(get_close_matches(name.lower(), list(known), 1, 0.6)), "")
