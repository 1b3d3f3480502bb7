"""Churn compared: does the rate hang on the definition, and do some segments lose more customers than chance explains?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import binomtest

from kamlib import lifecycle, stats, style
from kamlib.churn import lost_flags
from kamlib.exhibit import chart
from kamlib.settings import Settings
from kamlib.words import say, share, word

SEGMENT_ACCOUNTS = 5
"""A segment with fewer customers at the start gets a rate, but is not named in the claim."""


# --- Does the rate hang on the definition? -------------------------------------------------------------------------


def last_decided(as_of: dt.date, settings: Settings) -> pd.Timestamp:
    """Return the last month-end whose losses are decided on `as_of` even with τ2 longer by 30 %."""
    rules = settings.lifecycle
    wait = np.ceil(1.3 * rules.lost_floor_days) - rules.dormant_floor_days
    return pd.Timestamp(as_of) - pd.Timedelta(days=wait - 1) - pd.offsets.MonthEnd(1)


def definition_table(
    facts: tuple[pd.DataFrame, dt.date, Settings, pd.DataFrame, pd.DataFrame], losses: pd.DataFrame, end: dt.date
) -> pd.DataFrame:
    """Count the customers lost in the 12 months up to `end` by different definitions of lost and of customer.

    `facts` are the arguments of `lifecycle.silences`. One row per definition: definition ("tau2_100" is ours; "tau2_70"
    and "tau2_130" move τ2 by 30 %; "recorded": sales entered the loss in the table of losses, given as `losses`;
    "contract_ended": the contract that ran at the start ended and was not renewed, of those with one; "start_active": of
    customers who were not dormant at the start; "start_ever": of all who had ever ordered, the long lost among them;
    "with_new": the mistake of counting who was won in the year below the line), n_start, n_churned, churn_rate with its
    Wilson interval.
    """
    order_days, as_of, settings, accounts, contracts = facts
    end = pd.Timestamp(end)
    start = end - pd.DateOffset(years=1)
    rows = []
    for percent in (70, 100, 130):
        known = lifecycle.silences(order_days, as_of, settings, accounts, contracts, tau2_scale=percent / 100)
        flags = lost_flags(known, lifecycle.loss_events(known, as_of), start, end)
        rows.append((f"tau2_{percent}", len(flags), int(flags.sum())))
        if percent == 100:
            others = _denominators(known, flags, start, end)
            entered = losses[(losses["lost_at"] > start) & (losses["lost_at"] <= end)]["account_id"]
            recorded = ("recorded", len(flags), int(flags.index.isin(entered).sum()))
    rows += [recorded] if len(losses) else []
    rows.append(("contract_ended", *_contracts_ended(contracts, start, end)))
    rows += others
    table = pd.DataFrame(rows, columns=["definition", "n_start", "n_churned"])
    enough = table["n_start"].iloc[0] > 0  # else nobody could have left by any of them
    table = table[(table["n_start"] > 0) & enough].reset_index(drop=True)
    low, high = stats.wilson(table["n_churned"], table["n_start"])
    return table.assign(churn_rate=table["n_churned"] / table["n_start"], churn_rate_low=low, churn_rate_high=high)


def _denominators(
    known: pd.DataFrame, flags: pd.Series, start: pd.Timestamp, end: pd.Timestamp
) -> list[tuple[str, int, int]]:
    """Return our losses over other ideas of who is a customer: (definition, n_start, n_churned)."""
    at_start = known[(known["order_date"] <= start) & ~(known["next_order"] <= start)]
    buying = at_start.loc[at_start["dormant_from"] > start, "account_id"]
    active = flags[flags.index.isin(buying)]
    ever = known.loc[known["first_order"] <= start, "account_id"].nunique()
    won = known.loc[(known["first_order"] > start) & (known["first_order"] <= end), "account_id"].nunique()
    lost = int(flags.sum())
    return [
        ("start_active", len(active), int(active.sum())),
        ("start_ever", ever, lost),
        ("with_new", len(flags) + won, lost),
    ]


def _contracts_ended(contracts: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> tuple[int, int]:
    running = contracts[(contracts["start_date"] <= start) & (contracts["end_date"] > start)]["account_id"].unique()
    later = contracts[(contracts["start_date"] <= end) & (contracts["end_date"] >= end)]["account_id"].unique()
    return len(running), len(set(running) - set(later))


@chart("dots", x="churn_rate", y="definition", low="churn_rate_low", high="churn_rate_high", size=(8.5, 4.2))
def plot_definitions(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the rate by each definition with its interval; ours is darker."""
    return _plot_rates(
        table, "definition", table["definition"] == "tau2_100", ax or style.new_axes(plot_definitions.size)
    )


def _plot_rates(table: pd.DataFrame, name: str, strong: pd.Series, ax: Axes) -> Axes:
    at = np.arange(len(table))
    colours = np.where(strong, style.BLUE, style.GREY)
    ax.hlines(at, table["churn_rate_low"], table["churn_rate_high"], color=colours, lw=2)
    ax.scatter(table["churn_rate"], at, color=colours, s=50, zorder=3)
    for y, row in zip(at, table.itertuples(), strict=True):
        text = f"{share(row.churn_rate)} ({row.n_churned} / {row.n_start})"
        ax.annotate(text, (row.churn_rate_high, y), (6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(at, [word(item) for item in table[name]])
    ax.invert_yaxis()
    ax.set_xlim(0, max(table["churn_rate_high"].max() * 1.25, 0.05))
    ax.margins(y=0.12)
    style.percent_axis(ax.xaxis)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say(None, "customers lost in 12 months ÷ customers at the start", "12 个月内流失客户 ÷ 期初客户"))
    return ax


def definitions_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how far the rate moves with τ2 and with the denominator, and what sales recorded."""
    rows = table.set_index("definition")
    rate = rows["churn_rate"]
    silent = sorted(rate[name] for name in ("tau2_70", "tau2_100", "tau2_130"))
    ours = f"{share(rate['tau2_100'])}, {rows['n_churned']['tau2_100']} / {rows['n_start']['tau2_100']}"
    en = f"Moving τ2 by 30 % puts yearly churn between {share(silent[0])} and {share(silent[-1])} (ours: {ours})"
    zh = f"τ2 上下浮动 30 %，年流失率在 {share(silent[0])} 与 {share(silent[-1])} 之间（本文 {ours}）"
    if "recorded" in rows.index:
        n = rows["n_churned"]["recorded"]
        en, zh = f"{en}; sales recorded {n} losses", f"{zh}；销售登记的流失为 {n} 个"
    bases = [share(rate[name]) for name in ("start_ever", "start_active") if name in rows.index]
    if len(bases) == 2:
        en += f"; of all who ever bought it would be {bases[0]}, of those still buying {bases[1]}"
        zh += f"；以全部曾购客户为分母为 {bases[0]}，仅以在购客户为分母为 {bases[1]}"
    return say(lang, f"{en}.", f"{zh}。")


# --- Where do customers leave? -------------------------------------------------------------------------------------


def segment_table(lost: pd.Series, mart: pd.DataFrame, *, by: str = "region") -> pd.DataFrame:
    """Return churn by segment: `lost` is the flag of each customer at the start (see `lost_flags`).

    One row per value of the column `by` of the mart, the highest shrunk rate first: segment, n_start, n_churned,
    churn_rate with its Wilson interval, shrunk_rate (pulled towards the rate of all the more, the fewer customers a
    segment has; empirical Bayes). A customer without a value counts as "unknown".
    """
    rows = mart.set_index("account_id").reindex(lost.index)
    names = rows[by].map({True: "key_account", False: "other_account"}) if by == "is_key_account" else rows[by]
    table = (
        lost.groupby(names.fillna("unknown")).agg(n_start="size", n_churned="sum").rename_axis("segment").reset_index()
    )
    table["n_churned"] = table["n_churned"].astype(int)
    low, high = stats.wilson(table["n_churned"], table["n_start"])
    table = table.assign(churn_rate=table["n_churned"] / table["n_start"], churn_rate_low=low, churn_rate_high=high)
    table["shrunk_rate"] = stats.beta_binomial_shrink(table["n_churned"], table["n_start"])
    order = table.assign(rank=table["shrunk_rate"].round(3))  # equal but for rounding: the rate as it is decides
    order = order.sort_values(["rank", "churn_rate", "n_start", "segment"], ascending=[False, False, False, True])
    return order.drop(columns="rank").reset_index(drop=True)


@chart("dots", x="churn_rate", y="segment", low="churn_rate_low", high="churn_rate_high", size=(8, 4))
def plot_segments(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the rate of each segment with its interval, the shrunk rate as a diamond, all customers as a line."""
    table = table.head(12)
    ax = _plot_rates(table, "segment", pd.Series(True, index=table.index), ax or style.new_axes(plot_segments.size))
    label = say(None, "shrunk towards the mean", "向总体收缩后")
    ax.scatter(table["shrunk_rate"], np.arange(len(table)), marker="D", color=style.ORANGE, s=32, zorder=4, label=label)
    overall = table["n_churned"].sum() / table["n_start"].sum()
    style.reference_line(ax, overall, say(None, f"all {share(overall)}", f"总体 {share(overall)}"), axis="x")
    ax.legend(loc="center right", fontsize=9)
    return ax


def segments_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say which segment leaves most, and whether that is more than chance among so many segments."""
    n, k = int(table["n_start"].sum()), int(table["n_churned"].sum())
    large = table[table["n_start"] >= SEGMENT_ACCOUNTS]
    if large.empty:
        return say(
            lang,
            f"No segment has {SEGMENT_ACCOUNTS} customers (n = {n}).",
            f"没有达到 {SEGMENT_ACCOUNTS} 个客户的细分（n = {n}）。",
        )
    if len(table) == 1:
        return say(lang, f"Only one segment, nothing to compare (n = {n}).", f"只有一个细分，无从比较（n = {n}）。")
    row = large.iloc[0]
    counts = f"{row['n_churned']} / {row['n_start']}"
    p = binomtest(int(row["n_churned"]), int(row["n_start"]), k / n, alternative="greater").pvalue
    proven = p * len(table) < 0.05  # Bonferroni: the worst of many segments looks bad by chance
    return say(
        lang,
        f"Highest with {SEGMENT_ACCOUNTS} customers or more: {word(row['segment'], 'en')}, {share(row['churn_rate'])} a year ({counts}) against {share(k / n)} overall; "
        f"{'more than chance explains' if proven else 'within chance'}.",
        f"客户不少于 {SEGMENT_ACCOUNTS} 个的细分中，{word(row['segment'], 'zh')}流失最高，年 {share(row['churn_rate'])}（{counts}），总体 {share(k / n)}；"
        f"{'超出偶然范围' if proven else '仍在偶然范围内'}。",
    )
