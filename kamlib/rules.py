"""What `kam.toml` may say about the data themselves: how good they must be, and how they are cleaned."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from kamlib.errors import suggest
from kamlib.tables import EITHER, NEEDED, TABLES


class Strict(BaseModel):
    """A table of `kam.toml`, which holds nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


DIMENSIONS = ("completeness", "uniqueness", "validity", "consistency", "timeliness", "referential")


class Quality(Strict):
    """How good the data must be. `weights` makes the score of a table from its dimensions; a share below `warn` is told,
    below `stop` nothing is computed. Both may name a dimension, or one of a table: "orders.referential"."""

    weights: dict[str, float] = {}
    warn: dict[str, float] = {}
    stop: dict[str, float] = {}
    stale_days: int = Field(365, ge=1)
    """Accounts without order and activity for longer are stale."""
    fresh_days: int = Field(92, ge=1)
    """Orders, invoices, payments, costs and activities should hold a row this young."""
    order_lag_days: int = Field(90, ge=0)
    """A won deal should have an order after so many days."""

    @field_validator("weights", "warn", "stop")
    @classmethod
    def _known_dimensions(cls, entries: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        for name, value in entries.items():
            table, _, dimension = name.rpartition(".")
            if dimension not in DIMENSIONS or (table and (table not in TABLES or info.field_name == "weights")):
                known = (*DIMENSIONS, *TABLES) if table else DIMENSIONS
                wrong = dimension if dimension not in DIMENSIONS else table
                raise ValueError(
                    f"'{name}' is no dimension.{suggest(wrong, known)} Dimensions: {', '.join(DIMENSIONS)}."
                )
            if value < 0 or (value > 1 and info.field_name != "weights"):
                raise ValueError(f"'{name}' is {value}; give a share from 0 to 1.")
        return entries

    def weight(self, dimension: str) -> float:
        """Return what a dimension counts in the score of a table."""
        return self.weights.get(dimension, 1.0)

    def threshold(self, gate: str, table: str, dimension: str) -> tuple[float, str]:
        """Return the share below which `gate` ("warn" or "stop") closes, and the entry of `kam.toml` that says so."""
        given, default = getattr(self, gate), _GATES[gate]
        name = f"{table}.{dimension}"
        if name in given:
            return given[name], name
        if gate == "stop" and table not in (
            *NEEDED,
            *EITHER,
        ):  # others may be absent altogether, so they may be bad as well
            default = {}
        return given.get(dimension, default.get(dimension, 0.0)), dimension


_GATES = {
    "warn": {
        "completeness": 0.8, "uniqueness": 0.99, "validity": 0.98, "consistency": 0.98, "timeliness": 0.8,
        "referential": 0.99,
    },
    "stop": {"uniqueness": 0.5, "validity": 0.5, "referential": 0.5},
}  # fmt: skip


class Cleaning(Strict):
    """One rule that cleans what is read: `tidy` or `values` of a column of a table, or accounts to `merge`, the one that
    goes before the one that stays. Keys and amounts are not to be cleaned."""

    table: str = ""
    column: str = ""
    tidy: bool = False
    values: dict[str, str] = {}
    merge: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_rule(self) -> Cleaning:
        if self.tidy + bool(self.values) + bool(self.merge) != 1:
            raise ValueError("a rule has one of tidy = true, values = {…} and merge = {…}.")
        if self.merge:
            if self.table or self.column:
                raise ValueError("merge holds for every table; leave table and column out.")
            return self
        if self.table not in TABLES:
            raise ValueError(f"'{self.table}' is no table.{suggest(self.table, TABLES)}")
        table = TABLES[self.table]
        if self.column not in table.names:
            raise ValueError(f"{self.table} has no column '{self.column}'.{suggest(self.column, table.names)}")
        column = table.column(self.column)
        if column.name in table.key or column.ref or column.type in ("money", "number", "integer"):
            raise ValueError(f"'{self.column}' is a key, a reference or a number, which are not to be cleaned.")
        if self.tidy and column.type != "text":
            raise ValueError(f"'{self.column}' is no text.")
        return self


def merged(rules: Iterable[Cleaning]) -> dict[str, str]:
    """Return the account that stays, by the one that is merged into it, directly or by way of others. ValueError when
    that goes in a circle, or an account in two directions."""
    pairs = [pair for rule in rules for pair in rule.merge.items()]
    direct = dict(pairs)
    for old, new in pairs:
        if direct[old] != new:
            raise ValueError(f"'{old}' is merged into two accounts, {new} and {direct[old]}; say which stays.")
    ends = {}
    for old, end in direct.items():
        for _ in range(len(direct)):
            end = direct.get(end, end)
        if end in direct:
            raise ValueError(f"merge goes in a circle at '{old}'; say which account stays.")
        ends[old] = end
    return ends


def stable(rules: Iterable[Cleaning]) -> None:
    """Raise ValueError where a second cleaning would change more: what replaces a value is itself to be replaced."""
    replaced: dict[tuple[str, str], dict[str, str]] = {}
    for rule in rules:
        replaced.setdefault((rule.table, rule.column), {}).update(rule.values)
    for (table, column), values in replaced.items():
        old = {_plain(value) for value in values}
        for value in values.values():
            if _plain(value) in old:
                raise ValueError(f"'{value}' of {table}.{column} is to replace and to be replaced; say it in one step.")


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
