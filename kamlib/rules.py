"""What `kam.toml` may say about the data themselves: how good they must be, and how they are cleaned."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from kamlib.errors import refusal, suggest
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
                raise refusal(
                    f"'{name}' is no dimension.{suggest(wrong, known)} Dimensions: {', '.join(DIMENSIONS)}.",
                    f"“{name}”不是质量维度。{suggest(wrong, known)}可用维度：{'、'.join(DIMENSIONS)}。",
                )
            if value < 0 or (value > 1 and info.field_name != "weights"):
                raise refusal(
                    f"'{name}' is {value}; give a share from 0 to 1.", f"“{name}”为 {value}，应为 0 到 1 之间的比例。"
                )
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
            raise refusal(
                "a rule has one of tidy = true, values = {…} and merge = {…}.",
                "每条规则只能有 tidy = true、values = {…}、merge = {…} 三者之一。",
            )
        if self.merge and (self.table or self.column):
            raise refusal(
                "merge holds for every table; leave table and column out.",
                "merge 对所有数据表有效，不要写 table 和 column。",
            )
        return self

    @model_validator(mode="after")
    def _can_be_cleaned(self) -> Cleaning:
        if self.merge:
            return self
        if self.table not in TABLES:
            near = suggest(self.table, TABLES)
            raise refusal(f"'{self.table}' is no table.{near}", f"没有数据表“{self.table}”。{near}")
        table = TABLES[self.table]
        if self.column not in table.names:
            near = suggest(self.column, table.names)
            raise refusal(
                f"{self.table} has no column '{self.column}'.{near}", f"{self.table} 没有列“{self.column}”。{near}"
            )
        column = table.column(self.column)
        if column.name in table.key or column.ref or column.type in ("money", "number", "integer"):
            raise refusal(
                f"'{self.column}' is a key, a reference or a number, which are not to be cleaned.",
                f"“{self.column}”是主键、引用列或数值列，不能清洗。",
            )
        if self.tidy and column.type != "text":
            raise refusal(f"'{self.column}' is no text.", f"“{self.column}”不是文本列。")
        return self


def merged(rules: Iterable[Cleaning]) -> dict[str, str]:
    """Return the account that stays, by the one that is merged into it, directly or by way of others. ValueError when
    that goes in a circle, or an account in two directions."""
    pairs = [pair for rule in rules for pair in rule.merge.items()]
    direct = dict(pairs)
    for old, new in pairs:
        if direct[old] != new:
            raise refusal(
                f"'{old}' is merged into two accounts, {new} and {direct[old]}; say which stays.",
                f"“{old}”同时并入 {new} 和 {direct[old]} 两个客户，请指明保留哪一个。",
            )
    ends = {}
    for old, end in direct.items():
        for _ in range(len(direct)):
            end = direct.get(end, end)
        if end in direct:
            raise refusal(
                f"merge goes in a circle at '{old}'; say which account stays.",
                f"客户合并在“{old}”处形成循环，请指明保留哪个客户。",
            )
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
                raise refusal(
                    f"'{value}' of {table}.{column} is to replace and to be replaced; say it in one step.",
                    f"{table}.{column} 的“{value}”既是替换后的值，又要被替换，请一步写明。",
                )


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
