"""Drivers: do other ways of measuring importance say the same, and does a low answer cost more than a high one brings?
(Part of satisfaction.)"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style, words
from kamlib.exhibit import chart
from kamlib.models import importance
from kamlib.satisfaction import FEWEST
from kamlib.satisfaction.topics import complete
from kamlib.tables import TOPICS

LOW_ANSWER, HIGH_ANSWER = 3, 5
"""Penalty–reward contrast: at most "neutral" is low, "very satisfied" is high, against "satisfied"."""
RULES = ("lmg", "johnson", "first", "betasq")


def rules_table(surveys: pd.DataFrame, *, draws: int = 300) -> pd.DataFrame:
    """Each topic's share of the total by four rules: what LMG and Johnson say beside single correlations and raw betas.

    One row per topic, most important first: topic, n_accounts, lmg_share … betasq_share, each with its bootstrap interval by
    account, and r2_index. Empty below ten accounts per driver. Sources: see `kamlib.models.importance`.
    """
    answers, weights = complete(surveys)
    x, y = answers[list(TOPICS)].astype(float), answers.overall.astype(float)
    found = importance.shares(y, x, groups=answers.account_id, weights=weights, draws=draws, methods=RULES)
    if answers.empty or found.lmg.isna().all():
        return pd.DataFrame(columns=["topic", "n_accounts", "lmg_share", "r2_index"])
    names = {f"{rule}{end}": f"{rule}_share{end}" for rule in RULES for end in ("", "_low", "_high")}
    table = found.rename(columns=names | {"r2": "r2_index"}).rename_axis("topic").reset_index()
    table.insert(1, "n_accounts", answers.account_id.nunique())
    return table.sort_values("lmg_share", ascending=False, kind="stable", ignore_index=True)


@chart("dots", x="topic", y="lmg_share", low="lmg_share_low", high="lmg_share_high", size=(8, 4))
def plot_rules(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Four dots per topic with intervals; the two rules that we trust are filled."""
    ax = ax or style.new_axes((8, 4))
    place = np.arange(len(table))[::-1]
    looks = zip(RULES, (0.27, 0.09, -0.09, -0.27), (style.BLUE, style.SKY, style.GREY, style.VERMILION), strict=True)
    for rule, shift, colour in looks:
        share = table[f"{rule}_share"]
        whiskers = np.abs(table[[f"{rule}_share_low", f"{rule}_share_high"]].to_numpy().T - share.to_numpy())
        face = colour if rule in ("lmg", "johnson") else "white"
        ax.errorbar(
            share, place + shift, xerr=whiskers, fmt="o", color=colour, markerfacecolor=face, capsize=2,
            label=words.word(f"rule_{rule}"),
        )  # fmt: skip
    ax.set_yticks(place, [words.word(topic) for topic in table.topic])
    style.percent_axis(ax.xaxis)
    ax.set_xlabel(
        words.say(None, "Share of importance by each rule (95 % interval)", "各方法下的重要性份额（95%区间）")
    )
    ax.legend(fontsize=8, loc="lower right")
    ax.grid(axis="y", visible=False)
    return ax


def rules_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say whether the rules agree on the first topic, and how much R² there is to divide."""
    firsts = {rule: table.topic[table[f"{rule}_share"].idxmax()] for rule in RULES}
    r2, first, n = words.share(table.r2_index.iloc[0]), firsts["lmg"], table.n_accounts.iloc[0]
    lmg, beta = (words.share(table[f"{rule}_share"].max()) for rule in ("lmg", "betasq"))
    other = [rule for rule in RULES if firsts[rule] != first]
    if not other:
        return words.say(
            lang,
            f"All four rules put {words.word(first, 'en').lower()} first: {lmg} by LMG, {beta} by raw betas; the topics explain {r2} of satisfaction (n = {n} accounts).",
            f"四种方法均将{words.word(first, 'zh')}排在首位（LMG {lmg}，原始系数 {beta}）；四个方面共解释满意度的{r2}（n = {n} 个客户）。",
        )
    who = {to: words.names([words.word(f"rule_{rule}", to) for rule in other], to) for to in words.LANGUAGES}
    return words.say(
        lang,
        f"LMG puts {words.word(first, 'en').lower()} first, other than {who['en']}: do not argue about the order.",
        f"LMG 将{words.word(first, 'zh')}排在首位，但{who['zh']}结论不同：不宜争论先后。",
    )


# Penalty and reward


def asymmetry_table(surveys: pd.DataFrame, *, draws: int = 1000) -> pd.DataFrame:
    """What a low answer on a topic costs in overall satisfaction, and what a high one brings, against "satisfied" (4).

    One row per topic: topic, n_low, n_high (accounts that gave such answers), penalty_index and reward_index (points of
    1–5, all topics together) and asymmetry_index (their sum), each with a bootstrap interval by account, and factor: basic
    (a low answer costs more than a high one brings), excitement (the reverse), performance (both alike, one of them
    clear), unclear, insufficient_data (fewer than ten accounts on a side). Source: Brandt (1988); Matzler and Sauerwein (2002).
    """
    answers, weights = complete(surveys)
    if answers.account_id.nunique() < importance.PER_DRIVER * len(TOPICS):
        return pd.DataFrame(columns=_ASYMMETRY)
    x, y = answers[list(TOPICS)].astype(float), answers.overall.astype(float)
    found = importance.penalty_reward(
        y, x, groups=answers.account_id, weights=weights, low=LOW_ANSWER, high=HIGH_ANSWER, draws=draws
    )
    ends = ("", "_low", "_high")
    names = {f"{name}{end}": f"{name}_index{end}" for name in ("penalty", "reward", "asymmetry") for end in ends}
    table = found.rename(columns=names).rename_axis("topic").reset_index()
    return table.assign(factor=[_factor(row) for row in table.itertuples()])[_ASYMMETRY]


_ASYMMETRY = [
    "topic", "n_low", "n_high", "penalty_index", "penalty_index_low", "penalty_index_high", "reward_index", "reward_index_low",
    "reward_index_high", "asymmetry_index", "asymmetry_index_low", "asymmetry_index_high", "factor",
]  # fmt: skip


def _factor(row) -> str:
    if min(row.n_low, row.n_high) < FEWEST:
        return "insufficient_data"
    if row.asymmetry_index_high < 0:
        return "basic"
    if row.asymmetry_index_low > 0:
        return "excitement"
    return "performance" if row.penalty_index_high < 0 or row.reward_index_low > 0 else "unclear"


@chart("dots", x="topic", y="asymmetry_index", low="asymmetry_index_low", high="asymmetry_index_high", size=(8, 4))
def plot_asymmetry(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Penalty to the left and reward to the right of nothing, with intervals, and what each topic would be called."""
    ax = ax or style.new_axes((8, 4))
    place = np.arange(len(table))[::-1]
    for name, colour in (("penalty", style.BAD), ("reward", style.GOOD)):
        value = table[f"{name}_index"]
        bounds = np.abs(table[[f"{name}_index_low", f"{name}_index_high"]].to_numpy().T - value.to_numpy())
        ax.errorbar(value, place, xerr=bounds, fmt="o", color=colour, capsize=3, label=words.word(f"{name}_index"))
    for y, row in zip(place, table.itertuples(), strict=True):
        ax.text(
            1.02, y, words.word(f"factor_{row.factor}"), transform=ax.get_yaxis_transform(), va="center", fontsize=9
        )
    ax.axvline(0, color=style.INK, lw=1)
    ax.set_yticks(place, [f"{words.word(r.topic)}\nn = {r.n_low} | {r.n_high}" for r in table.itertuples()])
    ax.set_ylim(-0.6, len(table) - 0.4)
    en = "Overall satisfaction against an answer of 4 (points; n: accounts that answered at most 3 | 5)"
    ax.set_xlabel(words.say(None, en, "相对于“满意”（4分）的总体满意度变化（分；n：给出3分及以下 | 5分的客户数）"))
    ax.legend(ncols=2, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1))
    ax.grid(axis="y", visible=False)
    return ax


def asymmetry_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the topics whose low answers cost more than high ones bring; the classes themselves are disputed."""
    basic = table[table.factor == "basic"].sort_values("asymmetry_index")
    if basic.empty:
        return words.say(
            lang,
            "No topic clearly costs more when it is bad than it brings when it is good.",
            "没有哪个方面表现差时的损失明显大于表现好时的收益。",
        )
    row = basic.iloc[0]
    cost, gain = (f"{abs(value):.1f}" for value in (row.penalty_index, row.reward_index))
    return words.say(
        lang,
        en=f"{words.word(row.topic, 'en')} punishes more than it rewards: a low answer goes with {cost} points less, a high one with {gain} points more.",
        zh=f"{words.word(row.topic, 'zh')}“做差扣分多于做好加分”：低分伴随总体满意度低 {cost} 分，高分仅伴随高 {gain} 分。",
    )
