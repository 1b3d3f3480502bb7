"""Won and lost compared: what was different about the deals we won, early on, before the outcome could shape it?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST, closed_within, few_rows
from kamlib.models.superiority import superiority
from kamlib.words import number, say, share, word

TRAITS = ("n_contacts", "n_touches", "n_meetings", "n_colleagues", "first_touch_days")
"""Contacts met, activities, visits and meetings, our own people, and days until the first activity."""
COMPARISON = (
    "deal_trait period n_won n_lost won_mean lost_mean higher_share higher_share_low higher_share_high"
).split()


def comparison_table(
    deals: pd.DataFrame, activities: pd.DataFrame, as_of: dt.date, *, months: int = 24, early_days: int = 60
) -> pd.DataFrame:
    """Compare the deals won and lost in the last `months` by what was done on them: one row per trait and period.

    period "early": activities of the first `early_days` after creation, of deals that were open for longer than that, so
    that each had the same time to collect them. period "whole": the whole life of all closed deals, for contrast: longer
    deals collect more of everything, whatever their end. higher_share: of all pairs of a won and a lost deal, that in
    which the won one has more (`models.superiority`), with its 95 % interval; one half is no difference. Deals nobody is
    recorded on count with nought. An association: nothing here was tried out. Empty without activities on closed deals.
    """
    closed = closed_within(deals, as_of, months).dropna(subset="created_at")
    life = closed["closed_at"] - closed["created_at"]
    early = pd.Timedelta(days=early_days)
    known = activities.dropna(subset="deal_id")
    known = known[known["deal_id"].isin(closed["deal_id"])]
    rows = []
    for period, part, until in (
        ("early", closed[life > early], closed["created_at"] + early), ("whole", closed, closed["closed_at"]),
    ):  # fmt: skip
        traits = _traits(part.assign(until=until), known)
        rows += [_compared(trait, period, traits[trait], part["status"]) for trait in TRAITS]
    table = pd.DataFrame(rows, columns=COMPARISON)
    return table if len(known) else table.head(0)


def _traits(deals: pd.DataFrame, activities: pd.DataFrame) -> pd.DataFrame:
    """Return the traits of each deal, by activities from creation to `until`; first_touch_days empty without any."""
    rows = deals[["deal_id", "created_at", "until"]].merge(activities, on="deal_id")
    day = rows["happened_at"].dt.normalize()
    rows = rows.assign(day=day, meeting=rows["type"].isin(["visit", "meeting"]))
    rows = rows[(day >= rows["created_at"]) & (day <= rows["until"])]
    found = rows.groupby("deal_id").agg(
        n_contacts=("contact_id", "nunique"), n_touches=("day", "size"), n_meetings=("meeting", "sum"),
        n_colleagues=("person", "nunique"), first=("day", "min"),
    ).reindex(deals["deal_id"])  # fmt: skip
    found["first_touch_days"] = (found.pop("first") - deals.set_index("deal_id")["created_at"]).dt.days
    counts = list(TRAITS[:-1])
    found[counts] = found[counts].fillna(0)
    return found.set_index(deals.index)


def _compared(trait: str, period: str, values: pd.Series, status: pd.Series) -> tuple:
    won, lost = (values[status == end].dropna().astype(float) for end in ("won", "lost"))
    return trait, period, len(won), len(lost), won.mean(), lost.mean(), *superiority(won, lost)


@chart("dots", y="deal_trait", x="higher_share", low="higher_share_low", high="higher_share_high", size=(9, 4.2))
def plot_comparison(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw per trait in how many pairs the won deal had more, early on and over the whole life, with intervals."""
    ax = ax or style.new_axes((9, 4.2))
    for period, shift, colour, label in (
        ("early", -0.13, style.BLUE, say(None, "early, equal time for all", "早期（观察时长相同）")),
        ("whole", 0.13, style.PALE, say(None, "whole life (biased by length)", "全程（受周期长短影响）")),
    ):
        rows = table[table["period"] == period]
        places, value = np.arange(len(rows)) + shift, rows["higher_share"]
        reach = np.nan_to_num([value - rows["higher_share_low"], rows["higher_share_high"] - value])
        ax.errorbar(value, places, xerr=np.clip(reach, 0, None), fmt="o", color=colour, capsize=3, label=label)
    style.reference_line(ax, 0.5, say(None, "no difference", "无差异"), axis="x")
    early = table[table["period"] == "early"]
    ax.set_yticks(range(len(early)), [
        f"{word(r.deal_trait)}\n{number(r.won_mean, 1)} / {number(r.lost_mean, 1)}" for r in early.itertuples()
    ])  # fmt: skip
    few_rows(ax, len(early))
    ax.set_xlim(0.2, 0.8)
    ax.grid(axis="y", visible=False)
    style.percent_axis(ax.xaxis)
    en = "Pairs of a won and a lost deal in which the won one has more; below the name: mean of won / lost, early"
    ax.set_xlabel(say(None, en, "赢单值更高的配对占比；名称下方：早期均值（赢单 / 输单）"))
    ax.legend(fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return ax


def comparison_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the trait that sets won deals apart most early on, when its interval leaves out one half."""
    early = table[table["period"] == "early"]
    n = number(early[["n_won", "n_lost"]].max().sum())
    if early[["n_won", "n_lost"]].max().min() < FEWEST:
        return say(
            lang,
            f"Not enough data to compare won and lost deals (n = {n}).",
            f"数据不足，无法比较赢单与输单（n = {n}）。",
        )
    apart = early[(early["higher_share_low"] > 0.5) | (early["higher_share_high"] < 0.5)]
    if apart.empty:
        return say(
            lang,
            f"Early on, {n} won and lost deals do not differ in contacts, activity or speed beyond chance.",
            f"早期，{n} 个赢单与输单商机在联系人数、互动量和速度上的差异未超出随机波动。",
        )
    row = apart.loc[(apart["higher_share"] - 0.5).abs().idxmax()]
    rate, low, high = (share(row[f"higher_share{end}"]) for end in ("", "_low", "_high"))
    means = number(row["won_mean"], 1), number(row["lost_mean"], 1)
    return say(
        lang,
        f"Early on, won deals differ most in {word(row['deal_trait'], 'en').lower()}: {means[0]} against {means[1]}; higher in {rate} ({low} to {high}) of pairs.",
        f"早期差异最大的是{word(row['deal_trait'], 'zh')}：赢单 {means[0]}，输单 {means[1]}；赢单更高的配对占 {rate}（{low} 至 {high}）。",
    )
