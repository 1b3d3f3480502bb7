"""Make the tables of a `Data` anew, in an engine of their own that never held anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ibis

from kamlib.rooms import room
from kamlib.rules import DIMENSIONS
from kamlib.settings import FILE, ROLES
from kamlib.sources import toml
from kamlib.sources.ledger import Access, Ledger, LedgerEntry
from kamlib.sources.reader import in_order
from kamlib.sources.sql import literal, name_of
from kamlib.tables import TABLES, Table
from kamlib.workspace import Data

MADE = "made"
"""The name under which a SELECT of `rebuilt` finds the tables made before it."""


def rebuilt(data: Data, select: Callable[[Table], str], access: Access, measured: frozenset[str]) -> Data:
    """Return `data` with each table replaced by the rows of `select(table)`, tables after those they refer to.

    Nothing that came with the files goes along: neither their names, nor earlier snapshots, rows set aside, examples of
    faults, nor the text of `kam.toml`. The ledger counts the rows seen. The gates of quality are open: they are for all
    of the data, and not for what is left of them.
    """
    scratch = room(within=data.room)
    folder, old = Path(scratch.name), data.con.con
    path = folder / "tables.duckdb"
    old.execute(f"ATTACH {literal(str(path))} AS {MADE}")
    for table in sorted(in_order(), key=lambda table: bool(table.seen)):
        old.execute(f"CREATE TABLE {MADE}.{name_of(table.name)} AS {select(table)}")
    old.execute(f"DETACH {MADE}")
    con = ibis.duckdb.connect(path)
    con.raw_sql(f"SET temp_directory = {literal(str(folder / 'spill'))}")
    con.raw_sql("SET enable_progress_bar = false")
    unstopped = data.settings.quality.model_copy(update={"stop": dict.fromkeys(DIMENSIONS, 0.0)})
    settings = data.settings.model_copy(update={"roles": ROLES, "quality": unstopped, "cleaning": ()})
    said = settings.model_dump(exclude_defaults=True, exclude_none=True, exclude={"roles"})
    (folder / FILE).write_text(toml.document(said), encoding="utf-8")
    ledger = Ledger(tuple(_entry(con, TABLES[name]) for name in TABLES if name in measured), access=access)
    return replace(
        data, con=con, settings=settings, ledger=ledger, measured=measured, source=folder, files=(), snapshots=(),
        _scratch=scratch, _cut={},
    )  # fmt: skip


def _entry(con: ibis.BaseBackend, table: Table) -> LedgerEntry:
    money = f"sum({name_of(table.money)})" if table.money else "NULL"
    n, kept = con.con.execute(f"SELECT count(*), {money} FROM {name_of(table.name)}").fetchone()
    return LedgerEntry(
        table.name, "", n, n, 0, 0.0 if kept is not None else None, None if kept is None else float(kept)
    )
