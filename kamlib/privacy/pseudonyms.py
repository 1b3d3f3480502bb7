"""Tables for others' eyes: pseudonyms for names and ids, no contact details, no free texts.

A pseudonym is an HMAC-SHA256 (RFC 2104) of what it stands for under the user's key: without the key nobody finds the
name behind it, not even by trying all names. What becomes of a column says its declaration in `kamlib.tables`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from kamlib import words
from kamlib.privacy.rebuild import rebuilt
from kamlib.privacy.small_cells import LEAST
from kamlib.sources.sql import literal, name_of
from kamlib.tables import SQL_TYPES, TABLES, Column, Table
from kamlib.workspace import Data

SHORTEST = 4
"""Letters of a pseudonym; more only where two would be the same."""
STAFF = "staff"
LABELS = {
    "accounts": ("Account", "客户"),
    "contacts": ("Contact", "联系人"),
    "deals": ("Deal", "商机"),
    STAFF: ("Rep", "销售"),
}
NAMED = tuple(table.name for table in TABLES.values() if any(column.share == "name" for column in table.columns))
"""Tables whose rows get names that can be read on a chart; ids of others are long and never collide."""


class Pseudonyms:
    """The pseudonyms of everything in `data` that has a name, as the tables, before they are replaced, spell it."""

    def __init__(self, data: Data, key: bytes, lang: str = "en") -> None:
        self.con, self.key, self.lang = data.con.con, key, lang
        self.codes = {kind: codes(key, kind, self._values(kind)) for kind in (*NAMED, STAFF)}
        rows = [(kind, value, code) for kind, found in self.codes.items() for value, code in found.items()]
        self.frame = pd.DataFrame(rows, columns=["kind", "value", "code"], dtype=str)

    def _values(self, kind: str) -> list[str]:
        """Everything of one kind that any table mentions."""
        places = [
            (table.name, column.name)
            for table in TABLES.values()
            for column in table.columns
            if (
                column.share == STAFF
                if kind == STAFF
                else column.ref == kind or (table.name, column.share) == (kind, "id")
            )
        ]
        union = " UNION ".join(f"SELECT {name_of(column)} AS value FROM main.{table}" for table, column in places)
        return [
            value for (value,) in self.con.execute(f"SELECT value FROM ({union}) WHERE value IS NOT NULL").fetchall()
        ]

    def label(self, kind: str) -> str:
        return words.say(self.lang, *LABELS[kind])

    def of(self, text: str) -> str:
        """Return what stands for an account's, a contact's or a deal's id or name, or for a person; else the text."""
        for kind, found in self.codes.items():
            if text in found:
                return f"{self.label(STAFF)} {found[text]}" if kind == STAFF else f"{kind[0].upper()}-{found[text]}"
        for kind in NAMED:
            (name,) = (column.name for column in TABLES[kind].columns if column.share == "name")
            (key,) = TABLES[kind].key
            hit = self.con.execute(f"SELECT {key} FROM main.{kind} WHERE {name} = ? ORDER BY {key} LIMIT 1", [text])
            if row := hit.fetchone():
                return self.of(row[0])
        return text

    def select(self, table: Table) -> str:
        """Return the SELECT that gives `table` without names."""
        cells = ", ".join(f"{self._cell(table, column)} AS {name_of(column.name)}" for column in table.columns)
        return f"SELECT {cells} FROM main.{table.name} s"

    def _cell(self, table: Table, column: Column) -> str:
        cell = f"s.{name_of(column.name)}"
        if column.type != "text" or column.values or column.share == "keep":
            return cell
        if column.share == "common":
            count = f"(SELECT count(*) FROM main.{table.name} c WHERE c.{name_of(column.name)} = {cell})"
            return f"CASE WHEN {count} >= {LEAST} THEN {cell} END"
        if column.ref:
            target = TABLES[column.ref]
            return self._id(target, cell) if target.column(target.key[0]).share == "id" else cell
        if column.share == "id":
            return self._id(table, cell)
        if column.share == "name":
            return f"{literal(self.label(table.name) + ' ')} || {_code(table.name, f's.{table.key[0]}')}"
        if column.share == STAFF:
            return f"{literal(self.label(STAFF) + ' ')} || {_code(STAFF, cell)}"
        return f"CAST(NULL AS {SQL_TYPES[column.type]})"

    def _id(self, table: Table, cell: str) -> str:
        """SQL for the pseudonym of an id: short where the row has a name, else 80 bits."""
        mark = literal(table.name[0].upper() + "-")
        return (
            f"{mark} || {_code(table.name, cell)}"
            if table.name in NAMED
            else f"{mark} || {self._hashed(table.name, cell)}"
        )

    def _hashed(self, kind: str, cell: str) -> str:
        """SQL for HMAC-SHA256 under the key, the first 20 hexadecimal digits."""
        key = self.key if len(self.key) <= 64 else hashlib.sha256(self.key).digest()
        inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\0")).hex() for pad in (0x36, 0x5C))
        message = f"encode({literal(kind + chr(10))} || {cell})"
        return f"substr(sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || {message}))), 1, 20)"


def share(data: Data, key: bytes, lang: str = "en") -> Data:
    """Return `data` with pseudonyms for names; see `rebuilt` for what does not go along."""
    names = Pseudonyms(data, key, lang)
    data.con.con.register("pseudonyms", names.frame)
    try:
        access = replace(data.ledger.access, shared=True, user=names.of(data.ledger.access.user))
        return rebuilt(data, names.select, access, data.measured)
    finally:
        data.con.con.unregister("pseudonyms")


def codes(key: bytes, kind: str, values: Iterable[str]) -> dict[str, str]:
    """Return a code for each value, all different: the shortest beginning of its HMAC, from `SHORTEST` letters on, that
    no other value shares. Letters and digits of RFC 4648, where no 0 is taken for an O."""
    whole = {value: _letters(key, kind, value) for value in sorted(set(values))}
    found: dict[str, str] = {}
    for length in range(SHORTEST, 53):
        taken = Counter(code[:length] for code in whole.values())
        found |= {v: code[:length] for v, code in whole.items() if v not in found and taken[code[:length]] == 1}
        if len(found) == len(whole):
            break
    return found


def _letters(key: bytes, kind: str, value: str) -> str:
    return base64.b32encode(hmac.new(key, f"{kind}\n{value}".encode(), "sha256").digest()).decode()


def _code(kind: str, cell: str) -> str:
    return f"(SELECT p.code FROM pseudonyms p WHERE p.kind = {literal(kind)} AND p.value = {cell})"
