"""Survival: how long do customers stay, counting those who are still here and those who came before the data begin?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats as sp

from kamlib import style
from kamlib.exhibit import chart
from kamlib.models.competing_risks import cumulative_incidence
from kamlib.settings import Settings
from kamlib.words import number, say, share

YEAR_DAYS = 365.25
FEWEST = 10
"""Where fewer customers are under observation the curve is not read: mean tenure is cut there."""


def tenure_table(
    known: pd.DataFrame, events: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date, settings: Settings
) -> pd.DataFrame:
    """Return how long each customer was under observation, and whether it left.

    One row per account with an order: account_id, entry_days (age when observation begins), tenure_days (age when it
    ends), churned, before_data. Age counts from the first order; for an account that may have bought before the data
    begin (first order within the dormancy floor of their start, on file before it) from the day it was put on file,
    and then it is seen only from the start of the data on: left truncation. Such an account without a date on file has
    no known age and is left out. The end is the churn date of the first loss; else the last day for which a loss would
    be known by `as_of`, which lies τ2 − τ1 before it: right censoring. Accounts not seen by then are left out.
    """
    opening = known["order_date"].min()
    last = known.groupby("account_id").tail(1).set_index("account_id")
    created = accounts.set_index("account_id")["created_at"].reindex(last.index)
    edge = opening + pd.Timedelta(days=settings.lifecycle.dormant_floor_days)
    before = (last["first_order"] < edge) & ~(created >= opening)
    origin = last["first_order"].mask(before, created)
    entry = last["first_order"].mask(before, opening)
    wait = pd.to_timedelta(np.floor(last["tau2_days"]) - np.floor(last["tau1_days"]), unit="D")
    left = events.groupby("account_id")["churn_date"].min().reindex(last.index)
    end = left.fillna(pd.Timestamp(as_of) - wait)
    table = pd.DataFrame(
        {
            "entry_days": (entry - origin).dt.days,
            "tenure_days": (end - origin).dt.days,
            "churned": left.notna(),
            "before_data": before,
        }
    )
    return table[table["tenure_days"] > table["entry_days"]].reset_index()


def survival_table(tenures: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return the Kaplan–Meier curve with delayed entry and log-log intervals (Greenwood).

    One row per age at which somebody left and per full year, and for the ages 0 and the greatest: tenure_days,
    survival_rate with its interval, n_observed (customers under observation just before that age), n_losses (at it).
    `tenures` needs entry_days, tenure_days and churned. Empty when nobody left: then there is no curve to estimate.
    """
    if tenures.empty or not tenures["churned"].any():
        return pd.DataFrame(columns=_SURVIVAL)
    ends, entry = np.where(tenures["churned"], "left", ""), tenures["entry_days"]
    curve = cumulative_incidence(tenures["tenure_days"], ends, ("left",), level, entry=entry).set_index("day")
    greatest = int(tenures["tenure_days"].max())
    years = (np.arange(greatest / YEAR_DAYS + 1) * YEAR_DAYS).astype(int)
    ages = sorted({0, greatest, *curve.index[curve["n_left"] > 0], *years[years < greatest]})
    rates = curve[["open_share", "open_share_low", "open_share_high"]]
    rates = rates.reindex(curve.index.union(ages)).ffill().fillna(1.0).loc[ages]
    table = rates.set_axis(_SURVIVAL[1:4], axis=1).rename_axis("tenure_days").reset_index()
    seen = [int(((entry < age) & (tenures["tenure_days"] >= age)).sum()) for age in ages]
    seen[0] = int((entry == 0).sum())
    return table.assign(n_observed=seen, n_losses=curve["n_left"].reindex(ages).fillna(0).astype(int).to_numpy())


_SURVIVAL = ["tenure_days", "survival_rate", "survival_rate_low", "survival_rate_high", "n_observed", "n_losses"]


def median_days(table: pd.DataFrame) -> float:
    """Return the age at which half have left; NaN when the curve stays above a half."""
    below = table[table["survival_rate"] <= 0.5]
    return float(below["tenure_days"].iloc[0]) if len(below) else np.nan


def mean_days(table: pd.DataFrame, *, fewest: int = FEWEST, level: float = 0.95) -> dict[str, float]:
    """Return {"mean", "low", "high", "horizon"} in days: the restricted mean tenure, which is the area under the curve up
    to the last age at which at least `fewest` customers were under observation, with its normal interval (Greenwood).
    Source: Royston and Parmar (2013); variance: Klein and Moeschberger (2003), 4.5."""
    enough = table.loc[table["n_observed"] >= fewest, "tenure_days"]
    horizon = float(enough.max()) if len(enough) else 0.0
    rows = table[table["tenure_days"] < horizon]
    pieces = np.diff(np.append(rows["tenure_days"].to_numpy(float), horizon)) * rows["survival_rate"].to_numpy(float)
    mean, rest = pieces.sum(), pieces[::-1].cumsum()[::-1]
    n, left = rows["n_observed"].to_numpy(float), rows["n_losses"].to_numpy(float)
    hazard = np.divide(left, n * (n - left), out=np.zeros(len(rows)), where=(left > 0) & (n > left))
    half = sp.norm.ppf((1 + level) / 2) * np.sqrt((rest**2 * hazard).sum())
    return {
        "mean": float(mean),
        "low": float(max(mean - half, 0)),
        "high": float(min(mean + half, horizon)),
        "horizon": horizon,
    }


@chart(
    "survival", x="tenure_days", y="survival_rate", low="survival_rate_low", high="survival_rate_high", size=(8.5, 4.5)
)
def plot_survival(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the curve with its interval and, below it, how many customers were at risk at each age."""
    ax = ax or style.new_axes(plot_survival.size)
    years = table["tenure_days"] / YEAR_DAYS
    ax.fill_between(
        years, table["survival_rate_low"], table["survival_rate_high"], step="post", color=style.BLUE, alpha=0.15, lw=0
    )
    ax.step(years, table["survival_rate"], where="post", color=style.BLUE, lw=2)
    median = median_days(table)
    if np.isfinite(median):
        ax.hlines(0.5, 0, median / YEAR_DAYS, color=style.GREY, lw=1, ls="--")
        ax.vlines(median / YEAR_DAYS, 0, 0.5, color=style.GREY, lw=1, ls="--")
    ax.set_ylim(0, 1.02)
    ax.set_xlim(0, years.max() * 1.01)
    style.percent_axis(ax.yaxis)
    _risk_table(ax, table)
    ax.set_ylabel(say(None, "share still customers", "仍为客户的占比"))
    return ax


def _risk_table(ax: Axes, table: pd.DataFrame) -> None:
    """Write the ages with the number at risk under each; young ages of truncated data may have fewer than old ones."""
    most = table["tenure_days"].max() / YEAR_DAYS
    ticks = np.arange(0, most + 0.01, 1 if most <= 14 else 2)
    at = [int((table["tenure_days"] - round(tick * YEAR_DAYS)).abs().idxmin()) for tick in ticks]
    ax.set_xticks(ticks, [f"{tick:.0f}\n{table['n_observed'].iloc[i]}" for tick, i in zip(ticks, at, strict=True)])
    ax.set_xlabel(
        say(
            None,
            "years as a customer, and customers at risk at that age",
            "成为客户的年数；下行为该年数时处于观察中的客户数",
        )
    )


def survival_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many are lost within five years, and the median, or the mean up to a horizon when it is not reached."""
    n, median, most = int(table["n_losses"].sum()), median_days(table), table["tenure_days"].max() / YEAR_DAYS
    row = table[table["tenure_days"] <= 5 * YEAR_DAYS].iloc[-1]
    gone = [share(1 - row[name]) for name in ("survival_rate", "survival_rate_high", "survival_rate_low")]
    age = "5" if most >= 5 else number(most, 1)
    mean, low, high, horizon = (number(days / YEAR_DAYS, 1) for days in mean_days(table).values())
    end = (
        f"median not reached, mean within {horizon} years {mean} ({low} – {high})",
        f"中位数未达到，{horizon} 年内平均 {mean} 年（{low} – {high}）",
    )
    if np.isfinite(median):
        half = number(median / YEAR_DAYS, 1)
        end = f"half within {half} years", f"半数在 {half} 年内"
    return say(
        lang,
        f"{gone[0]} of customers are lost at least once within {age} years (95 % interval {gone[1]} – {gone[2]}, {n} losses); {end[0]}.",
        f"{age} 年内 {gone[0]} 的客户至少流失一次（95 % 区间 {gone[1]} – {gone[2]}，{n} 次流失）；{end[1]}。",
    )
