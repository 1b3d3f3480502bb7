"""The vendor dictionaries: what a CRM calls its modules and fields, and which canonical columns they are.

One YAML file per vendor, in this folder. A *module* is what the CRM exports as one file (Deals, 商机, Opportunity). Its
*fields* say under which headers something may stand and how it is read; its *tables* make canonical columns of fields,
by name or by an SQL expression over `{field}`, of several the first whose fields are there.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kamlib.tables import TABLES

_OWN_READING = {"date": "day", "time": "moment", "money": "money", "number": "number", "integer": "number"}
OWN = "kam"
"""The kit's own tables and labels, as a vendor among the others."""


@dataclass(frozen=True)
class Field:
    """Something a module holds. `aliases` are its headers; a reference to another module (`of`) has headers for each
    field of that module by which it may be given, the best first."""

    name: str
    reading: str = "text"
    aliases: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    of: str = ""
    by: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sql: tuple[str, ...] = ()


@dataclass(frozen=True)
class Module:
    """`names` are what files and sheets are called after it; `singular` stands before its own labels (`Deal Owner`);
    `key` lists the fields that may identify a row, the best first."""

    vendor: str
    name: str
    names: tuple[str, ...]
    singular: str
    key: tuple[str, ...]
    fields: dict[str, Field]
    tables: dict[str, tuple[dict[str, Any], ...]]
    set_aside: dict[str, str]
    told: dict[str, str]
    money: str = ""
    entered: str = ""
    """A pattern of headers that say when a row entered the stage named in them."""
    apart: tuple[str, ...] = ()
    """Fields that tell rows of one name apart, where no record id does."""


@dataclass(frozen=True)
class Stage:
    """A stage of the vendor's standard pipeline under the kit's name, with every name it has in exports."""

    name: str
    called: tuple[str, ...]
    status: str = "open"
    probability: float = 0.0
    group: str = "prospect"
    en: str = ""
    zh: str = ""


@dataclass(frozen=True)
class Vendor:
    """One dictionary. `id_reading` is the function that reads record ids."""

    name: str
    title: str
    id_reading: str
    stages: tuple[Stage, ...]
    modules: dict[str, Module]

    @property
    def crm(self) -> str:
        """Its name where it is a CRM; "" of the kit's own tables and of finance systems, which stand beside any CRM."""
        return "" if self.name == OWN or "_" in self.name else self.name


@cache
def vendors() -> dict[str, Vendor]:
    """Return every vendor by name, the kit's own tables last."""
    found = {path.stem: _read(path) for path in sorted(Path(__file__).parent.glob("*.yml"))}
    return found | {OWN: _own()}


def _read(path: Path) -> Vendor:
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    values = said.get("values", {})
    modules = {name: _module(path.stem, name, module, values) for name, module in said["modules"].items()}
    stages = tuple(Stage(**stage | {"called": tuple(map(str, stage["called"]))}) for stage in said.get("stages", []))
    return Vendor(path.stem, said["vendor"], said.get("id", "as_id"), stages, modules)


def _module(vendor: str, name: str, said: dict[str, Any], values: dict[str, dict]) -> Module:
    fields = {key: _field(key, entry, values) for key, entry in said["fields"].items() if entry}
    tables = {}
    for table, parts in said.get("tables", {}).items():
        parts = parts if isinstance(parts, list) else [parts]
        tables[table] = tuple(part | {"columns": _completed(table, part["columns"], fields)} for part in parts)
        for part in tables[table]:
            _take_own_ids(table, part["columns"], tuple(said["key"]), fields)
    return Module(
        vendor, name, tuple(said["names"]), said.get("singular", ""), tuple(said["key"]), fields, tables,
        said.get("set_aside", {}), said.get("told", {}), said.get("money", ""), said.get("entered", ""),
        tuple(said.get("apart", ())),
    )  # fmt: skip


def _take_own_ids(table: str, columns: dict[str, list[str]], key: tuple[str, ...], fields: dict[str, Field]) -> None:
    """Let record ids, and references by id, stand under the kit's own labels too: Customer ID, 客户ID."""
    for column in TABLES[table].columns:
        own = tuple(alias for alias in (column.name, column.en, column.zh) if bare(alias).endswith("id"))
        for name in columns[column.name] if own else ():
            name = "id" if name == "key" and "id" in key else name
            known = fields.get(name)
            if known and known.reading in ("id", "first_id"):
                fields[name] = replace(known, aliases=tuple(dict.fromkeys((*known.aliases, *own))))
            elif known and "id" in known.by:
                by = known.by | {"id": tuple(dict.fromkeys((*known.by["id"], *own)))}
                fields[name] = replace(known, by=by)


def _completed(table: str, columns: dict[str, Any], fields: dict[str, Field]) -> dict[str, list[str]]:
    """Let every canonical column also stand under its own name or label, before what is derived from other fields: so
    are custom fields found."""
    columns = {name: _listed(said) for name, said in columns.items()}
    for column in TABLES[table].columns:
        aliases = tuple(alias for alias in (column.name, column.en, column.zh) if alias not in ("amount", "金额"))
        own = Field(f"={table}.{column.name}", _OWN_READING.get(column.type, "text"), aliases)
        fields[own.name] = own
        said = columns.setdefault(column.name, [])
        derived = next((i for i, template in enumerate(said) if "{" in template), len(said))
        said.insert(derived, own.name)
    return columns


def _field(name: str, said: Any, values: dict[str, dict]) -> Field:
    if isinstance(said, list):
        return Field(name, "text", tuple(said))
    if "sql" in said:
        return Field(name, "sql", sql=tuple(_listed(said["sql"])))
    if "of" in said:
        by = {part: tuple(aliases) for part, aliases in said.items() if part != "of"}
        return Field(name, "reference", of=said["of"], by=by)
    (reading,) = said.keys() - {"values"}
    codes = {str(old): code for old, code in values[said["values"]].items()} if "values" in said else {}
    return Field(name, reading, tuple(said[reading]), codes)


def _listed(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else list(said)


def _own() -> Vendor:
    """The canonical tables under their own names and labels."""
    modules = {}
    for table in TABLES.values():
        fields: dict[str, Field] = {}
        columns = _completed(table.name, {}, fields)
        for column in table.columns:
            own = fields[f"={table.name}.{column.name}"]
            fields[own.name] = replace(own, aliases=(column.name, column.en, column.zh))
        names, key = (table.name, table.en, table.zh), tuple(f"={table.name}.{name}" for name in table.key)
        parts = {table.name: ({"columns": columns},)}
        modules[table.name] = Module(OWN, table.name, names, "", key, fields, parts, {}, {})
    return Vendor(OWN, "kam", "as_id", (), modules)


def bare(header: str) -> str:
    """Return a header without case, width, blanks and marks; `property_` is what connectors put before it."""
    text = re.sub(r"[\s_.\-\u200b\ufeff]|\(\d+\)$", "", unicodedata.normalize("NFKC", header)).casefold()
    return text.removeprefix("property") or text
