"""What a mapping file says over what is recognised: columns, tables and files of its own, and how stages end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kamlib.sources.crm.dictionary import Field
from kamlib.sources.crm.match import BY_MAPPING, Matched
from kamlib.tables import TABLES


@dataclass(frozen=True)
class Over:
    """The tables that a mapping file speaks of, the status it gives to stages, and the files it reads in any case."""

    tables: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    files: frozenset[Path] = frozenset()

    def replaces(self, table: str) -> bool:
        """Whether nothing that was recognised of the table stays."""
        said = self.tables.get(table)
        return table in self.tables and (not isinstance(said, dict) or "sql" in said)

    def only_columns(self) -> list[str]:
        """Return the tables of which it says columns, and no more: they must be recognised."""
        return [
            name for name, said in self.tables.items() if isinstance(said, dict) and not {"sql", "from"} & said.keys()
        ]

    def taught(self, found: list[Matched]) -> tuple[Over, set[tuple[str, str]]]:
        """Give to fields that no header was found for the columns that the file names for them, so that they are read as
        those are: dates, amounts, stages. Return what is left to be said, and the (view, header) of what was given."""
        given: set[tuple[str, str]] = set()
        tables = dict(self.tables)
        for table in self.only_columns():
            columns = dict(_columns(tables[table]))
            for column, header in list(columns.items()):
                places = [(one, known) for one, known in _fields(found, table, column) if _lacks(one, known, header)]
                if places and len(places) == len(_fields(found, table, column)):
                    for one, known in places:
                        one.headers[known.name, ""] = header
                        one.how[header] = BY_MAPPING
                        given.add((one.view, header))
                    del columns[column]
            tables[table] = tables[table] | ({"columns": columns} if _columns(tables[table]) else {})
        return replace(self, tables=tables), given

    def part(self, table: str, view: str) -> dict[str, Any]:
        """Return what it says of the rows of a table that are made of the sheet `view`."""
        said = self.tables.get(table)
        ours = isinstance(said, dict) and said.get("from") in (None, view)
        return said | {"columns": _columns(said)} if ours else {"columns": {}}


def _columns(said: dict[str, Any]) -> dict[str, Any]:
    columns = said.get("columns")
    return columns if isinstance(columns, dict) else {}  # what is wrong with it is told where mappings are checked


def _fields(found: list[Matched], table: str, column: str) -> list[tuple[Matched, Field | None]]:
    """Return, for every sheet that feeds a table, the field that a column is first made of; None where it is no cell."""
    fields = []
    for one in found:
        for part in one.module.tables.get(table, ()):
            name = next(iter(part["columns"].get(column, ())), "")
            known = one.module.fields.get("id" if name == "key" and "id" in one.module.key else name)
            fields.append((one, known if known and known.reading not in ("sql", "reference") else None))
    return fields


def _lacks(one: Matched, known: Field | None, header: Any) -> bool:
    return known is not None and header in one.sheet.headers and (known.name, "") not in one.headers


def headers_in(entry: Any, headers: tuple[str, ...]) -> list[str]:
    """Return the headers of a sheet that the entry of a column reads."""
    if not isinstance(entry, dict):
        return [header for header in headers if header == entry]
    if "column" in entry:
        return headers_in(entry["column"], headers)
    sql = str(entry.get("sql", ""))
    words = set(re.findall(r'"([^"]+)"|(\w+)', re.sub(r"'[^']*'", "", sql)))
    named = {word for pair in words for word in pair}
    return [header for header in headers if header in named]


def extended(found: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Return what was recognised with what a mapping file says over it.

    Settings and files are replaced entry by entry. A table with `sql`, or of a file from which the table was not made
    yet, replaces or joins what was recognised; without `from` its columns, `where` and `once` go for every part.
    """
    made: dict[str, Any] = {name: said[name] for name in said if name not in ("settings", "files", "tables")}
    made["settings"] = found.get("settings", {}) | (said.get("settings") or {})
    made["files"] = dict(found["files"])
    for name, entry in (said.get("files") or {}).items():
        before, after = as_dict(made["files"].get(name, {})), as_dict(entry)
        made["files"][name] = before | after if isinstance(after, dict) else after
    made["tables"] = dict(found["tables"])
    for name, entry in (said.get("tables") or {}).items():
        made["tables"][name] = _table(made["tables"].get(name), entry)
    return made | {"tables": {name: made["tables"][name] for name in _in_order(made["tables"]) if made["tables"][name]}}


def as_dict(entry: Any) -> Any:
    """Return the entry of a file in its long form."""
    return {"path": entry} if isinstance(entry, str | list) else entry


def _in_order(tables: dict[str, Any]) -> list[str]:
    return sorted(tables, key=lambda name: list(TABLES).index(name) if name in TABLES else len(TABLES))


def _table(found: Any, said: Any) -> Any:
    if said is None:  # `orders:` and nothing behind it: this table is not wanted
        return None
    if not isinstance(said, dict) or "sql" in said or found is None:
        return said
    parts = list(found) if isinstance(found, list) else [found]
    source = said.get("from")
    if source is not None and all(part.get("from") != source for part in parts):
        return [*parts, said]
    merged = [_over(part, said) if source in (None, part.get("from")) else part for part in parts]
    return merged if len(merged) > 1 else merged[0]


def _over(part: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(said.get("columns") or {}, dict):
        return part | said  # to be refused
    columns = part["columns"] | _columns(said)
    return part | said | {"columns": {name: entry for name, entry in columns.items() if entry is not None}}
