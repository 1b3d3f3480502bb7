"""Next orders: when is the next order of each account due, who is overdue, and who has fallen silent by its own rhythm?

An account is measured by the gaps between its own order days, not by a fixed number of days: thirty days of silence
alarm where orders come weekly and mean nothing where they come twice a year.
"""

from __future__ import annotations

import datetime as dt

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.lifecycle.journey import ordered_in_year
from kamlib.words import money, names, number, say, share, word

OWN_GAPS = 5
"""The next order is expected only of accounts with so many gaps of their own."""
FIXED_DAYS = 90
"""The rule of thumb that the own rhythm is compared with."""
NAMED = ["account_id", "account_name", "owner"]


# --- When is the next order due? -----------------------------------------------------------------------------------


def next_order_table(
    order_days: pd.DataFrame, states: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date
) -> pd.DataFrame:
    """Expect the next order of every account that is not lost and has at least five gaps of its own.

    One row per account: account_id, account_name, owner, state, last_order, n_gaps, gap_days (median), next_order (last
    order + median gap) with next_order_low and next_order_high (+ 10 % and 90 % quantile of its gaps), late_days
    (days since next_order_high, 0 if not passed), order_value (per order day), order_status ("overdue", "due_now": inside
    the interval, "expected": before it). Overdue accounts come first, the largest first; then by date.
    """
    known = order_days[order_days["order_date"] <= pd.Timestamp(as_of)].sort_values(["account_id", "order_date"])
    gaps = known.assign(gap=known.groupby("account_id")["order_date"].diff().dt.days).groupby("account_id")
    table = gaps.agg(last_order=("order_date", "last"), n_gaps=("gap", "count"), order_value=("amount", "mean"))
    spread = gaps["gap"].quantile([0.1, 0.5, 0.9]).unstack().reindex(columns=[0.1, 0.5, 0.9])
    table = table.assign(gap_days=spread[0.5])
    for name, q in {"next_order": 0.5, "next_order_low": 0.1, "next_order_high": 0.9}.items():
        table[name] = table["last_order"] + pd.to_timedelta(spread[q].round(), unit="D")
    table = table[table["n_gaps"] >= OWN_GAPS].reset_index().merge(states[["account_id", "state"]], on="account_id")
    table = table[table["state"] != "churned"].merge(accounts[NAMED], on="account_id")
    today = pd.Timestamp(as_of)
    table["late_days"] = (today - table["next_order_high"]).dt.days.clip(lower=0)
    late, due = table["late_days"] > 0, today >= table["next_order_low"]
    table["order_status"] = np.select([late, due], ["overdue", "due_now"], "expected")
    order = table.assign(early=~late, size=-table["order_value"].where(late, 0))
    return table.loc[order.sort_values(["early", "size", "next_order", "account_id"]).index, _NEXT].reset_index(
        drop=True
    )


_NEXT = [
    *NAMED, "state", "order_status", "last_order", "n_gaps", "gap_days", "next_order", "next_order_low", "next_order_high",
    "late_days", "order_value",
]  # fmt: skip


@chart("dots", x="next_order", y="account_name", low="next_order_low", high="next_order_high", size=(8, 4))
def plot_next_orders(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 12) -> Axes:
    """Draw the first `top_n` accounts: expected day as a dot, the interval as a bar, the as-of day as a line.

    The as-of day is where late_days count from.
    """
    ax = ax or style.new_axes(plot_next_orders.size)
    rows = table.head(top_n)
    late = rows["order_status"] == "overdue"
    at = np.arange(len(rows))
    colours = np.where(late, style.BAD, np.where(rows["order_status"] == "due_now", style.ORANGE, style.BLUE))
    ax.hlines(at, rows["next_order_low"], rows["next_order_high"], color=colours, lw=3, alpha=0.45)
    ax.scatter(rows["next_order"], at, color=colours, s=42, zorder=3)
    if late.any():
        row = rows[late].iloc[0]
        today = row["next_order_high"] + pd.Timedelta(days=int(row["late_days"]))
        ax.axvline(today, color=style.INK, lw=1)
        ax.annotate(
            f"{today:%Y-%m-%d}", (today, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8
        )
        ax.hlines(at[late], rows["next_order_high"][late], today, color=style.BAD, lw=1, ls=":")
        for y, days in zip(at[late], rows["late_days"][late], strict=True):
            text = say(None, f"{days} days overdue", f"逾期 {days} 天")
            ax.annotate(text, (today, y), (5, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(at, rows["account_name"], fontsize=9)
    ax.invert_yaxis()
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=8))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y-%m-%d"))
    ax.tick_params(axis="x", labelsize=8)
    ax.margins(x=0.14)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(
        say(
            None,
            "next order: expected day, and 80 % of the account's own gaps",
            "下次订单：预计日期及自身间隔的 80 % 范围",
        )
    )
    return ax


def next_orders_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many accounts are past their own interval, who they are, and what an order of theirs brings."""
    late, n = table[table["order_status"] == "overdue"], len(table)
    if late.empty:
        return say(lang, f"None of {n} accounts is overdue by its own rhythm.", f"{n} 个客户均未超出自身购买节奏。")
    worth = late["order_value"].sum()
    return say(
        lang,
        f"{len(late)} of {n} accounts {'is' if len(late) == 1 else 'are'} overdue by own rhythm, an order from each is worth "
        f"{money(worth, 'en')}: "
        f"{names(list(late['account_name']), 'en')}.",
        f"{n} 个客户中 {len(late)} 个按自身节奏已逾期未下单，每家一单合计 {money(worth, 'zh')}："
        f"{names(list(late['account_name']), 'zh')}。",
    )


def coverage_table(order_days: pd.DataFrame) -> pd.DataFrame:
    """Test the interval on the past: how often did the next order fall where the gaps before it said it would?

    One row: n_orders (with at least five own gaps before), n_inside (gap between the 10 % and 90 % quantile of the gaps
    before it), inside_rate (0.8 when calibrated) with its Wilson interval. Nothing after an order is used for it.
    """
    days = order_days.sort_values(["account_id", "order_date"], ignore_index=True)
    days["gap"] = days.groupby("account_id")["order_date"].diff().dt.days
    own = days.groupby("account_id")["gap"].expanding(min_periods=OWN_GAPS)
    bounds = pd.DataFrame({q: own.quantile(q).droplevel(0) for q in (0.1, 0.9)}).round()
    bounds = bounds.groupby(days["account_id"]).shift()
    tested = days["gap"].notna() & bounds[0.1].notna()
    inside = tested & days["gap"].between(bounds[0.1], bounds[0.9])
    n, k = int(tested.sum()), int(inside.sum())
    low, high = stats.wilson(k, n)
    rate = k / n if n else np.nan
    return pd.DataFrame(
        {"n_orders": [n], "n_inside": [k], "inside_rate": [rate], "inside_rate_low": [low], "inside_rate_high": [high]}
    )


def coverage_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how often the interval for the next order held in the past."""
    row = table.iloc[0]
    n, rate = int(row["n_orders"]), share(row["inside_rate"])
    if n == 0:
        return say(lang, "Interval not tested: not enough data (n = 0).", "区间未检验：数据不足（n = 0）。")
    return say(
        lang,
        f"The interval, meant to hold 80 % of the time, held for {rate} of {n:,} past orders.",
        f"区间按 80 % 设计，在过去 {n:,} 次订单中有 {rate} 落在其内。",
    )


# --- Who has fallen silent? ----------------------------------------------------------------------------------------


def dormant_table(
    order_days: pd.DataFrame, known: pd.DataFrame, states: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date
) -> pd.DataFrame:
    """List the accounts silent for longer than their own τ1 but not yet lost, the most valuable first.

    `known` are the silences of `kamlib.lifecycle`. One row per account: account_id, account_name, owner, last_order,
    silence_days, tau1_days, lost_from (the day from which it counts as lost if nothing is ordered),
    value_before (ordered in the 12 months up to its last order), n_fixed (accounts that a fixed limit of 90 days would
    name; the same in each row).
    """
    silent = known.groupby("account_id").tail(1)[["account_id", "order_date", "lost_from"]]
    silent = silent.rename(columns={"order_date": "last_order"})
    rows = states.merge(silent, on="account_id").merge(accounts[NAMED], on="account_id")
    rows["silence_days"] = (pd.Timestamp(as_of) - rows["last_order"]).dt.days
    alive = rows[rows["state"] != "churned"]
    table = alive[alive["state"] == "dormant"].reset_index(drop=True)
    table["value_before"] = ordered_in_year(order_days, table, "last_order", after=False)
    table["n_fixed"] = int((alive["silence_days"] > FIXED_DAYS).sum())
    columns = [*NAMED, "last_order", "silence_days", "tau1_days", "lost_from", "value_before", "n_fixed"]
    return table.sort_values(["value_before", "account_id"], ascending=[False, True], ignore_index=True)[columns]


@chart("bar", x="value_before", y="account_name", label="silence_days", size=(8, 3.2))
def plot_dormant(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 10) -> Axes:
    """Draw what each dormant account used to buy in a year, with its silence beside its own threshold."""
    ax = ax or style.new_axes(plot_dormant.size)
    rows = table.head(top_n)
    ax.barh(np.arange(len(rows)), rows["value_before"], color=style.ORANGE, height=0.65)
    texts = [
        say(
            None,
            f"silent {row.silence_days} days, limit {row.tau1_days:.0f}, lost from {row.lost_from:%Y-%m-%d}",
            f"沉默 {row.silence_days} 天，阈值 {row.tau1_days:.0f} 天，{row.lost_from:%Y-%m-%d} 起算流失",
        )
        for row in rows.itertuples()
    ]
    ax.bar_label(ax.containers[0], texts, padding=4, fontsize=8)
    ax.set_yticks(range(len(rows)), rows["account_name"], fontsize=9)
    ax.invert_yaxis()
    ax.set_xlim(0, rows["value_before"].max() * 1.75 or 1)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(word("value_before"))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    style.money_axis(ax.xaxis)
    return ax


def dormant_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many accounts are dormant, what they used to buy, and whom a fixed limit would have named."""
    n, worth, fixed = len(table), table["value_before"].sum(), int(table["n_fixed"].iloc[0])
    first = table.iloc[0]
    return say(
        lang,
        f"{n} accounts that bought for {money(worth, 'en')} a year are silent beyond their own limit, first "
        f"{first['account_name']} ({number(first['silence_days'])} days); a fixed {FIXED_DAYS} days would name {fixed}.",
        f"{n} 个客户（原年采购 {money(worth, 'zh')}）沉默超过自身阈值，首位为{first['account_name']}"
        f"（{number(first['silence_days'])} 天）；若按固定 {FIXED_DAYS} 天则为 {fixed} 个。",
    )


# --- Whom to call? -------------------------------------------------------------------------------------------------


def calls_table(
    due: pd.DataFrame,
    dormant: pd.DataFrame,
    states: pd.DataFrame,
    accounts: pd.DataFrame,
    as_of: dt.date,
    lang: str | None = None,
    *,
    top_n: int = 10,
) -> pd.DataFrame:
    """Turn the lists into calls: one row per account, the most valuable of each reason in turn, ready to read.

    account_id, account_name, owner, call_reason (dormant, overdue, or first purchase without a second), action (what to
    do), due (a dormant account within 3 days of `as_of`, an overdue one 5, a second order 10; weekends move to Monday).
    """
    once = states[states["state"] == "first_purchase"].merge(accounts[NAMED], on="account_id")
    late = due[due["order_status"] == "overdue"]
    parts = []
    for reason, rows, days in (("dormant", dormant, 3), ("overdue", late, 5), ("first_purchase", once, 10)):
        texts = {"call_reason": word(reason, lang), "action": word(f"action_{reason}", lang)}
        parts.append(rows[NAMED].assign(**texts, due=_workday(as_of, days), rank=range(len(rows))))
    table = pd.concat(parts).drop_duplicates("account_id").sort_values(["rank", "due", "account_id"]).head(top_n)
    return table.drop(columns="rank").sort_values(["due", "owner"], kind="stable", ignore_index=True)


def _workday(as_of: dt.date, days: int) -> pd.Timestamp:
    on = pd.Timestamp(as_of) + pd.Timedelta(days=days)
    return on + pd.Timedelta(days=(0, 0, 0, 0, 0, 2, 1)[on.weekday()])
