"""Warning test: would the early warning have worked in the past, and better than simpler rankings?

At every past month-end the signals are computed from what was known then; what happened in the six months after is the
outcome. Nothing dated after a cut-off can enter: the tables are cut there, and the dates of their newest rows are checked.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import lifecycle, stats, style
from kamlib.churn.early_warning import band_of
from kamlib.churn.signals import NEEDS, POINTS, signals_on
from kamlib.exhibit import chart
from kamlib.models import leakage
from kamlib.words import number, say, share, word
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


# --- What was said, and what became of it --------------------------------------------------------------------------


def cutoffs(data: Data) -> list[pd.Timestamp]:
    """Return the past month-ends whose following six months are decided by the as-of date."""
    rules, opening = data.settings.lifecycle, data.order_days["order_date"].min()
    wait = pd.Timedelta(days=rules.lost_floor_days - rules.dormant_floor_days)
    last = pd.Timestamp(data.as_of) - wait - pd.DateOffset(months=HORIZON)
    if pd.isna(opening):
        return []
    return list(pd.date_range(opening + pd.DateOffset(months=FIRST), last, freq="ME"))


def panel_table(data: Data, days: list[pd.Timestamp]) -> pd.DataFrame:
    """Return the signals of every customer at every cut-off with what became of it.

    One row per cut-off and customer: cutoff, account_id, state, the points of each signal, risk_points, band, gap_ratio,
    margin and revenue of the window (as known then), left (of a customer that was still buying: its churn date lies in
    the six months after; of a dormant one: it was confirmed as lost in them), lead_days (from the cut-off to that day),
    pending (silent since, and by its slow rhythm not decided yet: neither left nor stayed).
    """
    if not days:
        return pd.DataFrame(columns=_PANEL)
    leakage.refuse_later(*newest_rows(data, days))
    table = signals_on(data, days)
    table = table.assign(band=band_of(table)).merge(_windows(data, days), on=["cutoff", "account_id"], how="left")
    table["margin"] = table["contribution"].fillna(table["revenue"]).fillna(0.0).clip(lower=0)
    table["revenue"] = table["revenue"].fillna(0.0)
    known = lifecycle.silences(
        data.order_days, data.as_of, data.settings, data.frame("accounts"), data.frame("contracts")
    )
    return _outcome(table, known, data.as_of)[_PANEL]


_PANEL = [
    "cutoff", "account_id", "state", *POINTS, "risk_points", "band", "gap_ratio", "margin", "revenue", "left",
    "lead_days", "pending",
]  # fmt: skip


def newest_rows(data: Data, days: list[pd.Timestamp]) -> tuple[pd.DataFrame, pd.Series]:
    """Return the date of the newest row of each table the signals read, one column per table, and the cut-offs, one row
    each: what `leakage.refuse_later` asks for."""
    names = sorted({"orders", *(name for needs in NEEDS.values() for name in needs)})
    index = pd.DatetimeIndex(days, name="cutoff").astype("datetime64[us]")
    newest = pd.DataFrame({name: data.newest_on_each(name, days).reindex(index) for name in names}, index=index)
    return newest, pd.Series(index, index=index)


def _windows(data: Data, days: list[pd.Timestamp]) -> pd.DataFrame:
    """Return revenue and contribution of the window that ends on each cut-off, a month-end, from the monthly sums."""
    months, parts = data.months, {}
    for day in days:
        inside = months[
            (months["month"] <= day) & (months["month"] > day - pd.DateOffset(months=data.settings.window_months))
        ]
        sums = inside.groupby("account_id")[["revenue", "contribution"]].sum()
        costed = inside["contribution"].notna().groupby(inside["account_id"]).all()
        parts[day] = sums.assign(contribution=sums["contribution"].where(costed))
    return pd.concat(parts, names=["cutoff"]).reset_index()


def _outcome(table: pd.DataFrame, known: pd.DataFrame, as_of: object) -> pd.DataFrame:
    """Add left, lead_days and pending: the first loss dated in the months after each cut-off, and open silences."""
    events = lifecycle.loss_events(known, as_of)
    end = table["cutoff"] + pd.DateOffset(months=HORIZON)
    dormant = table["state"] == "dormant"
    rows = table[["cutoff", "account_id"]].assign(row=np.arange(len(table)), end=end, dormant=dormant)
    pairs = rows.merge(events, on="account_id")
    pairs["when"] = pairs["churn_date"].where(~pairs["dormant"], pairs["confirmed_on"])
    pairs = pairs[(pairs["when"] > pairs["cutoff"]) & (pairs["when"] <= pairs["end"])]
    when = pairs.groupby("row")["when"].min().reindex(rows["row"]).set_axis(table.index)
    last = known[known["next_order"].isna()].set_index("account_id")
    silent = table["account_id"].map(last["dormant_from"]) <= end
    undecided = table["account_id"].map(last["lost_from"]) > pd.Timestamp(as_of)
    return table.assign(
        left=when.notna(), lead_days=(when - table["cutoff"]).dt.days, pending=when.isna() & silent & undecided
    )


def decided(panel: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose outcome is known, of customers that were still buying: what a warning is judged by."""
    return panel[(panel["state"] != "dormant") & ~panel["pending"].astype(bool)].reset_index(drop=True)


def band_table(panel: pd.DataFrame) -> pd.DataFrame:
    """Count how often accounts of each band left: band, n_accounts (account and cut-off), n_left, past_loss_rate with a
    bootstrap interval over accounts, since an account counts at every cut-off."""
    bands = ["points_0", "points_1", "points_3", "points_5", "dormant"]
    rows = panel[~panel["pending"].astype(bool)]
    counts = rows.groupby("band")["left"].agg(["size", "sum"]).reindex(bands).fillna(0).astype(int)
    table = counts.rename_axis("band").reset_index().set_axis(["band", "n_accounts", "n_left"], axis=1)
    rate = table["n_left"] / table["n_accounts"].where(table["n_accounts"] > 0)
    bounds = np.array([loss_interval(rows[rows["band"] == band]) for band in bands])
    return table.assign(past_loss_rate=rate, past_loss_rate_low=bounds[:, 0], past_loss_rate_high=bounds[:, 1])


def loss_interval(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the interval of the share of rows that left, accounts drawn whole; where none or all of them left, Wilson's
    interval of as many accounts. NaN without rows."""
    sums = rows["left"].astype(float).groupby(rows["account_id"]).agg(["sum", "size"]).to_numpy(float)
    if len(sums) == 0:
        return np.nan, np.nan
    rate = sums[:, 0].sum() / sums[:, 1].sum()
    if rate in (0, 1):
        return stats.wilson(rate * len(sums), len(sums))
    return stats.bootstrap_interval(sums, lambda drawn: drawn[:, 0].sum() / drawn[:, 1].sum())


# --- Did the list do better than simpler ones? ---------------------------------------------------------------------


def backtest_table(panel: pd.DataFrame, *, alert_share: float = 0.1) -> pd.DataFrame:
    """Compare rankings by what their first accounts did: at every cut-off the top `alert_share` of those still buying.

    One row per ranking ("by_points", "by_gap_ratio", "by_revenue", and "everybody" as the base rate): n_alerts, n_hits,
    precision_rate with a bootstrap interval over accounts, recall_rate (hits ÷ all who left), lift_index (precision ÷
    base rate), lead_days (median of the hits), n_cutoffs, n_leavers (accounts behind all hits possible). Empty without
    cut-offs or when nobody left.
    """
    active = decided(panel)
    if active.empty or not active["left"].any():
        return pd.DataFrame(columns=_BACKTEST)
    chosen = {name: chosen_by(active, name, alert_share) for name in RANKINGS}
    rows = [_score(active, name, pick) for name, pick in chosen.items()]
    rows.append(_score(active, "everybody", pd.Series(True, index=active.index)))
    return pd.DataFrame(rows)[_BACKTEST]


_BACKTEST = [
    "ranking", "n_alerts", "n_hits", "precision_rate", "precision_rate_low", "precision_rate_high", "recall_rate",
    "lift_index", "lead_days", "n_cutoffs", "n_leavers",
]  # fmt: skip


def chosen_by(active: pd.DataFrame, ranking: str, alert_share: float) -> pd.Series:
    """Return which rows a ranking of `RANKINGS` puts among the first `alert_share` of their cut-off."""
    by, ascending = RANKINGS[ranking]
    order = active.sort_values([*by, "account_id"], ascending=[*ascending, True], na_position="last")
    rank = order.groupby("cutoff").cumcount()
    most = np.ceil(alert_share * active.groupby("cutoff")["account_id"].transform("size"))
    return rank.reindex(active.index) < most


def _score(active: pd.DataFrame, name: str, pick: pd.Series) -> dict:
    alerts = active[pick]
    hits, left = int(alerts["left"].sum()), int(active["left"].sum())
    low, high = loss_interval(alerts)
    precision, base = hits / len(alerts), left / len(active)
    return {
        "ranking": name, "n_alerts": len(alerts), "n_hits": hits, "precision_rate": precision,
        "precision_rate_low": low, "precision_rate_high": high, "recall_rate": hits / left,
        "lift_index": precision / base, "lead_days": alerts.loc[alerts["left"], "lead_days"].median(),
        "n_cutoffs": active["cutoff"].nunique(), "n_leavers": active.loc[active["left"], "account_id"].nunique(),
    }  # fmt: skip


@chart("dots", x="precision_rate", y="ranking", low="precision_rate_low", high="precision_rate_high", size=(8, 3.2))
def plot_backtest(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many of the accounts named by each ranking left, with interval, counts and how early it was said."""
    ax = ax or style.new_axes(plot_backtest.size)
    at = np.arange(len(table))
    colours = np.where(table["ranking"] == "by_points", style.BLUE, style.GREY)
    ax.hlines(at, table["precision_rate_low"], table["precision_rate_high"], color=colours, lw=2)
    ax.scatter(table["precision_rate"], at, color=colours, s=55, zorder=3)
    for y, row in zip(at, table.itertuples(), strict=True):
        lead = (
            ""
            if pd.isna(row.lead_days)
            else say(None, f", {row.lead_days:.0f} days ahead", f"，提前 {row.lead_days:.0f} 天")
        )
        text = f"{share(row.precision_rate)} ({row.n_hits} / {row.n_alerts}){lead}"
        ax.annotate(text, (row.precision_rate_high, y), (6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(at, [word(name) for name in table["ranking"]])
    ax.invert_yaxis()
    ax.set_xlim(0, max(table["precision_rate_high"].max() * 1.6, 0.1))
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
    best, months = naive.idxmax(), int(ours["n_cutoffs"])
    lift, leavers = number(ours["lift_index"], 1), int(ours["n_leavers"])
    ends = "month-end" if months == 1 else "month-ends"
    return say(
        lang,
        f"Of the customers the list named at {months} past {ends}, {share(ours['precision_rate'])} left within six months (95 % interval "
        f"{spread}; {lift} times the {share(base['precision_rate'])} of all, {leavers} leavers); of those named by {word(best, 'en')} {share(naive[best])}.",
        f"在过去 {months} 个月末，名单所列客户六个月内流失 {share(ours['precision_rate'])}（95 % 区间 {spread}；为全体 "
        f"{share(base['precision_rate'])} 的 {lift} 倍，流失客户 {leavers} 个）；{word(best, 'zh')}为 {share(naive[best])}。",
    )
