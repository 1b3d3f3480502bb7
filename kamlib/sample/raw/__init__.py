"""The sample company as a CRM exports it: the raw files of one vendor, declared in YAML beside this module.

A declaration is a mapping file the other way round: per file or sheet the rows (`from`, SQL over the canonical tables)
and per header of the vendor the SQL that renders its cells. Record ids are the canonical ids in the vendor's spelling,
one to one, so that what an import gives back can be compared row by row.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import gzip
import io
from collections.abc import Iterable
from pathlib import Path

import duckdb
import xlsxwriter
import yaml

from kamlib import words
from kamlib.errors import InputError, suggest
from kamlib.formulas import XLSX
from kamlib.sources.sql import literal, name_of
from kamlib.tables import TABLES
from kamlib.workspace import Data

VENDORS = ("zoho", "fxiaoke")
SHEET_ROWS = 1_048_576


def export(data: Data, vendor: str, into: Path | str) -> list[Path]:
    """Write the tables of `data`, as known on its date, into the folder `into` as `vendor` exports them; return the files.

    "zoho": CSV with English labels; "fxiaoke" (纷享销客): Excel workbooks with Chinese labels.
    """
    declared = declaration(vendor)
    into = Path(into)
    into.mkdir(parents=True, exist_ok=True)
    files: dict[Path, list[dict]] = {}
    for sheet in declared["sheets"]:
        files.setdefault(into / sheet["file"].format(day=data.as_of), []).append(sheet)
    with engine(data, declared) as con:
        for path, sheets in files.items():
            (_write_workbook if path.suffix == ".xlsx" else _write_csv)(con, sheets, path, str(data.as_of))
    return list(files)


def declaration(vendor: str) -> dict:
    """Return what the YAML file of `vendor` says; InputError when there is none."""
    if vendor not in VENDORS:
        raise InputError(
            f"--as '{vendor}': no such vendor.{suggest(vendor, VENDORS)} Give one of: {', '.join(VENDORS)}.",
            f"--as '{vendor}'：没有这个厂商。{suggest(vendor, VENDORS)}可选：{'、'.join(VENDORS)}。",
        )
    return yaml.safe_load(Path(__file__).with_name(f"{vendor}.yml").read_text(encoding="utf-8"))


def engine(data: Data, declared: dict) -> duckdb.DuckDBPyConnection:
    """Return an engine that holds the tables of `data`, and the macros of the declaration; `known(day)` is its date."""
    con = duckdb.connect()
    for name in TABLES:
        con.register("arrow", data.table(name).to_pyarrow())
        con.execute(f"CREATE TABLE {name_of(name)} AS FROM arrow")
        con.unregister("arrow")
    pairs = {(column.name, value) for table in TABLES.values() for column in table.columns for value in column.values}
    labels = ", ".join(
        f"{literal(f'{column}.{value}')}: {literal(words.code(column, value, declared['lang']))}"
        for column, value in sorted(pairs)
    )
    con.execute(f"CREATE MACRO label(kind, code) AS map_extract(MAP {{{labels}}}, kind || '.' || code)[1]")
    con.execute(f"CREATE MACRO today() AS DATE {literal(str(data.as_of))}")
    for macro in declared["macros"]:
        con.execute(f"CREATE MACRO {macro}")
    return con


def _rows(con: duckdb.DuckDBPyConnection, sheet: dict) -> Iterable[tuple]:
    cells = ", ".join(f"{sql} AS {name_of(header)}" for header, sql in sheet["columns"].items())
    cursor = con.execute(f"SELECT {cells} FROM {sheet['from']}")
    while block := cursor.fetchmany(10_000):
        yield from block


def _write_csv(con: duckdb.DuckDBPyConnection, sheets: list[dict], path: Path, _: str) -> None:
    (sheet,) = sheets
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(path.open("wb"))
        if path.suffix == ".gz":
            raw = stack.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0))  # no name, no clock: same bytes
        file = stack.enter_context(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(sheet["columns"])
        writer.writerows(_rows(con, sheet))


def _write_workbook(con: duckdb.DuckDBPyConnection, sheets: list[dict], path: Path, day: str) -> None:
    book = xlsxwriter.Workbook(path, XLSX)
    book.set_properties({"created": dt.datetime.fromisoformat(day)})  # no clock: same bytes
    for declared in sheets:
        sheet = book.add_worksheet(declared["sheet"])
        title = declared.get("title", "").format(day=day)
        if title:
            sheet.write_string(0, 0, title)
        top = 1 if title else 0
        for place, header in enumerate(declared["columns"]):
            sheet.write_string(top, place, header)
        for row, cells in enumerate(_rows(con, declared), start=top + 1):
            if row == SHEET_ROWS:
                raise InputError(
                    f"{path}: a sheet holds {SHEET_ROWS:,} rows. Take a smaller company.",
                    f"{path}：一张工作表最多 {SHEET_ROWS:,} 行。请减少客户数。",
                )
            for place, cell in enumerate(cells):
                if isinstance(cell, str):
                    sheet.write_string(row, place, cell)
                elif cell is not None:
                    sheet.write_number(row, place, cell)
    book.close()
