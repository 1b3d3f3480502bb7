"""Reasons: why is this account B, and what would make it A? The points that each indicator brings, and the points missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.segmentation.scoring import INDICATORS, earned_points
from kamlib.segmentation.tiering import CUTS, next_tier_table, short_name
from kamlib.settings import Tiers
from kamlib.words import number, say, share, word

EARNED = tuple(f"{name}_earned_score" for name in INDICATORS)
MOST_SHOWN = 8


def reasons_table(accounts: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Return `next_tier_table` with the points that each indicator brings to the composite: purchasing_power_earned_score …
    (together the composite), and coverage_share and provisional; nearest to the next tier first."""
    earned = earned_points(accounts, rule).set_axis(EARNED, axis=1)
    earned[["account_id", "coverage_share", "provisional"]] = accounts[["account_id", "coverage_share", "provisional"]]
    return next_tier_table(accounts, rule).merge(earned, on="account_id", validate="1:1")


@chart("stacked_bar", size=(8.5, 3.5), x=EARNED, y="account_name")
def plot_reasons(table: pd.DataFrame, ax: Axes | None = None, *, cuts: dict[str, float] = CUTS) -> Axes:
    """Draw what each account's score is made of, the points that it lacks (hatched), and what the lever would have to reach."""
    ax = ax or style.new_axes(plot_reasons.size)
    shown = table.dropna(subset="composite_score").head(MOST_SHOWN)
    rows, left = np.arange(len(shown)), np.zeros(len(shown))
    for name, column, colour in zip(INDICATORS, EARNED, style.CYCLE, strict=False):
        width = shown[column].fillna(0).to_numpy(float)
        ax.barh(rows, width, left=left, color=colour, height=0.66, label=word(name))
        left += width
    ax.barh(rows, shown["gap_score"], left=left, height=0.66, color="white", edgecolor=style.GREY, hatch="////", lw=0.5)
    for row, account in zip(rows, shown.itertuples(), strict=True):
        ax.text(101, row, _lever_text(account), va="center", fontsize=8)
    ax.set_yticks(rows, [f"{short_name(r.account_name)}  {r.tier}" for r in shown.itertuples()], fontsize=8)
    ax.set_ylim(len(rows) - 0.4, -1.3)
    for tier, cut in cuts.items():
        style.reference_line(ax, cut, f"{tier} ≥ {cut:g}", axis="x")
    ax.set_xlim(0, 148)
    ax.set_xticks(range(0, 101, 20))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.42, 1.0), ncols=5, fontsize=8, handlelength=1, columnspacing=1)
    what = say(
        None, "Points of the composite score; hatched: missing to the next tier", "综合得分构成；斜线：距上一级的缺口"
    )
    ax.set_xlabel(
        what
        + say(None, f" ({len(shown)} of {len(table)}, nearest first)", f"（{len(table)}个中最接近的{len(shown)}个）")
    )
    return ax


def evidence_claim(accounts: pd.DataFrame, rule: Tiers, lang: str = "en") -> str:
    """Say how much of the scores rests on judgement, and how many tiers are provisional, and why."""
    judged = share(accounts["judged_share"].mean())
    why = accounts.loc[accounts["provisional"] != "", "provisional"].value_counts()
    listed = say(lang, ", ", "、").join(f"{word(name, lang)} {n}" for name, n in why.items())
    reasons = say(lang, f" ({listed})", f"（{listed}）") if listed else ""
    return say(
        lang,
        f"{judged} of the weight is judged, the rest measured; {why.sum()} of {len(accounts)} tiers are provisional{reasons}; "
        f"asked is {share(rule.coverage)} of the weight known",
        f"权重中{judged}来自主观评分，其余来自数据；{len(accounts)}个级别中{why.sum()}个为暂定{reasons}；要求已知权重不低于{share(rule.coverage)}",
    )


def _lever_text(row: tuple) -> str:
    """Write what would close the gap: "+1.2: Transaction frequency 61 → 62"."""
    lack = f"+{number(row.gap_score, 1)}"
    if pd.isna(row.needed_score):
        return say(None, f"{lack}: one is not enough", f"{lack}：单项不够")
    return f"{lack}: {word(row.lever)} {number(row.lever_score)} → {number(np.ceil(row.needed_score))}"
