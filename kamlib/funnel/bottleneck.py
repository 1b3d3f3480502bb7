"""Bottleneck: in which stage do we lose the most money, how long do deals sit there, and is it our own slow follow-up?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST, days_between, exact, few_rows, mature_cohort, rate_dots, with_span
from kamlib.models.competing_risks import cumulative_incidence, time_until
from kamlib.stats import wilson
from kamlib.words import money, number, say, share, word

PROMPT_DAYS = 14
"""A next activity on a deal within two weeks counts as prompt follow-up."""
BOTTLENECK = (
    "stage n_entered n_lost loss_rate loss_rate_low loss_rate_high lost_amount lost_amount_years stage_days "
    "stage_days_low stage_days_high follow_up_days follow_up_days_low follow_up_days_high n_prompt "
    "prompt_rate prompt_rate_low prompt_rate_high n_late late_rate late_rate_low late_rate_high"
).split()


def bottleneck_table(
    entries: pd.DataFrame, activities: pd.DataFrame, as_of: dt.date,
    *, months: int = 24, horizon_days: int = 180, prompt_days: int = PROMPT_DAYS,
) -> pd.DataFrame:  # fmt: skip
    """Rank the stages by the money lost in them, over the mature cohort of `funnel.conversion_table`.

    lost_amount = entrants × loss rate × average amount of those lost, that is the amount of the deals lost from the
    stage within the horizon; lost_amount_years: the same, each amount times the years it was worked on in the stage;
    stage_days: median time until a deal moves on or is lost; follow_up_days: median days from entering the stage to the
    next activity on the deal, at the earliest the day after (both Kaplan–Meier; missing when fewer than half got there;
    `_low` and `_high`: what they can be where entries are known within bounds only). Deals that were still in the stage after `prompt_days` are split by whether one came by
    then: n_prompt and n_late, with the share of each that moved on within the horizon (prompt_rate, late_rate). The
    split at a fixed day keeps deals that were decided at once from counting as neglected.
    """
    cohort = mature_cohort(entries, as_of, months, horizon_days)
    cohort = _first_activity(cohort.assign(left_at=cohort["moved_on_at"].fillna(cohort["lost_at"])), activities)
    rows = [
        {"stage": stage} | _losses(group) | _times(group, as_of) | _split(group, prompt_days, not activities.empty)
        for (_, stage), group in cohort.groupby(["position", "stage"])
    ]
    table = pd.DataFrame(rows, columns=BOTTLENECK)
    order = table.assign(position=range(len(table))).sort_values(
        ["lost_amount", "n_lost", "position"], ascending=[False, False, True]
    )
    return order[BOTTLENECK].reset_index(drop=True)


def _first_activity(cohort: pd.DataFrame, activities: pd.DataFrame) -> pd.DataFrame:
    """Add followed_at: the day of the first activity on the deal later than its entry, while it was in the stage."""
    known = activities.dropna(subset="deal_id")[["deal_id", "happened_at"]]
    pairs = cohort[["deal_id", "position", "entered_at", "left_at"]].merge(known, on="deal_id")
    pairs["day"] = pairs["happened_at"].dt.normalize()
    pairs = pairs[(pairs["day"] > pairs["entered_at"]) & ~(pairs["day"] > pairs["left_at"])]
    first = pairs.groupby(["deal_id", "position"])["day"].min().rename("followed_at")
    return cohort.merge(first.reset_index(), on=["deal_id", "position"], how="left")


def _losses(group: pd.DataFrame) -> dict:
    lost = group[group["outcome"] == "lost"]
    low, high = wilson(len(lost), len(group))
    return {
        "n_entered": len(group), "n_lost": len(lost), "loss_rate": len(lost) / len(group), "loss_rate_low": low,
        "loss_rate_high": high, "lost_amount": lost["amount"].sum(),
        "lost_amount_years": (lost["amount"] * (lost["lost_at"] - lost["entered_at"]).dt.days).sum() / 365,
    }  # fmt: skip


def _times(group: pd.DataFrame, as_of: dt.date) -> dict:
    today = pd.Series(pd.Timestamp(as_of), group.index)
    medians = {}
    for name, event, after in (
        ("stage_days", group["left_at"], group["moved_on_after"]),
        ("follow_up_days", group["followed_at"], exact(group.index)),
    ):
        until = event.fillna(group["left_at"]).fillna(today)
        days = days_between(group["entered_at"], until, group["entered_after"], after)
        ends = np.where(event.notna(), "ended", "open")
        for end in ("", "_low", "_high"):
            medians[f"{name}{end}"] = time_until(cumulative_incidence(days[f"days{end}"], ends, ("ended",)))
    return medians


def _split(group: pd.DataFrame, prompt_days: int, measured: bool) -> dict:
    landmark = pd.Timedelta(days=prompt_days)
    waiting = group[~(group["left_at"] - group["entered_at"] <= landmark)] if measured else group.head(0)
    prompt = waiting["followed_at"] - waiting["entered_at"] <= landmark
    split = {}
    for name, part in (("prompt", waiting[prompt]), ("late", waiting[~prompt])):
        k, n = (part["outcome"] == "moved_on").sum(), len(part)
        low, high = wilson(k, n)
        split |= {
            f"n_{name}": n,
            f"{name}_rate": k / n if n else np.nan,
            f"{name}_rate_low": low,
            f"{name}_rate_high": high,
        }
    return split


@chart("bar", y="stage", x="lost_amount", label="n_lost", size=(10, 4.4))
def plot_bottleneck(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw per stage the money lost, the days spent and waited for follow-up, and what prompt follow-up changes."""
    ax = ax or style.new_axes((10, 4.4))
    losses, days, rates = style.panels(ax, 1, 3, sharey=True)[0]
    places = np.arange(len(table))
    losses.barh(places, table["lost_amount"], color=[style.VERMILION, *[style.PALE] * (len(table) - 1)], height=0.6)
    texts = [
        f"{money(r.lost_amount)}\n{r.n_lost:,} / {r.n_entered:,} ({share(r.loss_rate)})" for r in table.itertuples()
    ]
    style.bar_labels(losses, texts)
    losses.margins(x=0.55)
    losses.xaxis.set_major_locator(MaxNLocator(3))
    style.money_axis(losses.xaxis)
    losses.set_xlabel(word("lost_amount"))
    for column, shift, colour in (("stage_days", -0.18, style.SKY), ("follow_up_days", 0.18, style.ORANGE)):
        days.barh(places + shift, table[column].fillna(0), color=colour, height=0.34, label=word(column))
        high = table[f"{column}_high"]
        reach = [table[column] - table[f"{column}_low"], high - table[column]]
        if np.nansum(reach):  # entries read off snapshots
            days.errorbar(table[column], places + shift, xerr=reach, fmt="none", ecolor=style.INK, capsize=2, lw=1)
        for end, value, place in zip(high.fillna(0), table[column], places + shift, strict=True):
            days.annotate(number(value), (end, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
    days.margins(x=0.18)
    days.set_xlabel(say(None, "Median days", "天数中位数"))
    for name, shift, colour in (("prompt", -0.12, style.BLUE), ("late", 0.12, style.VERMILION)):
        enough = table.where(table[f"n_{name}"] >= FEWEST)
        rate_dots(rates, enough, f"{name}_rate", places + shift, colour, word(f"{name}_follow_up"))
    rates.set_xlabel(word("conversion_rate"))
    losses.set_yticks(places, [word(stage) for stage in table["stage"]])
    few_rows(losses, len(table))
    for panel in (losses, days, rates):
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    for panel in (days, rates):
        panel.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return losses


def bottleneck_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the stage that loses the most money, how often, and how long it takes there."""
    top = table.iloc[0]
    if top["n_entered"] < FEWEST or top["n_lost"] == 0:
        n = number(table["n_entered"].sum())
        return say(lang, f"Not enough data on losses by stage (n = {n}).", f"各阶段损失数据不足（n = {n}）。")
    amount, stage = money(top["lost_amount"], lang), word(top["stage"], lang)
    rate, n, days = with_span(top, "loss_rate", lang), number(top["n_entered"]), number(top["stage_days"])
    wait = number(top["follow_up_days"])
    followed = np.isfinite(top["follow_up_days"])
    priced = top["lost_amount"] > 0
    return say(
        lang,
        f"{stage} loses most: {f'{amount}, ' if priced else ''}{rate} of {n} deals; {days} days there"
        + (f", {wait} until we follow up." if followed else "."),
        f"{stage}损失最大：{f'{amount}，' if priced else ''}{n} 个商机中输掉 {rate}；停留 {days} 天"
        + (f"，{wait} 天后才跟进。" if followed else "。"),
    )


def follow_up_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Compare prompt and late follow-up in the stage that loses most; silent about fewer than ten deals on a side."""
    top = table.iloc[0]
    if min(top["n_prompt"], top["n_late"]) < FEWEST:
        n = f"n = {number(top['n_prompt'])} / {number(top['n_late'])}"
        return say(lang, f"Not enough data on follow-up ({n}).", f"跟进及时性数据不足（{n}）。")
    spans = {name: with_span(top, f"{name}_rate", lang) for name in ("prompt", "late")}
    stage = word(top["stage"], lang)
    return say(
        lang,
        f"{stage}: {spans['prompt']} of the deals followed up promptly move on, {spans['late']} of the others.",
        f"在{stage}，及时跟进的商机有 {spans['prompt']}进入后续阶段，其余只有 {spans['late']}。",
    )
