"""Rows to files: CSV with one spelling for every value, or Parquet with proper types, written row group by row group."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from kamlib.sample.catalog import COMPANY, LAST_DAY
from kamlib.tables import TABLES, Column, Table


def settings_text() -> str:
    """Return the sample's `kam.toml`."""
    return f'# The rules of the invented sample company; every entry not given has its default.\ncompany = "{COMPANY}"\ncurrency = "CNY"\nas_of = {LAST_DAY}\n'


def write_csv(path: Path, table: Table, rows: Iterable[dict]) -> None:
    """Write all columns of `table`; a missing value is an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.names)
        for row in rows:
            writer.writerow([cell(column, row.get(column.name)) for column in table.columns])


def cell(column: Column, value) -> str:
    """Return a value as the CSV file shows it; money comes in fen."""
    if value is None:
        return ""
    if column.type == "money":
        return f"{'-' if value < 0 else ''}{abs(value) // 100}.{abs(value) % 100:02d}"
    if column.type == "flag":
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes") + ":00"
    return str(value)


def write_tables(into: Path, rows: dict[str, list[dict]]) -> None:
    """Write every canonical table as CSV, and `kam.toml`."""
    into.mkdir(parents=True, exist_ok=True)
    for name, table in TABLES.items():
        write_csv(into / f"{name}.csv", table, rows[name])
    (into / "kam.toml").write_text(settings_text(), encoding="utf-8", newline="\n")
