"""From tallies to a score: table by table, in six dimensions, each with a gate.

A tally says how many of something were checked and how many failed; the share of a dimension is 1 − failed ÷ checked
over its tallies.

completeness   cells that should be filled          consistency   sums, dates, pairs and links that should agree
uniqueness     rows that should be one of a kind    timeliness    accounts and deals that should have moved
validity       values that should have a form       referential   ids that should be found elsewhere
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pandas as pd

from kamlib.quality.profile import Profile
from kamlib.rules import DIMENSIONS
from kamlib.settings import Settings
from kamlib.sources.ledger import ALL_DELETED, Ledger
from kamlib.tables import TABLES

NAN = float("nan")
GATES = ("pass", "warn", "stop")
REGULAR = ("orders", "invoices", "payments", "service_costs", "activities", "behaviours")
"""Tables that grow every week; of the others the newest row may well be old."""
_FAULTS = {
    "empty": "completeness", "duplicate": "uniqueness", "orphan": "referential", "before": "consistency",
    "not_closed": "consistency", "unreadable": "validity", "not_allowed": "validity", "out_of_range": "validity",
    "unknown_stage": "validity", "no_amount": "completeness",
} | dict.fromkeys((f"not_{kind}" for kind in ("date", "time", "money", "number", "integer", "flag", "text")), "validity")  # fmt: skip


class Tally(NamedTuple):
    """How many of `n_checked` things of a table failed, and the money of those. Without `dimension` it is only told."""

    table_name: str
    kind: str
    column_name: str
    dimension: str
    n_checked: int
    n_failed: int
    money: float = NAN


def border_tallies(ledger: Ledger, profiles: dict[str, Profile]) -> Iterator[Tally]:
    """Yield what reading checked, table by table, and what it found at fault. That accounts are one of a kind is
    checked once more, by likeness: it counts the rows."""
    entries = {entry.table: entry for entry in ledger.entries}
    for one in profiles.values():
        entry = entries.get(one.table)
        n_read = entry.read if entry else one.rows
        refs = [c.name for c in TABLES[one.table].columns if c.ref in profiles]
        orphans = sum(fault.n for fault in ledger.faults if (fault.table, fault.kind) == (one.table, "orphan"))
        dates = bool(TABLES[one.table].later or TABLES[one.table].ends)
        looked_at = {
            "uniqueness": n_read - one.rows * (one.table == "accounts"), "validity": n_read, "consistency": one.rows if dates else 0,
            "referential": sum(one.filled[name] for name in refs) + orphans,
        }  # fmt: skip
        for dimension, n in looked_at.items():
            yield Tally(one.table, "border", "", dimension, n, 0)
    for fault in ledger.faults:
        if fault.table in profiles and fault.kind in _FAULTS:
            money = NAN if fault.money is None else fault.money
            yield Tally(fault.table, fault.kind, fault.column, _FAULTS[fault.kind], 0, fault.n, money)
        if fault.detail == ALL_DELETED:
            for name in (name for name in profiles if name in entries and fault.file in entries[name].file):
                yield Tally(name, "all_deleted", "", "", entries[name].read, fault.n)


def profile_tallies(one: Profile, settings: Settings, as_of: dt.date) -> Iterator[Tally]:
    """Yield how many cells are filled, whether every amount says its currency, and how old the newest row is."""
    cells = one.rows * len(one.expected)
    yield Tally(
        one.table, "empty_cells", "", "completeness", cells, cells - sum(one.filled[name] for name in one.expected)
    )
    if one.filled.get("currency"):
        yield Tally(one.table, "no_currency", "currency", "consistency", one.rows, one.rows - one.filled["currency"])
    if one.table in REGULAR and one.newest:
        age, fresh = (as_of - one.newest).days, settings.quality.fresh_days
        yield Tally(one.table, "old", "", "timeliness", max(age, fresh), max(age - fresh, 0))


def reconciliation(profiles: dict[str, Profile], ledger: Ledger, as_of: dt.date) -> pd.DataFrame:
    """Return one row per table: table_name, n_rows, newest_at, age_days, money_source, money_set_aside, money_table,
    money_unexplained.

    What stands in the source less what was set aside, and what its order lines completed, must be in the table.
    """
    entries = {entry.table: entry for entry in ledger.entries}
    completed = {fault.table: fault.money or 0.0 for fault in ledger.faults if fault.kind == "from_lines"}
    rows = []
    for one in profiles.values():
        entry, source, aside, unexplained = entries.get(one.table), NAN, NAN, NAN
        if entry and entry.money_kept is not None:
            aside = entry.money_set_aside or 0.0
            source = entry.money_kept + aside
            unexplained = round((one.money or 0.0) - entry.money_kept - completed.get(one.table, 0.0), 2)
        age = (as_of - one.newest).days if one.newest else NAN
        newest = one.newest.isoformat() if one.newest else ""
        money = NAN if one.money is None else one.money
        rows.append((one.table, one.rows, newest, age, source, aside, money, unexplained))
    columns = ["table_name", "n_rows", "newest_at", "age_days", "money_source", "money_set_aside", "money_table"]
    return pd.DataFrame(rows, columns=[*columns, "money_unexplained"])


def reconciliation_tallies(tables: pd.DataFrame) -> Iterator[Tally]:
    """Yield whether the money of each table is that of its source."""
    for row in tables[tables.money_unexplained.notna()].itertuples():
        differs = row.money_unexplained != 0
        yield Tally(row.table_name, "not_reconciled", "", "consistency", 1, int(differs), row.money_unexplained)


def worst_first(tallies: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Return what failed: totals that do not agree, then what closes a gate, then by money and by number."""
    gates = scored[["table_name", "dimension", "gate"]]
    found = tallies[tallies.n_failed > 0].merge(gates, on=["table_name", "dimension"], how="left")
    rank = [GATES.index(gate) if isinstance(gate, str) else 0 for gate in found.gate]
    found = found.assign(rank=[3 if kind == "not_reconciled" else n for kind, n in zip(found.kind, rank, strict=True)])
    found = found.sort_values(["rank", "money", "n_failed"], ascending=False, kind="stable", na_position="last")
    return found.drop(columns=["rank", "gate"]).reset_index(drop=True)


def scores(tallies: pd.DataFrame, ledger: Ledger, settings: Settings) -> pd.DataFrame:
    """Return the scorecard: table_name, dimension, quality_share, n_checked, n_failed, gate, threshold_share, entry.

    `entry` is the entry of `kam.toml` that sets the threshold. What cannot be measured has n_checked = 0 and no share.
    The referential share of a table with money is the smaller of that by rows and that by amount.
    """
    sums = tallies[tallies.dimension != ""].groupby(["table_name", "dimension"])[["n_checked", "n_failed"]].sum()
    rows = []
    for table in tallies.table_name.unique():
        for dimension in DIMENSIONS:
            checked, failed = sums.loc[(table, dimension)] if (table, dimension) in sums.index else (0, 0)
            share = max(0.0, 1 - failed / checked) if checked else NAN
            if dimension == "referential" and checked:
                share = min(share, _found_by_amount(tallies, table, ledger))
            rows.append((table, dimension, share, int(checked), int(failed), *_gate(settings, table, dimension, share)))
    columns = ["table_name", "dimension", "quality_share", "n_checked", "n_failed", "gate", "threshold_share", "entry"]
    return pd.DataFrame(rows, columns=columns).astype({"quality_share": float, "threshold_share": float})


def table_scores(scored: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return one row per table: table_name, score_share (the weighted mean of what was measured), gate (the worst)."""
    rows = []
    for table, own in scored[scored.n_checked > 0].groupby("table_name", sort=False):
        weights = own.dimension.map(settings.quality.weight)
        share = (own.quality_share * weights).sum() / weights.sum() if weights.sum() else NAN
        rows.append((table, share, max(own.gate, key=GATES.index)))
    return pd.DataFrame(rows, columns=["table_name", "score_share", "gate"])


def _found_by_amount(tallies: pd.DataFrame, table: str, ledger: Ledger) -> float:
    """The share of a table's money of which the account, or whatever else it must refer to, is there."""
    entry = next((entry for entry in ledger.entries if entry.table == table), None)
    lost = tallies[(tallies.table_name == table) & (tallies.kind == "orphan")].money.sum()
    total = (entry.money_kept or 0) + (entry.money_set_aside or 0) if entry else 0
    return max(0.0, 1 - lost / total) if total > 0 else 1.0


def _gate(settings: Settings, table: str, dimension: str, share: float) -> tuple[str, float, str]:
    """Return the gate of a share, and the threshold that decided, with its entry in `kam.toml`."""
    for gate in ("stop", "warn"):
        threshold, entry = settings.quality.threshold(gate, table, dimension)
        if share < threshold:
            return gate, threshold, f"quality.{gate} {entry}"
    return "pass", threshold, f"quality.warn {entry}"


def frame(tallies: Iterable[Tally]) -> pd.DataFrame:
    """Return tallies as a frame, columns as in `Tally`."""
    return pd.DataFrame(list(tallies), columns=list(Tally._fields)).astype({"money": float})
