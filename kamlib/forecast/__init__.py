"""Forecast: what will come in over the next months, from whom, and how wrong were we so far?

Notebook 09. Here: the total. `levels` brings accounts, segments and the total together, `trend` looks back, `demand`
goes down to products, `accuracy` shows the backtest. Only complete months count; the month that the as-of date cuts is
left out. Models, rolling origins and intervals: `kamlib.models.forecasting`; Spring Festival: `kamlib.models.calendar`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.finance import growth
from kamlib.models import calendar, forecasting
from kamlib.words import money, say, share, word

if TYPE_CHECKING:
    from kamlib.forecast.levels import Forecasts

LEAST_MONTHS = 12
"""Below a year of complete months nothing is forecast but the mean, and that is said."""
PLAIN = ("naive", "seasonal_naive")
"""Baselines are taken as they are; every other model works on months freed of Spring Festival."""
QUICK = ("mean", "seasonal_naive", "trend_season")
"""The models for the many series of a hierarchy."""


@dataclass(frozen=True)
class Fit:
    """A series, its first month, the models tried on it (`tested`: the backtest, `accuracy`: what came of it), and the
    one that was chosen."""

    y: np.ndarray
    start: pd.Timestamp
    model: str
    tested: pd.DataFrame
    accuracy: pd.DataFrame


def fit(y: np.ndarray, start: pd.Timestamp, horizon: int, only: tuple[str, ...] = ()) -> Fit:
    """Choose by backtest among the models that the shortest past of a test can carry, or those of them in `only`; the
    first month of `y` is `start`."""
    shortest = min(forecasting.origins(len(y), horizon), default=len(y))
    models = {
        name: model if name in PLAIN else calendar.adjusted(model, start)
        for name, model in forecasting.candidates(y[:shortest]).items()
        if not only or name in only
    }
    tested = forecasting.backtest(y, horizon, models)
    accuracy = forecasting.accuracy(tested, y)
    name = forecasting.choose(accuracy) if len(y) >= LEAST_MONTHS else "mean"
    return Fit(y, start, name, tested, accuracy)


def complete_months(months: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return month and revenue of every complete month of `data.months`, from the first with revenue on."""
    table = growth.monthly_table(months, as_of)
    return table.loc[~table["partial"].astype(bool), ["month", "revenue"]].reset_index(drop=True)


def fit_total(monthly: pd.DataFrame, horizon: int) -> Fit | None:
    """Fit the months of `complete_months`; None without any."""
    if monthly.empty:
        return None
    return fit(monthly["revenue"].to_numpy(float), monthly["month"].iloc[0], horizon)


def fan_table(made: Forecasts | None, level: float = 0.8) -> pd.DataFrame:
    """Return the past and the months to come of the total, one row each.

    month, revenue (of the past), expected_revenue with _low and _high (to come; the interval is missing with fewer than
    nine past errors), naive_revenue (of the same month a year before), and on the rows to come what is known of the
    procedure: n_origins, typical_error_rate and largest_error_rate (absolute, of the sum of the horizon).
    """
    columns = ["month", "revenue", "expected_revenue", "expected_revenue_low", "expected_revenue_high", "naive_revenue"]
    known = ["n_origins", "typical_error_rate", "largest_error_rate"]
    if made is None:
        return pd.DataFrame(columns=columns + known)
    y, forecast, horizon = made.book.nodes[:, 0], made.expected[0], made.expected.shape[1]
    past = pd.Series(y, pd.DatetimeIndex(made.book.months), name="revenue").rename_axis("month").reset_index()
    months = pd.date_range(made.book.months[-1], periods=horizon + 1, freq="MS")[1:]
    low, high = forecasting.conformal(made.errors(0), level)
    wrong = np.abs(made.sum_errors(0))
    ahead = pd.DataFrame({
        "month": months, "expected_revenue": forecast, "expected_revenue_low": np.clip(forecast + low, 0, None),
        "expected_revenue_high": forecast + high, "naive_revenue": forecasting.seasonal_naive(y, horizon),
        "n_origins": len(wrong), "typical_error_rate": np.median(wrong) if len(wrong) else np.nan,
        "largest_error_rate": wrong.max() if len(wrong) else np.nan,
    })  # fmt: skip
    return pd.concat([past, ahead], ignore_index=True).astype({"n_origins": "Int64"})[columns + known]


@chart("line", x="month", y=["revenue", "expected_revenue", "naive_revenue"], low="expected_revenue_low",
       high="expected_revenue_high", size=(8, 4.6))  # fmt: skip
def plot_fan(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the months that were, and those to come with their interval and the naive forecast."""
    ax = ax or style.new_axes()
    past, future = table[table["revenue"].notna()], table[table["expected_revenue"].notna()]
    ax.plot(past["month"], past["revenue"], color=style.INK, lw=1.5, label=word("revenue"))
    if future["expected_revenue_low"].notna().any():
        low, high = future["expected_revenue_low"], future["expected_revenue_high"]
        ax.fill_between(
            future["month"],
            low,
            high,
            color=style.BLUE,
            alpha=0.18,
            lw=0,
            label=say(None, "80 % interval", "80 % 区间"),
        )
    joined = pd.concat([past.tail(1).assign(expected_revenue=past["revenue"].iloc[-1]), future])
    ax.plot(joined["month"], joined["expected_revenue"], color=style.BLUE, lw=2, label=word("expected_revenue"))
    ax.plot(future["month"], future["naive_revenue"], color=style.ORANGE, ls="--", lw=1.5, label=word("naive_revenue"))
    ax.set_ylim(bottom=0)
    ax.set_ylabel(say(None, "net revenue per month", "月净收入"))
    style.money_axis(ax.yaxis)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=4, fontsize=8)
    return ax


def fan_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what is expected, against the year before, and how wrong the same procedure was so far."""
    future = table[table["expected_revenue"].notna()]
    past = table["revenue"].dropna()
    n, first = len(future), future.iloc[0]
    expected, before = future["expected_revenue"].sum(), future["naive_revenue"].sum()
    if len(past) < LEAST_MONTHS:
        return say(
            lang,
            f"Not enough data for a forecast: {len(past)} complete months, 12 needed; the mean goes on at "
            f"{money(first['expected_revenue'], lang)} a month.",
            f"数据不足以预测：仅 {len(past)} 个完整月份，需 12 个；按均值每月 {money(first['expected_revenue'], lang)} 延续。",
        )
    change = growth.signed_share(expected / before - 1) if before > 0 else "n/a"
    en = f"{money(expected, lang)} is expected in the next {n} months, {change} on the same months a year before"
    zh = f"未来 {n} 个月预计 {money(expected, lang)}，较去年同期 {change}"
    if not first["n_origins"] > 0:
        return say(lang, f"{en}; too short a past to say how wrong that may be.", f"{zh}；历史过短，无法说明误差大小。")
    times, largest, typical = (
        int(first["n_origins"]),
        share(first["largest_error_rate"], 1),
        share(first["typical_error_rate"], 1),
    )
    return say(
        lang,
        f"{en}; at {times} past dates this was off by {typical} (median), {largest} at most.",
        f"{zh}；以往 {times} 个时点按同法预测，误差中位数 {typical}，最大 {largest}。",
    )
