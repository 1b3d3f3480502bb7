"""`kam import`: bring any files into the canonical tables by a mapping file, with every row accounted for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import ibis

from kamlib import rooms, words
from kamlib.errors import InputError, suggest
from kamlib.settings import FILE, Settings, read_settings
from kamlib.sources import absent, own, store, toml
from kamlib.sources.crm import AUTO, Recognition, doubts
from kamlib.sources.crm.choose import choose
from kamlib.sources.files import Source
from kamlib.sources.ledger import Fault, Ledger, LedgerEntry
from kamlib.sources.mapping_file import ColumnSpec, Mapping, TableSpec
from kamlib.sources.raw import Raw, takers
from kamlib.sources.reader import read_tables
from kamlib.sources.sandbox import Sandbox
from kamlib.sources.sql import literal, name_of, path_of
from kamlib.tables import TABLES
from kamlib.workspace import Data, last_day, snapshots
from kamlib.workspace.snapshots import Snapshot
from kamlib.workspace.vault import Vault


@dataclass(frozen=True)
class Imported:
    """What an import did: the ledger, and the snapshot it made; None when the newest was made from the very same."""

    ledger: Ledger
    snapshot: Snapshot | None

    def text(self, lang: str | None = None) -> str:
        """Return where the snapshot is, or that nothing changed."""
        if self.snapshot is None:
            return words.say(
                lang,
                "Nothing changed: the newest snapshot of that date was made from the same files, mapping and rules.",
                "无变化：该日期的最新快照由相同的文件、映射和规则生成。",
            )
        told = words.say(lang, f"Snapshot: {self.snapshot.folder}", f"快照：{self.snapshot.folder}")
        return "\n".join(filter(None, (told, self._set_aside(lang))))

    def _set_aside(self, lang: str | None) -> str:
        """Where the rows set aside lie, "" when there are none."""
        n = sum(entry.set_aside for entry in (*self.ledger.entries, *self.ledger.files))
        folder = self.snapshot.folder / "set_aside"
        en, zh = f"Rows set aside, each with its reason: {n:,}, in {folder}", f"未采用的行及原因：{n:,} 行，见 {folder}"
        if self.snapshot.vault:
            where = f"kam check {self.snapshot.vault.workspace} --out "
            en, zh = f"{en}, encrypted; to read them: {where}FOLDER", f"{zh}（已加密；查看：{where}文件夹）"
        return words.say(lang, en, zh) if n else ""


def import_data(
    mapping: Path | str,
    source: Path | str,
    into: Path | str,
    as_of: str | dt.date = "",
    *,
    dates: str = "",
    save: Path | None = None,
    encrypt: bool = False,
    tell: Callable[[Recognition], None] | None = None,
) -> Imported:
    """Bring the files in the folder `source`, or the one file that it is, into the canonical tables, as the file `mapping` says, or as they are
    recognised: "auto" or the name of a vendor. `dates` decides between day and month where nothing tells; the mapping is
    saved in the file `save`; with `encrypt` a new workspace is an encrypted one; `tell` is given what was recognised
    before anything is written.

    Adds a snapshot to the workspace `into`, whole or not at all: the tables as Parquet, the ledger, the rows set aside
    as CSV; `kamlib.load` reads it. The rules are those of the workspace's `kam.toml`; the first import writes it.
    InputError lists what keeps the import from being made.
    """
    source, into = Path(source), Path(into)
    if str(mapping) == AUTO and own.is_template(source):
        return Imported(*own.bring(source, into, as_of, encrypt))
    if source.is_file():
        with rooms.alone(source) as folder:
            return import_data(mapping, folder, into, as_of, dates=dates, save=save, encrypt=encrypt, tell=tell)
    chosen = choose(mapping, source, as_of, dates)
    if tell and chosen.recognition:
        tell(chosen.recognition)
    if save:
        chosen.save(save)
    with (
        rooms.room() as folder,
        snapshots.writing(into, encrypt) as opened,
    ):
        settings = chosen.settings
        if (into / FILE).is_file():
            settings = read_settings(into).model_copy(update={"as_of": settings.as_of})
        mapped = _map(chosen.declared, chosen.path, source, Path(folder), settings.timezone)
        mapped.faults += _links(source)
        if chosen.recognition:
            mapped.faults += chosen.recognition.told
            mapped.guessed = chosen.recognition.guessed
        return _write(mapped, chosen.declared, settings, chosen.path, source, into, Path(folder), opened)


def _links(source: Path) -> list[Fault]:
    """Tell of links to folders: nothing behind them is read."""
    links = [
        path.relative_to(source).as_posix() for path in sorted(source.rglob("*")) if path.is_symlink() and path.is_dir()
    ]
    return [Fault("", link, "", "linked_folder", "told", 1) for link in links if not link.startswith(".")]


@dataclass
class _Mapped:
    """The canonical tables as Parquet, unchecked, and what became of the rows of the files."""

    tables: dict[str, Source]
    entries: list[LedgerEntry]
    faults: list[Fault]
    asides: dict[str, Path]
    files: list[Path]
    guessed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By table the file and header of what had to do for a record id."""


def _map(declared: Mapping, mapping: Path, source: Path, scratch: Path, zone: str) -> _Mapped:
    box = Sandbox(scratch, mapping, zone)
    try:
        raws = {name: Raw(box, name, spec) for name, spec in declared.files.items()}
        lenient = declared.missing == "told"
        for raw in raws.values():
            raw.bring(source, lenient)
        box.lock()
        lost: list[Fault] = []
        if lenient:
            declared, lost = absent.pruned(box, declared, raws)
            raws = {name: raws[name] for name in declared.files}
        for raw in raws.values():
            raw.apply_rules()
        made = {name: _make(box, raws, name, parts) for name, parts in declared.tables.items()}
        for raw in raws.values():
            raw.leave(*takers(box, declared, raw))
        accounts = [raw.account() for raw in raws.values()]
        if faults := _all_set_aside(raws, [entry for entry, _ in accounts]):
            raise InputError("\n".join(faults))
        asides = {name: scratch / f"aside {name}.parquet" for name in raws}
        return _Mapped(
            {name: table for name, (table, _) in made.items()},
            [entry for entry, _ in accounts],
            [fault for _, faults in (*accounts, *made.values(), ((), lost)) for fault in faults],
            {name: path for name, path in asides.items() if raws[name].write_set_aside(path)},
            [path for raw in raws.values() for path in raw.paths],
        )
    finally:
        box.con.close()


def _all_set_aside(raws: dict[str, Raw], entries: list[LedgerEntry]) -> list[str]:
    """Say by which rules no row at all was left."""
    if any(entry.kept or not entry.read for entry in entries):
        return []
    return [
        words.say(
            None,
            f"{raw.label}: every row was set aside ({', '.join(f'{f.detail}: {f.n:,}' for f in raw.told if f.detail)}). Bring "
            f"rows that count, or change the rules under files.{name}.set_aside of the mapping (docs/own-data.md).",
            f"{raw.label}：所有行均被搁置（{'，'.join(f'{f.what()}：{f.n:,}' for f in raw.told if f.detail)}）。请提供有效的行，"
            f"或修改映射中 files.{name}.set_aside 的规则（docs/own-data.md）。",
        )
        for name, raw in raws.items()
    ]


def _write(
    mapped: _Mapped,
    declared: Mapping,
    settings: Settings,
    mapping: Path,
    source: Path,
    into: Path,
    scratch: Path,
    opened: Vault | None,
) -> Imported:
    con = ibis.duckdb.connect(scratch / "tables.duckdb")
    try:
        reading = read_tables(con.con, mapped.tables, settings, scratch, mapping)
        doubts.refuse_unmatched(mapped.guessed, reading.ledger)
        if reading.faults:
            raise InputError("\n".join(reading.faults))
        for name, path in mapped.asides.items():
            con.raw_sql(f"CREATE TABLE set_aside.{name_of(f'source_{name}')} AS FROM read_parquet({path_of(path)})")
        checked = reading.ledger
        ledger = Ledger(checked.entries, (*mapped.faults, *checked.faults), tuple(mapped.entries), con.con)
        settings = settings.model_copy(update={"currency": reading.currency})
        measured = frozenset(entry.table for entry in ledger.entries)
        data = Data(con, last_day(con, settings.as_of), settings, ledger, measured, into)
        entries = {key: entry for key, entry in declared.settings.items() if key != "as_of"}
        rules = toml.document(entries | {"currency": reading.currency})
        rules = f"# written by kam import from {mapping.name}\n{rules}"
        made_by = {"name": mapping.name, "sha256": declared.fingerprint()}
        snapshot = snapshots.add(into, data, store.hashes(mapped.files, source), made_by, rules, opened)
    finally:
        con.disconnect()
    return Imported(Ledger(ledger.entries, ledger.faults, ledger.files), snapshot)


def _make(box: Sandbox, raws: dict[str, Raw], name: str, parts: tuple[TableSpec, ...]) -> tuple[Source, list[Fault]]:
    """Write the rows of a canonical table to Parquet; return where, and the values that were renamed."""
    where, path = f"tables.{name}", box.scratch / f"{name}.parquet"
    faults: list[Fault] = []
    if parts[0].sql:
        columns, title = [], f"{box.mapping.name}, {name}"
        select = _in_order(box, name, box.select(parts[0].sql, f"{where}.sql"), where)
    else:
        selects = []
        for part in parts:
            chosen, renamed = _rows_of(box, raws[part.source], name, part)
            selects.append(chosen)
            faults += renamed
        columns = list(dict.fromkeys(column for part in parts for column in raws[part.source].columns))
        title = ", ".join(dict.fromkeys(raws[part.source].label for part in parts))
        select = " UNION ALL BY NAME ".join(f"({chosen})" for chosen in selects)
    box.run(f"COPY ({select}) TO {literal(str(path))} (FORMAT parquet)", where, columns)
    return Source(path, title=title), faults


def _rows_of(box: Sandbox, raw: Raw, name: str, part: TableSpec) -> tuple[str, list[Fault]]:
    """Return the SELECT that makes rows of the table from those of a file, and the values that were renamed."""
    where = f"tables.{name}"
    condition = box.expression(part.where or "true", f"{where}.where")
    rows = f"FROM {raw.table} AS {name_of(raw.name)} WHERE __why IS NULL AND {condition}"
    cells = {column: _cell(box, raw, cell, f"{where}.columns.{column}") for column, cell in part.columns.items()}
    faults: list[Fault] = []
    for column, cell in part.columns.items():
        if cell.values:
            fault = Fault(name, raw.label, column, "renamed", "told", 0)
            faults += _renamed(box, raw, fault, cells[column], cell, rows)
            cells[column] = _recoded(cells[column], cell)
    listed = ", ".join(f"{cell} AS {name_of(column)}" for column, cell in cells.items())
    select = f"SELECT {listed}, __file, __row {rows}"
    if part.once:
        once = box.expression(part.once, f"{where}.once")
        select += f" QUALIFY row_number() OVER (PARTITION BY {once} ORDER BY __file, __row) = 1"
    if part.once or any("select" in cell.sql.lower() for cell in part.columns.values()):  # may come out of order
        select += " ORDER BY __file, __row"
    return select, faults


def _in_order(box: Sandbox, name: str, select: str, where: str) -> str:
    """Check the columns of a SELECT and order its rows by key, so that two imports give the same file."""
    found = [column for column, *_ in box.run(f"DESCRIBE {select}", f"{where}.sql", []).fetchall()]
    table = TABLES[name]
    faults = [
        words.say(
            None,
            f"{box.mapping}: {where}.sql: '{column}' is no column of {name}.{suggest(column, table.names)}",
            f"{box.mapping}：{where}.sql：{name} 没有列“{column}”。{suggest(column, table.names)}",
        )
        for column in found
        if column not in table.names
    ]
    faults += [
        words.say(
            None,
            f"{box.mapping}: {where}.sql: select a column '{column}'.",
            f"{box.mapping}：{where}.sql：SELECT 中须有列“{column}”。",
        )
        for column in table.required
        if column not in found
    ]
    if faults:
        raise InputError("\n".join(faults))
    return f"FROM {select} ORDER BY {', '.join(name_of(key) for key in table.key if key in found)}"


def _cell(box: Sandbox, raw: Raw, spec: ColumnSpec, where: str) -> str:
    if spec.sql:
        return box.expression(spec.sql, where)
    found = next((column for column in raw.columns if column.casefold() == spec.column.casefold()), None)
    if found is None:
        raise InputError(
            f"{box.mapping}: {where}: {raw.label} has no column '{spec.column}'.{suggest(spec.column, raw.columns)} "
            f"Columns: {', '.join(raw.columns)}.",
            f"{box.mapping}：{where}：{raw.label} 没有列“{spec.column}”。{suggest(spec.column, raw.columns)}"
            f"现有列：{'、'.join(raw.columns)}。",
        )
    return name_of(found)


def _recoded(cell: str, spec: ColumnSpec) -> str:
    cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in spec.values.items())
    return f"CASE CAST({cell} AS VARCHAR) {cases} ELSE CAST({cell} AS VARCHAR) END"


def _renamed(box: Sandbox, raw: Raw, fault: Fault, cell: str, spec: ColumnSpec, rows: str) -> list[Fault]:
    """Tell how often each value was renamed."""
    old = ", ".join(map(literal, spec.values))
    counts = box.run(
        f"SELECT CAST({cell} AS VARCHAR) AS old, count(*) {rows} AND CAST({cell} AS VARCHAR) IN ({old}) GROUP BY old ORDER BY old",
        f"tables.{fault.table}.columns.{fault.column}",
        raw.columns,
    ).fetchall()
    pairs = tuple(
        (None, f"{value} → {spec.values[value]} ({n:,})") for value, n in counts if value != spec.values[value]
    )
    total = sum(n for value, n in counts if value != spec.values[value])
    return [replace(fault, n=total, examples=pairs)] if pairs else []
