"""Forecast: what will the deals that are open today bring in the coming quarter, and how far was the forecast off before?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats as sp

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST
from kamlib.funnel.chances import counts, open_chances
from kamlib.funnel.past import Book, open_then
from kamlib.settings import Stage
from kamlib.words import money, say

DRAWS = 2000


def simulate(chances: pd.DataFrame, seed: int = 0) -> np.ndarray:
    """Return 2,000 possible sums of what the deals of `open_chances` bring.

    Each draws the level of the chances of every stage and landmark anew, from what its deals leave uncertain (Beta), and
    then wins or loses each deal as a whole. Amounts are taken as recorded.
    """
    random, sums = np.random.default_rng(seed), np.zeros(DRAWS)
    for _, part in chances[chances["chance_rate"] > 0].groupby(["stage", "waited_days"]):
        chance, level = part["chance_rate"].to_numpy(), part["chance_rate"].mean()
        drawn = random.beta(*counts(level, part["n_known"].mean()), DRAWS)
        won = random.random((DRAWS, len(part))) < drawn[:, None] * (chance / level)
        sums += won @ part["amount"].fillna(0).to_numpy()
    return sums


# --- forecast -----------------------------------------------------------------------------------------------------

FORECAST = (
    "first_day last_day n_open_deals amount n_decided forecast_amount forecast_amount_low forecast_amount_high crm_amount "
    "actual_amount new_amount"
).split()


def forecast_table(
    books: Sequence[Book], deals: pd.DataFrame, history: pd.DataFrame, stages: Sequence[Stage], as_of: dt.date,
    *, months: int = 24,
) -> pd.DataFrame:  # fmt: skip
    """Forecast what the open deals bring in the three months after `as_of`, and likewise each earlier quarter of `books`
    with what was known at its start, beside what then came. `deals` are those of `past.decided`.

    One row per period, the coming one last: n_open_deals and amount at its start, n_decided (deals closed before it),
    forecast_amount (mean of `simulate`) with P10 and P90; crm_amount: the deals then due by the end of the period, at the
    defaults of `kam.toml`; actual_amount: what those open deals brought in the period, new_amount: what deals brought
    that did not exist yet. A period before which fewer than ten deals were decided has no forecast. Empty when no open
    deal carries an amount.
    """
    until = (pd.Timestamp(as_of) + pd.DateOffset(months=3)).date()
    coming = Book(as_of, until, deals, history, is_present=True)
    rows = [_forecast(book, deals, stages, months) for book in (*books, coming)]
    table = pd.DataFrame(rows)[FORECAST]
    table.loc[table.index[-1], ["actual_amount", "new_amount"]] = np.nan
    return table if table["amount"].iloc[-1] > 0 and np.isfinite(table["forecast_amount"].iloc[-1]) else table.head(0)


def _forecast(book: Book, deals: pd.DataFrame, stages: Sequence[Stage], months: int) -> dict:
    days = (book.until - book.day).days
    chances = open_chances(book.deals, book.history, stages, book.day, days, months=months)
    decided, then = int(book.deals["closed_at"].notna().sum()), open_then(book, deals)
    chances["amount"] = chances["deal_id"].map(then.set_index("deal_id")["amount"])
    sums = simulate(chances) if decided >= FEWEST else np.array([np.nan])
    born = deals["created_at"] > pd.Timestamp(book.day)
    closed = (deals["closed_at"] <= pd.Timestamp(book.until)) & (deals["status"] == "won")
    return {
        "first_day": pd.Timestamp(book.day) + pd.Timedelta(days=1), "last_day": pd.Timestamp(book.until),
        "n_open_deals": len(then), "amount": then["amount"].sum(), "n_decided": decided, "forecast_amount": sums.mean(),
        "forecast_amount_low": np.quantile(sums, 0.1), "forecast_amount_high": np.quantile(sums, 0.9),
        "crm_amount": _crm_amount(then, book.until, stages), "actual_amount": then["won_amount"].sum(),
        "new_amount": deals.loc[born & closed, "amount"].sum(),
    }  # fmt: skip


def _crm_amount(open_deals: pd.DataFrame, until: dt.date, stages: Sequence[Stage]) -> float:
    """Return what a CRM calls the forecast: the deals due by `until` at the default of their stage."""
    if open_deals["expected_close"].isna().all():
        return np.nan
    due = open_deals[open_deals["expected_close"] <= pd.Timestamp(until)]
    defaults = {stage.name: stage.probability for stage in stages}
    return float((due["amount"] * due["stage"].map(defaults).astype(float)).sum())


def n_inside(table: pd.DataFrame) -> tuple[int, int]:
    """Return in how many past periods the outcome lay within P10 to P90, and how many had a forecast."""
    past = table.iloc[:-1].dropna(subset="forecast_amount")
    inside = past["actual_amount"].between(past["forecast_amount_low"], past["forecast_amount_high"])
    return int(inside.sum()), len(past)


@chart("dots", x="last_day", y="forecast_amount", low="forecast_amount_low", high="forecast_amount_high")
def plot_forecast(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw per quarter the forecast from P10 to P90, what then came of the same deals, and what the CRM's defaults said."""
    ax = ax or style.new_axes()
    places, mean = np.arange(len(table)), table["forecast_amount"]
    reach = [mean - table["forecast_amount_low"], table["forecast_amount_high"] - mean]
    ax.errorbar(places, mean, yerr=np.clip(reach, 0, None), fmt="o", color=style.BLUE, capsize=4, lw=2,
                label=say(None, "forecast, P10–P90", "预测值（P10–P90）"))  # fmt: skip
    ax.plot(places + 0.14, table["crm_amount"], "D", color=style.ORANGE, label=say(None, "CRM defaults", "CRM默认赢率"))
    ax.plot(places - 0.14, table["actual_amount"], "_", color=style.INK, ms=18, mew=2.5,
            label=say(None, "came in from these deals", "这些商机实际赢单"))  # fmt: skip
    last = table.iloc[-1]
    ax.axvspan(len(table) - 1.5, len(table) - 0.5, color=style.GRID, zorder=0, lw=0)
    ax.annotate(money(last["forecast_amount"]), (places[-1], last["forecast_amount_high"]), (0, 5),
                textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    ax.set_xticks(places, [f"{row.first_day:%Y-%m}\n{row.last_day:%Y-%m}" for row in table.itertuples()])
    ax.set_xlim(-0.6, len(table) - 0.5)
    ax.set_ylim(0, None)
    ax.grid(axis="x", visible=False)
    ax.set_xlabel(say(None, "Period, first and last month", "期间（首月、末月）"))
    ax.set_ylabel(say(None, "Won from the deals open at its start", "期初进行中商机的赢单金额"))
    style.money_axis(ax.yaxis)
    ax.legend(fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return ax


def forecast_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say what the open deals bring in the coming three months, from P10 to P90, and how often that held before; when it
    held so seldom that eight in ten is out of the question (binomial, 5 %), that there is no forecast to plan by."""
    last, (inside, n) = table.iloc[-1], n_inside(table)
    value, low, high = (money(last[f"forecast_amount{end}"], lang) for end in ("", "_low", "_high"))
    day = f"{last['last_day']:%Y-%m-%d}"
    if sp.binom.cdf(inside, n, 0.8) < 0.05:
        return say(
            lang,
            f"No forecast to plan by: from P10 to P90 held in {inside} of {n} earlier quarters (by {day} it would say {value}).",
            f"预测不可用于计划：过往 {n} 个季度中仅 {inside} 个落在 P10–P90 内（到 {day} 的预测值为 {value}）。",
        )
    held = ""
    if n:
        en, zh = (
            f"; in {inside} of {n} earlier quarters that range held",
            f"；过往 {n} 个季度中有 {inside} 个落在该区间",
        )
        held = say(lang, en, zh)
    return say(
        lang,
        f"The deals open today bring {value} by {day} (P10–P90 {low}–{high}){held}.",
        f"现有商机到 {day} 预计赢单 {value}（P10–P90：{low}–{high}）{held}。",
    )
