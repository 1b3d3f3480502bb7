"""Concentration over time: does more and more revenue hang on few customers, counted singly or with their parents?

Part of notebook 05. Every point is the net revenue of the twelve months up to a month-end, so that seasons do not show.
The HHI is on the scale of 0 to 10,000. By ultimate parent, subsidiaries count as one customer: the index can only rise.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.finance import ultimate_parent
from kamlib.words import number, say, share, word

CONVENTIONS = (1500, 2500)
"""HHI .15 and .25: conventions of merger control, printed for orientation, not laws."""


def trend_table(months: pd.DataFrame, mart: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return concentration of the twelve months up to each month-end, oldest first.

    month; n_accounts with revenue; cr1_share, cr5_share, cr10_share; hhi_index (0–10,000), effective_index, gini_index
    (corrected); and counted by ultimate parent cr1_parent_share, hhi_parent_index. The month that `as_of` cuts and the
    first eleven months of the data have no point. Accounts with negative revenue count as 0.
    """
    wide = months.pivot_table(index="month", columns="account_id", values="revenue", aggfunc="sum")
    if wide.empty:
        return pd.DataFrame(columns=COLUMNS)
    last = (pd.Timestamp(as_of) + pd.Timedelta(days=1)).to_period("M") - 1
    every = pd.period_range(wide.index.min(), last, freq="M").to_timestamp()
    year = wide.reindex(every).fillna(0.0).rolling(12).sum().dropna().round(2)
    parents = year.T.groupby(year.columns.map(ultimate_parent(mart))).sum().T
    rows = [_row(month, year.loc[month], parents.loc[month]) for month in year.index if year.loc[month].gt(0).any()]
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = [
    "month", "n_accounts", "cr1_share", "cr5_share", "cr10_share", "hhi_index", "effective_index", "gini_index",
    "cr1_parent_share", "hhi_parent_index",
]  # fmt: skip


def _row(month: pd.Timestamp, revenue: pd.Series, parents: pd.Series) -> tuple:
    ratios = [stats.concentration_ratio(revenue, top) for top in (1, 5, 10)]
    bought = revenue[revenue > 0]
    return (
        month, len(bought), *ratios, 1e4 * stats.hhi(revenue), stats.effective_number(revenue), stats.gini(bought),
        stats.concentration_ratio(parents, 1), 1e4 * stats.hhi(parents),
    )  # fmt: skip


@chart("line", x="month", y="hhi_index", size=(8.5, 3.6))
def plot_trend(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the shares of the largest accounts, and the HHI by account and by parent, over time."""
    ax = ax or style.new_axes(plot_trend.size)
    left, right = style.panels(ax, 1, 2)[0]
    for name, colour in (("cr10_share", style.BLUE), ("cr5_share", style.SKY), ("cr1_share", style.ORANGE)):
        left.plot(table["month"], table[name], color=colour, marker="o", ms=2.5, label=word(name))
    left.set_ylim(0, 1)
    style.percent_axis(left.yaxis)
    for name, colour in (("hhi_index", style.BLUE), ("hhi_parent_index", style.VERMILION)):
        right.plot(table["month"], table[name], color=colour, marker="o", ms=2.5, label=word(name))
    highest = table[["hhi_index", "hhi_parent_index"]].max().max()
    for level in CONVENTIONS:
        if level < highest * 1.5:
            style.reference_line(right, level, number(level))
    right.set_ylim(0, highest * 1.35)
    for panel in (left, right):
        style.date_axis(panel.xaxis)
        panel.set_xlabel(say(None, "twelve months up to …", "截至该月的12个月"))
        panel.legend(loc="upper left", fontsize=8, ncols=1)
    return left


def trend_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say the HHI now, a year ago, and by ultimate parent. The points overlap, so no trend is tested."""
    now = table.iloc[-1]
    before = number(table["hhi_index"].iloc[-13]) if len(table) > 12 else "n/a"
    hhi, parent = (number(now[name]) for name in ("hhi_index", "hhi_parent_index"))
    ten = share(now["cr10_share"])
    equal = number(now["effective_index"], 0 if now["effective_index"] >= 10 else 1)
    return say(
        lang,
        f"HHI {hhi} of 10,000 (a year before {before}), like {equal} equal customers; the 10 largest bring {ten}; "
        f"by ultimate parent HHI {parent}.",
        f"HHI {hhi}（满值 10,000；一年前 {before}），相当于 {equal} 个同等客户；前 10 大占 {ten}；"
        f"按最终母公司计 HHI {parent}。",
    )
