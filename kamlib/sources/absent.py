"""What a saved mapping names and this month's files lack: left out and told, unless nothing can be done without it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

import duckdb

from kamlib.errors import InputError
from kamlib.sources.ledger import Fault
from kamlib.sources.mapping_file import FileSpec, Mapping, TableSpec
from kamlib.sources.sandbox import Sandbox
from kamlib.sources.sql import name_of
from kamlib.tables import TABLES, missing

if TYPE_CHECKING:
    from kamlib.sources.raw import Raw

_NAMED = re.compile(
    r'Referenced column "(.+?)" |does not have a column named "(.+?)"|Table with name "?(.+?)"? does not exist'
)


def pruned(box: Sandbox, declared: Mapping, raws: dict[str, Raw]) -> tuple[Mapping, list[Fault]]:
    """Return the mapping without the rules and optional columns of which a column or a file is absent, and without the
    tables of absent files; and what is told of that. InputError where a needed table goes with its file. What else is
    missing stays, and is refused where it is read."""
    there = {name: raw for name, raw in raws.items() if raw.paths}
    lost: dict[tuple[str, str, str], list[str]] = {}
    files = {name: _file(box, raw, lost) for name, raw in there.items()}
    tables = {}
    for name, parts in declared.tables.items():
        kept = [part for part in parts if _is_there(box, raws, part)]
        if kept:
            tables[name] = tuple(_part(box, there[p.source], name, p, lost) if p.source else p for p in kept)
    if gone := missing(tables):
        raise _why(declared, raws, " ".join(gone))
    told = [Fault("", pattern, "", "absent_file", "told", 1) for raw in raws.values() for pattern in raw.lacking]
    for (label, column, kind), details in lost.items():
        near = get_close_matches(column, _columns(there, label), 1, 0.6)
        told.append(
            Fault("", label, column, kind, "told", 1, detail=", ".join(dict.fromkeys(details)), cure="".join(near))
        )
    return declared.model_copy(update={"files": files, "tables": tables}), told


def _why(declared: Mapping, raws: dict[str, Raw], gone: str) -> InputError:
    """Return why tables that are needed cannot be made: the file they come from is absent."""
    sources = [part.source for name, parts in declared.tables.items() if name in gone for part in parts]
    absent = {name: raw.absent for name, raw in raws.items() if raw.absent}
    return next((absent[name] for name in sources if name in absent), next(iter(absent.values())))


def _columns(there: dict[str, Raw], label: str) -> list[str]:
    return [column for raw in there.values() if raw.label == label for column in raw.columns]


def _is_there(box: Sandbox, raws: dict[str, Raw], part: TableSpec) -> bool:
    """Whether the file, or every file, that a part of a table is made of is there."""
    sources = {part.source} if part.source else box.con.get_table_names(part.sql)
    return all(raws[name].paths for name in sources if name in raws)


def _file(box: Sandbox, raw: Raw, lost: dict) -> FileSpec:
    rules = {}
    for kind in ("set_aside", "told"):
        lacks = {reason: _lacks(box, raw, rule) for reason, rule in getattr(raw.spec, kind).items()}
        rules[kind] = {reason: rule for reason, rule in getattr(raw.spec, kind).items() if not lacks[reason]}
        for reason, column in lacks.items():
            lost.setdefault((raw.label, column, "absent_rule"), []).extend([reason] * bool(column))
    money = "" if _lacks(box, raw, raw.spec.money) else raw.spec.money
    for key in [key for key, details in lost.items() if not details]:
        del lost[key]
    raw.spec = raw.spec.model_copy(update=rules | {"money": money})
    return raw.spec


def _part(box: Sandbox, raw: Raw, table: str, part: TableSpec, lost: dict) -> TableSpec:
    columns = dict(part.columns)
    for name, spec in part.columns.items():
        if name in TABLES[table].required:
            continue
        named = spec.column if spec.column and not _found(raw.columns, spec.column) else _lacks(box, raw, spec.sql)
        if named:
            del columns[name]
            lost.setdefault((raw.label, named, "absent_column"), []).append(f"{table}.{name}")
    return part.model_copy(update={"columns": columns})


def _found(columns: Iterable[str], wanted: str) -> bool:
    return wanted.casefold() in map(str.casefold, columns)


def _lacks(box: Sandbox, raw: Raw, expression: str) -> str:
    """Return the column or file that an expression over a file names and that is absent; "" when there is none."""
    if not expression:
        return ""
    try:
        box.con.execute(f"DESCRIBE SELECT ({expression}\n) FROM {name_of(raw.name)}")
    except duckdb.Error as error:
        named = _NAMED.search(str(error))
        return next(filter(None, named.groups()), "") if named else ""
    return ""
