"""Rows to files: CSV with one spelling for every value, or Parquet with proper types, one row group after the other."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kamlib.sample.catalog import COMPANY, LAST_DAY
from kamlib.tables import TABLES, Column, Table

NOT_ASKED = {("cases", "effort")}
"""Columns that the sample company does not fill: it asks nobody how easy it was."""
MADE = {
    name: replace(table, columns=tuple(c for c in table.columns if (name, c.name) not in NOT_ASKED))
    for name, table in TABLES.items()
    if name != "enrichment"
}
"""The tables of the sample company; no platform has data about customers who are invented."""
ARROW_TYPES = {
    "text": pa.string(), "date": pa.date32(), "time": pa.timestamp("us"), "money": pa.decimal128(18, 2), "number": pa.float64(),
    "integer": pa.int64(), "flag": pa.bool_(),
}  # fmt: skip


def write_settings(into: Path) -> None:
    """Write the sample's `kam.toml`."""
    text = (
        "# The rules of the invented sample company; an entry that is not given has its default.\n"
        f'company = "{COMPANY}"\ncurrency = "CNY"\nas_of = {LAST_DAY}\n'
    )
    (into / "kam.toml").write_text(text, encoding="utf-8", newline="\n")


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


def schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of a canonical table."""
    return pa.schema([(column.name, ARROW_TYPES[column.type]) for column in table.columns])


def to_arrow(table: Table, rows: list[dict]) -> pa.Table:
    """Return generated rows as a typed Arrow table."""
    columns = [
        pa.array([_typed(column, row.get(column.name)) for row in rows], ARROW_TYPES[column.type])
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=schema(table))


def _typed(column: Column, value):
    if value is None:
        return None
    if column.type == "money":
        return Decimal(value).scaleb(-2)
    if column.type in ("number", "integer"):
        return (float if column.type == "number" else int)(value)
    return value


class ParquetFiles:
    """One open Parquet file per table; a file gets its name when it is complete."""

    def __init__(self, into: Path) -> None:
        self.into, self.open = into, {}

    def __enter__(self) -> ParquetFiles:
        for name, table in MADE.items():
            self.open[name] = pq.ParquetWriter(
                self.into / f"{name}.parquet.part", schema(table), compression="zstd", compression_level=1, store_decimal_as_integer=True,
                use_dictionary=[c.name for c in table.columns if c.type == "text" and c.name not in table.key and not c.name.endswith("_id")],
            )  # fmt: skip
        return self

    def add(self, name: str, rows: pa.Table) -> None:
        """Write `rows` as one row group; columns that it lacks are empty."""
        wanted = schema(MADE[name])
        columns = [
            rows[f.name].cast(f.type) if f.name in rows.column_names else pa.nulls(len(rows), f.type) for f in wanted
        ]
        self.open[name].write_table(pa.Table.from_arrays(columns, schema=wanted), row_group_size=max(len(rows), 1))

    def __exit__(self, kind, *_) -> None:
        for name, writer in self.open.items():
            writer.close()
            part = self.into / f"{name}.parquet.part"
            part.unlink() if kind else part.replace(self.into / f"{name}.parquet")
