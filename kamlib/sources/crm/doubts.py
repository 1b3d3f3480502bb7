"""What cannot be known for sure of an export, and is told or refused: no record ids, owners without names, needed columns
that are not there, rows that nothing tells apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from kamlib import words
from kamlib.errors import InputError
from kamlib.sources.crm.evidence import rows_of
from kamlib.sources.crm.expressions import Writer
from kamlib.sources.crm.match import Matched
from kamlib.sources.ledger import Fault, Ledger
from kamlib.tables import EITHER, NEEDED, TABLES

_SHOWN = 12
"""How many headers the ledger lists."""


@dataclass(frozen=True)
class Lacking:
    """A sheet of which a column of a table could not be made: a required one, so that the table is not made of it, or
    the one that says how much money a row carries."""

    table: str
    column: str
    one: Matched

    @property
    def left(self) -> tuple[str, ...]:
        """The headers that were taken for nothing, among which it may be."""
        return tuple(header for header in self.one.sheet.headers if header not in self.one.how)

    def fault(self, con: duckdb.DuckDBPyConnection) -> Fault:
        """Return what the ledger says of it."""
        column = TABLES[self.table].column(self.column)
        kind = "no_column" if column.required else "no_money"
        (n,) = con.execute(f"SELECT count(*) FROM {rows_of(self.one)}").fetchone()
        left = tuple((None, header) for header in self.left[:_SHOWN])
        return Fault(self.table, self.one.sheet.label, self.column, kind, "told", n, left, cure=self.entry)

    @property
    def entry(self) -> str:
        """What to write into a mapping file."""
        return f"tables: {{{self.table}: {{columns: {{{self.column}: …}}}}}}"

    def sentence(self) -> str:
        """Return it as a refusal."""
        label, column = self.one.sheet.label, TABLES[self.table].column(self.column)
        name = f"{self.table}.{self.column}"
        headers = self.left or self.one.sheet.headers
        return words.say(
            None,
            f"{label}: no column was taken for '{column.en}' ({name}), and without it the file cannot be used. Say which it "
            f"is in a mapping file, and import with --from that file:\n  extends: auto\n  {self.entry}\n"
            f"Columns that nothing was taken for: {', '.join(headers)}.",
            f"{label}：没有列被识别为“{column.zh}”（{name}），缺少该列则无法采用此文件。请在映射文件中指定，并用 --from 指定该文件：\n"
            f"  extends: auto\n  {self.entry}\n尚未采用的列：{'、'.join(headers)}。",
        )


def refuse_lacking(found: list[Matched], lacking: list[Lacking], made: set[str], wanted: list[str]) -> None:
    """InputError where there are no accounts, neither orders nor deals, or none of what the mapping file speaks of
    (`wanted`): they lack a required column, or a file."""
    gone = [name for name in (*NEEDED, *wanted) if name not in made]
    gone = list(dict.fromkeys([*gone, *EITHER])) if made.isdisjoint(EITHER) else gone
    if not gone:
        return
    if faults := [one.sentence() for one in lacking if one.table in gone]:
        raise InputError("\n".join(faults))
    files = ", ".join(one.sheet.label for one in found[:10])
    en, zh = (joint.join(words.word(name, lang) for name in gone) for joint, lang in ((" or ", "en"), ("或", "zh")))
    raise InputError(
        f"No file of {en.lower()} was recognised, but it is needed. Export it too (recognised: {files}).",
        f"未识别到{zh}文件，但该数据必不可少。请一并导出（已识别：{files}）。",
    )


def refuse_twins(con: duckdb.DuckDBPyConnection, writers: list[Writer]) -> None:
    """InputError where a sheet has no record id, and several of its rows are the same in all that could stand for one."""
    faults = []
    for writer in writers:
        one = writer.one
        if not one.apart:
            continue
        aside = [writer.expression(template) for template in one.module.set_aside.values()]
        counts = " AND ".join(f"({rule}) IS NOT TRUE" for rule in aside if rule) or "true"
        n, example = con.execute(
            f"SELECT sum(n), min(k) FROM (SELECT {writer.expression('{key}')} AS k, count(*) AS n FROM {rows_of(one)} "
            f"WHERE {counts} GROUP BY k HAVING count(*) > 1)"
        ).fetchone()
        if n:
            faults.append(_twins(one, int(n), example))
    if faults:
        raise InputError("\n".join(faults))


def _twins(one: Matched, n: int, example: str) -> str:
    label, ids = one.sheet.label, " / ".join(one.module.fields["id"].aliases[:2])
    columns_en, columns_zh = (
        joint.join(one.header_of(name) for name in (one.key, *one.apart)) for joint in (", ", "、")
    )
    return words.say(
        None,
        f"{label} has no id column, and {n:,} of its rows are the same in {columns_en} (e.g. '{example}'), so that nothing "
        f"tells them apart. Export it again with the record id ({ids}).",
        f"{label} 没有记录 ID 列，且有 {n:,} 行的 {columns_zh} 完全相同（如“{example}”），无法区分。"
        f"请连同记录 ID（{ids}）重新导出。",
    )


def guessed_keys(found: list[Matched], tables: dict[str, list[dict[str, Any]]]) -> dict[str, tuple[str, str]]:
    """Return by table the (file, header) of the number or name that had to do for a record id."""
    guessed = {}
    for one in (one for one in found if one.guessed):
        for table, parts in one.module.tables.items():
            key = TABLES[table].key[0]
            by_key = len(TABLES[table].key) == 1 and parts[0]["columns"][key][0] == "key"
            if by_key and any(
                part.get("from") == one.view and key in part["columns"] for part in tables.get(table, ())
            ):
                guessed.setdefault(table, (one.sheet.label, one.guessed))
    return guessed


def no_id(guessed: dict[str, tuple[str, str]]) -> list[Fault]:
    """Tell of files without a record id."""
    return [Fault(table, label, header, "no_record_id", "told", 1) for table, (label, header) in guessed.items()]


def owner_ids(one: Matched, table: str, column: str, places: list[tuple[str, str]]) -> Fault:
    """Tell that the owners of a table are ids, since no column with their names was recognised."""
    header = ", ".join(header for _, header in places)
    entry = f"tables: {{{table}: {{columns: {{{column}: …}}}}}}"
    return Fault(table, one.sheet.label, header, "owner_ids", "told", 1, cure=entry)


def holds_everywhere(con: duckdb.DuckDBPyConnection, one: Matched, condition: str) -> bool:
    """Whether a condition holds for every row of the sheet, and there is one."""
    return con.execute(f"SELECT coalesce(bool_and({condition}), false) FROM {rows_of(one)}").fetchone()[0]


def refuse_unmatched(guessed: dict[str, tuple[str, str]], ledger: Ledger) -> None:
    """InputError where most rows refer to records without a record id by something else than was taken for one."""
    read = {entry.table: entry.read for entry in ledger.entries}
    faults = []
    for fault in ledger.faults:
        if fault.kind != "orphan" or fault.detail not in guessed or 2 * fault.n <= read.get(fault.table, 0):
            continue
        label, header = guessed[fault.detail]
        n, rows, shown = fault.n, read[fault.table], fault.examples[0][1] if fault.examples else ""
        faults.append(
            words.say(
                None,
                f"{label} has no record id, so its {header} was taken for one; but {n:,} of the {rows:,} rows of "
                f"{fault.file} refer to other ids (e.g. '{shown}'). Export {label} again with the record id.",
                f"{label} 没有记录 ID，因此以“{header}”代替；但 {fault.file} 的 {rows:,} 行中有 {n:,} 行引用的是其他 ID"
                f"（如“{shown}”）。请连同记录 ID 重新导出 {label}。",
            )
        )
    if faults:
        raise InputError("\n".join(faults))
