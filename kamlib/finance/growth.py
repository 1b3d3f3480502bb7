"""Growth: is net revenue rising, how surely, and which accounts make the difference?

Part of notebook 05. Trend: Theil–Sen, which one odd month hardly moves (Theil 1950, Sen 1968). Spring Festival moves
between January and February, so the two months are compared, and enter the trend, only together. A month that the
as-of date cuts is shown but not counted, and a growth rate on a base of zero or less is "n/a".
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.mart.window import windows
from kamlib.words import money, say, share, short, word
from kamlib.workspace import Data

LEAST_MONTHS, TWO_YEARS = 12, 24
"""Below a year of complete months no trend is drawn; below two, season cannot be told from trend, and the claim says so."""


def monthly_table(months: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Sum `data.months` per calendar month, from the first with revenue to the one of `as_of`, gaps filled with 0.

    month, revenue, partial (the month of `as_of` is not over), evened (January and February share their mean; missing
    for partial months and for a January whose February is not complete), growth (on the same month a year before,
    January and February taken together; missing without a positive base).
    """
    traded = months.groupby("month")["revenue"].sum()
    traded = traded[traded != 0]
    if traded.empty:
        return pd.DataFrame(columns=["month", "revenue", "partial", "evened", "growth"])
    last = pd.Timestamp(as_of).to_period("M")
    every = pd.period_range(traded.index.min().to_period("M"), last, freq="M").to_timestamp()
    table = traded.reindex(every, fill_value=0.0).rename_axis("month").reset_index()
    table["partial"] = (table["month"].dt.to_period("M") == last) & (pd.Timestamp(as_of) < last.end_time.normalize())
    table["evened"] = _even_out_spring(table)
    table["growth"] = _rate(table["evened"], table["evened"].shift(12))
    return table


def _even_out_spring(table: pd.DataFrame) -> pd.Series:
    """Give January and February their mean; a January whose February is missing or not over gets none."""
    value = table["revenue"].where(~table["partial"]).astype(float)
    spring = table["month"].dt.month <= 2
    year = table["month"].dt.year
    pairs = value[spring].groupby(year[spring]).transform(lambda pair: pair.mean() if pair.count() == 2 else np.nan)
    return value.where(~spring, pairs.reindex(value.index))


def _rate(current: pd.Series, base: pd.Series) -> pd.Series:
    return (current / base - 1).where(base > 0)


def growth_rates(monthly: pd.DataFrame) -> pd.DataFrame:
    """Return the growth rates of a `monthly_table` as badges show them.

    period ("last_12_months", "last_3_months", "last_month", each against the same months a year before, and "cagr" over
    the whole years, at least three), current, base, change, growth. Missing when months are lacking or the base is not
    positive. While a January waits for its February the rates are those of the December before.
    """
    value = monthly["evened"].loc[: monthly["evened"].last_valid_index()]
    rows = [_against_year_before(value, name, length) for name, length in PERIODS.items()]
    years = len(value) // 12
    first, last = (value.iloc[len(value) - 12 * k :][:12].sum(min_count=12) for k in (max(years, 1), 1))
    defined = years >= 3 and first > 0 and last > 0
    cagr = (last / first) ** (1 / (years - 1)) - 1 if defined else np.nan
    rows.append({"period": "cagr", "current": last, "base": first if years >= 3 else np.nan, "growth": cagr})
    table = pd.DataFrame(rows, columns=["period", "current", "base", "growth"])
    table.insert(3, "change", table["current"] - table["base"])
    return table


PERIODS = {"last_12_months": 12, "last_3_months": 3, "last_month": 1}


def _against_year_before(value: pd.Series, name: str, length: int) -> dict[str, object]:
    """Compare the last `length` values with the same months a year before; all of them must be there."""
    current = value.iloc[-length:].sum(min_count=length) if len(value) >= length else np.nan
    base = value.iloc[-length - 12 : len(value) - 12].sum(min_count=length) if len(value) >= length + 12 else np.nan
    return {"period": name, "current": current, "base": base, "growth": current / base - 1 if base > 0 else np.nan}


def trend(monthly: pd.DataFrame) -> dict[str, float]:
    """Return the Theil–Sen trend of net revenue per month, as `stats.theil_sen` does; NaN below twelve months.

    The interval takes the months as independent; where good months follow good months it is too narrow.
    """
    value = monthly["evened"]
    if value.notna().sum() < LEAST_MONTHS:
        value = value * np.nan
    return stats.theil_sen(value)


@chart("line", x="month", y="revenue", size=(8, 4.6))
def plot_monthly(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw monthly net revenue with its mean line, its trend line and badges of growth."""
    ax = ax or style.new_axes(plot_monthly.size)
    whole = table[~table["partial"]]
    ax.plot(whole["month"], whole["revenue"], color=style.BLUE, marker="o", ms=3.5, label=word("revenue"))
    part = table[table["partial"]]
    if len(part):
        ax.plot(part["month"], part["revenue"], "o", mfc="white", color=style.BLUE, label=word("partial"))
    mean = whole["revenue"].mean()
    ax.axhline(mean, color=style.GREY, lw=1, ls="--", label=f"{word('mean_line')} {money(mean)}")
    line = trend(table)
    if np.isfinite(line["slope"]):
        x = np.arange(len(table))
        y = line["intercept"] + line["slope"] * x
        ax.plot(
            table["month"], y, color=style.ORANGE, lw=2, label=f"{word('trend_line')} {signed_money(line['slope'])}"
        )
    ax.set_ylim(min(0, table["revenue"].min() * 1.1), table["revenue"].max() * 1.3)
    ax.set_ylabel(say(None, "net revenue per month", "月净收入"))
    style.money_axis(ax.yaxis)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=4, fontsize=8)
    _badges(ax, growth_rates(table))
    return ax


def _badges(ax: Axes, rates: pd.DataFrame) -> None:
    """Write the growth rates side by side above the line, "n/a" where there is none."""
    for i, row in enumerate(rates.itertuples()):
        text = f"{word(row.period)}\n{signed_share(row.growth)}"
        box = {"boxstyle": "round,pad=0.4", "fc": "white", "ec": style.PALE}
        ax.text(0.01 + 0.245 * i, 0.985, text, transform=ax.transAxes, va="top", fontsize=8, bbox=box)


def signed_share(value: float) -> str:
    """Write a growth rate with its sign: "+6 %", "−12 %", "±0 %", "n/a"."""
    return f"{'+' if value >= 0.005 else '±' if value > -0.005 else ''}{share(value)}"


def signed_money(value: float, lang: str | None = None) -> str:
    """Write a change of money with its sign."""
    return f"+{money(value, lang)}" if value > 0 else money(value, lang)


def monthly_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say the trend with its interval and the growth of the last twelve months."""
    line, year = trend(table), growth_rates(table).iloc[0]
    n = int((~table["partial"]).sum())
    if not np.isfinite(line["slope"]):
        return say(
            lang,
            f"Not enough data for a trend: {n} complete months, 12 needed.",
            f"数据不足：仅 {n} 个完整月份，需 12 个。",
        )
    low, high, slope = (money(line[key], lang) for key in ("low", "high", "slope"))
    way = 1 if line["low"] > 0 else -1 if line["high"] < 0 else 0
    en = {1: "Net revenue rises:", -1: "Net revenue falls:", 0: "No sure trend in net revenue:"}[way]
    zh = {1: "净收入上升：", -1: "净收入下降：", 0: "净收入无明确趋势："}[way]
    yoy, season = signed_share(year["growth"]), "" if n >= TWO_YEARS else word("season_inside", lang)
    return say(
        lang,
        f"{en} {slope} a month (95 %: {low} to {high}, n = {line['n']}{season}); last 12 months {yoy}.",
        f"{zh}每月 {slope}（95 %：{low} 至 {high}，n = {line['n']}{season}）；近 12 个月同比 {yoy}。",
    )


def comparable(data: Data) -> bool:
    """Return whether orders are known for the whole window before this one, give or take a month: else the two windows are
    not of the same length, and no change between them means anything."""
    first = data.mart["first_order"].min()
    return bool(pd.notna(first) and first <= pd.Timestamp(windows(data)[1].start) + pd.DateOffset(months=1))


# --- Which accounts grow ------------------------------------------------------------------------------------------


def account_growth_table(mart: pd.DataFrame) -> pd.DataFrame:
    """Compare each account's net revenue with the window of the same length before it, the largest change first.

    account_id, account_name, revenue_prev, revenue, change, growth (missing when the base is not positive), course
    ("started", "stopped", "up", "down", "level"). `change` sums to the change of the whole; share of growth is not
    given, since rises and falls cancel.
    """
    rows = mart[["account_id", "account_name", "revenue_prev", "revenue"]].fillna({"revenue_prev": 0.0, "revenue": 0.0})
    rows = rows[(rows["revenue_prev"] != 0) | (rows["revenue"] != 0)]
    rows = rows.assign(
        change=rows["revenue"] - rows["revenue_prev"], growth=_rate(rows["revenue"], rows["revenue_prev"])
    )
    before, now = rows["revenue_prev"] > 0, rows["revenue"] > 0
    kinds = [~before & now, before & ~now, rows["change"] > 0, rows["change"] < 0]
    rows["course"] = np.select(kinds, ["started", "stopped", "up", "down"], default="level")
    order = rows["change"].abs().sort_values(ascending=False, kind="stable").index
    return rows.loc[order].reset_index(drop=True)


def account_growth_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Name the accounts that gained and lost most."""
    if table.empty:
        return word("insufficient_data", lang)
    best, worst = (short(table.loc[at, "account_name"]) for at in (table["change"].idxmax(), table["change"].idxmin()))
    up, down = table.loc[table["change"] > 0, "change"].sum(), table.loc[table["change"] < 0, "change"].sum()
    return say(
        lang,
        f"Rises of {money(up, lang)} (most: {best}) against falls of {money(-down, lang)} "
        f"(most: {worst}) at {len(table)} accounts.",
        f"{len(table)} 个客户中，增长合计 {money(up, lang)}（最多：{best}），"
        f"下降合计 {money(-down, lang)}（最多：{worst}）。",
    )
