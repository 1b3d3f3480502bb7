"""Satisfaction: how satisfied are the accounts, what drives it, and who must be called?

One account, one vote: answers are averaged within an account before accounts are counted, so that a customer who sends
ten questionnaires does not speak ten times. With `vote="answer"` an account weighs as much as it has answers, with
`vote="value"` as much as its revenue; tables and charts say whose vote they count.
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
VOTES = ("account", "answer", "value")
FEWEST, FEW = 10, 30
"""Fewer accounts than `FEWEST`: no rate is shown. Fewer than `FEW`: it is shown with a warning."""


def answered(surveys: pd.DataFrame, column: str = "overall") -> pd.DataFrame:
    """Return the survey rows that carry an answer in `column`."""
    return surveys[surveys[column].notna()]


def latest_waves(surveys: pd.DataFrame, most: int) -> list[str]:
    """Return the names of the last `most` waves that were answered, oldest first (by their first invitation)."""
    start = answered(surveys).groupby("wave").invited_at.min()
    return list(start.sort_values(kind="stable").index[-most:])


def votes(answers: pd.DataFrame, parts: pd.DataFrame, vote: str, value: pd.Series | None) -> tuple[pd.Series, float]:
    """Return the weighted mean of `parts` (0–1, one row per answer) and how many equal votes stand behind it.

    Answers are averaged within an account; accounts weigh the same ("account"), their number of answers ("answer") or
    their `value` ("value"; by account_id, nothing below 0). Unequal votes count as fewer (Kish).
    """
    by = parts.groupby(answers.account_id)
    means = by.mean()
    weights = pd.Series(1.0, index=means.index)
    if vote == "answer":
        weights = by.size().astype(float)
    elif vote == "value":
        weights = value.reindex(means.index).astype(float).fillna(0).clip(lower=0)
    if not weights.sum() > 0:
        return means.mean() * np.nan, 0.0
    return means.mul(weights, axis=0).sum() / weights.sum(), stats.effective_votes(weights)


# Five levels


def levels_table(
    surveys: pd.DataFrame, *, vote: str = "account", waves: int = 6, value: pd.Series | None = None
) -> pd.DataFrame:
    """Distribution of overall satisfaction per wave, oldest first.

    One row per wave: wave, vote, n_invited, n_answers, n_accounts, n_votes (equal votes behind the shares), response_rate,
    level_1_share … level_5_share (sum 1), t2b_rate (levels 4 and 5) with its Wilson interval over the votes. `value` is
    what accounts weigh when `vote` is "value". Source: methods.md D.6; Wilson (1927).
    """
    rows = []
    levels = [f"level_{level}_share" for level in LEVELS]
    for wave in latest_waves(surveys, waves):
        invited = surveys[surveys.wave == wave]
        answers = answered(invited)
        given = pd.DataFrame({name: answers.overall == level for name, level in zip(levels, LEVELS, strict=True)})
        shares, n_votes = votes(answers, given.astype(float), vote, value)
        t2b = shares.level_4_share + shares.level_5_share
        low, high = stats.wilson(t2b * n_votes, n_votes)
        counts = _counts(invited, answers) | {"n_votes": n_votes, "response_rate": len(answers) / len(invited)}
        rates = {"t2b_rate": t2b, "t2b_rate_low": low, "t2b_rate_high": high}
        rows.append({"wave": wave, "vote": vote, **counts, **shares, **rates})
    counts = ["wave", "vote", "n_invited", "n_answers", "n_accounts", "n_votes", "response_rate"]
    return pd.DataFrame(rows, columns=[*counts, *levels, "t2b_rate", "t2b_rate_low", "t2b_rate_high"])


def _counts(invited: pd.DataFrame, answers: pd.DataFrame) -> dict[str, int]:
    return {"n_invited": len(invited), "n_answers": len(answers), "n_accounts": answers.account_id.nunique()}


@chart("stacked_bar", y="wave", x=[f"level_{level}_share" for level in LEVELS])
def plot_levels(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Diverging bars around the middle of 'neutral', with n and the top-2-box share on every bar."""
    ax = ax or style.new_axes()
    place, shown = np.arange(len(table)), table.n_accounts >= FEWEST
    rows = table[[f"level_{level}_share" for level in LEVELS]].where(shown, 0).fillna(0)
    left = -(rows.level_1_share + rows.level_2_share + rows.level_3_share / 2).to_numpy()
    for level, colour in zip(LEVELS, LEVEL_COLOURS, strict=True):
        width, ink = rows[f"level_{level}_share"].to_numpy(), "white" if level in (1, 5) else style.INK
        ax.barh(place, width, left=left, color=colour, label=words.word(f"level_{level}"))
        for y, x, w in zip(place, left + width / 2, width, strict=True):
            if w >= 0.06:
                ax.text(x, y, words.share(w), ha="center", va="center", fontsize=8, color=ink)
        left = left + width
    for y, row, enough in zip(place, table.itertuples(), shown, strict=True):
        text = f"{words.word('t2b_rate')} {words.share(row.t2b_rate)} ({_span(row)})" if enough else _too_few(None)
        ax.text(1.02, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    counted = words.word("of_accounts")
    ax.set_yticks(place, [f"{row.wave}\nn = {row.n_accounts} {counted}" for row in table.itertuples()])
    ax.axvline(0, color=style.INK, lw=0.8, zorder=0)
    ax.use_sticky_edges = False
    ax.margins(x=0.03)
    ax.xaxis.set_major_formatter(lambda value, _: words.share(abs(value)))
    whose = words.word(f"vote_{table.vote.iloc[0]}")
    ax.set_xlabel(words.say(None, f"{whose}, centred on neutral", f"{whose}（以“一般”为中心）"))
    ax.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1), fontsize=8, handlelength=1, columnspacing=1)
    ax.grid(axis="y", visible=False)
    return ax


def _span(row) -> str:
    return f"{words.share(row.t2b_rate_low)}–{words.share(row.t2b_rate_high)}"


def _too_few(lang: str | None) -> str:
    return words.say(lang, f"fewer than {FEWEST} accounts: not shown", f"不足 {FEWEST} 个客户，不予显示")


def _caution(n: int, lang: str) -> str:
    """A warning where so few accounts answered that one more or less would move the figure."""
    return words.say(lang, "; few answers, read with care", "；答复较少，谨慎解读") if n < FEW else ""


def levels_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """State the top-2-box share of the last wave with its interval and response rate; nothing below ten accounts."""
    row = table.iloc[-1]
    if row.n_accounts < FEWEST:
        return words.say(
            lang,
            f"How satisfied the accounts are cannot be said: {row.n_accounts} answered in {row.wave}, {FEWEST} are needed.",
            f"{row.wave}仅 {row.n_accounts} 个客户答复（至少需要 {FEWEST} 个），无法判断满意度。",
        )
    rate, whose, care = words.share(row.t2b_rate), words.word(f"votes_{row.vote}", lang), _caution(row.n_accounts, lang)
    answered_rate = words.share(row.response_rate)
    return words.say(
        lang,
        en=f"In {row.wave}, {rate} of {whose} were satisfied or very satisfied (95 % interval {_span(row)}, n = {row.n_accounts}; {answered_rate} of those asked answered{care}).",
        zh=f"{row.wave}：{rate}的{whose}表示满意或非常满意（95%区间 {_span(row)}，n = {row.n_accounts}；答复率 {answered_rate}{care}）。",
    )


# Net promoter score


def nps_table(
    surveys: pd.DataFrame, *, vote: str = "account", waves: int = 6, value: pd.Series | None = None
) -> pd.DataFrame:
    """NPS per wave, oldest first: wave, vote, n_invited, n_answers, n_accounts, n_votes, promoter_share, passive_share,
    detractor_share, nps with its interval (points −100…100; adjusted Wald over the votes, Rocks 2016), and against the wave
    before: change_index (points) with its interval, p_rate (NaN for the first)."""
    rows, before = [], None
    scored = answered(surveys, "recommend")
    for wave in latest_waves(surveys, waves):
        answers = scored[scored.wave == wave]
        if answers.empty:
            continue
        given = {"promoter_share": answers.recommend >= 9, "detractor_share": answers.recommend <= 6}
        shares, n_votes = votes(answers, pd.DataFrame(given).astype(float), vote, value)
        p, d = shares.promoter_share, shares.detractor_share
        now = (p * n_votes, d * n_votes, n_votes)
        found = stats.nps_interval(*now)
        change = stats.nps_difference(before or (0, 0, 0), now)
        row = {"wave": wave, "vote": vote, **_counts(surveys[surveys.wave == wave], answers), "n_votes": n_votes}
        row |= {"promoter_share": p, "passive_share": 1 - p - d, "detractor_share": d}
        row |= {"nps": found["nps"], "nps_low": found["low"], "nps_high": found["high"]}
        row |= {
            "change_index": change["change"],
            "change_index_low": change["low"],
            "change_index_high": change["high"],
        }
        rows.append(row | {"p_rate": change["p"]})
        before = now
    return pd.DataFrame(rows, columns=_NPS_COLUMNS)


_NPS_COLUMNS = [
    "wave", "vote", "n_invited", "n_answers", "n_accounts", "n_votes", "promoter_share", "passive_share", "detractor_share",
    "nps", "nps_low", "nps_high", "change_index", "change_index_low", "change_index_high", "p_rate",
]  # fmt: skip


@chart("dots", x="wave", y="nps", low="nps_low", high="nps_high")
def plot_nps(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """NPS per wave as a dot with its interval; a wave with fewer than ten accounts has its place and no dot."""
    ax = ax or style.new_axes()
    shown = table.assign(place=np.arange(len(table)))
    shown = shown[shown.n_accounts >= FEWEST]
    whiskers = np.abs(shown[["nps_low", "nps_high"]].to_numpy().T - shown.nps.to_numpy())
    ax.errorbar(shown.place, shown.nps, yerr=whiskers, fmt="o", color=style.BLUE, capsize=4, markersize=8)
    for row in shown.itertuples():
        at = (row.place, row.nps)
        ax.annotate(words.number(row.nps), at, xytext=(10, 0), textcoords="offset points", va="center")
    ax.axhline(0, color=style.GREY, lw=1)
    few = {True: "", False: f"\n{_too_few(None)}"}
    ticks = [
        style.wrapped(f"{r.wave}\nn = {r.n_accounts}{few[r.n_accounts >= FEWEST]}", 16) for r in table.itertuples()
    ]
    ax.set_xticks(range(len(table)), ticks)
    ax.set_xlim(-0.5, len(table) - 0.2)
    ax.set_ylabel(words.say(None, "NPS (points, 95 % interval)", "NPS（分，95%区间）"))
    return ax


def nps_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """State the NPS of the last wave with n and interval, and whether it differs from the wave before."""
    row = table.iloc[-1]
    if row.n_accounts < FEWEST:
        return words.say(
            lang,
            f"An NPS cannot be stated: {row.n_accounts} accounts answered in {row.wave}, {FEWEST} are needed.",
            f"{row.wave}仅 {row.n_accounts} 个客户答复（至少需要 {FEWEST} 个），无法给出 NPS。",
        )
    now, low, high = (words.number(value) for value in (row.nps, row.nps_low, row.nps_high))
    whose = words.word(f"by_vote_{row.vote}", lang)
    care = _caution(row.n_accounts, lang)
    en = f"NPS is {now} in {row.wave} (95 % interval {low} to {high}, n = {row.n_accounts} accounts, {whose}{care})"
    zh = f"{row.wave} NPS 为 {now}（95%区间 {low} 至 {high}，n = {row.n_accounts} 个客户，{whose}{care}）"
    if len(table) == 1 or table.n_accounts.iloc[-2] < FEWEST:
        return words.say(lang, en=f"{en}.", zh=f"{zh}。")
    moved = f"{words.number(row.change_index_low)} … {words.number(row.change_index_high)}"
    clear = row.change_index_low > 0 or row.change_index_high < 0
    return words.say(
        lang,
        en=f"{en}; {'a clear' if clear else 'no clear'} change from {words.number(table.nps.iloc[-2])} ({moved}).",
        zh=f"{zh}，与上期 {words.number(table.nps.iloc[-2])} 相比{'有明显变化' if clear else '无明显变化'}（{moved}）。",
    )


# Whose vote


def votes_table(surveys: pd.DataFrame, value: pd.Series) -> pd.DataFrame:
    """The last wave counted three ways: vote, n_accounts, n_votes, t2b_rate and nps with their intervals.

    `value` is what each account weighs in the value-weighted view (revenue by account_id).
    """
    if answered(surveys).empty:
        return pd.DataFrame(columns=_VOTE_COLUMNS)
    rows = []
    for vote in VOTES:
        level, score = (make(surveys, vote=vote, waves=1, value=value) for make in (levels_table, nps_table))
        row = level.iloc[0][["vote", "n_accounts", "n_votes", "t2b_rate", "t2b_rate_low", "t2b_rate_high"]].to_dict()
        rows.append(row | (score.iloc[0][["nps", "nps_low", "nps_high"]].to_dict() if len(score) else {}))
    table = pd.DataFrame(rows).reindex(columns=_VOTE_COLUMNS)
    return table.astype(dict.fromkeys(_VOTE_COLUMNS[2:], float))


_VOTE_COLUMNS = [
    "vote", "n_accounts", "n_votes", "t2b_rate", "t2b_rate_low", "t2b_rate_high", "nps", "nps_low", "nps_high",
]  # fmt: skip


@chart("dots", x="vote", y="nps", low="nps_low", high="nps_high", size=(8, 3.2))
def plot_votes(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Top-2-box and NPS side by side, each counted three ways, with intervals."""
    ax = ax or style.new_axes((8, 3.2))
    left, right = style.panels(ax, 1, 2, sharey=True)[0]
    place = np.arange(len(table))[::-1]
    for panel, name in ((left, "t2b_rate"), (right, "nps")):
        panel.hlines(place, table[f"{name}_low"], table[f"{name}_high"], color=style.PALE, lw=3)
        panel.scatter(table[name], place, color=[style.BLUE, *[style.GREY] * (len(table) - 1)], zorder=3)
        for x, y in zip(table[name], place, strict=True):
            text = words.share(x) if name == "t2b_rate" else words.number(x)
            panel.annotate(text, (x, y), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=9)
        panel.set_ylim(-0.6, len(table) - 0.3)
    left.set_yticks(place, [f"{words.word(f'by_vote_{r.vote}')}\nn = {r.n_votes:.0f}" for r in table.itertuples()])
    style.percent_axis(left.xaxis)
    left.set_xlabel(words.say(None, "Satisfied or very satisfied", "满意或非常满意"))
    right.set_xlabel(words.say(None, "NPS (points)", "NPS（分）"))
    return left


def votes_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say whether weighing accounts by revenue changes the picture."""
    one, value = table.iloc[0], table.iloc[-1]
    if one.n_accounts < FEWEST or not value.n_votes > 0:
        return words.say(
            lang, "Too few accounts answered to compare ways of counting.", "答复客户太少，无法比较不同计票方式。"
        )
    rates = words.share(one.t2b_rate), words.share(value.t2b_rate)
    inside = one.t2b_rate_low <= value.t2b_rate <= one.t2b_rate_high
    en = "whose vote counts makes no clear difference" if inside else "whose vote counts makes a difference"
    zh = "计票方式未带来明显差异" if inside else "计票方式会带来差异"
    n = words.number(value.n_votes)
    return words.say(
        lang,
        en=f"{rates[0]} are satisfied when accounts vote, {rates[1]} when their revenue does (as uncertain as {n} equal votes): {en}.",
        zh=f"每客户一票时满意占比 {rates[0]}，按收入加权时 {rates[1]}（不确定性相当于 {n} 张等权票）：{zh}。",
    )
