"""Where the weights come from, and what hangs on them: expert, judged in pairs, read off the data; and 1,000 others.

The record is graded by the expert's weights alone. The others say how far reasonable people could differ, and for which
accounts that would change the tier.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.models.weighting import CONSISTENT, ahp, entropy_interval, entropy_weights, perturbed_weights, topsis
from kamlib.segmentation.scoring import INDICATORS, SCORES
from kamlib.segmentation.tiering import short_name
from kamlib.settings import Tiers
from kamlib.words import names, number, say, share, word

SHIFT = 1.0
"""Points added to a score before its entropy is taken: a zero would inflate the weight."""
BLEND = 0.7
"""What the expert's weights count beside the entropy's in their blend."""
LEAST = 10
"""Accounts from which entropy weights are read off the data at all."""
N = 1000
TIERS = ("A", "B", "C", "D")
KEPT = tuple(f"{tier.lower()}_share" for tier in TIERS)
SETTLED = 0.9
"""A tier that holds under this share of weightings is settled."""
MOST_SHOWN = 12


def weights_table(accounts: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Return the weight of each indicator by where it comes from: indicator, weight_share (the rule's), ahp_share (judged in
    pairs), entropy_share with _low and _high (bootstrap over accounts), blend_share (0.7 rule, 0.3 entropy).

    Also, on every row: consistency_ratio and worst_triad of the judgements, n_accounts. A weight that cannot be had is
    missing: judgements that lack a pair, scores of fewer than ten accounts.
    """
    given = pd.Series(rule.weights, dtype=float).reindex(INDICATORS, fill_value=0.0)
    used = [name for name in INDICATORS if given[name] > 0]
    table = pd.DataFrame({"indicator": used, "weight_share": (given[used] / given.sum()).to_numpy()})
    judged = _judged(rule, used)
    table["ahp_share"] = judged.weights if judged else np.nan
    scores = accounts[[f"{name}_score" for name in used]].astype(float).to_numpy()
    enough = len(scores) >= LEAST
    table["entropy_share"] = entropy_weights(scores, SHIFT) if enough else np.nan
    table[["entropy_share_low", "entropy_share_high"]] = (
        np.transpose(entropy_interval(scores, SHIFT, N)) if enough else np.nan
    )
    table["blend_share"] = BLEND * table["weight_share"] + (1 - BLEND) * table["entropy_share"]
    table["consistency_ratio"] = judged.ratio if judged else np.nan
    table["worst_triad"] = ":".join(used[place] for place in judged.triad) if judged else ""
    table["n_accounts"] = len(scores)
    return table


def _judged(rule: Tiers, used: list[str]):
    """Return the AHP of the judgements about the indicators that count; None when a pair was not judged."""
    matrix = np.eye(len(used))
    for i, one in enumerate(used):
        for j, other in enumerate(used[i + 1 :], i + 1):
            value = rule.pairwise.get(f"{one}:{other}") or 1 / rule.pairwise.get(f"{other}:{one}", np.nan)
            matrix[i, j], matrix[j, i] = value, 1 / value
    return ahp(matrix) if np.isfinite(matrix).all() else None


@chart("dots", size=(8, 3.6), x="weight_share", y="indicator", low="entropy_share_low", high="entropy_share_high")
def plot_weights(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each indicator's weight by source: the rule's filled, the others hollow, entropy with its interval."""
    ax = ax or style.new_axes(plot_weights.size)
    rows = np.arange(len(table))
    low, high = table["entropy_share_low"], table["entropy_share_high"]
    ax.hlines(rows + 0.12, low, high, color=style.ORANGE, lw=2, alpha=0.6)
    looks = {
        "weight_share": ("o", style.BLUE, style.BLUE, -0.24, 80), "ahp_share": ("D", "white", style.GREEN, -0.08, 45),
        "entropy_share": ("s", "white", style.ORANGE, 0.12, 45), "blend_share": ("^", "white", style.PURPLE, 0.28, 50),
    }  # fmt: skip
    for name, (marker, face, edge, up, size) in looks.items():
        ax.scatter(table[name], rows + up, s=size, marker=marker, c=face, edgecolors=edge, linewidths=1.6, label=word(name), zorder=3)  # fmt: skip
    ax.set_yticks(rows, [word(name) for name in table["indicator"]])
    ax.invert_yaxis()
    ax.set_xlim(0, None)
    style.percent_axis(ax.xaxis)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4, fontsize=8, handletextpad=0.1, columnspacing=1)
    ax.set_xlabel(say(None, "Weight (line: 95 % interval of entropy)", "权重（横线：熵权的95%区间）"))
    return ax


def weights_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say where the sources differ most, and whether the judgements contradict each other, and in which triad."""
    differ = (table["entropy_share"] - table["weight_share"]).abs()
    parts = []
    if differ.notna().any():
        top = table.loc[differ.idxmax()]
        mine, theirs, low, high = (
            share(top[f"{name}_share{end}"])
            for name, end in (("weight", ""), ("entropy", ""), ("entropy", "_low"), ("entropy", "_high"))
        )
        name = word(top["indicator"], lang)
        parts.append(
            say(
                lang,
                f"{name} weighs {mine} by the rule, {theirs} by entropy ({low} to {high})",
                f"{name}：规则权重{mine}，熵权{theirs}（{low}至{high}）",
            )
        )
    else:
        parts.append(say(lang, f"Entropy weights need {LEAST} accounts", f"熵权至少需要{LEAST}个客户"))
    parts.append(_consistency(table, lang))
    return say(lang, "; ", "；").join(parts)


def _consistency(table: pd.DataFrame, lang: str) -> str:
    ratio = table["consistency_ratio"].iloc[0]
    if not np.isfinite(ratio):
        return say(lang, "not every pair was judged (AHP)", "两两判断不完整（AHP）")
    verdict = (
        say(lang, "consistent", "一致性可接受") if ratio <= CONSISTENT else say(lang, "contradictory", "一致性不足")
    )
    triad = say(lang, ", ", "、").join(word(name, lang) for name in table["worst_triad"].iloc[0].split(":") if name)
    worst = say(lang, f", worst triad: {triad}", f"，矛盾最大的三项：{triad}") if triad else ""
    return say(
        lang, f"pairwise judgements {verdict} (CR {number(ratio, 3)}{worst})",
        f"两两判断{verdict}（CR {number(ratio, 3)}{worst}）",
    )  # fmt: skip


def stability_table(accounts: pd.DataFrame, rule: Tiers, weights: pd.DataFrame) -> pd.DataFrame:
    """Grade every account by 1,000 weightings scattered about the rule's (Dirichlet, see `perturbed_weights`), best first.

    account_id, account_name, composite_score, tier, kept_share (weightings under which the tier is the same), a_share …
    d_share (under which it is each), rank, rank_low and rank_high (95 % of weightings), ahp_tier, blend_tier (by the
    weights of `weights_table`) and topsis_rank. Accounts that cannot be graded are left out.
    """
    graded = accounts.dropna(subset="composite_score").sort_values(
        ["composite_score", "account_id"], ascending=[False, True], ignore_index=True
    )
    given = pd.Series(rule.weights, dtype=float).reindex(INDICATORS, fill_value=0.0).to_numpy()
    scores = graded[list(SCORES)].to_numpy(float)
    many = _composites(scores, perturbed_weights(given, N))
    tiers = _tiers(many, rule)
    table = graded[["account_id", "account_name", "composite_score", "tier"]].copy()
    shares = {name: (tiers == tier).mean(axis=0) for name, tier in zip(KEPT, TIERS, strict=True)}
    table["kept_share"] = (tiers == table["tier"].to_numpy(object)).mean(axis=0)
    table = table.assign(**shares)
    ranks = (many[:, None, :] > many[:, :, None]).sum(axis=2) + 1 if len(table) <= MOST_RANKED else None
    table["rank"] = table["composite_score"].rank(ascending=False, method="min").astype(int)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0).round() if ranks is not None and len(table) else (0, 0)
    table["rank_low"], table["rank_high"] = np.asarray(low, int), np.asarray(high, int)
    for source in ("ahp", "blend"):
        other = weights.set_index("indicator")[f"{source}_share"].reindex(INDICATORS, fill_value=0.0).to_numpy(float)
        known = np.isfinite(other).all()
        table[f"{source}_tier"] = _tiers(_composites(scores, other[None]), rule)[0] if known else None
    used = (given > 0) & np.isfinite(scores).any(axis=0)
    table["topsis_rank"] = pd.Series(topsis(scores[:, used], given[used] / given.sum())).rank(ascending=False)
    return table


MOST_RANKED = 200
"""Accounts up to which ranks are compared pair by pair under every weighting."""


def _composites(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the composite of each account (column) under each row of weights, over the indicators known."""
    known = np.isfinite(scores)
    total = np.where(known, scores, 0) @ weights.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.round(total / (known @ weights.T), 1).T


def _tiers(composites: np.ndarray, rule: Tiers) -> np.ndarray:
    passed = [composites >= cut for cut in rule.cuts.values()]
    return np.select([np.isnan(composites), *passed], ["", *rule.cuts], "D").astype(object)


@chart("heatmap", size=(7, 3.8), x=KEPT, y="account_name")
def plot_stability(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw for the least settled accounts in which share of the weightings each tier comes out."""
    ax = ax or style.new_axes(plot_stability.size)
    moving = table[table["kept_share"] < 1]
    shown = moving.nsmallest(MOST_SHOWN, "kept_share").sort_index() if len(moving) else table.head(MOST_SHOWN)
    cells = shown[list(KEPT)].set_axis(
        [f"{short_name(row.account_name)}  {row.tier}" for row in shown.itertuples()], axis=0
    )
    style.heat_map(ax, cells.where(cells > 0), cells.map(share), high=1)
    ax.set_xticks(range(len(TIERS)), [word(tier) for tier in TIERS])
    ax.xaxis.tick_top()
    ax.tick_params(axis="y", labelsize=8)
    return ax


def stability_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Count the accounts whose tier is settled, name the least settled, and say how many the other sources would move."""
    settled, n = int((table["kept_share"] >= SETTLED).sum()), len(table)
    open_ = table[table["kept_share"] < SETTLED].sort_values(["kept_share", "account_id"])
    listed = names([short_name(name) for name in open_["account_name"]], lang)
    unsettled = say(lang, f"; least settled: {listed}", f"；最不稳定：{listed}") if len(open_) else ""
    other = table["blend_tier"].dropna()
    moved = int((other != table.loc[other.index, "tier"]).sum())
    blended = (
        say(lang, f"; blended with entropy {moved} would change", f"；与熵权混合后{moved}个会变级")
        if len(other)
        else ""
    )
    return say(
        lang,
        f"{settled} of {n} accounts keep their tier under at least {share(SETTLED)} of {N:,} other weightings{unsettled}{blended}",
        f"{n}个客户中{settled}个在{N:,}组权重扰动的{share(SETTLED)}以上保持级别{unsettled}{blended}",
    )


def topsis_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how far the order is the same when indicators are put together otherwise (Spearman with TOPSIS)."""
    known = table.dropna(subset="topsis_rank")
    if len(known) < LEAST:
        return say(
            lang, f"Comparison with TOPSIS needs {LEAST} accounts with all indicators; {len(known)} have them",
            f"与TOPSIS比较至少需要{LEAST}个指标齐全的客户，现有{len(known)}个",
        )  # fmt: skip
    agree = number(known["rank"].corr(known["topsis_rank"], method="spearman"), 2)
    return say(
        lang, f"Rank correlation with TOPSIS: {agree} (n = {len(known)} with all indicators)",
        f"与TOPSIS排名的秩相关：{agree}（指标齐全的客户n = {len(known)}）",
    )  # fmt: skip


def overlap_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlations of the five scores (Spearman), lower triangle: indicators that say the same thing twice."""
    matrix = (
        accounts[list(SCORES)].astype(float).corr(method="spearman").set_axis(INDICATORS).set_axis(INDICATORS, axis=1)
    )
    return matrix.where(np.tril(np.ones((len(INDICATORS),) * 2), -1) > 0).iloc[1:, :-1].rename_axis("indicator")


def overlap_claim(accounts: pd.DataFrame, lang: str = "en") -> str:
    """Say how many indicators the five are really worth: (Σλ)² ÷ Σλ² of the eigenvalues of their correlations.

    Source: Bretherton et al. (1999), The effective number of spatial degrees of freedom."""
    scores = accounts[list(SCORES)].astype(float).dropna(axis=1, how="all")
    matrix = scores.corr(method="spearman").dropna(how="all").dropna(axis=1, how="all").fillna(0).to_numpy()
    if len(matrix) < 2:
        return say(lang, "Fewer than two indicators vary", "变化的指标不足两项")
    values = np.clip(np.linalg.eigvalsh(matrix), 0, None)
    worth = values.sum() ** 2 / (values**2).sum()
    return say(
        lang,
        f"{len(matrix)} indicators tell about {number(worth, 1)} stories: where two rise together, one is counted twice",
        f"{len(matrix)}项指标约相当于{number(worth, 1)}项独立信息：高度相关的指标等于重复计分",
    )
