"""Retention of revenue: what do last year's customers bring now?

Gross revenue retention (GRR) counts what is left of the starting revenue, each account capped at its own start, so it
cannot exceed 100 %. Net revenue retention (NRR) also counts what the same accounts bought more. Both are trailing
twelve months of net revenue, not recurring contracts; customers won since are in neither.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import churn, stats, style
from kamlib.exhibit import chart
from kamlib.words import money, say, share, word

FEWEST = 10
"""With fewer customers the bootstrap sees too little to give an interval that could be trusted."""

# --- What do last year's customers bring now? ----------------------------------------------------------------------


def retention_table(start: pd.Series, end: pd.Series, lost: pd.Series) -> pd.DataFrame:
    """Walk from the revenue of the customers at the start to what the same customers bring at the end.

    `start` and `end` are net revenue of 12 months by account_id, `lost` says which customers left; only accounts in
    `lost` with a positive start count. One row per step: step ("revenue_then", "lost_customers", "contraction",
    "expansion", "revenue_now"), kind ("total" or "change"), n_accounts, amount (changes signed), start_share, grr_rate
    and nrr_rate with bootstrap intervals over accounts (the same in each row).
    """
    worth = pd.DataFrame({"start": start.reindex(lost.index), "end": end.reindex(lost.index)}).fillna(0.0)
    worth = worth[worth["start"] > 0]
    gone, change = lost.reindex(worth.index), worth["end"] - worth["start"]
    groups = {"lost_customers": gone & (change < 0), "contraction": ~gone & (change < 0), "expansion": change > 0}
    steps = [("revenue_then", "total", len(worth), worth["start"].sum())]
    steps += [(name, "change", int(rows.sum()), change[rows].sum()) for name, rows in groups.items()]
    steps.append(("revenue_now", "total", len(worth), worth["end"].sum()))
    table = pd.DataFrame(steps, columns=["step", "kind", "n_accounts", "amount"])
    if worth.empty:
        return table.head(0).assign(**dict.fromkeys(_RATES, 0.0))
    table["start_share"] = table["amount"] / worth["start"].sum()
    both = np.column_stack([worth["start"], worth[["start", "end"]].min(axis=1), worth["end"]])
    low, high = stats.bootstrap_interval(both, _rates)
    for i, name in enumerate(("grr_rate", "nrr_rate")):
        table[[name, f"{name}_low", f"{name}_high"]] = _rates(both)[i], low[i], high[i]
    return table[[*table.columns[:4], *_RATES]]


def year_table(known: pd.DataFrame, events: pd.DataFrame, revenue: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return `retention_table` of the 12 months up to `as_of` against the 12 before; empty when orders do not reach back.

    `known` silences and `events` losses of `kamlib.lifecycle`, `revenue` dated rows of `churn.revenue_rows`.
    """
    end = pd.Timestamp(as_of)
    start = end - pd.DateOffset(years=1)
    lost = churn.lost_flags(known, events, start, end)
    lost = lost if churn.reaches_back(known, start) else lost.head(0)
    return retention_table(churn.revenue_year(revenue, start), churn.revenue_year(revenue, end), lost)


_RATES = [
    "start_share", "grr_rate", "grr_rate_low", "grr_rate_high", "nrr_rate", "nrr_rate_low", "nrr_rate_high",
]  # fmt: skip


def _rates(rows: np.ndarray) -> np.ndarray:
    start, kept, end = rows.sum(axis=0)
    return np.array([kept, end]) / start


@chart("waterfall", x="step", y="amount", size=(8, 4.2))
def plot_retention(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the two totals as columns and the changes floating between them."""
    ax = ax or style.new_axes(plot_retention.size)
    change = table["kind"] == "change"
    after = table["amount"].iloc[0] + table["amount"].where(change, 0).cumsum()
    base = (after - table["amount"]).where(change, 0)
    colours = np.where(~change, style.BLUE, np.where(table["amount"] < 0, style.VERMILION, style.GREEN))
    at = np.arange(len(table))
    ax.bar(at, table["amount"], bottom=base, color=colours, width=0.62)
    ax.hlines(after.iloc[:-1], at[:-1] + 0.31, at[1:] - 0.31, color=style.GREY, lw=0.8)
    for x, row, low in zip(at, table.itertuples(), base, strict=True):
        text = f"{money(row.amount)}\n{share(row.start_share)}"
        ax.annotate(text, (x, max(low, low + row.amount)), (0, 3), textcoords="offset points", ha="center", fontsize=9)
    ax.set_xticks(at, [f"{word(row.step)}\n(n = {row.n_accounts})" for row in table.itertuples()], fontsize=9)
    ax.axhline(0, color=style.INK, lw=0.8)
    ax.margins(y=0.15)
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(say(None, "net revenue of 12 months", "12 个月净收入"))
    style.money_axis(ax.yaxis)
    return ax


def retention_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say gross and net revenue retention with their intervals."""
    row, n = table.iloc[0], int(table["n_accounts"].iloc[0])
    spread = {name: f"{share(row[f'{name}_low'])} – {share(row[f'{name}_high'])}" for name in ("grr_rate", "nrr_rate")}
    spread = spread if n >= FEWEST else {}
    en, zh = {}, {}
    for name in ("grr_rate", "nrr_rate"):
        en[name] = share(row[name]) + (f" ({spread[name]})" if spread else "")
        zh[name] = share(row[name]) + (f"（{spread[name]}）" if spread else " ")
    return say(
        lang,
        f"The {n} customer{'s' * (n > 1)} of a year ago kept {en['grr_rate']} of their revenue; with what they bought more it is {en['nrr_rate']}.",
        f"一年前的 {n} 个客户保留了 {zh['grr_rate']}的收入（毛收入留存）；计入增购后为 {zh['nrr_rate']}（净收入留存）。",
    )
