"""Prediction: would a statistical model warn better than points, and what speaks for and against each account?

A logistic model with a ridge penalty, whose reasons add up exactly, and a boosted challenger. Both are judged on accounts
they never saw: all months of an account are held out together. Below `EVENTS` lost customers nothing is fitted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.churn.backtest import decided, loss_interval
from kamlib.churn.signals import POINTS
from kamlib.exhibit import chart
from kamlib.models import logistic, profit, scored
from kamlib.models.logistic import Logistic
from kamlib.words import number, say, share, word

EVENTS = 20
"""Fewest different customers lost before a model is fitted."""
RIDGE = 10.0
"""Penalty on standardised columns, fixed beforehand: with few losses and many signs the model must stay close to none."""
FOLDS = 5
MODELS = ("logistic_model", "boosted_model")
SCORES = {"by_points": "risk_points", "by_gap_ratio": "gap_ratio", "by_revenue": "small_revenue"}
"""The rankings of the backtest as scores."""


def features(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a model reads of each row: which signals speak, the logarithm of silence ÷ usual gap and of the revenue.

    Signals that were not measured are left out; a missing gap ratio (one order so far) counts as the usual gap.
    """
    signals = rows[[name for name in POINTS if rows[name].notna().any() and name != "dormant_signal"]]
    x = (signals.fillna(0) > 0).astype(float)
    x["gap_ratio"] = np.log1p(rows["gap_ratio"].fillna(1.0).astype(float))
    x["revenue"] = np.log10(rows["revenue"].astype(float).clip(lower=1))
    return x


def enough(panel: pd.DataFrame) -> bool:
    """Return whether the panel holds so many different lost customers that a model may be fitted."""
    active = decided(panel)
    return active.loc[active["left"].astype(bool), "account_id"].nunique() >= EVENTS


def scores_table(panel: pd.DataFrame) -> pd.DataFrame:
    """Return the decided rows of the panel with the score of each ranking and the out-of-fold probability of each model,
    missing below `EVENTS` lost customers. Empty when nobody left."""
    active = decided(panel)
    active = active if active["left"].any() else active.head(0)
    active = active.assign(small_revenue=-active["revenue"].astype(float), **dict.fromkeys(MODELS, np.nan))
    if not enough(panel):
        return active
    x, y, groups = features(active), active["left"].to_numpy(int), active["account_id"].to_numpy()
    return active.assign(
        logistic_model=logistic.out_of_fold(x, y, groups, ridge=RIDGE, n=FOLDS), boosted_model=_boosted(x, y, groups)
    )


def _boosted(x: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> np.ndarray:
    from sklearn.ensemble import GradientBoostingClassifier  # slow to import

    p = np.full(len(x), np.nan)
    for held in logistic.folds(y, groups, FOLDS):
        model = GradientBoostingClassifier(n_estimators=60, max_depth=2, learning_rate=0.1, random_state=0)
        p[held] = model.fit(x[~held], y[~held]).predict_proba(x[held])[:, 1]
    return p


def rankings(scores: pd.DataFrame) -> dict[str, str]:
    """Return the rankings that can be judged and their columns; the models only where they were fitted."""
    fitted_models = {model: model for model in MODELS if scores[model].notna().any()}
    return SCORES | fitted_models if len(scores) else {}


def models_table(scores: pd.DataFrame, *, cost: float = 0.0) -> pd.DataFrame:
    """Judge rankings and models on the same rows, the best first: ranking, auc_share with a bootstrap interval over
    accounts, average_precision_share, lift_index (of the first tenth), brier_rate and calibration_gap_rate (of probabilities
    only), expected_profit (EMP: what acting on the ranking earns per customer and half-year, for the median margin as value
    and an effort of `cost`, whose uplift is Beta(6, 14)), contact_share (whom it would then be spent on), n_rows,
    n_leavers (different accounts)."""
    y, groups = scores["left"].to_numpy(int), scores["account_id"].to_numpy()
    leavers = scores.loc[scores["left"].astype(bool), "account_id"].nunique()
    value = float(scores["margin"].median()) if len(scores) else 0.0
    rows = []
    for name, column in rankings(scores).items():
        score = scores[column].astype(float).fillna(-1.0).to_numpy()
        low, high = scored.auc_interval(y, score, groups)
        earned, contacted = profit.expected_maximum_profit(y, score, value=value, offer=0.0, contact=cost)
        true = name in MODELS
        rows.append({
            "ranking": name, "auc_share": scored.auc(y, score), "auc_share_low": low, "auc_share_high": high,
            "average_precision_share": scored.average_precision(y, score), "lift_index": scored.lift(y, score),
            "brier_rate": scored.brier(y, score) if true else np.nan,
            "calibration_gap_rate": scored.calibration_error(y, score) if true else np.nan,
            "expected_profit": round(earned, 2), "contact_share": contacted, "n_rows": len(y), "n_leavers": leavers,
        })  # fmt: skip
    table = pd.DataFrame(rows, columns=_MODELS).round(6)
    return table.sort_values(["auc_share", "ranking"], ascending=[False, True], ignore_index=True)


_MODELS = [
    "ranking", "auc_share", "auc_share_low", "auc_share_high", "average_precision_share", "lift_index", "brier_rate",
    "calibration_gap_rate", "expected_profit", "contact_share", "n_rows", "n_leavers",
]  # fmt: skip


@chart("dots", x="auc_share", y="ranking", low="auc_share_low", high="auc_share_high", size=(8.5, 3.6))
def plot_models(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how well each ranking tells leavers from stayers, with interval, lift and, of probabilities, calibration."""
    ax = ax or style.new_axes(plot_models.size)
    at = np.arange(len(table))
    colours = [
        style.BLUE if name == "by_points" else style.ORANGE if name in MODELS else style.GREY
        for name in table["ranking"]
    ]
    ax.hlines(at, table["auc_share_low"], table["auc_share_high"], color=colours, lw=2)
    ax.scatter(table["auc_share"], at, color=colours, s=55, zorder=3)
    for y, row in zip(at, table.itertuples(), strict=True):
        text = say(
            None,
            f"AUC {row.auc_share:.2f}, lift {row.lift_index:.1f}",
            f"AUC {row.auc_share:.2f}，提升度 {row.lift_index:.1f}",
        )
        if pd.notna(row.calibration_gap_rate):
            gap = number(100 * row.calibration_gap_rate)
            text += say(None, f", off by {gap} points on average", f"，平均偏差 {gap} 个百分点")
        ax.annotate(text, (1.0, y), (6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(at, [word(name) for name in table["ranking"]])
    ax.invert_yaxis()
    ax.set_xlim(min(0.3, table["auc_share_low"].min() - 0.02), 1.55)
    ax.set_xticks([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    ax.margins(y=0.15)
    ax.axvline(0.5, color=style.GREY, lw=1, ls="--")
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(
        say(
            None,
            "chance that a leaver ranks above a stayer (AUC; 0.5 = no better than a draw)",
            "流失者排在留存者之前的概率（AUC；0.5 即随机）",
        )
    )
    return ax


def models_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say whether a model ranks better than the points, beyond doubt, and on how many lost customers that rests."""
    rows = table.set_index("ranking")
    ours, n = rows.loc["by_points"], int(rows["n_leavers"].iloc[0])
    others = [name for name in MODELS if name in rows.index] or ["by_gap_ratio", "by_revenue"]
    if rows.loc[["by_points", *others], "auc_share"].isna().any():
        return say(
            lang,
            f"Cannot be said: among {n} lost customers there are none who stayed to tell them from, or none who left.",
            f"无法判断：{n} 个流失客户中缺少可比较的留存或流失客户。",
        )
    best = rows.loc[others, "auc_share"].idxmax()
    other = rows.loc[best]
    spread = [f"{row['auc_share_low']:.2f} – {row['auc_share_high']:.2f}" for row in (ours, other)]
    better = other["auc_share_low"] > ours["auc_share_high"]
    en = "it ranks better" if better else "no model is proven to rank better than the points"
    zh = "模型排序更优" if better else "没有模型被证明优于预警分值"
    if best not in MODELS:
        en, zh = f"too few to fit a model ({EVENTS} needed)", f"不足以建立模型（需 {EVENTS} 个）"
    return say(
        lang,
        f"On {n} lost customers, {en}: AUC of the points {ours['auc_share']:.2f} ({spread[0]}), of {word(best, 'en')} {other['auc_share']:.2f} ({spread[1]}).",
        f"基于 {n} 个流失客户，{zh}：分值 AUC {ours['auc_share']:.2f}（{spread[0]}），{word(best, 'zh')} {other['auc_share']:.2f}（{spread[1]}）。",
    )


# --- Said and seen -------------------------------------------------------------------------------------------------


def calibration_table(scores: pd.DataFrame, *, bins: int = 5) -> pd.DataFrame:
    """Compare what the logistic model said, out of fold, with what happened, in `bins` bins of equally many rows.

    One row per bin, none without a model: said_share, came_share with a bootstrap interval over accounts, n_rows, n_left.
    """
    scores = scores[scores["logistic_model"].notna()]
    edges = (
        pd.qcut(scores["logistic_model"].rank(method="first"), bins, labels=False)
        if len(scores)
        else pd.Series(dtype=int)
    )
    rows = []
    for _, part in scores.groupby(edges):
        low, high = loss_interval(part)
        rows.append((part["logistic_model"].mean(), part["left"].mean(), low, high, len(part), int(part["left"].sum())))
    names = ["said_share", "came_share", "came_share_low", "came_share_high", "n_rows", "n_left"]
    return pd.DataFrame(rows, columns=names).round(6)


def calibration_text(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how far said and seen lie apart, or that there is no model."""
    if table.empty:
        return say(
            lang,
            f"Whether probabilities come true cannot be said: fewer than {EVENTS} customers were lost, and no model is fitted.",
            f"概率是否兑现无法判断：流失客户不足 {EVENTS} 个，未建立模型。",
        )
    gap = (table["said_share"] - table["came_share"]).abs()
    mean = number(100 * (gap * table["n_rows"]).sum() / table["n_rows"].sum(), 1)
    inside = int(table["said_share"].between(table["came_share_low"], table["came_share_high"]).sum())
    top = table.iloc[-1]
    return say(
        lang,
        f"The model's probabilities are off by {mean} percentage points on average; of the highest fifth, {share(top['said_share'])} said and "
        f"{share(top['came_share'])} seen ({inside} of {len(table)} groups within their interval).",
        f"模型概率平均偏差 {mean} 个百分点；概率最高的五分之一，事前 {share(top['said_share'])}，实际 {share(top['came_share'])}"
        f"（{len(table)} 组中 {inside} 组落在区间内）。",
    )


# --- Reasons -------------------------------------------------------------------------------------------------------


def fitted(panel: pd.DataFrame) -> Logistic | None:
    """Return the logistic model of all decided rows; none below `EVENTS` lost customers."""
    active = decided(panel)
    return logistic.fit(features(active), active["left"].to_numpy(int), RIDGE) if enough(panel) else None


def reasons_table(model: Logistic | None, signals: pd.DataFrame, mart: pd.DataFrame, *, top_n: int = 5) -> pd.DataFrame:
    """Say for the buying customers with the highest probability what speaks for and against their leaving.

    account_name, probability_share, odds_index (against the average customer), then for each feature the factor by
    which it multiplies the odds (an "_index"; 1 = nothing): their product is odds_index exactly. Empty without a model.
    """
    if model is None:
        return pd.DataFrame(columns=["account_name", "probability_share", "odds_index"])
    rows = signals[signals["state"] != "dormant"].merge(
        mart[["account_id", "account_name", "revenue"]], on="account_id"
    )
    rows["revenue"] = rows["revenue"].fillna(0.0)
    x = features(rows).reindex(columns=model.coef.index, fill_value=0.0)
    added = model.reasons(x)
    factors = np.exp(added).add_suffix("_index").round(6)
    first = rows[["account_name"]].assign(probability_share=model.probability(x), odds_index=np.exp(added.sum(axis=1)))
    order = first.assign(id=rows["account_id"]).sort_values(["probability_share", "id"], ascending=[False, True]).index
    return first.join(factors).loc[order].head(top_n).reset_index(drop=True)


def reasons_of(row: pd.Series, lang: str | None = None, most: int = 4) -> str:
    """Return the heaviest factors of a row of `reasons_table` in words, those that raise the odds first."""
    factors = row.drop(["account_name", "probability_share", "odds_index"]).astype(float)
    heavy = factors[np.log(factors).abs() >= 0.05]
    heavy = (
        heavy.loc[np.log(heavy).abs().sort_values(ascending=False, kind="stable").index]
        .head(most)
        .sort_values(ascending=False)
    )
    names = {"gap_ratio_index": "by_gap_ratio"}  # its shorter name
    parts = [
        f"{word(names.get(name, name.removesuffix('_index')), lang)} × {number(value, 1)}"
        for name, value in heavy.items()
    ]
    return say(lang, ", ", "、").join(parts)
