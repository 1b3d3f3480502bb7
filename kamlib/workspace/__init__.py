"""The border: a folder of tables or a workspace goes in, checked and typed tables as known on one date come out.

`load` is all a notebook needs. A workspace keeps what was imported as dated snapshots (`snapshots`). Behind `load` no function checks for missing columns, and none can see the future: rows
dated after the as-of date are cut here, and columns that became known later have the value they had before.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import ibis
import pandas as pd

from kamlib import mart as _mart
from kamlib import quality, rooms
from kamlib.errors import InputError
from kamlib.params import resolve
from kamlib.settings import FILE, Settings, read_settings
from kamlib.sources import enrichment, stages, store, toml
from kamlib.sources.files import database, is_workbook
from kamlib.sources.ledger import Ledger
from kamlib.sources.reader import read_folder
from kamlib.sources.sql import literal
from kamlib.tables import TABLES
from kamlib.workspace import history, snapshots, vault
from kamlib.workspace.border import known_on, known_on_each, newest
from kamlib.workspace.snapshots import Snapshot

_KEPT = {"mart": _mart.account_mart, "months": _mart.account_months, "order_days": _mart.order_days}
"""What `prepare` keeps, computed."""


@dataclass
class Data:
    """The tables as known on `as_of`.

    `measured` names the tables that the folder holds; every other one is there too, typed and empty, so that code
    needs no special case. `frame` gives pandas (money as float, dates as datetime64), `table` gives Ibis for anything
    larger than accounts.
    """

    con: ibis.BaseBackend
    as_of: dt.date
    settings: Settings
    ledger: Ledger
    measured: frozenset[str]
    source: Path
    files: tuple[Path, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    """Those of a workspace that were known on the date; what they teach together is in `kamlib.workspace.history`."""
    room: tempfile.TemporaryDirectory | None = field(default=None, repr=False)
    """The private folder of an encrypted workspace; nothing of its data may be written in the clear elsewhere."""
    _scratch: tempfile.TemporaryDirectory | None = field(default=None, repr=False)
    _cut: dict[str, ibis.Table] = field(default_factory=dict, repr=False)

    def has(self, *names: str) -> bool:
        """Return whether all the named tables were delivered."""
        return all(name in self.measured for name in names)

    def table(self, name: str) -> ibis.Table:
        """Return the table called `name` as an Ibis expression, cut at `as_of`; accounts completed from third parties."""
        if name not in self._cut:
            rows = known_on(self.con, TABLES[name], self.as_of)
            if name == "accounts" and self.has("enrichment"):
                rows = enrichment.completed(rows, self.table("enrichment"))
            self._cut[name] = rows
        return self._cut[name]

    def frame(self, name: str) -> pd.DataFrame:
        """Return the table called `name` as a data frame, cut at `as_of`, by key; empty but typed when not measured."""
        return to_frame(self.table(name).order_by(TABLES[name].key))

    def at(self, day: dt.date) -> Data:
        """Return the same tables as they were known on an earlier `day`; ValueError for a later one."""
        if day > self.as_of:
            raise ValueError(f"{day} lies after the as-of date {self.as_of}: load the folder as of that day.")
        known = tuple(one for one in self.snapshots if one.as_of <= day)
        return replace(self, as_of=day, snapshots=known, _cut={})

    def on_each(self, name: str, days: Sequence[dt.date]) -> ibis.Table:
        """Return the table called `name` as it was known on each of `days`, none after `as_of`: its rows once per day, with
        the day in `cutoff`. For many past days at once; `at` gives one of them whole."""
        if any(pd.Timestamp(day).date() > self.as_of for day in days):
            raise ValueError(f"a day lies after the as-of date {self.as_of}: load the folder as of that day.")
        return known_on_each(self.con, TABLES[name], days)

    def newest_on_each(self, name: str, days: Sequence[dt.date]) -> pd.Series:
        """Return the date of the newest row, or of the newest fact in a row, that `on_each` shows on each of `days`."""
        return to_frame(newest(self.on_each(name, days), TABLES[name])).set_index("cutoff")["newest"]

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of the files that the tables were read from, by name."""
        return store.hashes(self.files, Path(self.room.name) if self.room else self.source)

    @cached_property
    def mart(self) -> pd.DataFrame:
        """One row per account as of the date; columns are documented in `kamlib.mart`."""
        return self._kept("mart")

    @cached_property
    def months(self) -> pd.DataFrame:
        """One row per account and calendar month with orders, returns or service cost; see `kamlib.mart`."""
        return self._kept("months")

    @cached_property
    def order_days(self) -> pd.DataFrame:
        """One row per account and order date; see `kamlib.mart`."""
        return self._kept("order_days")

    def _kept(self, name: str) -> pd.DataFrame:
        """Read what `prepare` kept for this date and these settings; else compute it."""
        path = _mart_folder(self.source, self.as_of) / f"{name}.parquet"
        if not (store.is_prepared(self.source) and path.is_file()):
            return to_frame(_KEPT[name](self))
        return pd.read_parquet(path)


def load(data_dir: str | Path, as_of: str | dt.date = "") -> Data:
    """Read the tables in `data_dir` as known on `as_of` (YYYY-MM-DD): a folder of tables or one workbook, checked and typed, a prepared
    folder, or a workspace, of which the newest snapshot not later than `as_of` is read.

    Without `as_of` the date in `kam.toml` holds, else that of the newest snapshot, else the last order date. InputError
    lists every fault at once.
    """
    folder = resolve(data_dir)
    if not folder.is_dir() and not is_workbook(folder):
        raise InputError(
            f"{folder} is not a folder. Give the folder that holds accounts and orders as CSV, Parquet or Excel, or one workbook.",
            f"{folder} 不是文件夹。请指定存放客户表和订单表（CSV、Parquet 或 Excel）的文件夹，或一个工作簿。",
        )
    opened = vault.unlock(folder)
    settings = read_settings(snapshots.rules_file(folder, opened).parent)
    day = day_of(as_of) or settings.as_of
    room = opened.room if opened else None
    scratch = rooms.room(within=room)
    held = snapshots.held(folder, day, opened) if snapshots.is_workspace(folder) else ()
    prepared = held[-1].whole() if held else folder
    con = engine(prepared, Path(scratch.name))
    if held or store.is_prepared(folder):
        ledger, measured = store.read(con.con, prepared)
        measured |= history.complete(con.con, held, measured)
        files = tuple(one.file(store.MANIFEST) for one in held) or (folder / store.MANIFEST,)
        faults, _ = stages.check(con.con, settings, folder)
    else:
        reading = read_folder(con.con, folder, settings, Path(scratch.name))
        ledger, files, faults = reading.ledger, tuple(reading.files), reading.faults
        settings = settings.model_copy(update={"currency": reading.currency})
        measured = frozenset(entry.table for entry in ledger.entries)
    if faults:
        raise InputError("\n".join(faults))
    day = last_day(con, day or (held[-1].as_of if held else None))
    return Data(con, day, settings, ledger, measured, folder, files, held, room, scratch)


def prepare(data: Data | str | Path, into: str | Path) -> None:
    """Write the checked tables, the ledger, their quality, the rows set aside and the mart into the folder `into`, whole
    or not at all. InputError when the quality is below what the rules ask for.

    `load(into)` then reads them back as they are, without checking again. The mart is kept for the date of `data`.
    """
    data = data if isinstance(data, Data) else load(data)
    opened = data.snapshots[-1].vault if data.snapshots else None
    kam_toml = snapshots.rules_file(data.source, opened)
    text = kam_toml.read_text(encoding="utf-8") if kam_toml.is_file() else ""
    if read_settings(kam_toml.parent).currency != data.settings.currency:
        text = f"currency = {toml.value(data.settings.currency)}\n{text}"
    assessed = quality.accepted(data)
    with store.Replacing(Path(into)) as part:
        assessed.write(part)
        store.write(data.con.con, data.measured, data.ledger, data.hashes(), text, part)
        folder = _mart_folder(part, data.as_of)
        folder.mkdir(parents=True)
        for name, build in _KEPT.items():
            _numbers(build(data)).to_parquet(folder / f"{name}.parquet")


def _mart_folder(folder: Path, as_of: dt.date) -> Path:
    """Where marts of one date are kept; other settings give another place, so that none is ever stale."""
    kam_toml = folder / FILE
    mark = store.sha256(kam_toml)[:12] if kam_toml.is_file() else "defaults"
    return folder / "mart" / f"{as_of}-{mark}"


def engine(folder: Path, scratch: Path) -> ibis.BaseBackend:
    """Return an engine for the tables in `folder`: in memory, or on disk in `scratch` when they are large."""
    con = ibis.duckdb.connect(database(folder, scratch))
    con.raw_sql(f"SET temp_directory = {literal(str(scratch / 'spill'))}")
    con.raw_sql("SET enable_progress_bar = false")  # it would print into notebooks and logs
    return con


def day_of(given: str | dt.date) -> dt.date | None:
    """Return the date given as text, None for an empty one. InputError when it is no date."""
    try:
        return (dt.date.fromisoformat(given) if given else None) if isinstance(given, str) else given
    except ValueError:
        raise InputError(
            f"as_of = '{given}' is not a date. Write it as YYYY-MM-DD, e.g. 2025-12-31.",
            f"as_of = '{given}' 不是日期。请写成 YYYY-MM-DD，例如 2025-12-31。",
        ) from None


def last_day(con: ibis.BaseBackend, day: dt.date | None) -> dt.date:
    """Return the last day to be seen: `day`, else the last order date, one in the future aside. InputError when no order
    lies before it."""
    known = "coalesce(max(order_date) FILTER (WHERE order_date <= current_date + 1), max(order_date))"
    first, last = con.con.execute(f"SELECT min(order_date), {known} FROM orders").fetchone()
    if not (day or last):
        raise InputError(
            "The orders table holds no dated row. Give as_of = YYYY-MM-DD, or bring orders.",
            "订单表中没有带日期的行。请指定 as_of = YYYY-MM-DD，或提供订单。",
        )
    if first and day and day < first:
        raise InputError(
            f"as_of = {day} lies before the first order ({first}). Give a later date.",
            f"as_of = {day} 早于第一笔订单（{first}）。请指定更晚的日期。",
        )
    return day or last


def to_frame(table: ibis.Table) -> pd.DataFrame:
    """Run an Ibis expression; decimals become floats and dates datetime64, so that pandas can compute with both."""
    frame = _numbers(table).to_pandas()
    empty = [name for name, kind in table.schema().items() if kind.is_integer() and frame[name].dtype == object]
    return frame.astype(dict.fromkeys(empty, "float64"))  # nulls only


def _numbers(table: ibis.Table) -> ibis.Table:
    whole = "decimal(18, 0)"  # DuckDB sums integers to 128 bits, which Parquet would hold as floats
    casts = {}
    for name, kind in table.schema().items():
        if kind.is_decimal():
            casts[name] = table[name].cast("float64")
        elif kind.is_date():
            casts[name] = table[name].cast("timestamp")
        elif kind.is_integer():
            casts[name] = table[name].cast(whole).cast("int64")
    return table.mutate(**casts)
