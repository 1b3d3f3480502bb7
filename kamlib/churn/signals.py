"""Signals of an early warning: rules that can be read, worth a fixed number of points, on one day or on many past ones.

Each rule is computed for all days at once, from tables cut at each of them by the border (`Data.on_each`) and from
silences, whose thresholds were fixed on the day of the order before: nothing later can enter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import ibis
import numpy as np
import pandas as pd
from ibis import Table

from kamlib import lifecycle
from kamlib.mart import dealings
from kamlib.workspace import Data, to_frame

POINTS = {
    "dormant_signal": 4, "order_late": 3, "order_slow": 2, "champion_left": 2, "dissatisfied": 2, "late_deliveries": 2,
    "nobody_answers": 2, "revenue_down": 1, "contract_ending": 1, "complaints_up": 1, "single_threaded_signal": 1,
    "payment_late": 1, "competitor_named": 1,
}  # fmt: skip
"""Points per signal, by judgement: silence weighs most, then what drives customers away, then what surrounds it."""
SILENCE = ("dormant_signal", "order_late", "order_slow")
"""Degrees of one thing: only the heaviest counts."""
NEEDS = {
    "champion_left": ("contacts", "relationships"), "dissatisfied": ("surveys",), "contract_ending": ("contracts",),
    "complaints_up": ("cases",), "nobody_answers": ("contacts", "activities"),
    "single_threaded_signal": ("contacts", "activities"), "payment_late": ("invoices", "payments"),
    "competitor_named": ("deals",),
}  # fmt: skip
"""The tables, besides accounts and orders, that a signal is read from; without them it is not measured."""
SLOW = 1.5
"""Silence from so many of the account's median gaps on."""
DOWN = 0.7
"""Revenue of half a year at or below this part of the same half a year before."""
LATE = 0.3
"""Share of deliveries after the promised day, of at least three."""
KEY = ["cutoff", "account_id"]


def signal_table(data: Data) -> pd.DataFrame:
    """Return the points of every customer by signal, as known on the as-of date; see `signals_on`."""
    return signals_on(data, [data.as_of]).drop(columns="cutoff")


def signals_on(data: Data, days: Sequence[dt.date]) -> pd.DataFrame:
    """Return the points of every customer by signal on each of `days`, as known then.

    One row per day and account that has bought and is not lost: cutoff, account_id, state, one column per signal of
    `POINTS` (its points, 0 when it is quiet, missing when its tables were not delivered), risk_points (their sum),
    n_measured, gap_ratio (silence ÷ median gap).
    """
    accounts = data.frame("accounts")
    known = lifecycle.silences(data.order_days, data.as_of, data.settings, accounts, data.frame("contracts"))
    table = _customers(lifecycle.spells(known, data.as_of, data.settings, accounts), days)
    rules = _order_rules(table, known, data) | _other_rules(data, days)
    for name, points in POINTS.items():
        on = rules[name].reindex(table.index).fillna(False).astype(bool)
        table[name] = on * float(points) if data.has(*NEEDS.get(name, ())) else np.nan
    lighter = table[list(SILENCE)].cumsum(axis=1).shift(axis=1, fill_value=0) > 0
    table[list(SILENCE)] = table[list(SILENCE)].mask(lighter, 0.0)
    table["risk_points"], table["n_measured"] = table[list(POINTS)].sum(axis=1), table[list(POINTS)].notna().sum(axis=1)
    return table.reset_index()[[*KEY, "state", *POINTS, "risk_points", "n_measured", "gap_ratio"]]


def _customers(spells: pd.DataFrame, days: Sequence[dt.date]) -> pd.DataFrame:
    """Return the state of every customer on each day, indexed by day and account."""
    parts = {pd.Timestamp(day): lifecycle.states_on(spells, day) for day in days}
    states = (
        pd.concat(parts, names=KEY)
        if parts
        else pd.Series(dtype=object, index=pd.MultiIndex.from_arrays([[], []], names=KEY))
    )
    return states[states.isin(lifecycle.CUSTOMERS)].rename("state").to_frame().sort_index()


# --- Rules on orders -----------------------------------------------------------------------------------------------


def _order_rules(table: pd.DataFrame, known: pd.DataFrame, data: Data) -> dict[str, pd.Series]:
    last = _rhythm(table, known)
    table["gap_ratio"] = last["recency"] / last["median"]
    sums = {back: _ordered(table, data.order_days, back) for back in (0, 6, 12, 18)}
    half, before = sums[0] - sums[6], sums[12] - sums[18]
    return {
        "dormant_signal": table["state"] == "dormant",
        "order_late": (last["recency"] > last["p90"]) & (last["n_gaps"] >= 5),
        "order_slow": (table["gap_ratio"] >= SLOW) & (last["n_gaps"] >= 2),
        "revenue_down": (before > 0) & (half <= DOWN * before),
        "late_deliveries": _late_deliveries(data, table.index.levels[0]),
    }


def _rhythm(table: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return for each day and account: recency in days, n_gaps, and median and 90th percentile of the gaps so far."""
    rows = known[["account_id", "order_date", "gap_days"]].assign(n_gaps=known["n_order_days"] - 1)
    gaps = rows.groupby("account_id", sort=False)["gap_days"].expanding()
    rows["median"], rows["p90"] = gaps.median().droplevel(0), gaps.quantile(lifecycle.QUANTILE).droplevel(0)
    found = _latest(table, rows.drop(columns="gap_days"), "order_date")
    return found.assign(recency=(found.index.get_level_values("cutoff") - found["order_date"]).dt.days)


def _ordered(table: pd.DataFrame, order_days: pd.DataFrame, months_back: int) -> pd.Series:
    """Return all that was ordered up to so many months before each day, in whole cents, so that differences are exact."""
    rows = order_days.sort_values(["account_id", "order_date"])[["account_id", "order_date", "amount"]]
    cents = (rows["amount"] * 100).round().astype("int64")
    rows = rows.assign(cents=cents.groupby(rows["account_id"]).cumsum())
    return _latest(table, rows, "order_date", months_back)["cents"].fillna(0)


def _latest(table: pd.DataFrame, rows: pd.DataFrame, date: str, months_back: int = 0) -> pd.DataFrame:
    """Return for each day and account the last of `rows` dated up to that day, or so many months before it."""
    points = table.index.to_frame(index=False)
    points["until"] = (points["cutoff"] - pd.DateOffset(months=months_back)).astype(rows[date].dtype)
    found = pd.merge_asof(
        points.sort_values("until", kind="stable"), rows.sort_values(date, kind="stable"), left_on="until", right_on=date,
        by="account_id",
    )  # fmt: skip
    return found.set_index(KEY).reindex(table.index)


def _late_deliveries(data: Data, days: pd.Index) -> pd.Series:
    orders = _on_each(data, "orders", days)
    due = orders.filter((orders.order_date > orders.half) & (orders.promised_at < orders.cutoff))
    late = due.delivered_at.fill_null(due.cutoff) > due.promised_at
    sums = due.group_by(*KEY).agg(late=late.mean(), n=due.count())
    return _flagged(sums.filter((sums.late > LATE) & (sums.n >= 3)))


# --- Rules on everything else --------------------------------------------------------------------------------------


def _on_each(data: Data, name: str, days: Sequence[dt.date]) -> Table:
    """Return the table as known on each day, with the days half a year, one and two years earlier beside it."""
    today = pd.DatetimeIndex(days)
    back = {"cutoff": today} | {
        name: today - pd.DateOffset(months=months) for name, months in (("half", 6), ("year", 12), ("two_years", 24))
    }
    dates = ibis.memtable(
        {key: [day.date() for day in value] for key, value in back.items()}, schema=dict.fromkeys(back, "date")
    )
    return data.on_each(name, days).inner_join(dates, "cutoff")


def _flagged(rows: Table) -> pd.Series:
    """Run an expression of the days and accounts on which a signal speaks."""
    found = to_frame(rows.select(*KEY).distinct())
    return pd.Series(True, index=pd.MultiIndex.from_frame(found.astype({"cutoff": "datetime64[us]"})), dtype=bool)


def _other_rules(data: Data, days: Sequence[dt.date]) -> dict[str, pd.Series]:
    rules: dict[str, Callable[[Data, Sequence[dt.date]], pd.Series]] = {
        "champion_left": _champion_left, "dissatisfied": _dissatisfied, "contract_ending": _contract_ending,
        "complaints_up": _complaints_up, "payment_late": _payment_late, "competitor_named": _competitor_named,
    }  # fmt: skip
    return {name: rule(data, days) for name, rule in rules.items()} | _answering(data, days)


def _champion_left(data: Data, days: Sequence[dt.date]) -> pd.Series:
    """Somebody who spoke for us left within the last year."""
    ties, contacts = data.on_each("relationships", days), _on_each(data, "contacts", days)
    spoke = ties.filter(ties.role.isin(["champion", "coach"]) | (ties.stance == 2))
    return _flagged(contacts.filter(contacts.left_at > contacts.year).semi_join(spoke, ["contact_id", "cutoff"]))


def _dissatisfied(data: Data, days: Sequence[dt.date]) -> pd.Series:
    """The mean of the last year's answers is 2.5 or less, or a point or more below the year before."""
    rows = _on_each(data, "surveys", days)
    now = rows.answered_at > rows.year
    means = rows.group_by(*KEY).agg(
        now=rows.overall.mean(where=now), then=rows.overall.mean(where=~now & (rows.answered_at > rows.two_years))
    )
    return _flagged(means.filter((means.now <= 2.5) | (means.now <= means.then - 1)))


def _contract_ending(data: Data, days: Sequence[dt.date]) -> pd.Series:
    """The last known contract ends within 90 days."""
    rows = data.on_each("contracts", days)
    ends = rows.group_by(*KEY).agg(end=rows.end_date.max())
    return _flagged(ends.filter(ends.end.delta(ends.cutoff, unit="day").between(0, 90)))


def _complaints_up(data: Data, days: Sequence[dt.date]) -> pd.Series:
    """Two or more complaints in 90 days, and more than twice the pace of the year before them."""
    rows = data.on_each("cases", days)
    rows = rows.filter(rows.type == "complaint")
    age = rows.cutoff.delta(rows.opened_at.cast("date"), unit="day")
    sums = rows.group_by(*KEY).agg(recent=(age < 90).sum(), before=age.between(90, 454).sum())
    return _flagged(sums.filter((sums.recent >= 2) & (sums.recent > 2 * sums.before * 90 / 365)))


def _payment_late(data: Data, days: Sequence[dt.date]) -> pd.Series:
    """Half or more of what the account owes is past due."""
    invoices = data.on_each("invoices", days)
    sums = dealings.owed(invoices, data.on_each("payments", days), invoices.cutoff, ("cutoff",))
    return _flagged(sums.filter((sums.overdue > 0) & (sums.overdue >= 0.5 * sums.receivable)))


def _competitor_named(data: Data, days: Sequence[dt.date]) -> pd.Series:
    """Two or more deals of the last year were lost to a named rival."""
    rows = _on_each(data, "deals", days)
    lost = rows.filter((rows.closed_at > rows.year) & rows.competitor.notnull() & (rows.status == "lost"))
    sums = lost.group_by(*KEY).agg(n=lost.count())
    return _flagged(sums.filter(sums.n >= 2))


def _answering(data: Data, days: Sequence[dt.date]) -> dict[str, pd.Series]:
    """No contact, or only one, was in a two-way exchange with us in the last 90 days."""
    rows = data.on_each("activities", days)
    sums = dealings.in_touch(rows, data.on_each("contacts", days), rows.cutoff, ("cutoff",))
    answering, one = _flagged(sums), _flagged(sums.filter(sums.n_active_contacts == 1))
    everybody = pd.MultiIndex.from_product([pd.DatetimeIndex(days), data.order_days["account_id"].unique()])
    silent = everybody.difference(answering.index)
    return {"nobody_answers": pd.Series(True, index=silent, dtype=bool), "single_threaded_signal": one}
