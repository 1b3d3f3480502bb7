"""What lies in a folder of exports: every file, and every sheet of a workbook, with its headers."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from kamlib.errors import InputError
from kamlib.files import must_lie_in
from kamlib.sources import sheets
from kamlib.sources.files import TABLES_AS, Source, open_source, suffix_of
from kamlib.sources.headers import UNNAMED

_DATE = re.compile(r"(20\d{2})([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass
class Sheet:
    """One file, or one sheet of a workbook: `select` reads its rows. Files of one kind with the same headers are one
    sheet with several paths."""

    path: Path
    folder: Path
    sheet: str
    sheet_title: str
    headers: tuple[str, ...]
    selects: list[str]
    more: list[Path] = field(default_factory=list)

    @property
    def label(self) -> str:
        names = ", ".join(path.relative_to(self.folder).as_posix() for path in (self.path, *self.more))
        return f"{names}, sheet {self.sheet}" if self.sheet else names

    @property
    def titles(self) -> tuple[str, ...]:
        """What the sheet is called; where it is the only one, or the only file, what the file is called as well, without
        its date, number and ending."""
        if self.sheet:
            return (self.sheet,)
        stem = self.path.name[: -len(suffix_of(self.path))]
        return self.sheet_title, re.sub(r"[\s_.\-]*(\(?\d{1,3}\)?)?$", "", _DATE.sub("", stem))

    @property
    def dates(self) -> list[str]:
        """The dates in the names of the files, as ISO."""
        return [day for path in (self.path, *self.more) if (day := date_in(path.name))]

    @property
    def patterns(self) -> list[str]:
        """The paths with wild cards for dates, so that next month's files are found too."""
        paths = [path.relative_to(self.folder).as_posix() for path in (self.path, *self.more)]
        return list(dict.fromkeys(_pattern(path) for path in paths))


def date_in(name: str) -> str:
    """Return the date in the name of a file as ISO, or "" """
    found = _DATE.search(name)
    return f"{found[1]}-{found[3]}-{found[4]}" if found else ""


def _pattern(path: str) -> str:
    parent, _, name = path.rpartition("/")
    dated = _DATE.search(name)
    if dated:
        hidden = re.sub(r"\d", "?", dated[0])
        name = glob.escape(name[: dated.start()]) + hidden + glob.escape(name[dated.end() :])
    else:
        name = glob.escape(name)
    return f"{glob.escape(parent)}/{name}" if parent else name


def survey(con: duckdb.DuckDBPyConnection, folder: Path, scratch: Path) -> tuple[list[Sheet], list[Path]]:
    """Return what can be read in `folder` and below, and the files that cannot be tables. InputError names every file
    that should be one and is not readable."""
    found, strangers, faults = [], [], []
    for path in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        hidden = any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)
        if hidden or suffix_of(path) not in TABLES_AS:
            strangers += [] if hidden else [path]
            continue
        try:
            must_lie_in(folder, path)
            found += _sheets(con, path, folder, scratch, len(found))
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("\n".join(faults))
    return found, strangers


def _sheets(con: duckdb.DuckDBPyConnection, path: Path, folder: Path, scratch: Path, n: int) -> list[Sheet]:
    named = sheets.names(path) if suffix_of(path) in sheets.SUFFIXES else [""]
    found, faults = [], []
    for i, name in enumerate(named):
        try:
            opened = open_source(con, Source(path, name), f"surveyed {n + i}", scratch)
        except InputError as error:
            faults.append(error)
            continue
        if len(named) > 1 and not con.execute(f"SELECT count(*) FROM ({opened.first})").fetchone()[0]:
            continue  # a sheet of a template that nobody filled in
        headers = tuple(header for header in opened.columns if not re.fullmatch(UNNAMED, header))
        found.append(Sheet(path, folder, name if len(named) > 1 else "", name, headers, [opened.again]))
    if faults and not found:
        raise faults[0]
    return found
