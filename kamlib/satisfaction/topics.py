"""Topics: which of the four carry satisfaction, and how do we do on them? (Part of satisfaction.)"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.models import importance
from kamlib.satisfaction import MEASURES, answered
from kamlib.tables import TOPICS

LEAST_MEAN = 5
"""No mean of fewer accounts than that is given."""


def complete(surveys: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the answers that rate everything, and their weights: 1 ÷ the answers of the account, one vote per account."""
    answers = answered(surveys).dropna(subset=list(TOPICS))
    return answers, 1 / answers.groupby("account_id").account_id.transform("size").to_numpy(float)


def topics_table(surveys: pd.DataFrame, *, target: float = 4.0, draws: int = 1000) -> pd.DataFrame:
    """Importance and performance of the four topics over all answers that rate everything, one vote per account.

    One row per topic: topic, n_answers, n_accounts, performance_mean with its t-interval over account means;
    importance_share (part of R², LMG) and johnson_share (relative weights), each with a bootstrap interval by account;
    correlation_index with its interval; r2_index, vif_index; quadrant (importance against the mean, performance against
    `target`), quadrant_mean (performance against its mean), is_clear (no whisker crosses a line of the quadrant).
    Importance is NaN below ten accounts per driver: correlations remain. Sources: Martilla and James (1977); Lindeman,
    Merenda and Gold (1980); Johnson (2000).
    """
    answers, weights = complete(surveys)
    if answers.empty:
        return pd.DataFrame(columns=_TOPIC_COLUMNS)
    x, y, who = answers[list(TOPICS)].astype(float), answers.overall.astype(float), answers.account_id
    part = importance.shares(y, x, groups=who, weights=weights, draws=draws)
    measured = importance.measures(y, x) if part.lmg.notna().all() else None
    rows = []
    for topic in TOPICS:
        by_account = answers.groupby("account_id")[topic].mean()
        n = len(by_account)
        related = _correlation(x[topic], y, weights)
        row = {"topic": topic, "n_answers": len(answers), "n_accounts": n}
        mean = by_account.mean() if n >= LEAST_MEAN else np.nan
        row |= _with("performance_mean", mean, *(stats.mean_interval(by_account) if n >= LEAST_MEAN else (mean, mean)))
        row |= _with("importance_share", *part.loc[topic, ["lmg", "lmg_low", "lmg_high"]])
        row |= _with("johnson_share", *part.loc[topic, ["johnson", "johnson_low", "johnson_high"]])
        row |= _with("correlation_index", related, *stats.correlation_interval(related, n))
        row |= {"r2_index": part.r2[topic], "vif_index": np.nan if measured is None else measured.vif[topic]}
        rows.append(row)
    table = _quadrants(pd.DataFrame(rows), target)
    by = ["importance_share", "correlation_index"]
    return table.sort_values(by, ascending=False, kind="stable", ignore_index=True)[_TOPIC_COLUMNS]


_TOPIC_COLUMNS = [
    "topic", "n_answers", "n_accounts", "performance_mean", "performance_mean_low", "performance_mean_high",
    "importance_share", "importance_share_low", "importance_share_high", "johnson_share", "johnson_share_low",
    "johnson_share_high", "correlation_index", "correlation_index_low", "correlation_index_high", "r2_index", "vif_index",
    "quadrant", "quadrant_mean", "is_clear",
]  # fmt: skip


def _with(name: str, value: float, low: float, high: float) -> dict[str, float]:
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _correlation(x: pd.Series, y: pd.Series, weights: np.ndarray) -> float:
    """Weighted correlation; NaN when one of the two does not vary."""
    if x.nunique() < 2 or y.nunique() < 2:
        return np.nan
    c = np.cov(x, y, aweights=weights)
    return float(c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]))


_QUADRANTS = {
    (True, False): "concentrate", (True, True): "keep_up", (False, False): "low_priority", (False, True): "overkill",
}  # fmt: skip


def _quadrants(table: pd.DataFrame, target: float) -> pd.DataFrame:
    """Add quadrant (performance against the target), quadrant_mean (against the mean) and is_clear."""
    mean = table.importance_share.mean()
    important, known = table.importance_share >= mean, table.importance_share.notna()
    for name, line in {"quadrant": target, "quadrant_mean": table.performance_mean.mean()}.items():
        places = zip(important, table.performance_mean >= line, strict=True)
        table[name] = [
            _QUADRANTS[place] if ok else "insufficient_data" for place, ok in zip(places, known, strict=True)
        ]
    crossed = (table.performance_mean_low <= target) & (target <= table.performance_mean_high)
    crossed |= (table.importance_share_low <= mean) & (mean <= table.importance_share_high)
    return table.assign(is_clear=known & ~crossed)


@chart("scatter", x="performance_mean", y="importance_share", label="topic")
def plot_topics(table: pd.DataFrame, ax: Axes | None = None, *, target: float = 4.0) -> Axes:
    """Importance–performance map with whiskers; cross-hairs at the means and, solid, at the target.

    A point is filled where its whiskers cross no line. With too few answers: the correlations, with intervals.
    """
    ax = ax or style.new_axes()
    if table.importance_share.isna().all():
        return _plot_correlations(table, ax)
    for row in table.itertuples():
        x = [[row.performance_mean - row.performance_mean_low], [row.performance_mean_high - row.performance_mean]]
        below, above = row.importance_share - row.importance_share_low, row.importance_share_high - row.importance_share
        colour = style.BAD if row.quadrant == "concentrate" else style.BLUE
        ax.errorbar(
            row.performance_mean, row.importance_share, xerr=x, yerr=[[max(below, 0)], [max(above, 0)]], fmt="o",
            color=colour, markerfacecolor=colour if row.is_clear else "white", ecolor=style.PALE, capsize=3, markersize=8,
        )  # fmt: skip
    style.reference_line(ax, table.importance_share.mean(), words.say(None, "mean importance", "平均重要性"))
    style.reference_line(ax, table.performance_mean.mean(), words.say(None, "mean", "均值"), axis="x")
    ax.axvline(target, color=style.INK, lw=1)
    text = words.say(None, f"target {target:g}", f"目标 {target:g}")
    ax.annotate(
        text, (target, 0), xycoords=("data", "axes fraction"), xytext=(3, 3), textcoords="offset points", fontsize=8
    )
    middle = table.performance_mean.mean()
    for row in table.itertuples():
        right = row.performance_mean <= middle
        ax.annotate(
            f"{words.word(row.topic)}: {words.word(row.quadrant)}", (row.performance_mean, row.importance_share),
            xytext=(7 if right else -7, 7), textcoords="offset points", ha="left" if right else "right", fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip
    style.percent_axis(ax.yaxis)
    ax.set_ylim(bottom=0)
    en = "Performance: mean answer, 1–5, one vote per account (hollow: a whisker crosses a line)"
    ax.set_xlabel(words.say(None, en, "绩效：平均得分，1–5，每客户一票（空心：误差线跨越分界线）"))
    ax.set_ylabel(words.say(None, "Importance: part of explained R²", "重要性：占已解释R²的份额"))
    return ax


def _plot_correlations(table: pd.DataFrame, ax: Axes) -> Axes:
    place = np.arange(len(table))[::-1]
    whiskers = np.abs(
        table[["correlation_index_low", "correlation_index_high"]].to_numpy().T - table.correlation_index.to_numpy()
    )
    ax.errorbar(table.correlation_index, place, xerr=whiskers, fmt="o", color=style.BLUE, ecolor=style.PALE, capsize=3)
    ax.set_yticks(place, [words.word(topic) for topic in table.topic])
    ax.set_xlim(-1.05, 1.05)
    ax.axvline(0, color=style.GREY, lw=1)
    ax.set_xlabel(
        words.say(None, "Correlation with overall satisfaction (95 % interval)", "与总体满意度的相关系数（95%区间）")
    )
    return ax


def topics_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the topic to concentrate on, else the most important; or say that there are too few accounts."""
    if table.importance_share.isna().all():
        n, need = table.n_accounts.iloc[0], importance.PER_DRIVER * len(TOPICS)
        return words.say(
            lang,
            f"Importance cannot be said (n = {n} accounts, at least {need} needed); only correlations are shown.",
            f"数据不足，无法判断重要性（n = {n} 个客户，至少需要 {need} 个），仅列出相关系数。",
        )
    top = table.iloc[0]
    part, topic, n = words.share(top.importance_share), words.word(top.topic, lang), top.n_accounts
    span = f"{words.share(top.importance_share_low)}–{words.share(top.importance_share_high)}"
    score = f"{top.performance_mean:.1f} ({top.performance_mean_low:.1f}–{top.performance_mean_high:.1f})"
    return words.say(
        lang,
        en=f"{topic} carries {part} ({span}) of what explains satisfaction and scores {score} of 5 (n = {n} accounts).",
        zh=f"{topic}占满意度解释力的{part}（{span}），得分 {score}，满分5分（n = {n} 个客户）。",
    )


# Accounts by topic


def account_topics_table(surveys: pd.DataFrame, accounts: pd.DataFrame, *, most: int = 12) -> pd.DataFrame:
    """The least satisfied accounts: account_id, account_name, n_answers, then the mean answer overall and per topic.

    `accounts` says whom to look at (account_id, account_name); the lowest overall mean comes first.
    """
    rows = answered(surveys).merge(accounts[["account_id", "account_name"]], on="account_id")
    by = rows.groupby(["account_id", "account_name"], as_index=False)
    table = by.agg(n_answers=("overall", "size"), **{name: (name, "mean") for name in MEASURES})
    return (
        table.sort_values(["overall", "account_id"], kind="stable", ignore_index=True)
        .head(most)
        .astype(dict.fromkeys(MEASURES, float))
    )


@chart("heatmap", y="account_name", x=list(MEASURES), size=(8, 5))
def plot_account_topics(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Heat map of accounts by topic around the answer 4; the number is in every cell, so that no colour must be read."""
    ax = ax or style.new_axes((8, 5))
    values = table[list(MEASURES)].to_numpy(float)
    ax.imshow(values, cmap=style.DIVERGING, vmin=3, vmax=5, aspect="auto")
    for (y, x), value in np.ndenumerate(values):
        if np.isfinite(value):
            ax.text(
                x,
                y,
                f"{value:.1f}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if abs(value - 4) > 0.7 else style.INK,
            )
    ax.set_xticks(range(len(MEASURES)), [words.word(name).replace(" ", "\n") for name in MEASURES])
    ax.set_yticks(
        range(len(table)), [f"{words.short(row.account_name)} (n = {row.n_answers})" for row in table.itertuples()]
    )
    ax.xaxis.tick_top()
    ax.grid(visible=False)
    ax.tick_params(length=0)
    return ax


def account_topics_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the lowest account and the topic it is least content with."""
    row = table.iloc[0]
    n = row.n_answers
    worst = row[list(TOPICS)].astype(float).idxmin() if row[list(TOPICS)].notna().any() else "overall"
    return words.say(
        lang,
        en=f"{words.short(row.account_name)} is least satisfied: {row.overall:.1f} of 5 overall, {row[worst]:.1f} for {words.word(worst, 'en').lower()} (n = {n} answers).",
        zh=f"{words.short(row.account_name)}最不满意：总体 {row.overall:.1f} 分，其中{words.word(worst, 'zh')} {row[worst]:.1f} 分（满分5分，n = {n} 份答复）。",
    )
