"""From fields to SQL: how a column of a table is read from the headers that were found.

In a template `{field}` stands for the value of a field of the same module and `{module.field}` for that of another
(`FROM {module}`); `{key}` for what identifies a row; with `?` a field that is absent is NULL; with `#` the value is a
number, 0 when absent or empty. A template of which a field is absent has no value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kamlib.sources.crm.dictionary import Field
from kamlib.sources.crm.match import Matched
from kamlib.sources.sql import literal, name_of

_PLACE = re.compile(r"\{(#?)([\w=.]+)(\??)\}")
_IDS = ("id", "first_id")
GUESSES = ("name",)
"""Fields by which a row of another module is found by guess: a name may be used twice."""


class Absent(Exception):
    """A field that a template needs is not in the files."""


@dataclass(frozen=True)
class Register:
    """What stands for a list of customers where no file is one: the rows that name them in the best way, `part`, as SQL
    for account_id and account_name; `places` are the sheets and headers it is made of."""

    part: str
    rows: str
    places: tuple[tuple[str, str], ...]


def register(found: list[Matched]) -> Register | None:
    """Return what stands for a list of customers: of ids, numbers and names only one, else a customer counts twice."""
    given = [(part, one) for one in found for name, part in one.headers if name == "account" and part]
    if not given:
        return None
    ranks = ("id", "number", "name")
    best = min((part for part, _ in given), key=lambda part: ranks.index(part) if part in ranks else len(ranks))
    selects, places = [], []
    for one in (one for part, one in given if part == best):
        header, name = one.headers["account", best], one.headers.get(("account", "name"))
        key, called = f"{_key_reading(one, best)}({name_of(header)})", f"as_text({name_of(name)})" if name else "NULL"
        selects.append(f"SELECT {key} AS account_id, {called} AS account_name FROM {name_of(one.view)}")
        places.append((one.view, header))
    return Register(best, f"({' UNION ALL '.join(selects)})", tuple(places))


def _key_reading(one: Matched, part: str) -> str:
    return one.vendor.id_reading if part == "id" else "as_text"


@dataclass
class Writer:
    """Writes the SQL of one sheet; `others` are all sheets by module, `stages` the names of stages and their status;
    `register` stands for the list of customers where there is none."""

    one: Matched
    others: dict[str, Matched]
    stages: dict[str, tuple[str, str]] = field(default_factory=dict)
    register: Register | None = None
    used: list[tuple[str, str]] = field(default_factory=list)
    """The sheets and headers that the last column was made of."""
    by_id: bool = False
    """Whether the last column was made of record ids."""
    guessed: dict[str, str] = field(default_factory=dict)
    """References found by name: what counts the rows that a name may stand for, by field."""

    def column(self, templates: Iterable[str], kind: str) -> dict[str, Any] | None:
        """Return the entry of a mapping for a canonical column of type `kind`: of the templates the first whose fields
        are there; None when there is none."""
        for template in templates:
            self.used = []
            self.by_id = template in self.one.module.fields and self.one.module.fields[template].reading in _IDS
            try:
                return self._column(template, kind)
            except Absent:
                continue
        return None

    def expression(self, template: str) -> str | None:
        """Return a template as SQL; None when a field is absent."""
        self.used = []
        try:
            return self._filled(self.one, template)
        except Absent:
            return None

    def _column(self, template: str, kind: str) -> dict[str, Any]:
        name = self.one.key if template == "key" and not self.one.apart else template
        known = self.one.module.fields.get(name)
        if known is None and name not in ("key", "stage_status"):
            return {"sql": self._filled(self.one, template)}
        if known is not None and (header := self.one.headers.get((name, ""))) is not None:
            if known.reading in ("text", "code", "stage"):
                self.used.append((self.one.view, header))
            if known.reading == "text":
                return {"column": header}
            if known.reading == "code":
                return {"column": header, "values": known.values}
            if known.reading == "stage":
                return {"column": header, "values": {old: new for old, (new, _) in self.stages.items() if old != new}}
            if known.reading == "moment" and kind == "date":
                return {"sql": self._read(self.one, known, header, "", "day")}
        return {"sql": self._value(self.one, name, "")}

    def _filled(self, one: Matched, template: str, alias: str = "") -> str:
        """Fill a template of `one`, whose columns are those of `alias`: its own where it looks into another sheet."""
        if not alias and re.search(r"\{#?\w+\.", template):
            alias = name_of(one.view)

        def fill(place: re.Match) -> str:
            number, name, optional = place.groups()
            try:
                value = self._place(one, name, alias)
            except Absent:
                if not optional:
                    raise
                return "0" if number else "NULL"
            if number:
                value = f"TRY_CAST({value} AS DOUBLE)"
                return f"coalesce({value}, 0)" if optional else value
            return value

        return _PLACE.sub(fill, template)

    def _place(self, one: Matched, name: str, alias: str) -> str:
        if "." in name and not name.startswith("="):
            module, _, inner = name.partition(".")
            return self._value(self._other(module), inner, name_of(f"{module}_"))
        if name in one.module.fields or name in ("key", "stage_status"):
            return self._value(one, name, alias)
        return f"{name_of(self._other(name).view)} AS {name_of(f'{name}_')}"

    def _other(self, module: str) -> Matched:
        if module not in self.others:
            raise Absent(module)
        return self.others[module]

    def _value(self, one: Matched, name: str, alias: str) -> str:
        """SQL for the value of a field of `one`, whose columns are those of `alias`."""
        if name == "key" and one.apart:
            return self._apart(one, alias)
        if name == "key":
            name = one.key or "id"
        if name == "stage_status":
            return self._status(one, alias)
        known = one.module.fields.get(name)
        if known is None:
            raise Absent(name)
        if known.reading == "sql":
            return self._first(one, known, alias)
        if known.reading == "reference":
            return self._reference(one, known, alias)
        header = one.headers.get((name, ""))
        if header is None:
            raise Absent(name)
        return self._read(one, known, header, alias, known.reading)

    def _apart(self, one: Matched, alias: str) -> str:
        """SQL for a key of name, customer and creation: what an export without record ids tells rows apart by."""
        parts = []
        for name in (one.key, *one.apart):
            known = one.module.fields[name]
            reading = "moment" if known.reading == "moment" else "text"
            value = self._read(one, known, one.header_of(name), alias, reading)
            parts.append(f"replace({value}, ' 00:00:00', '')" if reading == "moment" else value)
        return f"concat_ws(' · ', {', '.join(parts)})"

    def _first(self, one: Matched, known: Field, alias: str) -> str:
        for template in known.sql:
            used = list(self.used)
            try:
                return self._filled(one, template, alias)
            except Absent:
                self.used = used
        raise Absent(known.name)

    def _read(self, one: Matched, known: Field, header: str, alias: str, reading: str) -> str:
        self.used.append((one.view, header))
        cell = f"{alias}.{name_of(header)}" if alias else name_of(header)
        if reading in ("day", "moment"):
            dates = f", dates := {literal(one.dates)}" if one.dates else ""
            zone = f", zone := {literal(one.zone)}" if one.zone else ""
            return f"as_{reading}({cell}{dates}{zone})"
        if reading in ("money", "number", "percent", "share"):
            reading = reading.replace("share", "number")
            return f"as_{reading}({cell}{', comma := true' if one.comma else ''})"
        if reading == "code":
            return f"CASE {_cases(f'as_text({cell})', known.values)} END"
        if reading == "stage":
            renamed = {old: new for old, (new, _) in self.stages.items() if old != new}
            cases = _cases(f"as_text({cell})", renamed)
            return f"CASE {cases} ELSE as_text({cell}) END" if renamed else f"as_text({cell})"
        if reading == "flag":
            return f"lower(as_text({cell})) IN ('true', '1', 'yes', 'y', 't', '是')"
        return f"{one.vendor.id_reading if reading == 'id' else f'as_{reading}'}({cell})"

    def _status(self, one: Matched, alias: str) -> str:
        header = one.headers.get(("stage", ""))
        if header is None:
            raise Absent("stage")
        self.used.append((one.view, header))
        cell = f"as_text({alias}.{name_of(header)})" if alias else f"as_text({name_of(header)})"
        closed = {old: status for old, (_, status) in self.stages.items() if status != "open"}
        return f"CASE {_cases(cell, closed)} ELSE 'open' END" if closed else "'open'"

    def _reference(self, one: Matched, known: Field, alias: str) -> str:
        """SQL for the key of the row of another module that a row refers to: as it stands, by another field that
        identifies, or, as a guess that is counted, by a name that only one row has."""
        given = {part: one.headers[known.name, part] for part in known.by if (known.name, part) in one.headers}
        if not given:
            raise Absent(known.name)
        other = self.others.get(known.of)
        listed = self.register if other is None and known.of == "accounts" else None
        best = ("" if other.apart else other.key) if other is not None else listed.part if listed else ""
        known_too = (p for p in given if (other.has(p) if other is not None else p == "name" and listed))
        part = best if best in given else next(known_too, next(iter(given)))
        header, reading = given[part], _key_reading(one, part)
        self.used.append((one.view, header))
        value = f"{reading}({f'{alias}.' * bool(alias)}{name_of(header)})"
        if part == best or (part != "name" if other is None else not other.has(part)):
            return value
        mark = name_of(f"{known.of}__{known.name}")
        if other is not None:
            rows, key, called = name_of(other.view), self._value(other, "key", mark), self._value(other, part, mark)
        elif listed:
            rows, key, called = listed.rows, f"{mark}.account_id", f"{mark}.account_name"
        else:
            return value
        value = f"{reading}({alias or name_of(one.view)}.{name_of(header)})"
        found, n = (
            f"FROM {rows} AS {mark} WHERE {called} = {value}",
            "count(*)" if other else "count(DISTINCT account_id)",
        )
        key = f"min({key})"
        if part in GUESSES:
            key = f"CASE WHEN {n} = 1 THEN {key} END"
            if one is self.one:
                self.guessed[known.name] = f"(SELECT {n} {found})"
        return f"coalesce((SELECT {key} {found}), {value})"


def _cases(cell: str, values: dict[str, str]) -> str:
    """SQL for the cases of a CASE: those with the same outcome together."""
    old_by_new: dict[str, list[str]] = {}
    for old, new in values.items():
        old_by_new.setdefault(new, []).append(literal(old))
    return " ".join(f"WHEN {cell} IN ({', '.join(old)}) THEN {literal(new)}" for new, old in old_by_new.items())
