"""Waiting: how long have open deals been in their stage, set against the deals that were won?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import few_rows
from kamlib.funnel.pipeline import usual_stays
from kamlib.words import number, say, share, word

WAITING = (
    "stage deal_id wait_days wait_days_low wait_days_high won_q1_days won_median_days won_q3_days is_slow is_stale"
).split()
TICKS = (1, 7, 30, 90, 365, 1000)


def waiting_table(ageing: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Return the open deals of `pipeline.ageing_table` whose stage at least five won deals left, in the order of the
    pipeline: stage, deal_id, wait_days with its bounds, and the quartiles of the stays of won deals in that stage
    (won_q1_days, won_median_days, won_q3_days), is_slow, is_stale."""
    stays = {
        f"won_{name}_days": usual_stays(visits, q)["days"] for name, q in (("q1", 0.25), ("median", 0.5), ("q3", 0.75))
    }
    rows = ageing.join(pd.DataFrame(stays), on="stage").dropna(subset=["won_q1_days", "wait_days"])
    order = visits.groupby("stage")["position"].first()
    return (
        rows.assign(place=rows["stage"].map(order))
        .sort_values(["place", "wait_days", "deal_id"])[WAITING]
        .reset_index(drop=True)
    )


@chart("dots", y="stage", x="wait_days", low="wait_days_low", high="wait_days_high", size=(9, 4.4))
def plot_waiting(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each open deal as a dot over the days it waits; the band holds the middle half of the won deals."""
    ax = ax or style.new_axes((9, 4.4))
    stages = list(dict.fromkeys(table["stage"]))
    for place, stage in enumerate(stages):
        rows = table[table["stage"] == stage]
        first = rows.iloc[0]
        ax.barh(
            place,
            first["won_q3_days"] - first["won_q1_days"],
            left=first["won_q1_days"],
            height=0.8,
            color=style.GRID,
            zorder=0,
        )
        ax.plot([first["won_median_days"]] * 2, [place - 0.4, place + 0.4], color=style.GREY, lw=1.5)
        days = rows["wait_days"].clip(lower=0.7)
        level = place + (np.arange(len(rows)) % 7 - 3) * 0.1
        reach = np.clip([days - rows["wait_days_low"].clip(lower=0.7), rows["wait_days_high"] - days], 0, None)
        if reach.sum() > 0:
            ax.errorbar(days, level, xerr=reach, fmt="none", ecolor=style.PALE, lw=1)
        for slow, colour in ((False, style.BLUE), (True, style.ORANGE)):
            hit = (rows["is_slow"] == slow).to_numpy()
            ax.scatter(days[hit], level[hit], s=16, color=colour, zorder=3, label=_label(slow) if place == 0 else None)
    ax.set_xscale("log")
    ticks = [tick for tick in TICKS if tick <= 2 * table["wait_days"].max()]
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.minorticks_off()
    counts = table["stage"].value_counts()
    ax.set_yticks(range(len(stages)), [f"{word(stage)}\nn = {counts[stage]:,}" for stage in stages])
    few_rows(ax, len(stages))
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(
        say(
            None,
            "Days in the stage (logarithmic); band and line: middle half and median of won deals",
            "在该阶段停留天数（对数轴）；灰带与灰线：赢单商机的中间一半与中位数",
        )
    )
    ax.legend(fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return ax


def _label(slow: bool) -> str:
    return word("n_slow") if slow else say(None, "as won deals did", "与赢单商机相当")


def waiting_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the stage with the most deals that wait longer than three quarters of the won ones did."""
    rows = table.groupby("stage", sort=False).agg(
        slow=("is_slow", "sum"), n=("is_slow", "size"), usual=("won_q3_days", "first")
    )  # fmt: skip
    stage = rows["slow"].idxmax()
    slow, n, usual = (number(rows.loc[stage, name]) for name in ("slow", "n", "usual"))
    if not rows["slow"].sum():
        return say(
            lang,
            f"None of {number(len(table))} open deals waits longer in its stage than three quarters of won deals did.",
            f"{number(len(table))} 个进行中商机的停留时间均未超过四分之三的赢单商机。",
        )
    part = share(rows.loc[stage, "slow"] / rows.loc[stage, "n"])
    return say(
        lang,
        f"Most deals overstay in {word(stage, 'en')}: {slow} of {n} ({part}) wait longer than {usual} days; one in four won deals did.",
        f"{word(stage, 'zh')}停留过久最多：{n} 个中有 {slow} 个（{part}）超过 {usual} 天；赢单商机中仅四分之一如此。",
    )
