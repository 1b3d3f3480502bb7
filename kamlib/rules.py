"""What `kam.toml` may say about the data themselves: how good they must be, and how they are cleaned."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from kamlib.errors import suggest
from kamlib.tables import TABLES


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
        return given.get(dimension, default.get(dimension, 0.0)), dimension


_GATES = {
    "warn": {
        "completeness": 0.8, "uniqueness": 0.99, "validity": 0.98, "consistency": 0.98, "timeliness": 0.8,
        "referential": 0.99,
    },
    "stop": {"uniqueness": 0.5, "validity": 0.5, "referential": 0.5},
}  # fmt: skip
