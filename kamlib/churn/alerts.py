"""Alerts: how many would managers have had to read each month, how many were right, and what was done about them?

An alert is a customer still buying that stands at `ALERT` points or more on a month-end.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.churn.backtest import decided, loss_interval
from kamlib.churn.early_warning import ALERT
from kamlib.exhibit import chart
from kamlib.models import scored
from kamlib.words import number, say, share, word

VISIT_DAYS = 60
"""A customer is held to have been visited because of an alert when somebody met it within so many days."""


# --- Is the warning steady? ----------------------------------------------------------------------------------------


def months_table(panel: pd.DataFrame) -> pd.DataFrame:
    """Count month by month: cutoff, n_customers (still buying, outcome known), n_alerts, n_hits (left within six months),
    n_false (did not), n_missed (left without an alert), precision_rate, recall_rate, lift_index, lead_days (median of the
    hits). Empty without cut-offs or when nobody left: then there was nothing to warn of."""
    active = decided(panel)
    active = active if active["left"].any() else active.head(0)
    alert, left = active["risk_points"] >= ALERT, active["left"].astype(bool)
    flags = pd.DataFrame(
        {
            "n_customers": 1,
            "n_alerts": alert,
            "n_hits": alert & left,
            "n_false": alert & ~left,
            "n_missed": ~alert & left,
        }
    )
    table = flags.astype(int).groupby(active["cutoff"]).sum().rename_axis("cutoff").reset_index()
    leavers = table["n_hits"] + table["n_missed"]
    table["precision_rate"] = table["n_hits"] / table["n_alerts"].where(table["n_alerts"] > 0)
    table["recall_rate"] = table["n_hits"] / leavers.where(leavers > 0)
    table["lift_index"] = table["precision_rate"] / (leavers / table["n_customers"]).where(leavers > 0)
    lead = active["lead_days"].where(alert & left).astype(float).groupby(active["cutoff"]).median()
    return table.assign(lead_days=table["cutoff"].map(lead))


@chart("stacked_column", x="cutoff", y="n_hits", line="n_missed", size=(8.5, 4))
def plot_months(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the alerts of each month-end, right ones below false ones, and the leavers that were missed as marks."""
    ax = ax or style.new_axes(plot_months.size)
    at = np.arange(len(table))
    ax.bar(at, table["n_hits"], color=style.BLUE, width=0.7, label=say(None, "alerts that came true", "命中的预警"))
    ax.bar(
        at,
        table["n_false"],
        bottom=table["n_hits"],
        color=style.PALE,
        width=0.7,
        label=say(None, "alerts that did not", "未命中的预警"),
    )
    ax.scatter(
        at,
        table["n_missed"],
        color=style.VERMILION,
        marker="D",
        s=40,
        zorder=3,
        label=say(None, "left without an alert", "未预警而流失"),
    )
    for x, row in zip(at, table.itertuples(), strict=True):
        ax.annotate(
            share(row.precision_rate), (x, row.n_alerts), (0, 3), textcoords="offset points", ha="center", fontsize=8
        )
    step = max(1, len(table) // 12)
    ax.set_xticks(at[::step], [f"{day:%Y-%m}" for day in table["cutoff"]][::step], fontsize=8)
    ax.set_ylim(0, max(table["n_alerts"].max(), table["n_missed"].max(), 1) * 1.3)
    ax.set_ylabel(say(None, "customers", "客户数"))
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left", ncols=3, fontsize=9)
    return ax


def months_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how precision ran over the months, how many leavers were missed, and how early the hits were said."""
    alerts, hits, missed = (int(table[name].sum()) for name in ("n_alerts", "n_hits", "n_missed"))
    low, high = table["precision_rate"].min(), table["precision_rate"].max()
    if not alerts:
        return say(
            lang,
            f"No customer stood at {ALERT} points on any of {len(table)} month-ends; {missed} losses (customers × month-ends) were missed.",
            f"{len(table)} 个月末均无客户达到 {ALERT} 分；漏报流失 {missed} 次（客户 × 月末）。",
        )
    lead = number(table["lead_days"].median()) if hits else say(lang, "unknown", "未知")
    right, found = share(hits / alerts), share(hits / (hits + missed))
    return say(
        lang,
        f"Over {len(table)} month-ends {right} of the alerts came true ({share(low)} – {share(high)} by month) and caught {found} "
        f"of the losses, a median of {lead} days ahead; {alerts - hits} of {alerts} were false alarms.",
        f"{len(table)} 个月末的预警中 {right} 应验（各月 {share(low)}～{share(high)}），覆盖 {found} 的流失，提前天数中位数 {lead} 天；"
        f"{alerts} 次预警中 {alerts - hits} 次为误报。",
    )


# --- How many to read? ---------------------------------------------------------------------------------------------


def calendar_table(panel: pd.DataFrame, accounts: pd.DataFrame) -> pd.DataFrame:
    """Count the alerts of each manager at each month-end: owner, cutoff, n_alerts, n_new (not there the month before),
    n_hits. Owners as they are today: CRMs seldom keep former ones. Managers without any alert stand with 0. Empty when no
    owner is on file, or nobody raised an alert."""
    active = panel[panel["state"] != "dormant"]
    if accounts["owner"].isna().all() or not (active["risk_points"] >= ALERT).any():
        return pd.DataFrame(columns=["owner", "cutoff", "n_alerts", "n_new", "n_hits"])
    owner = active["account_id"].map(accounts.set_index("account_id")["owner"]).fillna("unknown")
    alert = active["risk_points"] >= ALERT
    months = np.sort(active["cutoff"].unique())
    number_of = pd.Series(np.arange(len(months)), index=months)
    spot = pd.MultiIndex.from_arrays([active["account_id"], active["cutoff"].map(number_of)])
    before = pd.MultiIndex.from_arrays([active["account_id"], active["cutoff"].map(number_of) - 1])
    new = alert & ~before.isin(spot[alert])
    counts = pd.DataFrame(
        {
            "owner": owner,
            "cutoff": active["cutoff"],
            "n_alerts": alert,
            "n_new": new,
            "n_hits": alert & active["left"].astype(bool),
        }
    )
    sums = counts.groupby(["owner", "cutoff"])[["n_alerts", "n_new", "n_hits"]].sum().astype(int)
    return sums.unstack(fill_value=0).stack(future_stack=True).reset_index()


@chart("heatmap", x="cutoff", y="owner", colour="n_alerts", size=(9, 4.6))
def plot_calendar(table: pd.DataFrame, ax: Axes | None = None, *, months: int = 12, top_n: int = 15) -> Axes:
    """Draw alerts by manager and month, the busiest first; in brackets those that came true."""
    ax = ax or style.new_axes(plot_calendar.size)
    last = np.sort(table["cutoff"].unique())[-months:]
    rows = table[table["cutoff"].isin(last)]
    order = rows.groupby("owner")["n_alerts"].sum().sort_values(ascending=False, kind="stable").index[:top_n]
    wide, hits = (
        rows.pivot(index="owner", columns="cutoff", values=name).reindex(order) for name in ("n_alerts", "n_hits")
    )
    texts = (
        wide.astype(int)
        .astype(str)
        .where(hits == 0, wide.astype(int).astype(str) + " (" + hits.astype(int).astype(str) + ")")
    )
    wide.columns = texts.columns = [f"{day:%Y-%m}" for day in wide.columns]
    style.heat_map(ax, wide.astype(float), texts)
    ax.tick_params(labelsize=8)
    ax.set_xlabel(
        say(None, "alerts on the month-end (of these lost within six months)", "月末预警数（其中六个月内流失）")
    )
    return ax


def calendar_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many alerts, and how many new ones, a manager gets in a month."""
    managers, months = table["owner"].nunique(), table["cutoff"].nunique()
    mean, new = (number(table[name].sum() / (managers * months), 1) for name in ("n_alerts", "n_new"))
    top = table.groupby("owner")["n_alerts"].sum().sort_values(ascending=False, kind="stable")
    most = number(top.iloc[0] / months, 1)
    return say(
        lang,
        f"A manager reads {mean} alerts a month, {new} of them new; most are {top.index[0]}'s ({most} a month; {managers} manager{'s' * (managers > 1)}, {months} month{'s' * (months > 1)}).",
        f"每位客户经理每月平均 {mean} 条预警，其中新增 {new} 条；最多的是{top.index[0]}（每月 {most} 条；{managers} 位经理，{months} 个月）。",
    )


# --- How much is found in how long a list? -------------------------------------------------------------------------


def gains_table(scores: pd.DataFrame, columns: dict[str, str], *, steps: int = 20) -> pd.DataFrame:
    """Return how many of the losses each ranking finds in the first shares of its list: ranking, top_share, recall_rate,
    lift_index (recall ÷ share). `columns` names the column of `scores` behind each ranking. Empty without losses."""
    tops = np.arange(steps + 1) / steps
    y = scores["left"].to_numpy(float)
    parts = [
        pd.DataFrame(
            {
                "ranking": name,
                "top_share": tops,
                "recall_rate": scored.gains(y, scores[column].astype(float).fillna(-1.0), tops),
            }
        )
        for name, column in columns.items()
        if y.sum()
    ]
    if not parts:
        return pd.DataFrame(columns=["ranking", "top_share", "recall_rate", "lift_index"])
    table = pd.concat(parts, ignore_index=True)
    return table.assign(lift_index=table["recall_rate"] / table["top_share"].where(table["top_share"] > 0)).round(6)


@chart("line", x="top_share", y="recall_rate", colour="ranking", size=(7.5, 4.2))
def plot_gains(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw found losses against the length of the list; the dashed line is a draw."""
    ax = ax or style.new_axes(plot_gains.size)
    looks = {"by_points": (style.BLUE, 2.6), "by_gap_ratio": (style.ORANGE, 1.6), "by_revenue": (style.GREY, 1.6), "logistic_model": (style.GREEN, 1.6), "boosted_model": (style.PURPLE, 1.6)}  # fmt: skip
    for name, rows in table.groupby("ranking", sort=False):
        colour, width = looks[name]
        ax.plot(rows["top_share"], rows["recall_rate"], color=colour, lw=width, label=word(name))
    ax.plot([0, 1], [0, 1], color=style.GREY, lw=1, ls="--")
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    style.percent_axis(ax.xaxis)
    style.percent_axis(ax.yaxis)
    ax.set_xlabel(say(None, "length of the list, share of customers", "名单长度（占客户比例）"))
    ax.set_ylabel(say(None, "share of the losses in it", "名单覆盖的流失占比"))
    ax.legend(loc="lower right", fontsize=9)
    return ax


def gains_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many of the losses the first fifth of the list holds, and of the best other ranking."""
    at = table[np.isclose(table["top_share"], 0.2)].set_index("ranking")["recall_rate"]
    others = at.drop("by_points")
    best = others.idxmax()
    return say(
        lang,
        f"The first fifth of our list holds {share(at['by_points'])} of the losses that followed ({number(at['by_points'] / 0.2, 1)} times a draw); by {word(best, 'en')} {share(others[best])}.",
        f"名单前五分之一覆盖其后 {share(at['by_points'])} 的流失（为随机的 {number(at['by_points'] / 0.2, 1)} 倍）；按{word(best, 'zh')}为 {share(others[best])}。",
    )


# --- What was done about them? -------------------------------------------------------------------------------------


def followed_table(panel: pd.DataFrame, activities: pd.DataFrame) -> pd.DataFrame:
    """Compare alerts that somebody followed with alerts that nobody did: followed, n_alerts, n_left, past_loss_rate with
    a bootstrap interval over accounts. Followed: a visit or meeting within 60 days after the month-end and before the
    loss. Who is visited is chosen, so the difference is no effect: only a control group would show one."""
    alerts = decided(panel)
    alerts = alerts[alerts["risk_points"] >= ALERT].reset_index(drop=True)
    met = activities[activities["type"].isin(["visit", "meeting"])][["account_id", "happened_at"]]
    pairs = alerts[["account_id", "cutoff", "lead_days"]].reset_index().merge(met, on="account_id")
    after = (pairs["happened_at"] - pd.to_datetime(pairs["cutoff"])) // pd.Timedelta(days=1)
    visited = pairs["index"][(after > 0) & (after <= VISIT_DAYS) & ~(after >= pairs["lead_days"].astype(float))]
    followed = alerts.index.isin(visited)
    rows = []
    for name, part in (("visited", alerts[followed]), ("not_visited", alerts[~followed])):
        low, high = loss_interval(part)
        rate = part["left"].mean() if len(part) else np.nan
        rows.append((name, len(part), int(part["left"].sum()), rate, low, high))
    return pd.DataFrame(
        rows, columns=["followed", "n_alerts", "n_left", "past_loss_rate", "past_loss_rate_low", "past_loss_rate_high"]
    )
