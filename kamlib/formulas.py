"""Texts that a spreadsheet would run as formulas stay texts, in every CSV and workbook that leaves the kit.

In a CSV such a text gets an apostrophe before it, and whoever reads it back with this module takes it off again. What
counts as a formula: OWASP, CSV Injection (= + - @, tab and line ends, and their full-width twins), behind blanks too.
Plain numbers are left alone, and so is a text that has its apostrophe already.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pandas as pd

from kamlib.sources.sql import literal

RISKY = "(?:[\\s\u00a0\u3000]*[=+@\uff1d\uff0b\uff0d\uff20-]|[\\t\\r\\n])"
"""How a text begins that needs the apostrophe; for Python (ASCII) and DuckDB alike."""
NUMBER = r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"

XLSX = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""Options of every xlsxwriter.Workbook: a cell is what it says, neither formula nor link."""

_RISKY, _NUMBER = re.compile(RISKY, re.ASCII), re.compile(NUMBER)


def as_text(cell: str) -> str:
    """Return the cell as a CSV may hold it."""
    return "'" + cell if _RISKY.match(cell) and not _NUMBER.fullmatch(cell) else cell


def original(cell: str) -> str:
    """Return the cell that `as_text` was given; of one that brought its own apostrophe, what stands behind it."""
    return cell[1:] if cell[:1] == "'" and _RISKY.match(cell, 1) else cell


def as_text_sql(cell: str) -> str:
    """Return SQL that does to `cell` what `as_text` does."""
    risky = f"regexp_matches({cell}, {literal('^' + RISKY)}) AND NOT regexp_full_match({cell}, {literal(NUMBER)})"
    return f"CASE WHEN {risky} THEN '''' || {cell} ELSE {cell} END"


def original_sql(cell: str) -> str:
    """Return SQL that does to `cell` what `original` does."""
    marked = literal("^'" + RISKY)
    return f"CASE WHEN regexp_matches({cell}, {marked}) THEN substr({cell}, 2) ELSE {cell} END"


def write_csv(table: pd.DataFrame) -> str:
    """Return the table as CSV; a carriage return in a cell becomes a line feed."""
    harmless = table.rename(columns=lambda name: as_text(str(name)))
    for place, kind in enumerate(table.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            harmless.isetitem(place, table.iloc[:, place].map(_harmless))
    return harmless.to_csv(index=False, lineterminator="\n")


def _harmless(cell: object) -> object:
    return as_text(cell.replace("\r", "\n")) if isinstance(cell, str) else cell  # the writer would not quote a lone \\r


def read_csv(text: str) -> Iterator[list[str]]:
    """Return the rows of what `write_csv` wrote, header first, each cell as it was."""
    return ([original(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline="")))
