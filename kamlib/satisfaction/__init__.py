"""Satisfaction: how satisfied are the accounts, what drives it, and who must be called?

One account, one vote: answers are averaged within an account before accounts are counted, so that a customer who sends
ten questionnaires does not speak ten times. `vote="answer"` counts every answer instead.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.tables import TOPICS

LEVELS = (1, 2, 3, 4, 5)
LEVEL_COLOURS = (style.VERMILION, style.ORANGE, style.PALE, style.SKY, style.BLUE)
MEASURES = ("overall", *TOPICS)


def answered(surveys: pd.DataFrame, column: str = "overall") -> pd.DataFrame:
    """Return the survey rows that carry an answer in `column`."""
    return surveys[surveys[column].notna()]


def latest_waves(surveys: pd.DataFrame, most: int) -> list[str]:
    """Return the names of the last `most` waves that were answered, oldest first (by their first invitation)."""
    start = answered(surveys).groupby("wave").invited_at.min()
    return list(start.sort_values(kind="stable").index[-most:])


def _weights(rows: pd.DataFrame, vote: str) -> pd.Series:
    """One vote per account: each answer weighs 1 ÷ the account's answers. One vote per answer: 1."""
    if vote == "answer":
        return pd.Series(1.0, index=rows.index)
    return 1.0 / rows.groupby("account_id").account_id.transform("size")


# Five levels


def levels_table(surveys: pd.DataFrame, *, vote: str = "account", waves: int = 6) -> pd.DataFrame:
    """Distribution of overall satisfaction per wave, oldest first.

    One row per wave: wave, n_invited, n_answers, n_accounts, response_rate, level_1_share … level_5_share (sum 1),
    t2b_rate (levels 4 and 5) with its Wilson interval over the votes. Source: methods.md D.6; Wilson (1927).
    """
    rows = []
    for wave in latest_waves(surveys, waves):
        invited = surveys[surveys.wave == wave]
        answers = answered(invited)
        weights = _weights(answers, vote)
        votes = weights.sum()
        shares = {f"level_{level}_share": weights[answers.overall == level].sum() / votes for level in LEVELS}
        t2b = shares["level_4_share"] + shares["level_5_share"]
        low, high = stats.wilson(t2b * votes, votes)
        counts = {
            "n_invited": len(invited),
            "n_answers": len(answers),
            "n_accounts": answers.account_id.nunique(),
            "response_rate": len(answers) / len(invited),
        }
        rows.append({"wave": wave, **counts, **shares, "t2b_rate": t2b, "t2b_rate_low": low, "t2b_rate_high": high})
    levels = [f"level_{level}_share" for level in LEVELS]
    columns = [
        "wave",
        "n_invited",
        "n_answers",
        "n_accounts",
        "response_rate",
        *levels,
        "t2b_rate",
        "t2b_rate_low",
        "t2b_rate_high",
    ]
    return pd.DataFrame(rows, columns=columns)


@chart("stacked_bar", y="wave", x=[f"level_{level}_share" for level in LEVELS])
def plot_levels(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Diverging bars around the middle of 'neutral', with n and the top-2-box share on every bar."""
    ax = ax or style.new_axes()
    place = np.arange(len(table))
    left = -(table.level_1_share + table.level_2_share + table.level_3_share / 2).to_numpy()
    for level, colour in zip(LEVELS, LEVEL_COLOURS, strict=True):
        width = table[f"level_{level}_share"].to_numpy()
        ax.barh(place, width, left=left, color=colour, label=words.word(f"level_{level}"))
        for y, x, w in zip(place, left, width, strict=True):
            if w >= 0.06:
                ax.text(
                    x + w / 2,
                    y,
                    words.share(w),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if level in (1, 5) else style.INK,
                )
        left = left + width
    for y, (_, row) in zip(place, table.iterrows(), strict=True):
        text = f"{words.word('t2b_rate')} {words.share(row.t2b_rate)} ({words.share(row.t2b_rate_low)}–{words.share(row.t2b_rate_high)})"
        ax.text(1.02, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    counted = words.word("of_accounts")
    ax.set_yticks(place, [f"{row.wave}\nn = {row.n_accounts} {counted}" for row in table.itertuples()])
    ax.axvline(0, color=style.INK, lw=0.8, zorder=0)
    ax.xaxis.set_major_formatter(lambda value, _: words.share(abs(value)))
    ax.set_xlabel(words.say(None, "Share of accounts, centred on neutral", "客户占比（以“一般”为中心）"))
    ax.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1), fontsize=8, handlelength=1, columnspacing=1)
    ax.grid(axis="y", visible=False)
    return ax


def levels_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """State the top-2-box share of the last wave with its interval and response rate."""
    row = table.iloc[-1]
    rate, span = words.share(row.t2b_rate), f"{words.share(row.t2b_rate_low)}–{words.share(row.t2b_rate_high)}"
    return words.say(
        lang,
        en=f"In {row.wave}, {rate} of accounts were satisfied or very satisfied (95 % interval {span}, n = {row.n_accounts}).",
        zh=f"{row.wave}：{rate}的客户表示满意或非常满意（95%区间 {span}，n = {row.n_accounts}）。",
    )


# Net promoter score


def nps_table(surveys: pd.DataFrame, *, vote: str = "account", waves: int = 6) -> pd.DataFrame:
    """NPS per wave, oldest first: wave, n_answers, n_accounts, promoter_share, passive_share, detractor_share, nps,
    nps_low, nps_high (points −100…100; adjusted Wald over the votes, Rocks 2016)."""
    rows = []
    scored = answered(surveys, "recommend")
    for wave in latest_waves(surveys, waves):
        answers = scored[scored.wave == wave]
        if answers.empty:
            continue
        weights = _weights(answers, vote)
        promoters, detractors = weights[answers.recommend >= 9].sum(), weights[answers.recommend <= 6].sum()
        found = stats.nps_interval(promoters, detractors, weights.sum())
        p, d = promoters / weights.sum(), detractors / weights.sum()
        counts = {"n_answers": len(answers), "n_accounts": answers.account_id.nunique()}
        shares = {"promoter_share": p, "passive_share": 1 - p - d, "detractor_share": d}
        rows.append(
            {"wave": wave, **counts, **shares, "nps": found["nps"], "nps_low": found["low"], "nps_high": found["high"]}
        )
    columns = [
        "wave",
        "n_answers",
        "n_accounts",
        "promoter_share",
        "passive_share",
        "detractor_share",
        "nps",
        "nps_low",
        "nps_high",
    ]
    return pd.DataFrame(rows, columns=columns)


@chart("dots", x="wave", y="nps", low="nps_low", high="nps_high")
def plot_nps(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """NPS per wave as a dot with its interval."""
    ax = ax or style.new_axes()
    place = np.arange(len(table))
    whiskers = np.abs(table[["nps_low", "nps_high"]].to_numpy().T - table.nps.to_numpy())
    ax.errorbar(place, table.nps, yerr=whiskers, fmt="o", color=style.BLUE, capsize=4, markersize=8)
    for x, row in zip(place, table.itertuples(), strict=True):
        ax.annotate(words.number(row.nps), (x, row.nps), xytext=(10, 0), textcoords="offset points", va="center")
    ax.axhline(0, color=style.GREY, lw=1)
    ax.set_xticks(place, [f"{row.wave}\nn = {row.n_accounts}" for row in table.itertuples()])
    ax.margins(x=0.1)
    ax.set_ylabel(words.say(None, "NPS (points, 95 % interval)", "NPS（分，95%区间）"))
    return ax


def nps_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """State the NPS of the last wave with its interval, and whether it differs from the wave before."""
    row = table.iloc[-1]
    now, low, high = (words.number(value) for value in (row.nps, row.nps_low, row.nps_high))
    en = f"NPS is {now} in {row.wave} (95 % interval {low} to {high}, n = {row.n_accounts} accounts)"
    zh = f"{row.wave} NPS 为 {now}（95%区间 {low} 至 {high}，n = {row.n_accounts} 个客户）"
    if len(table) > 1:
        before = table.iloc[-2]
        apart = row.nps_low > before.nps_high or row.nps_high < before.nps_low
        en += f"; {'a real change' if apart else 'no clear change'} from {words.number(before.nps)}."
        zh += f"，与上期 {words.number(before.nps)} 相比{'有明显变化' if apart else '无明显变化'}。"
    else:
        en, zh = en + ".", zh + "。"
    return words.say(lang, en=en, zh=zh)
