"""Why was the target missed or beaten? The gap in won amount, taken apart without a remainder. Part of notebook 08.

Reference: how many closed deals, at the win rate w₀ and the size a₀ of the period before, would have made the target T:
N₀ = T ÷ (w₀·a₀). With N closed deals, win rate w and size a, and S deals that were expected to close in the period and
did not,

    T − actual = (N₀ − N − S)·w₀·a₀ [volume] + S·w₀·a₀ [timing] + N·(w₀ − w)·a₀ [win rate] + N·w·(a₀ − a) [size].
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.appraisal import Book, targets_within
from kamlib.exhibit import chart
from kamlib.words import money, say, word

CAUSES = ("volume", "timing", "win_rate", "size")
FEWEST = 5
"""Closed deals of a person in the period before, below which the team's rate and size are the reference."""


def gap_table(of: Book) -> pd.DataFrame:
    """Take the gap between target and won amount apart, per person, the largest shortfall first.

    owner, target, won_amount, to_target_amount (target − won: positive is a shortfall), volume_amount, timing_amount,
    win_rate_amount, size_amount (they sum to the gap), n_closed_deals, n_slipped, reference ("own" or "team"). People without
    a target are left out; empty when nobody won anything before.
    """
    columns = [
        "owner",
        "target",
        "won_amount",
        "to_target_amount",
        *(f"{cause}_amount" for cause in CAUSES),
        "n_closed_deals",
        "n_slipped",
        "reference",
    ]
    end = pd.Timestamp(of.as_of)
    targets = targets_within(of.targets, of.start, end)
    targets = targets[(targets["metric"] == "won_amount") & (targets["target"] > 0)]
    now, before = (_closed(of.deals, *span) for span in ((of.start, end), of.before))
    team = _rates(before)
    if targets.empty or not np.isfinite(team).all():
        return pd.DataFrame(columns=columns)
    slipped = of.deals[(of.deals["status"] == "open") & of.deals["expected_close"].between(of.start, end)]
    rows = []
    for row in targets.itertuples():
        mine, past = now[now["owner"] == row.owner], before[before["owner"] == row.owner]
        own = _rates(past)
        usable = len(past) >= FEWEST and np.isfinite(own).all() and own.prod() > 0
        n_slipped = int((slipped["owner"] == row.owner).sum())
        parts = split(row.target, mine, n_slipped, *(own if usable else team))
        won = mine.loc[mine["status"] == "won", "amount"].sum()
        rows.append(
            [row.owner, row.target, won, row.target - won, *parts, len(mine), n_slipped, "own" if usable else "team"]
        )
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["to_target_amount", "owner"], ascending=[False, True]).reset_index(drop=True)


def _closed(deals: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    closed = deals[deals["status"].isin(["won", "lost"]) & deals["closed_at"].between(start, end)]
    return closed.assign(amount=closed["amount"].fillna(0.0))


def _rates(closed: pd.DataFrame) -> np.ndarray:
    """Win rate and mean amount of a won deal; NaN without any."""
    won = closed[closed["status"] == "won"]
    return np.array([len(won) / len(closed) if len(closed) else np.nan, won["amount"].mean() if len(won) else np.nan])


def split(target: float, closed: pd.DataFrame, n_slipped: int, rate0: float, size0: float) -> list[float]:
    """Return volume, timing, win rate and size in money; they sum to `target` less what was won, to the cent."""
    won = closed[closed["status"] == "won"]
    n, rate = len(closed), len(won) / len(closed) if len(closed) else 0.0
    size = won["amount"].mean() if len(won) else 0.0
    worth = rate0 * size0
    return [
        target - (n + n_slipped) * worth,
        n_slipped * worth,
        n * (rate0 - rate) * size0,
        n * rate * (size0 - size),
    ]


@chart("stacked_bar", y="owner", x=[f"{cause}_amount" for cause in CAUSES], size=(8, 5))
def plot_gap(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Stack what costs to the left and what helps to the right of zero; the mark is the sum."""
    ax = ax or style.new_axes(plot_gap.size)
    rows = table.iloc[::-1]
    y = np.arange(len(rows))
    left, right = np.zeros(len(rows)), np.zeros(len(rows))
    for cause, colour in zip(CAUSES, (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE), strict=True):
        value = -rows[f"{cause}_amount"].to_numpy(float)  # a shortfall points to the left
        ax.barh(y, value, left=np.where(value < 0, left, right), color=colour, height=0.6, label=word(f"cause.{cause}"))
        left, right = left + np.minimum(value, 0), right + np.maximum(value, 0)
    ax.plot(-rows["to_target_amount"], y, "D", color=style.INK, ms=5, label=word("gap_to_target"))
    ax.axvline(0, color=style.INK, lw=0.8)
    ax.set_yticks(y, rows["owner"])
    style.money_axis(ax.xaxis)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.1), ncols=5, fontsize=8)
    return ax


def gap_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what the team is short of and which cause weighs most."""
    total = table["to_target_amount"].sum()
    causes = table[[f"{cause}_amount" for cause in CAUSES]].sum()
    worst = causes.idxmax().removesuffix("_amount")
    en, zh = (word(f"cause.{worst}", language) for language in ("en", "zh"))
    amount = money(causes.max(), lang)
    head_en = (
        f"The team won {money(-total, 'en')} more than its targets"
        if total <= 0
        else f"The team is {money(total, 'en')} short of its targets"
    )
    head_zh = f"团队赢单额超出目标 {money(-total, 'zh')}" if total <= 0 else f"团队赢单额距目标差 {money(total, 'zh')}"
    if causes.max() <= 0:
        return say(lang, f"{head_en}; nothing cost any of it.", f"{head_zh}；没有拖累因素。")
    return say(
        lang, f"{head_en}; what costs most is {en.lower()} ({amount}).", f"{head_zh}；拖累最大的是{zh}（{amount}）。"
    )
