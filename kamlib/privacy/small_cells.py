"""Small cells: rows of a shared exhibit behind which fewer than three accounts or people stand are left out.

Rows that are about one account or person, under a pseudonym, are no cells and stay. So that no total gives back what is
left out, further rows go, the smallest first, until at least three stand behind what is missing, in the whole table and
along each of its dimensions (Hundepool et al., Statistical Disclosure Control, 2012, chapter 4). A chart that stacks rows
upon each other goes as a whole: without some of them it would show wrong totals.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from kamlib.tables import TABLES

LEAST = 3
BASES = (
    "n_accounts", "n_contacts", "n_start", "n_from", "n_of", "n_observed", "n_panel", "n_answers", "n_invited", "n_customers",
    "n_before", "n_now", "n_votes", "n_unchanged", "n_leavers",
)  # fmt: skip
"""Columns that count the accounts or people whom a row describes."""
IDENTITIES = frozenset(
    column.name for table in TABLES.values() for column in table.columns if column.share in ("id", "name", "staff")
)
PEOPLE = ("accounts", "contacts", "answers")
"""What an exhibit's n may count, when it counts accounts or people."""


def about_somebody(table: pd.DataFrame) -> bool:
    """Return whether each row of the table is about one account, person or deal."""
    return not IDENTITIES.isdisjoint(table.columns)


def stacks_rows(chart: dict) -> bool:
    """Return whether a chart puts the rows of its table upon each other."""
    stacked = chart["kind"] in ("stacked_bar", "stacked_column", "area") and "colour" in chart
    return stacked or chart["kind"] == "waterfall"


def shown(table: pd.DataFrame, chart: dict, n: int | None = None, of: str = "") -> pd.DataFrame:
    """Return the rows of an exhibit's table that may be shared; `n` counts `of`."""
    if about_somebody(table):
        return table
    if of in PEOPLE and n is not None and n < LEAST:
        return table.head(0)
    bases = [name for name in BASES if name in table.columns]
    if not bases:
        return table
    table = table.reset_index(drop=True)
    left_out = small(table, table[bases].min(axis=1))
    return table.head(0) if stacks_rows(chart) and left_out.any() else table[~left_out]


def small(table: pd.DataFrame, base: pd.Series) -> pd.Series:
    """Return which rows are left out: those with a `base` of one or two, and those that would give them back."""
    base = base.fillna(0)
    out = base.between(1, LEAST - 1)
    found = True
    while found:
        found = False
        for line in lines(table):
            hidden = out[line]
            rest = base[line][~hidden & (base[line] > 0)]
            if hidden.any() and base[line][hidden].sum() < LEAST and len(rest):
                out[rest.idxmin()] = found = True
    return out


def lines(table: pd.DataFrame) -> Iterator[pd.Index]:
    """Return the rows that add up to a total: all of them, and those that differ in one dimension only."""
    yield table.index
    dimensions = [
        name
        for name in table.columns
        if not pd.api.types.is_numeric_dtype(table[name]) and table[name].nunique(dropna=False) > 1
    ]
    for varied in dimensions:
        fixed = [name for name in dimensions if name != varied]
        if fixed:
            yield from (rows.index for _, rows in table.groupby(fixed, dropna=False, observed=True))
