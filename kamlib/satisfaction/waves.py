"""Waves: which topics move from survey to survey, and is it change or other people answering? (Part of satisfaction.)"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats as sp

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.satisfaction import FEWEST, MEASURES, answered, latest_waves


def trend_table(surveys: pd.DataFrame, *, waves: int = 6) -> pd.DataFrame:
    """Mean answer per wave and measure (overall and the four topics), one vote per account.

    One row per measure and wave, oldest first: measure, wave, n_accounts, score_mean with its t-interval, and for the
    accounts that answered in the wave before as well: n_panel, change_mean with its paired t-interval (NaN for the
    first wave) and holm_rate (its p-value, adjusted for the measures of the wave). Comparing all respondents mixes change with
    who answered; the panel does not.
    """
    names = latest_waves(surveys, waves)
    rows = []
    for measure in MEASURES:
        means = answered(surveys, measure).groupby(["wave", "account_id"])[measure].mean().astype(float)
        before = None
        for wave in names:
            now = _of(means, wave)
            low, high = stats.mean_interval(now)
            level = {"n_accounts": len(now), "score_mean": now.mean(), "score_mean_low": low, "score_mean_high": high}
            change = (now - before).dropna() if before is not None else now.iloc[:0]
            rows.append({"measure": measure, "wave": wave, **level, **_paired(change, "change_mean")})
            before = now
    table = pd.DataFrame(rows, columns=_TREND)
    for _, same in table.groupby("wave"):
        table.loc[same.index, "holm_rate"] = stats.holm(same.p_rate)
    return table.drop(columns="p_rate")


_TREND = [
    "measure", "wave", "n_accounts", "score_mean", "score_mean_low", "score_mean_high", "n_panel", "change_mean",
    "change_mean_low", "change_mean_high", "p_rate", "holm_rate",
]  # fmt: skip


def _of(means: pd.Series, wave: str) -> pd.Series:
    """Return the account means of one wave."""
    return means[means.index.get_level_values("wave") == wave].droplevel("wave")


def _paired(change: pd.Series, name: str) -> dict[str, float]:
    """Return n_panel, the mean change with its paired t-interval, and p_rate (NaN when nothing varies)."""
    low, high = stats.mean_interval(change)
    p = sp.ttest_1samp(change, 0).pvalue if len(change) > 1 and np.ptp(change) > 0 else np.nan
    return {"n_panel": len(change), name: change.mean(), f"{name}_low": low, f"{name}_high": high, "p_rate": p}


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
    last = table[(table.wave == table.wave.iloc[-1]) & table.change_mean.notna() & (table.n_panel >= FEWEST)]
    if last.empty:
        return words.say(
            lang,
            "Not enough accounts answered two waves in a row to speak of change.",
            "连续两期都答复的客户太少，无法判断变化。",
        )
    row = last.loc[last.change_mean.abs().idxmax()]
    clear = row.holm_rate < 0.05
    span = f"{row.change_mean_low:+.1f} … {row.change_mean_high:+.1f}".replace("-", "−")
    moved = f"{row.change_mean:+.1f}".replace("-", "−")
    caution = (
        ("", "")
        if clear
        else ("; with five measures to choose from that may be chance", "；五项指标中取其一，可能只是偶然")
    )
    return words.say(
        lang,
        en=f"{words.word(row.measure, 'en')} moved most: {moved} ({span}) among {row.n_panel} accounts asked twice{caution[0]}.",
        zh=f"{words.word(row.measure, 'zh')}变化最大：{moved}（{span}），基于连续两期答复的 {row.n_panel} 个客户{caution[1]}。",
    )


# Panel and all


def comparison_table(surveys: pd.DataFrame) -> pd.DataFrame:
    """The last wave against the one before: accounts that answered both (panel), and everybody who answered either.

    One row per measure (overall, topics, nps: 100 × promoter less detractor, averaged within the account): measure, wave_before,
    wave, n_before, n_now, all_change_index with its Welch interval; n_panel, panel_change_index with its paired t-interval,
    p_rate (panel) and holm_rate (p adjusted for all measures, Holm 1979). Everybody's intervals take the waves as
    independent, which those who answered twice are not, so they are on the wide side.
    """
    names = latest_waves(surveys, 2)
    if len(names) < 2:
        return pd.DataFrame(columns=_COMPARISON)
    scored = surveys.assign(nps=100.0 * ((surveys.recommend >= 9) * 1.0 - (surveys.recommend <= 6)))
    scored["nps"] = scored.nps.where(scored.recommend.notna())
    rows = []
    for measure in (*MEASURES, "nps"):
        means = answered(scored, measure).groupby(["wave", "account_id"])[measure].mean().astype(float)
        before, now = (_of(means, wave) for wave in names)
        ends = ("all_change_index", "all_change_index_low", "all_change_index_high")
        everybody = dict(zip(ends, _welch(before, now), strict=True)) | {"n_before": len(before), "n_now": len(now)}
        panel = _paired((now - before).dropna(), "panel_change_index")
        rows.append({"measure": measure, "wave_before": names[0], "wave": names[1], **everybody, **panel})
    table = pd.DataFrame(rows)
    return table.assign(holm_rate=stats.holm(table.p_rate))[_COMPARISON]


_COMPARISON = [
    "measure", "wave_before", "wave", "n_before", "n_now", "all_change_index", "all_change_index_low", "all_change_index_high",
    "n_panel", "panel_change_index", "panel_change_index_low", "panel_change_index_high", "p_rate", "holm_rate",
]  # fmt: skip


def _welch(before: pd.Series, now: pd.Series) -> tuple[float, float, float]:
    """Difference of two means with its Welch interval; NaN with fewer than two on a side."""
    if min(len(before), len(now)) < 2:
        return np.nan, np.nan, np.nan
    found = sp.ttest_ind(now, before, equal_var=False).confidence_interval()
    return now.mean() - before.mean(), found.low, found.high


@chart(
    "dots",
    x="measure",
    y="panel_change_index",
    low="panel_change_index_low",
    high="panel_change_index_high",
    size=(8, 4),
)
def plot_comparison(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Change per measure with interval: filled for the panel, hollow for all who answered; NPS on its own scale."""
    ax = ax or style.new_axes((8, 4))
    left, right = style.panels(ax, 1, 2)[0]
    kinds = (("panel", 0.14, style.BLUE, style.BLUE), ("all", -0.14, "white", style.GREY))
    for panel, rows in ((left, table[table.measure != "nps"]), (right, table[table.measure == "nps"])):
        place = np.arange(len(rows))[::-1]
        for name, shift, face, edge in kinds:
            change = rows[f"{name}_change_index"]
            bounds = rows[[f"{name}_change_index_low", f"{name}_change_index_high"]].to_numpy().T
            label = words.say(
                None, *{"panel": ("same accounts", "同一批客户"), "all": ("all who answered", "全部答复客户")}[name]
            )
            panel.errorbar(
                change, place + shift, xerr=np.abs(bounds - change.to_numpy()), fmt="o", color=edge, markerfacecolor=face,
                capsize=3, label=label,
            )  # fmt: skip
        panel.axvline(0, color=style.INK, lw=1)
        panel.set_yticks(place, [words.word(r.measure) for r in rows.itertuples()])
        panel.set_ylim(-0.6, len(rows) - 0.4)
        panel.grid(axis="y", visible=False)
    left.set_xlabel(words.say(None, "Change in the mean answer (points of 1–5)", "平均得分变化（1–5分）"))
    right.set_xlabel(words.say(None, "Change in NPS (points)", "NPS 变化（分）"))
    right.legend(fontsize=8, loc="upper right")
    return left


def comparison_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say what changed among the same accounts once all measures are allowed for."""
    n, wave, before = int(table.n_panel.max()), table.wave.iloc[0], table.wave_before.iloc[0]
    if n < FEWEST:
        return words.say(
            lang,
            f"Change cannot be said: {n} accounts answered both {before} and {wave}, {FEWEST} are needed.",
            f"{before}与{wave}均答复的客户仅 {n} 个（至少需要 {FEWEST} 个），无法判断变化。",
        )
    clear = table[table.holm_rate < 0.05]
    if clear.empty:
        return words.say(
            lang,
            f"Among the {n} accounts that answered both {before} and {wave} no measure changed clearly, allowing for {len(table)} comparisons.",
            f"在{before}与{wave}均答复的 {n} 个客户中，经 {len(table)} 项多重比较校正后，没有指标出现明显变化。",
        )
    listed = {
        to: words.names(
            [f"{words.word(r.measure, to)} {r.panel_change_index:+.1f}".replace("-", "−") for r in clear.itertuples()],
            to,
        )
        for to in words.LANGUAGES
    }
    return words.say(
        lang,
        en=f"Among the {n} accounts that answered both {before} and {wave}, changed beyond chance: {listed['en']}.",
        zh=f"在{before}与{wave}均答复的 {n} 个客户中，变化显著的有：{listed['zh']}。",
    )
