"""Topics: which of the four carry satisfaction, how do we do on them, and where do they move? (Part of satisfaction.)"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.satisfaction import MEASURES, answered, latest_waves
from kamlib.tables import TOPICS


def topics_table(surveys: pd.DataFrame, *, target: float = 4.0, draws: int = 300) -> pd.DataFrame:
    """Importance and performance of the four topics over all answers given.

    One row per topic: topic, n_answers, n_accounts, performance_mean with its t-interval over account means,
    importance_share (the topic's part of R², LMG) with a bootstrap interval by account, r2_index, correlation_index,
    quadrant (against the mean importance and `target` performance). Importance is NaN below ten answers per driver.
    Sources: Martilla and James (1977); Lindeman, Merenda and Gold (1980).
    """
    answers = answered(surveys).dropna(subset=list(TOPICS))
    if answers.empty:
        return pd.DataFrame(columns=_TOPIC_COLUMNS)
    importance, low, high, r2 = _importance(answers, draws)
    rows = []
    for place, topic in enumerate(TOPICS):
        by_account = answers.groupby("account_id")[topic].mean()
        below, above = stats.mean_interval(by_account)
        performance = {
            "performance_mean": by_account.mean(),
            "performance_mean_low": below,
            "performance_mean_high": above,
        }
        weight = {
            "importance_share": importance[place],
            "importance_share_low": low[place],
            "importance_share_high": high[place],
        }
        related = (
            answers[topic].corr(answers.overall)
            if answers[topic].nunique() > 1 and answers.overall.nunique() > 1
            else np.nan
        )
        counts = {"n_answers": len(answers), "n_accounts": len(by_account)}
        rows.append({"topic": topic, **counts, **performance, **weight, "correlation_index": related, "r2_index": r2})
    table = pd.DataFrame(rows)
    table["quadrant"] = _quadrants(table, target)
    return table.sort_values("importance_share", ascending=False, kind="stable", ignore_index=True)[_TOPIC_COLUMNS]


_TOPIC_COLUMNS = [
    "topic", "n_answers", "n_accounts", "performance_mean", "performance_mean_low", "performance_mean_high",
    "importance_share", "importance_share_low", "importance_share_high", "correlation_index", "r2_index", "quadrant",
]  # fmt: skip


def _importance(answers: pd.DataFrame, draws: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """LMG shares of R² with their bootstrap interval, accounts drawn whole; NaN below ten answers per driver."""
    if len(answers) < 10 * len(TOPICS):
        nothing = np.full(len(TOPICS), np.nan)
        return nothing, nothing, nothing, np.nan

    def shares(rows: pd.DataFrame) -> np.ndarray:
        parts = stats.lmg(rows.overall, rows[list(TOPICS)]).to_numpy()
        return parts / parts.sum()

    low, high = stats.bootstrap_interval(answers, shares, groups=answers.account_id, n=draws)
    return shares(answers), low, high, float(stats.lmg(answers.overall, answers[list(TOPICS)]).sum())


def _quadrants(table: pd.DataFrame, target: float) -> list[str]:
    important = table.importance_share >= table.importance_share.mean()
    good = table.performance_mean >= target
    names = {
        (True, False): "concentrate",
        (True, True): "keep_up",
        (False, False): "low_priority",
        (False, True): "overkill",
    }
    known = table.importance_share.notna()
    return [
        names[pair] if ok else "insufficient_data"
        for pair, ok in zip(zip(important, good, strict=True), known, strict=True)
    ]


@chart("scatter", x="performance_mean", y="importance_share", label="topic")
def plot_topics(table: pd.DataFrame, ax: Axes | None = None, *, target: float = 4.0) -> Axes:
    """Importance–performance map with whiskers; cross-hairs at the means and, dotted, at the target."""
    ax = ax or style.new_axes()
    for row in table.dropna(subset=["importance_share"]).itertuples():
        x = [[row.performance_mean - row.performance_mean_low], [row.performance_mean_high - row.performance_mean]]
        y = [
            [max(row.importance_share - row.importance_share_low, 0)],
            [max(row.importance_share_high - row.importance_share, 0)],
        ]
        colour = style.BAD if row.quadrant == "concentrate" else style.BLUE
        ax.errorbar(
            row.performance_mean,
            row.importance_share,
            xerr=x,
            yerr=y,
            fmt="o",
            color=colour,
            ecolor=style.PALE,
            capsize=3,
            markersize=8,
        )
    style.reference_line(ax, table.importance_share.mean(), words.say(None, "mean importance", "平均重要性"))
    style.reference_line(ax, table.performance_mean.mean(), words.say(None, "mean", "均值"), axis="x")
    style.reference_line(ax, target, words.say(None, f"target {target:g}", f"目标 {target:g}"), axis="x")
    known = table.dropna(subset=["importance_share"])
    texts = [f"{words.word(row.topic)}: {words.word(row.quadrant)}" for row in known.itertuples()]
    style.label_points(ax, known.performance_mean, known.importance_share, texts)
    style.percent_axis(ax.yaxis)
    ax.set_xlabel(
        words.say(None, "Performance: mean answer, 1–5 (one vote per account)", "绩效：平均得分，1–5（每客户一票）")
    )
    ax.set_ylabel(
        words.say(None, "Importance: part of explained satisfaction (R²)", "重要性：对满意度解释力（R²）的占比")
    )
    return ax


def topics_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the most important topic and its performance; or say that there are too few answers."""
    if table.importance_share.isna().all():
        n, need = table.n_answers.iloc[0], 10 * len(TOPICS)
        return words.say(
            lang,
            f"Not enough data to rank the topics (n = {n}, at least {need} needed).",
            f"数据不足，无法排序（n = {n}，至少需要 {need}）。",
        )
    top = table.iloc[0]
    part, topic = words.share(top.importance_share), words.word(top.topic, lang)
    span = f"{words.share(top.importance_share_low)}–{words.share(top.importance_share_high)}"
    return words.say(
        lang,
        en=f"{topic} carries {part} ({span}) of what explains satisfaction and scores {top.performance_mean:.1f} of 5.",
        zh=f"{topic}占满意度解释力的{part}（{span}），得分 {top.performance_mean:.1f}（满分5分）。",
    )


# Trend by topic


def trend_table(surveys: pd.DataFrame, *, waves: int = 6) -> pd.DataFrame:
    """Mean answer per wave and measure (overall and the four topics), one vote per account.

    One row per measure and wave, oldest first: measure, wave, n_accounts, score_mean with its t-interval, and for the
    accounts that answered in the wave before as well: n_panel, panel_change with its paired t-interval (NaN for the
    first wave). Comparing all respondents mixes change with who answered; the panel does not.
    """
    names = latest_waves(surveys, waves)
    rows = []
    for measure in MEASURES:
        means = answered(surveys, measure).groupby(["wave", "account_id"])[measure].mean()
        before = None
        for wave in names:
            now = means.loc[wave] if wave in means.index.get_level_values("wave") else means.iloc[:0].droplevel("wave")
            low, high = stats.mean_interval(now)
            change = (now - before).dropna() if before is not None else now.iloc[:0]
            change_low, change_high = stats.mean_interval(change)
            level = {"n_accounts": len(now), "score_mean": now.mean(), "score_mean_low": low, "score_mean_high": high}
            panel = {
                "n_panel": len(change),
                "change_mean": change.mean(),
                "change_mean_low": change_low,
                "change_mean_high": change_high,
            }
            rows.append({"measure": measure, "wave": wave, **level, **panel})
            before = now
    columns = [
        "measure",
        "wave",
        "n_accounts",
        "score_mean",
        "score_mean_low",
        "score_mean_high",
        "n_panel",
        "change_mean",
        "change_mean_low",
        "change_mean_high",
    ]
    return pd.DataFrame(rows, columns=columns)


@chart("line", x="wave", y="score_mean", colour="measure", low="score_mean_low", high="score_mean_high", size=(10, 4))
def plot_trend(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """One small panel per measure, all on the same scale, with intervals and the last value written."""
    ax = ax or style.new_axes((10, 4))
    measures = list(dict.fromkeys(table.measure))
    grid = style.panels(ax, 1, len(measures), sharey=True)[0]
    for panel, measure in zip(grid, measures, strict=True):
        rows = table[(table.measure == measure) & table.score_mean.notna()]
        place = np.arange(len(rows))
        whiskers = np.abs(rows[["score_mean_low", "score_mean_high"]].to_numpy().T - rows.score_mean.to_numpy())
        panel.errorbar(place, rows.score_mean, yerr=whiskers, fmt="o-", color=style.BLUE, ecolor=style.PALE, capsize=3)
        panel.set_title(words.word(measure), fontsize=10)
        panel.set_xticks(place, rows.wave, rotation=60, fontsize=8)
        panel.set_xlim(-0.5, max(len(rows) - 0.5, 0.5))
        if len(rows):
            panel.annotate(
                f"{rows.score_mean.iloc[-1]:.1f}",
                (place[-1], rows.score_mean.iloc[-1]),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
    grid[0].set_ylim(1, 5)
    grid[0].set_ylabel(words.say(None, "Mean answer, 1–5 (95 % interval)", "平均得分，1–5（95%区间）"))
    return grid[0]


def trend_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the measure that moved most among the accounts asked twice, and whether the move is clear."""
    last = table[(table.wave == table.wave.iloc[-1]) & table.change_mean.notna() & (table.n_panel >= 5)]
    if last.empty:
        return words.say(
            lang,
            "Not enough accounts answered two waves in a row to speak of change.",
            "连续两期都答复的客户太少，无法判断变化。",
        )
    row = last.loc[last.change_mean.abs().idxmax()]
    clear = row.change_mean_low > 0 or row.change_mean_high < 0
    span = f"{row.change_mean_low:+.1f} … {row.change_mean_high:+.1f}".replace("-", "−")
    moved = f"{row.change_mean:+.1f}".replace("-", "−")
    return words.say(
        lang,
        en=f"{words.word(row.measure, 'en')} moved most: {moved} ({span}) among {row.n_panel} accounts asked twice{'' if clear else ', no clear change'}.",
        zh=f"{words.word(row.measure, 'zh')}变化最大：{moved}（{span}），基于连续两期答复的 {row.n_panel} 个客户{'' if clear else '，变化不明显'}。",
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
    worst = row[list(TOPICS)].astype(float).idxmin() if row[list(TOPICS)].notna().any() else "overall"
    return words.say(
        lang,
        en=f"{words.short(row.account_name)} is least satisfied: {row.overall:.1f} of 5 overall, {row[worst]:.1f} for {words.word(worst, 'en').lower()}.",
        zh=f"{words.short(row.account_name)}最不满意：总体 {row.overall:.1f} 分，其中{words.word(worst, 'zh')} {row[worst]:.1f} 分（满分5分）。",
    )
