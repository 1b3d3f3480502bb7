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


@dataclass(frozen=True)
class Lacking:
    """A sheet of which a table was not made, since no column was taken for a required one."""

    table: str
    column: str
    one: Matched

    def fault(self) -> Fault:
        """Return what the ledger says of it."""
        return Fault(self.table, self.one.sheet.label, self.column, "no_column", "told", 1, cure=self.entry)

    @property
    def entry(self) -> str:
        """What to write into a mapping file."""
        return f"tables: {{{self.table}: {{columns: {{{self.column}: …}}}}}}"

    def sentence(self) -> str:
        """Return it as a refusal."""
        label, headers = self.one.sheet.label, self.one.sheet.headers[:20]
        column = f"{self.table}.{self.column}"
        return words.say(
            None,
            f"{label} was recognised, but none of its columns as {words.word(column, 'en')} ({column}), without which "
            f"it cannot be used. Say which it is in a mapping file that begins with extends: auto, and import with "
            f"--from that file: {self.entry}. Columns: {', '.join(headers)}.",
            f"{label} 已识别，但没有一列被识别为{words.word(column, 'zh')}（{column}），缺少该列则无法采用。请在以 extends: auto "
            f"开头的映射文件中指定，并用 --from 指定该文件：{self.entry}。现有列：{'、'.join(headers)}。",
        )


def refuse_lacking(lacking: list[Lacking], made: set[str]) -> None:
    """InputError where accounts, or all of orders and deals, are in the files but for a required column."""
    faults = [one for one in lacking if one.table in NEEDED and one.table not in made]
    if made.isdisjoint(EITHER):
        faults += [one for one in lacking if one.table in EITHER]
    if faults:
        raise InputError("\n".join(one.sentence() for one in faults))


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
    headers = [one.guessed, *(header for (name, _), header in one.headers.items() if name in one.apart)]
    columns_en, columns_zh = (joint.join(dict.fromkeys(headers)) for joint in (", ", "、"))
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
