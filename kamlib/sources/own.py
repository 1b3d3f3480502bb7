"""Import of what is a folder of canonical tables already: the Excel template, filled in. No mapping is needed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from kamlib.errors import InputError
from kamlib.rooms import room
from kamlib.settings import FILE, read_settings
from kamlib.sources import store, toml
from kamlib.sources.files import TIERING, find_tables, is_workbook
from kamlib.sources.ledger import Ledger
from kamlib.sources.reader import read_folder
from kamlib.workspace import Data, day_of, engine, last_day, snapshots
from kamlib.workspace.snapshots import Snapshot

TEMPLATE = {"name": "template", "sha256": ""}
"""What the snapshot says instead of a mapping."""


def is_template(source: Path) -> bool:
    """Return whether `source` is the template, or a folder that holds it and nothing but canonical tables."""
    if not (source.is_dir() or is_workbook(source)):
        return False
    found, _, strangers = find_tables(source)
    return not strangers and not found.keys().isdisjoint(TIERING)


def bring(source: Path, into: Path, as_of: str | dt.date = "", encrypt: bool = False) -> tuple[Ledger, Snapshot | None]:
    """Add the tables in `source` as a snapshot to the workspace `into`; see `mapping.import_data`."""
    with (
        room() as scratch,
        snapshots.writing(into, encrypt) as opened,
    ):
        beside = snapshots.rules_file(source)
        settings = read_settings(into if (into / FILE).is_file() else beside.parent)
        con = engine(source, Path(scratch))
        try:
            reading = read_folder(con.con, source, settings, Path(scratch))
            if reading.faults:
                raise InputError("\n".join(reading.faults))
            settings = settings.model_copy(update={"currency": reading.currency})
            measured = frozenset(entry.table for entry in reading.ledger.entries)
            data = Data(con, last_day(con, day_of(as_of) or settings.as_of), settings, reading.ledger, measured, into)
            written = (
                beside.read_text(encoding="utf-8")
                if beside.is_file()
                else toml.document({"currency": reading.currency})
            )
            snapshot = snapshots.add(into, data, store.hashes(reading.files, source), TEMPLATE, written, opened)
        finally:
            con.disconnect()
    return Ledger(reading.ledger.entries, reading.ledger.faults, reading.ledger.files), snapshot
