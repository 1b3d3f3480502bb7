"""Warning test: would the early warning have worked in the past, and better than simpler rankings?

At past month-ends the signals are computed from what was known then; what happened in the six months after is the
outcome. Nothing dated after a cut-off can enter, because the tables themselves are cut there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import lifecycle, stats, style
from kamlib.churn.early_warning import band_of, signal_table
from kamlib.exhibit import chart
from kamlib.words import say, share, word
from kamlib.workspace import Data

HORIZON = 6
"""Months after a cut-off in which a loss counts."""
FIRST = 15
"""Months of data before the first cut-off: signals compare with the year before."""
RANKINGS = {
    "by_points": (["risk_points", "margin"], [False, False]),
    "by_gap_ratio": (["gap_ratio"], [False]),
    "by_revenue": (["revenue"], [True]),
}
"""The list as it is read, and two naive ones: the longest silence against the usual gap; the smallest revenue."""


def cutoffs(data: Data, *, every: int = 3) -> list[pd.Timestamp]:
    """Return the past month-ends, `every` so many months, whose following six months are decided by the as-of date."""
    rules, opening = data.settings.lifecycle, data.order_days["order_date"].min()
    wait = pd.Timedelta(days=rules.lost_floor_days - rules.dormant_floor_days)
    last = pd.Timestamp(data.as_of) - wait - pd.DateOffset(months=HORIZON)
    if pd.isna(opening):
        return []
    days = pd.date_range(opening + pd.DateOffset(months=FIRST), last, freq="ME")
    return list(days[::-1][::every][::-1])


def panel_table(data: Data, days: list[pd.Timestamp]) -> pd.DataFrame:
    """Return the signals of every customer at every cut-off with what became of it.

    One row per cut-off and customer: cutoff, account_id, state, band, risk_points, margin, gap_ratio and revenue (as known
    then), left (of a customer that was still buying: its churn date lies in the six months after; of a dormant one: it
    was confirmed as lost in them), lead_days (from the cut-off to that day).
    """
    facts = (data.order_days, data.as_of, data.settings, data.frame("accounts"), data.frame("contracts"))
    events = lifecycle.loss_events(lifecycle.silences(*facts), data.as_of)
    parts = [_at(data, day, events) for day in days]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_PANEL)


_PANEL = ["cutoff", "account_id", "state", "band", "risk_points", "margin", "gap_ratio", "revenue", "left", "lead_days"]


def _at(data: Data, day: pd.Timestamp, events: pd.DataFrame) -> pd.DataFrame:
    then = data.at(day.date())
    table = signal_table(then).assign(cutoff=day)
    mart = then.mart[["account_id", "gap_ratio", "revenue", "contribution"]]
    table = table.assign(band=band_of(table)).merge(mart, on="account_id")
    table["margin"] = table["contribution"].fillna(table["revenue"]).fillna(0.0).clip(lower=0)
    end = day + pd.DateOffset(months=HORIZON)
    dates = {
        name: events[(events[name] > day) & (events[name] <= end)].groupby("account_id")[name].min()
        for name in ("churn_date", "confirmed_on")
    }
    left, known = (dates[name].reindex(table["account_id"]).set_axis(table.index) for name in dates)
    when = left.where(table["state"] != "dormant", known)
    return table.assign(left=when.notna(), lead_days=(when - day).dt.days)[_PANEL]


def band_table(panel: pd.DataFrame) -> pd.DataFrame:
    """Count how often accounts of each band left: band, n_accounts (account and cut-off), n_left, past_loss_rate with its
    Wilson interval. An account counts at every cut-off, so the intervals are a minimum."""
    bands = ["points_0", "points_1", "points_3", "points_5", "dormant"]
    counts = panel.groupby("band")["left"].agg(["size", "sum"]).reindex(bands).fillna(0).astype(int)
    table = counts.rename_axis("band").reset_index().set_axis(["band", "n_accounts", "n_left"], axis=1)
    low, high = stats.wilson(table["n_left"], table["n_accounts"])
    rate = table["n_left"] / table["n_accounts"].where(table["n_accounts"] > 0)
    return table.assign(past_loss_rate=rate, past_loss_rate_low=low, past_loss_rate_high=high)


def backtest_table(panel: pd.DataFrame, *, alert_share: float = 0.1) -> pd.DataFrame:
    """Compare rankings by what their first accounts did: at every cut-off the top `alert_share` of those still buying.

    One row per ranking ("by_points", "by_gap_ratio", "by_revenue", and "everybody" as the base rate): n_alerts, n_hits,
    precision_rate with a bootstrap interval over accounts, recall_rate (hits ÷ all who left), lift_index (precision ÷
    base rate), lead_days (median of the hits), n_cutoffs. Empty without cut-offs or when nobody left.
    """
    active = panel[panel["state"] != "dormant"].reset_index(drop=True)
    if active.empty or not active["left"].any():
        return pd.DataFrame(columns=_BACKTEST)
    chosen = {name: _chosen(active, *ranking, alert_share) for name, ranking in RANKINGS.items()}
    rows = [_score(active, name, pick) for name, pick in chosen.items()]
    rows.append(_score(active, "everybody", pd.Series(True, index=active.index)))
    return pd.DataFrame(rows)[_BACKTEST]


_BACKTEST = [
    "ranking", "n_alerts", "n_hits", "precision_rate", "precision_rate_low", "precision_rate_high", "recall_rate",
    "lift_index", "lead_days", "n_cutoffs",
]  # fmt: skip


def _chosen(active: pd.DataFrame, by: list[str], ascending: list[bool], alert_share: float) -> pd.Series:
    order = active.sort_values([*by, "account_id"], ascending=[*ascending, True], na_position="last")
    rank = order.groupby("cutoff").cumcount()
    most = np.ceil(alert_share * active.groupby("cutoff")["account_id"].transform("size"))
    return rank.reindex(active.index) < most


def _score(active: pd.DataFrame, name: str, pick: pd.Series) -> dict:
    alerts = active[pick]
    hits, left = int(alerts["left"].sum()), int(active["left"].sum())
    low, high = stats.bootstrap_interval(
        alerts["left"].to_numpy(float), np.mean, groups=alerts["account_id"].to_numpy()
    )
    precision, base = hits / len(alerts), left / len(active)
    return {
        "ranking": name, "n_alerts": len(alerts), "n_hits": hits, "precision_rate": precision,
        "precision_rate_low": low, "precision_rate_high": high, "recall_rate": hits / left,
        "lift_index": precision / base, "lead_days": alerts.loc[alerts["left"], "lead_days"].median(),
        "n_cutoffs": active["cutoff"].nunique(),
    }  # fmt: skip


@chart("dots", x="precision_rate", y="ranking", low="precision_rate_low", high="precision_rate_high", size=(8, 3.2))
def plot_backtest(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many of the accounts named by each ranking left, with interval and counts."""
    ax = ax or style.new_axes(plot_backtest.size)
    at = np.arange(len(table))
    colours = np.where(table["ranking"] == "by_points", style.BLUE, style.GREY)
    ax.hlines(at, table["precision_rate_low"], table["precision_rate_high"], color=colours, lw=2)
    ax.scatter(table["precision_rate"], at, color=colours, s=55, zorder=3)
    for y, row in zip(at, table.itertuples(), strict=True):
        text = f"{share(row.precision_rate)} ({row.n_hits} / {row.n_alerts})"
        ax.annotate(text, (row.precision_rate_high, y), (6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(at, [word(name) for name in table["ranking"]])
    ax.invert_yaxis()
    ax.set_xlim(0, max(table["precision_rate_high"].max() * 1.3, 0.1))
    ax.margins(y=0.15)
    style.percent_axis(ax.xaxis)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say(None, "left within six months, of the accounts named", "被点名客户中六个月内流失的占比"))
    return ax


def backtest_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how often the list was right, against chance and against the best naive ranking."""
    rows = table.set_index("ranking")
    ours, base = rows.loc["by_points"], rows.loc["everybody"]
    naive = rows.loc[["by_gap_ratio", "by_revenue"], "precision_rate"]
    spread = f"{share(ours['precision_rate_low'])} – {share(ours['precision_rate_high'])}"
    best = naive.idxmax()
    return say(
        lang,
        f"Of the customers the list named at {int(ours['n_cutoffs'])} past dates, {share(ours['precision_rate'])} left within six "
        f"months (95 % interval {spread}); of all {share(base['precision_rate'])}, of those named {word(best, 'en')} {share(naive[best])}.",
        f"在过去 {int(ours['n_cutoffs'])} 个时点，名单所列客户六个月内流失 {share(ours['precision_rate'])}（95 % 区间 {spread}）；"
        f"全体为 {share(base['precision_rate'])}，{word(best, 'zh')}为 {share(naive[best])}。",
    )
