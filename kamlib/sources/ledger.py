"""What became of the delivered rows: read = kept + set aside, for every table, with the money concerned and the faults.

Faults are grouped, so that a million of them stay readable; the rows set aside are kept whole, with the reason.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from kamlib import words
from kamlib.files import private_folder
from kamlib.formulas import as_text_sql
from kamlib.sources.sql import literal, name_of

ACTIONS = ("set_aside", "blanked", "told")
EXAMPLES = 5
ALL_DELETED = "marked as deleted, as every record of the file is; kept"
"""A rule that kept rows which may not exist any more: the scorecard warns of it."""


@dataclass(frozen=True)
class LedgerEntry:
    """What became of one table, or of one file that a mapping reads: rows read = kept + set_aside. Money is summed over
    the column that `tables` names; None where the table carries none."""

    table: str
    file: str
    read: int
    kept: int
    set_aside: int
    money_set_aside: float | None = None
    money_kept: float | None = None
    blanked: int = 0

    def __post_init__(self) -> None:
        if self.read != self.kept + self.set_aside:
            raise AssertionError(f"{self.file}: {self.read} rows read, {self.kept} kept, {self.set_aside} set aside")


@dataclass(frozen=True)
class Fault:
    """All faults of one kind in one column of one file. `kind` is a key of `words/sources.yml`; `action` says what was
    done: the row set aside, the cell blanked, or nothing (told). `examples` are (row, value), the first few."""

    table: str
    file: str
    column: str
    kind: str
    action: str
    n: int
    examples: tuple[tuple[int | None, str], ...] = ()
    detail: str = ""
    cure: str = ""
    money: float | None = None

    def what(self, lang: str | None = None) -> str:
        """Return what is wrong, e.g. "not a date"."""
        if self.kind == "rule":
            return words.word(self.detail, lang)
        detail = words.word(self.detail, lang) if self.kind == "absent_rule" else self.detail
        return " ".join(filter(None, (words.word(f"fault.{self.kind}", lang), detail)))

    def remedy(self, lang: str | None = None) -> str:
        """Return what to do about it, or "" where a rule of the mapping decided."""
        if f"cure.{self.kind}" not in words.LABELS:
            return ""
        text = words.word(f"cure.{self.kind}", lang)
        return words.say(lang, f"{text}{self.cure and ': ' + self.cure}.", f"{text}{self.cure and '：' + self.cure}。")

    def instances(self, lang: str | None = None) -> str:
        """Return the first places where it stands: "row 14 '31/02/2024', row 18 'soon'"."""
        if not self.examples:
            return ""
        listed = [_instance(row, value, lang) for row, value in self.examples]
        more = words.say(lang, f" and {self.n - len(listed):,} more", f"等 {self.n:,} 处")
        single = all(row is not None for row, _ in self.examples)  # else each example stands for several cases
        return words.say(lang, ", ", "、").join(listed) + (more if single and self.n > len(listed) else "")

    def text(self, lang: str | None = None, currency: str = "") -> str:
        """Return the fault as one line: where, what, how often, with what consequence, examples, cure."""
        where = words.say(lang, " · ", "·").join(filter(None, (called(self.file, lang), self.column)))
        times = f"{self.n:,} × " if self.examples else ""
        done = words.word(f"action.{self.action}", lang) if self.action != "told" else ""
        money = f"{currency} {self.money:,.2f}".strip() if self.money else ""
        done = words.say(lang, ", ", "，").join(filter(None, (done, money)))
        line = words.say(lang, f"{where}: ", f"{where}：") + times + self.what(lang)
        line += words.say(lang, f" ({done})", f"（{done}）") if done else ""
        shown = self.instances(lang)
        line += words.say(lang, ": ", "：") + shown if shown else ""
        return words.say(lang, f"{line}. {self.remedy(lang)}", f"{line}。{self.remedy(lang)}").strip()


def called(label: str, lang: str | None = None) -> str:
    """Return what a file, or a sheet of one, is called: "a.xlsx, sheet Orders"."""
    return words.say(lang, label, label.replace(", sheet ", "，工作表 "))


def _instance(row: int | None, value: str, lang: str | None) -> str:
    value = value if len(value) <= 40 else value[:39] + "…"
    shown = f"'{value}'" if value else ""
    return " ".join(filter(None, (words.say(lang, f"row {row:,}", f"第{row:,}行") if row else "", shown)))


@dataclass(frozen=True)
class Access:
    """Through whose eyes tables are seen: the role and its user, and whether names are replaced by pseudonyms."""

    role: str = ""
    user: str = ""
    shared: bool = False

    def text(self, lang: str | None = None) -> str:
        """Return the access as a sentence, "" when everything is seen."""
        user = self.user and words.say(lang, f" {self.user}", f"（{self.user}）")
        role = words.say(
            lang, f"Only what the role {self.role}{user} may see.", f"仅含角色 {self.role}{user or ' '}可见的数据。"
        )
        shared = words.say(
            lang, "Names are pseudonyms; what fewer than 3 stand behind is left out.",
            "名称均为化名；少于 3 个主体的数据已略去。",
        )  # fmt: skip
        return words.say(lang, " ", "").join([role] * bool(self.role) + [shared] * self.shared)


@dataclass(frozen=True)
class Ledger:
    """The entries of all tables, those of the files that a mapping read, and the faults."""

    entries: tuple[LedgerEntry, ...] = ()
    faults: tuple[Fault, ...] = ()
    files: tuple[LedgerEntry, ...] = ()
    con: duckdb.DuckDBPyConnection | None = field(default=None, repr=False, compare=False)
    """Where the rows set aside are, one table each in the schema `set_aside`."""
    access: Access = Access()

    def frame(self) -> pd.DataFrame:
        """Return one row per table, files first: table_name, source_file, n_read, n_kept, n_set_aside, n_blanked,
        money_kept, money_set_aside (in the base currency)."""
        rows = [
            (e.table, e.file, e.read, e.kept, e.set_aside, e.blanked, e.money_kept, e.money_set_aside)
            for e in (*self.files, *self.entries)
        ]
        columns = ["table_name", "source_file", "n_read", "n_kept", "n_set_aside", "n_blanked"]
        frame = pd.DataFrame(rows, columns=[*columns, "money_kept", "money_set_aside"])
        return frame.astype({"money_kept": float, "money_set_aside": float})

    def fault_frame(self, lang: str | None = None) -> pd.DataFrame:
        """Return one row per group of faults, those that cost rows first: source_file, column_name, fault_kind,
        fault_action, n_faults, fault_examples, fault_cure; the texts in `lang`."""
        rows = [
            (
                called(f.file, lang),
                f.column,
                f.what(lang),
                words.word(f"action.{f.action}", lang),
                f.n,
                f.instances(lang),
                f.remedy(lang),
            )
            for f in self.by_action()
        ]
        columns = ["source_file", "column_name", "fault_kind", "fault_action", "n_faults", "fault_examples"]
        return pd.DataFrame(rows, columns=[*columns, "fault_cure"])

    def by_action(self) -> list[Fault]:
        """Return the faults: rows set aside first, then cells blanked, then what was only told."""
        return sorted(self.faults, key=lambda fault: ACTIONS.index(fault.action))

    def set_aside(self, name: str) -> pd.DataFrame:
        """Return the rows of a table, or of a file that a mapping reads, that were set aside: as they were delivered,
        after `set_aside_row` and `set_aside_reason`."""
        if self.con is None or name not in self.set_aside_names():
            return pd.DataFrame(columns=["set_aside_row", "set_aside_reason"])
        return self.con.execute(f"FROM set_aside.{name_of(name)}").df()

    def set_aside_names(self) -> list[str]:
        """Return the tables and files of which rows were set aside."""
        if self.con is None:
            return []
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'set_aside' ORDER BY 1"
        return [name for (name,) in self.con.execute(query).fetchall()]

    def write_set_aside(self, folder: Path) -> list[Path]:
        """Write `<folder>/<table>.csv` for every table with rows set aside, and return the paths.

        A text that a spreadsheet would run as a formula gets an apostrophe before it; the reader takes it off again.
        """
        paths = []
        for name in self.set_aside_names():
            private_folder(folder)
            path = folder / f"{name}.csv"
            self.con.execute(f"COPY ({_harmless(self.con, name)}) TO {literal(str(path))} (HEADER, DELIMITER ',')")
            paths.append(path)
        return paths

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the rows, for JSON."""
        return {
            "entries": [asdict(entry) for entry in self.entries],
            "files": [asdict(entry) for entry in self.files],
            "faults": [asdict(fault) for fault in self.faults],
            "access": asdict(self.access),
        }

    @classmethod
    def from_json(cls, text: str, con: duckdb.DuckDBPyConnection | None = None) -> Ledger:
        """Return the ledger that `as_dict` was taken from."""
        said = json.loads(text)
        faults = [fault | {"examples": tuple(tuple(pair) for pair in fault["examples"])} for fault in said["faults"]]
        return cls(
            tuple(LedgerEntry(**entry) for entry in said["entries"]),
            tuple(Fault(**fault) for fault in faults),
            tuple(LedgerEntry(**entry) for entry in said["files"]),
            con,
            Access(**said.get("access", {})),
        )


def _harmless(con: duckdb.DuckDBPyConnection, name: str) -> str:
    described = con.execute(f"DESCRIBE set_aside.{name_of(name)}").fetchall()
    cells = [
        f"{as_text_sql(name_of(column))} AS {name_of(column)}" if kind == "VARCHAR" else name_of(column)
        for column, kind, *_ in described
        if column != "set_aside_reason"
    ]
    reasons = con.execute(f"SELECT DISTINCT set_aside_reason FROM set_aside.{name_of(name)}").fetchall()
    said = " ".join(f"WHEN {literal(reason)} THEN {literal(words.word(reason))}" for (reason,) in reasons)
    cells.insert(1, f"CASE set_aside_reason {said} END AS set_aside_reason")
    return f"SELECT {', '.join(cells)} FROM set_aside.{name_of(name)}"
