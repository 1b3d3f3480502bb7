"""Open what users have — CSV in any usual encoding, Parquet, Excel — as rows the engine can stream.

Every file becomes a SELECT with the columns of its header plus `__k`, a running number that identifies the row, and
`__row`, the number the user sees: the header is row 1.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from kamlib import words
from kamlib.errors import InputError
from kamlib.files import must_lie_in
from kamlib.sources import sheets, texts
from kamlib.sources.ledger import Fault, called
from kamlib.sources.sql import literal, name_of, path_of
from kamlib.tables import TABLES

TABLES_AS = (".csv", ".csv.gz", ".tsv", ".parquet", *sheets.SUFFIXES)
SUFFIXES = (*TABLES_AS, ".txt", ".txt.gz")
"""A folder of tables holds the former; a mapping file may also name the latter."""
RESERVED = ("__k", "__row", "__file", "__why", "__money", "__found")
"""Names of our own that no column may have while it is read."""
QUOTED = "auto_detect=false, quote='\"', escape='\"', hive_partitioning=false"
"""How all text files are read."""
TIERING = ("sheet.basic", "sheet.scores", "sheet.evaluation")
"""The sheets of the three tables of tiering, see `three_tables`: found like tables, made into two."""
IN_MEMORY = 256 << 20
"""Bytes of text up to which the engine works in memory; above it works in a file of its own."""

WIDEST = 4000
"""Columns a file may have; the engine wants memory for each, however few the rows."""
MEMORY = 2 << 30
"""Bytes the engine may take while files are read and checked; a small file can hold far more."""


@dataclass(frozen=True)
class Source:
    """One file, or one sheet of a workbook."""

    path: Path
    sheet: str = ""
    title: str = ""
    """What the user knows it as, when that is not the name of the file."""

    @property
    def label(self) -> str:
        if self.title:
            return self.title
        return f"{self.path.name}, sheet {self.sheet}" if self.sheet else self.path.name


@dataclass
class Opened:
    """A source as SQL: `first` reads it and fails where a line is unreadable; `careful` notes such
    lines in the table `rejects`; `again` reads it once more and skips them. `columns` maps each header, made unique, to
    the engine's type."""

    source: Source
    first: str
    again: str
    columns: dict[str, str]
    careful: str = ""
    rejects: str = ""
    blanks: list[int] = field(default_factory=list)
    origin: bool = False
    """Whether the rows carry the file and the row they came from, in `__file` and `__row`."""
    more: tuple[str, ...] = ()
    """Other sheets of the workbook that hold anything and were not read."""
    lost: tuple[sheets.Lost, ...] = ()

    def told(self, table: str = "") -> list[Fault]:
        """Return what is lost of the cells of a workbook, by column."""
        headers = list(self.columns)
        return [
            Fault(table, self.source.label, headers[one.column], one.kind, "told", one.n, one.examples)
            for one in self.lost
        ]

    def make(self, con: duckdb.DuckDBPyConnection, table: str, select: Callable[[str], str]) -> None:
        """Make a table of what `select` makes of the source: quickly where every line is readable, else line by line,
        for the engine loses lines, good ones too, when several threads note unreadable ones."""
        try:
            con.execute(f"CREATE TABLE {table} AS {select(self.first)}")
            self.again, self.rejects = self.first, ""
        except duckdb.Error:
            if not self.careful:
                raise
            con.execute(f"CREATE TABLE {table} AS {select(self.careful)}")

    def unreadable(self, con: duckdb.DuckDBPyConnection) -> list[tuple[int, str, str]]:
        """Return (row, what is wrong, the line) of every line the reader gave up on; ask after `make`."""
        if not self.rejects:
            return []
        line = f"regexp_replace(first(csv_line), {literal(f'{re.escape(texts.ENDED)}$')}, '')"
        return con.execute(
            f"SELECT line, first(error_message), {line} FROM {self.rejects} GROUP BY line ORDER BY line"
        ).fetchall()


def database(folder: Path, scratch: Path) -> str:
    """Return what the engine is to be connected to, for the files in `folder`: memory, or a file in `scratch`."""
    sizes = {path: path.stat().st_size for path in files_of(folder) if path.is_file()}
    unpacked = sum(size * (1 if suffix_of(path) in (".csv", ".tsv") else 6) for path, size in sizes.items())
    return str(scratch / "tables.duckdb") if unpacked > IN_MEMORY else ":memory:"


def is_workbook(data: Path) -> bool:
    """Return whether `data` is one workbook, which may stand for a folder of tables."""
    return data.is_file() and suffix_of(data) in sheets.SUFFIXES


def files_of(data: Path) -> list[Path]:
    """Return what lies in a folder of tables; a single workbook is one, too."""
    return [data] if data.is_file() else sorted(data.iterdir())


def bound(con: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Let the engine take no more than `MEMORY`: what is larger it works on in the folder `scratch`."""
    con.execute(f"SET temp_directory = {literal(str(scratch / 'spill'))}")
    con.execute(f"SET memory_limit = '{MEMORY}B'")


def suffix_of(path: Path) -> str:
    """Return the known ending of a file name in lower case, or "" """
    return next(
        (ending for ending in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(ending)), ""
    )


def find_tables(folder: Path) -> tuple[dict[str, Source], list[str], list[Path]]:
    """Return the source of each canonical table, and of `TIERING`, in `folder` or the one workbook that it is; what makes the folder unusable, and the files that no
    table is called after."""
    found: dict[str, list[Source]] = {}
    faults, strangers = [], []
    for path in files_of(folder):
        ending = suffix_of(path)
        if path.name.startswith(("~$", ".")):
            continue
        if ending not in TABLES_AS:
            strangers += [path] if _table_called(path.name.split(".")[0]) else []
            continue
        stem = path.name[: -len(ending)]
        if table := _table_called(stem):
            found.setdefault(table, []).append(Source(path))
        elif ending in sheets.SUFFIXES:
            try:
                must_lie_in(path.parent, path)
                for sheet in sheets.names(path):
                    if table := _table_called(sheet):
                        found.setdefault(table, []).append(Source(path, sheet))
            except InputError as error:
                faults.append(str(error))
        else:
            strangers.append(path)
    for table, sources in found.items():
        if len(sources) > 1:
            en = " and ".join(source.label for source in sources)
            zh = "、".join(called(source.label, "zh") for source in sources)
            faults.append(
                words.say(
                    None,
                    f"{folder}: {en} both claim to be the table {table}. Keep one of them.",
                    f"{folder}：{zh} 都对应数据表 {table}。请只保留一个。",
                )
            )
    return {table: sources[0] for table, sources in found.items()}, faults, strangers


def _table_called(stem: str) -> str:
    wanted = stem.strip().casefold()
    names = {name: (name, *words.LABELS[name]) for name in (*TABLES, *TIERING)}
    return next((name for name, called in names.items() if wanted in map(str.casefold, called)), "")


def open_source(con: duckdb.DuckDBPyConnection, source: Source, name: str, scratch: Path) -> Opened:
    """Open `source`; `name` is unique within `con` and `scratch` takes what has to be converted. InputError when it
    cannot be read."""
    path = source.path
    must_lie_in(path.parent, path)
    ending = suffix_of(path)
    try:
        if ending == ".parquet":
            return _open_parquet(con, source)
        if ending in sheets.SUFFIXES:
            return _open_sheet(con, source, name, scratch)
        return _open_text(source, name, scratch)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}). Check the file and its rights.",
            f"{path} 无法读取（{error.strerror or error}）。请检查文件及其访问权限。",
        ) from None
    except duckdb.Error as error:
        raise InputError(
            f"{path}: not a readable {ending} file ({_short(error)}). Export it again.",
            f"{path} 不是可读取的 {ending} 文件（{_short(error)}）。请重新导出。",
        ) from None


def _open_parquet(con: duckdb.DuckDBPyConnection, source: Source) -> Opened:
    relation = f"read_parquet({path_of(source.path)}, file_row_number=true, hive_partitioning=false)"
    described = con.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {relation}").fetchall()
    columns = {row[0]: row[1] for row in described}
    _check_width(source, len(columns))
    origin = {"__row", "__file"} <= columns.keys()
    rows = "__row" if origin else "file_row_number + 2 AS __row"
    foreign = [name for name in columns if name.lower() in RESERVED and not (origin and name == "__file")]
    others = ", ".join(["file_row_number", *map(name_of, foreign)])
    select = f"SELECT file_row_number + 1 AS __k, {rows}, * EXCLUDE ({others}) FROM {relation}"
    return Opened(source, select, select, columns, origin=origin)


def _open_sheet(con: duckdb.DuckDBPyConnection, source: Source, name: str, scratch: Path) -> Opened:
    sheet = sheets.read(source.path, scratch / f"{_flat(name)}.csv", source.sheet)
    _check_width(source, len(sheet.header))
    columns = dict.fromkeys(unique(sheet.header), "VARCHAR")
    options = f"columns={_declared({'__k': 'BIGINT', **columns})}, header=false, {QUOTED}, delim=',', max_line_size={sheet.longest}"
    con.execute(
        f"CREATE TABLE {name_of(name)} AS SELECT __k, __k AS __row, * EXCLUDE (__k) "
        f"FROM read_csv({path_of(sheet.path)}, {options})"
    )
    sheet.path.unlink()
    return Opened(source, f"FROM {name_of(name)}", f"FROM {name_of(name)}", columns, more=sheet.more, lost=sheet.lost)


def _open_text(source: Source, name: str, scratch: Path) -> Opened:
    text, flat = texts.inspect(source.path), _flat(name)
    path = source.path if text.plain else texts.rewrite(source.path, text, scratch / f"{flat}.csv")
    delimiter, header, lines, titles = texts.dialect(text.head)
    if not any(cell.strip() for cell in header):
        raise InputError(
            f"{source.path} is empty. Write the column names in the first row, or delete the file.",
            f"{source.path} 是空的。请在第一行写入列名，或删除该文件。",
        )
    _check_width(source, len(header))
    columns = dict.fromkeys(unique(header), "VARCHAR")
    gz = "'gzip'" if path.name.lower().endswith(".gz") else "'none'"
    options = (
        f"{path_of(path)}, columns={_declared(columns)}, header=true, {QUOTED}, delim={literal(delimiter)}, "
        f"compression={gz}, skip={lines}"
    )
    blanks = texts.blank_rows(source.path, text, delimiter) if text.has_blank_lines else []
    noted = f"store_rejects=true, rejects_table='rejects_{flat}', rejects_scan='scans_{flat}', rejects_limit=0"
    return Opened(
        source,
        _numbered(f"read_csv({options})", columns),
        _numbered(f"read_csv({options}, parallel=false, ignore_errors=true)", columns),
        columns,
        _numbered(f"read_csv({options}, parallel=false, {noted})", columns),
        f"rejects_{flat}",
        blanks=[*range(1, titles + 1), *blanks],
    )


def _check_width(source: Source, n: int) -> None:
    if n > WIDEST:
        raise InputError(
            f"{source.path}: has {n:,} columns; {WIDEST:,} can be read. Delete those that are not needed.",
            f"{source.path}：共 {n:,} 列，最多可读取 {WIDEST:,} 列。请删除不需要的列。",
        )


def _flat(name: str) -> str:
    return f"{zlib.crc32(name.encode()):08x}"


def _declared(columns: dict[str, str]) -> str:
    return f"{{{', '.join(f'{literal(column)}: {literal(kind)}' for column, kind in columns.items())}}}"


def _numbered(relation: str, columns: dict[str, str]) -> str:
    """Number the rows of a text file; rows with nothing in any cell are not rows."""
    anything = ", ".join(name_of(column) for column in columns)
    return (
        f"SELECT *, __k + 1 AS __row FROM (SELECT row_number() OVER () AS __k, * FROM {relation}) "
        f"WHERE coalesce({anything}) IS NOT NULL"
    )


def unique(header: list[str]) -> list[str]:
    """Return the header with empty names numbered and repeated ones told apart; the engine ignores case."""
    seen = set(RESERVED)
    names = []
    for place, cell in enumerate(header, 1):
        name = base = cell.strip().replace("\x00", "") or f"column {place}"
        again = 2
        while name.lower() in seen:
            name, again = f"{base} ({again})", again + 1
        seen.add(name.lower())
        names.append(name)
    return names


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:160]
