"""Separation: do the tiers set accounts apart, in the score and in what the accounts bring afterwards?

A tier that was given a year ago is held against what the account has brought since: what the grade did not know. Grades
that mean something order the accounts beforehand; grades that merely describe the past do not.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from kamlib import style
from kamlib.exhibit import chart
from kamlib.models.superiority import superiority
from kamlib.segmentation.migration import graded_on, reaches
from kamlib.segmentation.ranking import value_measure
from kamlib.segmentation.tiering import MANY_NEAR, NEAR, is_near, tier_at
from kamlib.settings import Tiers
from kamlib.words import names, number, say, share, word
from kamlib.workspace import Data

TIERS = ("A", "B", "C", "D")
LEAST = 5
"""Accounts per tier from which two tiers are compared."""


def year_before(data: Data) -> dt.date:
    """Return the day before the last twelve months."""
    return (pd.Timestamp(data.as_of) - pd.DateOffset(years=1)).date()


def graded_then(data: Data, rule: Tiers) -> pd.DataFrame:
    """Return the tiers of a year ago by `rule`, as `scoring.tiers` does; empty when there was no year of orders by then."""
    day = year_before(data)
    if not reaches(data, day):
        return pd.DataFrame(columns=["account_id", "tier", "composite_score"])
    ((_, graded, _),) = graded_on(data, rule, [day])
    return graded


def outcome_table(accounts: pd.DataFrame, then: pd.DataFrame) -> pd.DataFrame:
    """Return what the accounts graded a year ago (`then`: account_id, tier, composite_score) have brought since, best
    score first: account_id, account_name, then_tier, then_composite_score, since_amount, measure (which amount: contribution, or
    revenue where costs are not known)."""
    measure = value_measure(accounts)
    known = then.dropna(subset="tier")[["account_id", "tier", "composite_score"]]
    known = known.rename(columns={"tier": "then_tier", "composite_score": "then_composite_score"})
    table = known.merge(accounts[["account_id", "account_name", measure]], on="account_id")
    table = table.sort_values(["then_composite_score", "account_id"], ascending=[False, True], ignore_index=True)
    shown = table[["account_id", "account_name", "then_tier", "then_composite_score"]].copy()
    return shown.assign(since_amount=table[measure], measure=measure)


def separation_table(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Compare each tier with the next lower one: tier, next_lower_tier, n_tier, n_lower, better_share with _low and _high (of all
    pairs, those in which the account of the better tier has brought more since; missing below five accounts in a tier)."""
    rows = []
    for tier, lower in zip(TIERS, TIERS[1:], strict=False):
        one, other = (outcomes.loc[outcomes["then_tier"] == name, "since_amount"].dropna() for name in (tier, lower))
        enough = min(len(one), len(other)) >= LEAST
        rows.append((tier, lower, len(one), len(other), *(superiority(one, other) if enough else [np.nan] * 3)))
    columns = ["tier", "next_lower_tier", "n_tier", "n_lower", "better_share", "better_share_low", "better_share_high"]
    return pd.DataFrame(rows, columns=columns)


@chart("box", size=(8, 3.8), x="since_amount", y="then_tier")
def plot_separation(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what the accounts of each tier have brought since: every account a dot, the box from quartile to quartile."""
    ax = ax or style.new_axes(plot_separation.size)
    shift = np.random.default_rng(0)
    for row, tier in enumerate(TIERS):
        values = table.loc[table["then_tier"] == tier, "since_amount"].dropna().to_numpy(float)
        if len(values) >= LEAST:
            ax.boxplot([values], positions=[row], orientation="horizontal", widths=0.5, showfliers=False, whis=(10, 90), medianprops={"color": style.INK, "lw": 2})  # fmt: skip
        spread = row + shift.uniform(-0.18, 0.18, len(values))
        ax.scatter(values, spread, s=18, color=style.TIER[tier], edgecolor=style.GREY, lw=0.4, alpha=0.9, zorder=3)
    counts = table["then_tier"].value_counts()
    ax.set_yticks(range(len(TIERS)), [f"{word(tier)}  n = {counts.get(tier, 0)}" for tier in TIERS])
    ax.set_ylim(len(TIERS) - 0.5, -0.5)
    _stretched(ax, table["since_amount"])
    ax.axvline(0, color=style.GREY, lw=1)
    ax.grid(axis="y", visible=False)
    measure = word(table["measure"].iloc[0])
    ax.set_xlabel(
        say(
            None,
            f"{measure} since (stretched scale; box: quartiles, whiskers: 10 to 90 %)",
            f"此后{measure}（对称对数轴；箱体为四分位，须线为10%至90%）",
        )
    )
    return ax


def _stretched(ax: Axes, amounts: pd.Series) -> None:
    """Give losses and profits of many sizes room: linear about zero, beyond it a tick per tenfold."""
    size = amounts.abs()[amounts.abs() > 0]
    step = 10.0 ** np.ceil(np.log10(size.median())) if len(size) else 1.0
    ax.set_xscale("symlog", linthresh=step, linscale=1)
    decades = [step * 10.0**n for n in range(4)]
    low, high = amounts.min(), amounts.max()
    ticks = [*(-d for d in reversed(decades) if -d >= low * 10), 0, *(d for d in decades if d <= high * 10)]
    ax.set_xlim(min(low * 1.6, -step * 0.2), max(high * 1.6, step * 0.2))
    style.money_axis(ax.xaxis)
    ax.set_xticks([tick for tick in ticks if min(low * 1.6, 0) <= tick <= max(high * 1.6, 0)])
    ax.xaxis.set_minor_locator(NullLocator())


def separation_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say for each pair of neighbouring tiers how often the better one has brought more since, and which do not differ."""
    pairs = separation_table(table)
    told = pairs.dropna(subset="better_share")
    if told.empty:
        return say(
            lang, f"Cannot be said: no two neighbouring tiers had {LEAST} accounts a year ago",
            f"无法判断：一年前没有相邻两级各有{LEAST}个客户",
        )  # fmt: skip
    parts = [
        say(lang, f"{r.tier} over {r.next_lower_tier} in ", f"{r.tier}高于{r.next_lower_tier}：")
        + f"{share(r.better_share)}" + say(lang, f" of pairs ({share(r.better_share_low)} to {share(r.better_share_high)})", f"（{share(r.better_share_low)}至{share(r.better_share_high)}）")
        for r in told.itertuples()
    ]  # fmt: skip
    apart = say(lang, ", ", "，").join(parts)
    blurred = told[told["better_share_low"] <= 0.5]
    listed = names([f"{r.tier}/{r.next_lower_tier}" for r in blurred.itertuples()], lang)
    verdict = say(lang, f"; not told apart: {listed}", f"；未能区分：{listed}") if len(blurred) else ""
    return say(
        lang,
        f"Tiers of a year ago, by what was brought since: {apart}{verdict}",
        f"一年前的级别与此后贡献：{apart}{verdict}",
    )


def spread_claim(accounts: pd.DataFrame, rule: Tiers, lang: str = "en") -> str:
    """Say how far the mean scores of neighbouring tiers lie apart, and whether too many accounts crowd at the cuts."""
    scores = accounts["composite_score"].dropna().to_numpy(float)
    if not len(scores):
        return say(lang, "No account could be graded", "没有客户可以评级")
    tiers = np.array([tier_at(score, rule.cuts) for score in scores], dtype=object)
    means = {tier: scores[tiers == tier].mean() for tier in (*rule.cuts, "D") if (tiers == tier).any()}
    steps = [f"{a}–{b} {number(means[a] - means[b], 1)}" for a, b in zip(means, list(means)[1:], strict=False)]
    near = is_near(scores, rule.cuts).mean()
    verdict = (
        say(lang, "too many: move the cuts or pin wider bands", "偏多：应调整分界线或放宽分档")
        if near > MANY_NEAR
        else say(lang, "few enough", "可接受")
    )
    listed = say(lang, ", ", "、").join(steps) or say(lang, "one tier only", "仅一个级别")
    return say(
        lang,
        f"Points between the means of neighbouring tiers: {listed}; {share(near)} of accounts within ±{NEAR:g} points of a cut ({verdict})",
        f"相邻级别平均分之差：{listed}；{share(near)}的客户距分界线±{NEAR:g}分以内（{verdict}）",
    )
