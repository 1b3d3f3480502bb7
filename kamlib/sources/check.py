"""`kam check`: everything that is wrong with a folder of tables, at once, each with its place and cure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from kamlib import quality, words
from kamlib.errors import InputError
from kamlib.files import write_atomically
from kamlib.quality import Quality, cleaning, joins, told
from kamlib.rooms import room
from kamlib.settings import Settings, read_settings
from kamlib.sources import stages, store
from kamlib.sources.crm import export_of
from kamlib.sources.files import database, is_workbook
from kamlib.sources.ledger import ACTIONS, Ledger, called
from kamlib.sources.reader import Reading, read_folder
from kamlib.workspace import snapshots, vault


@dataclass(frozen=True)
class CheckReport:
    """`faults` make the folder unusable; the ledger says what became of every row of the tables that could be read.
    `quality` is None where tables could not be read; `rows` are the files in the folder `out` with what failed;
    `export_of` is the CRM whose raw export the folder looks like."""

    folder: Path
    faults: tuple[str, ...]
    ledger: Ledger
    currency: str
    quality: Quality | None = None
    rows: tuple[Path, ...] = ()
    out: Path | None = None
    export_of: str = ""

    @property
    def usable(self) -> bool:
        return not self.faults and not (self.quality and self.quality.stops())

    def text(self, lang: str | None = None) -> str:
        """Return the report as lines for a terminal."""
        stops = self.quality.stops(lang) if self.quality else ()
        parts = [self._verdict(lang), *self._export(lang), *(f"✗ {fault}" for fault in (*self.faults, *stops))]
        parts += ["", ledger_text(self.ledger, lang, self.currency)]
        if self.quality:
            parts += ["", quality_text(self.quality, lang)]
        if self.out:
            parts += ["", self._written(lang)]
        return "\n".join(parts)

    def _export(self, lang: str | None) -> list[str]:
        what, folder = self.export_of, self.folder
        en = f"✗ {folder} looks like an export of {what}: bring it with kam import {folder} --into WORKSPACE first."
        zh = f"✗ {folder} 看来是 {what} 的导出文件：请先运行 kam import {folder} --into 工作区。"
        return [words.say(lang, en, zh)] if what else []

    def _written(self, lang: str | None) -> str:
        listed = ", ".join(path.relative_to(self.out).as_posix() for path in self.rows)
        told = words.say(lang, f"In {self.out}: {listed}", f"{self.out} 中：{listed}")
        if not listed:
            told = words.say(lang, f"Nothing to write into {self.out}.", f"没有需要写入 {self.out} 的内容。")
        if self.quality:
            return told
        en = "Only rows set aside can be written; duplicates and what else fails, when the folder can be used."
        return words.say(
            lang, f"{told}\n{en}", f"{told}\n目前只能写出未采用的行；重复客户等其他问题待该文件夹可用后写出。"
        )

    def _verdict(self, lang: str | None) -> str:
        n = len(self.ledger.entries)
        costly = [fault for fault in self.ledger.faults if fault.action != "told"]
        if not self.usable:
            return words.say(
                lang,
                f"{self.folder} cannot be used before this is mended:",
                f"{self.folder} 需先修正以下问题才能使用：",
            )
        if costly:
            return words.say(
                lang,
                f"{self.folder} can be used: {n} tables, {len(costly)} kinds of fault cost rows or cells.",
                f"{self.folder} 可以使用：{n} 张数据表，{len(costly)} 类问题导致行或单元格未采用。",
            )
        return words.say(
            lang,
            f"{self.folder} can be used: {n} tables, no row lost.",
            f"{self.folder} 可以使用：{n} 张数据表，无数据损失。",
        )


def check_folder(folder: Path | str, out: Path | None = None) -> CheckReport:
    """Read and check every table in `folder`; one that kam wrote is checked already and gives its ledger, a workspace
    that of its newest snapshot, whose files are compared with their SHA-256. The rows set aside and those that failed a
    check of quality are written into the folder `out`, as CSV.

    InputError only when it is neither a folder nor a workbook, or was prepared and is damaged; all else is in the report."""
    folder = Path(folder)
    if not folder.is_dir() and not is_workbook(folder):
        raise InputError(
            f"{folder} is not a folder. Give the folder, or the workbook, that holds accounts and orders.",
            f"{folder} 不是文件夹。请指定存放客户表和订单表的文件夹或工作簿。",
        )
    faults: list[str] = []
    opened = vault.unlock(folder)
    try:
        settings = read_settings(snapshots.rules_file(folder, opened).parent)
    except InputError as error:
        faults, settings = str(error).splitlines(), Settings()
    newest = snapshots.held(folder, None, opened)[-1] if snapshots.is_workspace(folder) else None
    held = newest.whole() if newest else folder
    assessed = None
    with room() as scratch:
        con = duckdb.connect(database(held, Path(scratch)))
        con.execute("SET enable_progress_bar = false")
        try:
            if store.is_prepared(held):
                ledger, measured = store.read(con, held)
                reading = Reading(ledger, settings.currency)
                reading.faults, _ = stages.check(con, settings, folder)
                reading.faults += store.damaged(held)
            else:
                reading = read_folder(con, folder, settings, Path(scratch))
                settings = settings.model_copy(update={"currency": reading.currency})
                measured = frozenset(entry.table for entry in reading.ledger.entries)
            last = con.sql("FROM orders").max("order_date").fetchone()[0]
            written = reading.ledger.write_set_aside(out / "set_aside") if out else []
            day = settings.as_of or (newest and newest.as_of) or last
            if day and not (faults or reading.faults):
                assessed = quality.assess(con, measured, reading.ledger, settings, day)
                written += _written(con, assessed, settings, out) if out else []
        finally:
            con.close()
    ledger = Ledger(reading.ledger.entries, reading.ledger.faults, reading.ledger.files)
    exported = export_of(folder) if reading.faults and held is folder else ""
    told = (*faults, *reading.faults)
    return CheckReport(folder, told, ledger, reading.currency, assessed, tuple(written), out, exported)


def _written(con: duckdb.DuckDBPyConnection, assessed: Quality, settings: Settings, out: Path) -> list[Path]:
    """Write what there is to work off into the folder `out`: failing rows, joins, what was cleaned."""
    rows = quality.write_rows(con, assessed, settings, out)
    write_atomically(out / joins.FILE, assessed.joins.to_csv(index=False))
    return [*rows, out / joins.FILE, *cleaning.write(con, out)]


def ledger_text(ledger: Ledger, lang: str | None = None, currency: str = "") -> str:
    """Return the faults, those that cost rows first, and the ledger, as lines for a terminal."""
    parts = []
    for action in ACTIONS:
        lines = [f"  {fault.text(lang, currency)}" for fault in ledger.faults if fault.action == action]
        if lines:
            parts += [words.word(f"action.{action}", lang) + words.say(lang, ":", "："), *lines, ""]
    return "\n".join([*parts, _columns(ledger, lang)])


def quality_text(assessed: Quality, lang: str | None = None) -> str:
    """Return the verdict, the scorecard and what failed beyond what the ledger tells, as lines for a terminal."""
    found = [f"  {line}" for line in told.findings(assessed, lang, border=False)]
    card = aligned(told.scorecard(assessed, lang), left=2)
    if joined := told.joins(assessed, lang):
        card += "\n\n" + aligned(joined, left=2)
    verdict = words.say(lang, "Data quality: ", "数据质量：") + told.verdict(assessed, lang)
    return "\n".join([verdict, "", card, "", *found]).rstrip()


def _columns(ledger: Ledger, lang: str | None) -> str:
    """The ledger as aligned text."""
    frame = ledger.frame()
    frame["source_file"] = [called(name, lang) for name in frame.source_file]
    cells = [[words.word(name, lang) for name in frame.columns]]
    for row in frame.itertuples(index=False):
        cells.append([f"{cell:,}" if isinstance(cell, int) else "" if cell != cell else _cell(cell) for cell in row])
    return aligned(cells, left=2)


def aligned(rows: list[list[str]], left: int) -> str:
    """Return rows of cells as aligned lines, the first `left` columns flush left."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padded = [_pad(cell, width, i < left) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cell(value: str | float) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else value


def _width(text: str) -> int:
    """Chinese letters take two places on a terminal."""
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _pad(text: str, width: int, left: bool) -> str:
    blanks = " " * (width - _width(text))
    return text + blanks if left else blanks + text
