"""Trend, season and what is left, and when the level changed. Part of notebook 09 (market trend).

STL on months freed of Spring Festival (Cleveland, Cleveland, McRae and Terpenning 1990), with a season that is the same
every year: a season that may drift swallows the noise of three years, and what is left looks like changes of level.
Those are looked for by `kamlib.models.change_points` in the logarithms of trend and rest.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.finance.growth import signed_share
from kamlib.models import calendar
from kamlib.models.change_points import change_points
from kamlib.models.forecasting import CYCLES, SEASON
from kamlib.words import money, say, share, word

FIXED = 1001
"""Years over which STL smooths a season: so many that it stays the same."""


def decomposition_table(monthly: pd.DataFrame) -> pd.DataFrame:
    """Split each month of `complete_months` into parts that sum to its revenue.

    month, revenue, trend_amount, season_amount, festival_amount (what Spring Festival took), rest_amount, level_start
    (a new level begins), level_revenue (the level's mean of trend and rest). Empty below two years.
    """
    columns = [
        "month",
        "revenue",
        "trend_amount",
        "season_amount",
        "festival_amount",
        "rest_amount",
        "level_start",
        "level_revenue",
    ]
    y = monthly["revenue"].to_numpy(float)
    if len(y) < CYCLES or (y <= 0).all():
        return pd.DataFrame(columns=columns)
    from statsmodels.tsa.seasonal import STL

    months = pd.DatetimeIndex(monthly["month"])
    freed = y / (1 - calendar.strength_of(monthly) * calendar.festival_share(months))
    parts = STL(freed, period=SEASON, seasonal=FIXED, seasonal_deg=0).fit()
    calm = freed - parts.seasonal
    starts = change_points(np.log(calm)) if (calm > 0).all() else change_points(calm)
    level = np.searchsorted(starts, np.arange(len(y)), side="right")
    table = monthly.assign(
        trend_amount=parts.trend, season_amount=parts.seasonal, festival_amount=y - freed, rest_amount=parts.resid,
        level_start=np.isin(np.arange(len(y)), starts),
        level_revenue=pd.Series(calm).groupby(level).transform("mean").to_numpy(),
    )  # fmt: skip
    return table[columns]


@chart("line", x="month", y=["revenue", "trend_amount", "level_revenue"], size=(8, 5.4))
def plot_decomposition(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw revenue with its levels on top, and below how much season, festival and rest add or take."""
    ax = ax or style.new_axes((8, 5.4))
    top, bottom = style.panels(ax, 2, 1, sharex=True)[:, 0]
    top.plot(table["month"], table["revenue"], color=style.PALE, lw=1.5, label=word("revenue"))
    top.plot(table["month"], table["trend_amount"], color=style.BLUE, lw=2, label=word("trend_amount"))
    top.step(
        table["month"], table["level_revenue"], color=style.ORANGE, lw=1.5, where="post", label=word("level_revenue")
    )
    for row in table[table["level_start"]].itertuples():
        top.axvline(row.month, color=style.ORANGE, lw=1, ls=":")
        top.annotate(
            f"{row.month:%Y-%m}",
            (row.month, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -9),
            textcoords="offset points",
            fontsize=8,
            color=style.ORANGE,
        )
    top.set_ylim(bottom=0)
    top.legend(loc="lower left", ncols=3, fontsize=8)
    kinds = (
        ("season_amount", style.BLUE, "-"),
        ("festival_amount", style.VERMILION, "-"),
        ("rest_amount", style.GREY, ":"),
    )
    for name, colour, line in kinds:
        if table[name].any():
            bottom.plot(table["month"], table[name], color=colour, ls=line, lw=1.5, label=word(name))
    bottom.axhline(0, color=style.INK, lw=0.8)
    bottom.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, fontsize=8)
    for panel in (top, bottom):
        style.money_axis(panel.yaxis)
    return top


def decomposition_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say whether the level changed and when, and how strong season and Spring Festival are."""
    levels = table.drop_duplicates("level_revenue")["level_revenue"].to_list()
    starts = table.loc[table["level_start"], "month"]
    swing = np.ptp(table["season_amount"].iloc[-SEASON:]) / table["revenue"].mean()
    festival = table["festival_amount"].groupby(table["month"].dt.year).sum()
    festival = festival[festival < 0]
    en = zh = ""
    if len(festival):
        en = f"; Spring Festival takes {money(-festival.mean(), lang)} a year out of January and February"
        zh = f"；春节每年从一、二月带走 {money(-festival.mean(), lang)}"
    season_en = f"the season swings by {share(swing)} of a month{en}."
    season_zh = f"季节波动幅度为月均的 {share(swing)}{zh}。"
    n = len(table)
    if not len(starts):
        return say(lang, f"No change of level in {n} months; {season_en}", f"{n} 个月内水平无变化；{season_zh}")
    change, when = signed_share(levels[-1] / levels[-2] - 1), f"{starts.iloc[-1]:%Y-%m}"
    return say(
        lang,
        f"The level last changed in {when}, by {change} ({len(starts)} change{'s' * (len(starts) > 1)} in {n} months); {season_en}",
        f"水平最近一次变化在 {when}，幅度 {change}（{n} 个月内 {len(starts)} 次）；{season_zh}",
    )
