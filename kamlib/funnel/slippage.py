"""Slippage: of the deals that were due in a quarter, how many closed in it, and how often is a closing date pushed?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST, few_rows, with_span
from kamlib.funnel.past import Book, open_then
from kamlib.stats import wilson
from kamlib.words import number, say, share, word

SLIPPAGE = (
    "first_day last_day n_due n_won n_lost n_slipped slipped_rate slipped_rate_low slipped_rate_high due_amount won_amount "
    "slipped_amount n_overdue"
).split()
PUSHES = "n_pushes n_open_deals n_won n_lost win_rate win_rate_low win_rate_high pushed_days".split()


def slippage_table(books: Sequence[Book], deals: pd.DataFrame) -> pd.DataFrame:
    """Return, per quarter of `books`, what became of the open deals that were due in it by the date known at its start.

    n_due = n_won + n_lost + n_slipped (still open at its end); slipped_rate = n_slipped ÷ n_due with its Wilson interval;
    deals found invalid are lost (`past.decided`);
    due_amount, won_amount, slipped_amount as known at the start; n_overdue: deals whose date had passed before the quarter
    began (not in n_due). Quarters with nothing due are left out. Empty where no dated record tells the expected close.
    """
    rows = [_quarter(book, open_then(book, deals)) for book in books]
    table = pd.DataFrame(rows, columns=SLIPPAGE)
    return table[table["n_due"] > 0].reset_index(drop=True)


def _quarter(book: Book, then: pd.DataFrame) -> dict:
    start, end = pd.Timestamp(book.day), pd.Timestamp(book.until)
    due = then[(then["expected_close"] > start) & (then["expected_close"] <= end)]
    slipped = due["result"] == "open"
    low, high = wilson(slipped.sum(), len(due))
    return {
        "first_day": start + pd.Timedelta(days=1), "last_day": end, "n_due": len(due),
        "n_won": (due["result"] == "won").sum(), "n_lost": (due["result"] == "lost").sum(), "n_slipped": slipped.sum(),
        "slipped_rate": slipped.mean(), "slipped_rate_low": low, "slipped_rate_high": high,
        "due_amount": due["amount"].sum(), "won_amount": due.loc[due["result"] == "won", "amount"].sum(),
        "slipped_amount": due.loc[slipped, "amount"].sum(), "n_overdue": (then["expected_close"] <= start).sum(),
    }  # fmt: skip


def push_table(deals: pd.DataFrame, history: pd.DataFrame, slips: pd.DataFrame) -> pd.DataFrame:
    """Count deals by how often their expected close was moved later, by the stage history and by `slips` (snapshots).

    Columns: n_pushes (3 stands for three and more), n_open_deals, n_won, n_lost, win_rate with its Wilson interval, pushed_days
    (median of the sum of the pushes). Deals that live long are pushed more often: no cause is shown.
    """
    told = history[["deal_id", "entered_at", "expected_close"]].set_axis(["deal_id", "on", "close"], axis=1)
    if len(slips):
        told = pd.concat([told, slips[["deal_id", "by", "to_close"]].set_axis(told.columns, axis=1)])
    told = told.dropna(subset="close").sort_values(["deal_id", "on"], kind="stable", ignore_index=True)
    moved = told.groupby("deal_id")["close"].diff().dt.days
    pushes = moved[moved > 0].groupby(told["deal_id"]).agg(["size", "sum"])
    rows = deals[deals["deal_id"].isin(told["deal_id"])].set_index("deal_id")
    rows = rows.assign(
        n_pushes=pushes["size"].reindex(rows.index).fillna(0).clip(upper=3).astype(int), pushed=pushes["sum"]
    )
    rows = rows.assign(**{end: rows["status"] == end for end in ("open", "won", "lost")})
    table = rows.groupby("n_pushes").agg(
        n_open_deals=("open", "sum"), n_won=("won", "sum"), n_lost=("lost", "sum"), pushed_days=("pushed", "median")
    )
    closed = table["n_won"] + table["n_lost"]
    table["win_rate"] = table["n_won"] / closed.where(closed > 0)
    table["win_rate_low"], table["win_rate_high"] = wilson(table["n_won"], closed)
    return table.reset_index()[PUSHES]


@chart("stacked_bar", y="last_day", x=["n_won", "n_lost", "n_slipped"])
def plot_slippage(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw per quarter the shares of the due deals that were won, lost and slipped past its end."""
    ax = ax or style.new_axes()
    places, left = np.arange(len(table)), np.zeros(len(table))
    for name, label, colour, ink in (
        ("n_won", "won", style.BLUE, "white"), ("n_lost", "lost", style.VERMILION, "white"),
        ("n_slipped", "n_slipped", style.PALE, style.INK),
    ):  # fmt: skip
        width = table[name] / table["n_due"]
        bars = ax.barh(places, width, left=left, color=colour, height=0.66, label=word(label))
        texts = [f"{share(w)} ({n:,})" if w >= 0.12 else "" for w, n in zip(width, table[name], strict=True)]
        ax.bar_label(bars, labels=texts, label_type="center", fontsize=8, color=ink)
        left += width
    ax.set_yticks(
        places, [f"{row.first_day:%Y-%m} – {row.last_day:%Y-%m}\nn = {row.n_due:,}" for row in table.itertuples()]
    )
    few_rows(ax, len(table))
    ax.set_xlim(0, 1)
    ax.grid(axis="y", visible=False)
    style.percent_axis(ax.xaxis)
    ax.set_xlabel(say(None, "Share of the deals due in the quarter, at its end", "季度内应结商机在季末的去向占比"))
    ax.legend(fontsize=9, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return ax


def slippage_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say what share of the deals due in a quarter slipped past its end, over all quarters, and what share was won."""
    n, slipped, won = (table[name].sum() for name in ("n_due", "n_slipped", "n_won"))
    if n < FEWEST:
        return say(lang, f"Not enough data on slippage (n = {n}).", f"延期数据不足（n = {n}）。")
    ends = dict(zip(("rate_low", "rate_high"), wilson(slipped, n), strict=True))
    rate = with_span(pd.Series({"rate": slipped / n, **ends}), "rate", lang)
    return say(
        lang,
        f"Of {number(n)} deals due in a quarter {rate} slipped past its end; {share(won / n)} were won in it.",
        f"{number(n)} 个应在季度内结单的商机中，{rate}延到季末之后；{share(won / n)} 按期赢单。",
    )
