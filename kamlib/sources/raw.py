"""The files that a mapping declares, in its sandbox: rules applied, every row accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from kamlib.errors import InputError
from kamlib.files import must_lie_in
from kamlib.sources import rows
from kamlib.sources.files import Source, open_source, suffix_of
from kamlib.sources.ledger import EXAMPLES, Fault, LedgerEntry
from kamlib.sources.mapping_file import FileSpec, Mapping
from kamlib.sources.sandbox import Sandbox, line_of
from kamlib.sources.sql import literal, name_of

HIDDEN = ("__k", "__row", "__file", "__why", "__money")
NOBODY = "taken by no table"


@dataclass
class Raw:
    """One declared file, or several alike. Its rows are in `table`, each with `__file`, `__row`, `__money` and, in
    `__why`, the reason for which it was set aside; the others are a view called `name`, for the SQL of the mapping."""

    box: Sandbox
    name: str
    spec: FileSpec
    paths: list[Path] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    unreadable: list[tuple[int, str, str]] = field(default_factory=list)
    told: list[Fault] = field(default_factory=list)
    absent: InputError | None = None
    """That there is no file, where the mapping allows it."""
    lacking: list[str] = field(default_factory=list)
    """The paths that no file has."""

    @property
    def stored(self) -> str:
        return f"rows of {self.name}"

    @property
    def table(self) -> str:
        return name_of(self.stored)

    @property
    def label(self) -> str:
        name = self.paths[0].name if len(self.paths) == 1 else ", ".join(self.spec.paths)
        return f"{name}, sheet {self.spec.sheet}" if self.spec.sheet else name

    def bring(self, folder: Path, may_lack: bool = False) -> None:
        """Copy the files into the sandbox, before it is locked. InputError where there is none, unless it `may_lack`."""
        for pattern in self.spec.paths:
            paths = sorted(path for path in folder.glob(pattern) if suffix_of(path))
            if not paths:
                found = ", ".join(sorted(path.name for path in folder.iterdir())[:20])
                self.absent = InputError(
                    f"{self.box.mapping}: files.{self.name}: no file is called '{pattern}' in {folder} (found: {found}).",
                    f"{self.box.mapping}：files.{self.name}：{folder} 中没有名为“{pattern}”的文件（现有：{found}）。",
                )
                if not may_lack:
                    raise self.absent
                self.lacking.append(pattern)
            self.paths += [path for path in paths if path not in self.paths]
        if not self.paths:
            return
        self._copy(folder)

    def _copy(self, folder: Path) -> None:
        for path in self.paths:
            must_lie_in(folder, path)
        parts = [self._part(path, folder, i) for i, path in enumerate(self.paths)]
        try:
            if len(parts) == 1:
                self.box.con.execute(f"ALTER TABLE {parts[0]} RENAME TO {name_of(self.name)}")
            else:
                union = " UNION ALL BY NAME ".join(f"FROM {part}" for part in parts)
                self.box.con.execute(f"CREATE TABLE {name_of(self.name)} AS {union}")
        except duckdb.Error as error:
            raise InputError(
                f"{self.box.mapping}: files.{self.name}: the files do not fit together ({line_of(error)}). Declare them apart.",
                f"{self.box.mapping}：files.{self.name}：这些文件的列无法合并（{line_of(error)}）。请分别声明。",
            ) from None
        described = self.box.con.execute(f"DESCRIBE {name_of(self.name)}").fetchall()
        self.columns = [column for column, *_ in described if column not in HIDDEN]

    def _part(self, path: Path, folder: Path, i: int) -> str:
        """Copy one of the files into a table, give its rows their numbers, and return the table's name."""
        con, part = self.box.con, name_of(f"part {i} of {self.name}")
        opened = open_source(con, Source(path, self.spec.sheet), f"part {i} of {self.name}, opened", self.box.scratch)
        label = literal(path.relative_to(folder).as_posix() + (f", sheet {self.spec.sheet}" * bool(self.spec.sheet)))
        try:
            opened.make(con, part, lambda rows: f"SELECT *, {label} AS __file FROM ({rows})")
        except duckdb.Error as error:
            raise InputError(
                f"{path}: cannot be read to its end ({line_of(error)}). Export it again.",
                f"{path} 无法完整读取（{line_of(error)}）。请重新导出。",
            ) from None
        self.told += opened.told()
        unreadable = opened.unreadable(con)
        self.unreadable += unreadable
        rows.renumber(con, part, [*(row for row, _, _ in unreadable), *opened.blanks])
        return part

    def apply_rules(self) -> None:
        """Give each row the first reason that sets it aside, and what it is worth."""
        where, box = f"files.{self.name}", self.box
        cases = [
            f"WHEN {box.expression(condition, f'{where}.set_aside.{reason}')} THEN {literal(reason)}"
            for reason, condition in self.spec.set_aside.items()
        ]
        why = f"CASE {' '.join(cases)} END" if cases else "NULL"
        money = box.expression(self.spec.money, f"{where}.money") if self.spec.money else "NULL"
        box.run(
            f"CREATE TABLE {self.table} AS SELECT *, CAST({why} AS VARCHAR) AS __why, "
            f"CAST({money} AS DECIMAL(18,2)) AS __money FROM {name_of(self.name)}",
            where,
            self.columns,
        )
        shown = ", ".join(map(name_of, self.columns))
        box.con.execute(f"DROP TABLE {name_of(self.name)}")
        box.con.execute(f"CREATE VIEW {name_of(self.name)} AS SELECT {shown} FROM {self.table} WHERE __why IS NULL")
        for reason, condition in self.spec.told.items():
            found = box.expression(condition, f"{where}.told.{reason}")
            self._tell(
                reason,
                f"(SELECT *, {found} AS __found FROM {self.table} AS {name_of(self.name)} WHERE __why IS NULL) WHERE __found",
            )

    def leave(self, conditions: list[str], read_by_sql: bool, looked_up: bool) -> None:
        """Set aside the rows that none of the tables made row by row takes. Where a SELECT of the mapping reads the
        file too nobody can say which rows it used: then they are only told. A file that other tables look things up
        in, and none is made of, stays whole."""
        if not conditions and (read_by_sql or looked_up):
            return
        left = " AND ".join(["true", *(f"{condition} IS NOT TRUE" for condition in conditions)])
        if read_by_sql:
            self._tell("used in sums only", f"{self.table} WHERE __why IS NULL AND {left}")
        else:
            self.box.con.execute(f"UPDATE {self.table} SET __why = {literal(NOBODY)} WHERE __why IS NULL AND {left}")

    def _tell(self, reason: str, found: str, action: str = "told") -> None:
        n, money = self.box.run(
            f"SELECT count(*), sum(__money) FROM {found}", f"files.{self.name}", self.columns
        ).fetchone()
        if n:
            numbers = self.box.con.execute(
                f"SELECT __row FROM {found} ORDER BY __file, __row LIMIT {EXAMPLES}"
            ).fetchall()
            examples = tuple((row, "") for (row,) in numbers)
            amount = None if money is None else float(money)
            self.told.append(Fault("", self.label, "", "rule", action, n, examples, reason, money=amount))

    def account(self) -> tuple[LedgerEntry, list[Fault]]:
        """Return what became of the rows, and what the rules found."""
        con = self.box.con
        kept, money_kept, aside, money_aside = con.execute(
            f"SELECT count(*) FILTER (__why IS NULL), sum(__money) FILTER (WHERE __why IS NULL), "
            f"count(__why), sum(__money) FILTER (WHERE __why IS NOT NULL) FROM {self.table}"
        ).fetchone()
        for (reason,) in con.execute(
            f"SELECT __why FROM {self.table} WHERE __why IS NOT NULL GROUP BY __why ORDER BY count(*) DESC, __why"
        ).fetchall():
            self._tell(reason, f"{self.table} WHERE __why = {literal(reason)}", "set_aside")
        if self.unreadable:
            lines = tuple((row, line.strip()) for row, _, line in self.unreadable[:EXAMPLES])
            self.told.append(Fault("", self.label, "", "unreadable", "set_aside", len(self.unreadable), lines))
        aside += len(self.unreadable)
        money = (float(money_aside or 0), float(money_kept or 0)) if self.spec.money else (None, None)
        return LedgerEntry("", self.label, kept + aside, kept, aside, *money), self.told

    def write_set_aside(self, path: Path) -> bool:
        """Write the rows set aside to a Parquet file, as they were delivered; return whether there are any."""
        con, shown = self.box.con, ", ".join(map(name_of, self.columns))
        select = (
            f"SELECT __row AS set_aside_row, __why AS set_aside_reason, __file AS set_aside_file, {shown} "
            f"FROM {self.table} WHERE __why IS NOT NULL"
        )
        if self.unreadable:
            rows.bring(con, "unread", rows.UNREAD, self.unreadable)
            select += " UNION ALL BY NAME FROM unread"
        ordered = f"FROM ({select}) ORDER BY set_aside_file, set_aside_row"
        (n,) = con.execute(f"COPY ({ordered}) TO {literal(str(path))} (FORMAT parquet)").fetchone()
        return n > 0


def takers(box: Sandbox, declared: Mapping, raw: Raw) -> tuple[list[str], bool, bool]:
    """Return the conditions under which tables made row by row take a row of the file, whether a SELECT reads it, and
    whether an expression looks something up in it."""
    parts = [(table, spec) for table, parts in declared.tables.items() for spec in parts]
    conditions = [
        box.expression(spec.where or "true", f"tables.{table}.where")
        for table, spec in parts
        if spec.source == raw.name
    ]
    rules = [spec for name, spec in declared.files.items() if name != raw.name]
    looked = [
        expression for spec in rules for expression in (*spec.set_aside.values(), *spec.told.values(), spec.money)
    ]
    looked += [
        text for _, part in parts for text in (part.where, part.once, *(one.sql for one in part.columns.values()))
    ]
    own = {raw.name, raw.stored}
    read_by_sql = any(not own.isdisjoint(box.con.get_table_names(spec.sql)) for _, spec in parts if spec.sql)
    looked_up = any(
        not own.isdisjoint(box.con.get_table_names(f"SELECT {text}")) for text in looked if "select" in text.lower()
    )
    return conditions, read_by_sql, looked_up
