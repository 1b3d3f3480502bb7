"""Tiering: the three tables of key account tiering, how firm the tiers are, and what would lift an account.

基础信息表, 分级指标评分表 and 综合评价表 have exactly the columns of the founding documents, in their order.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.finance import ultimate_parent
from kamlib.segmentation.scoring import INDICATORS, SCORES
from kamlib.settings import Tiers
from kamlib.words import names, number, say, share, word

NEAR = 2.0
"""Points: within this distance of a cut a tier is a coin toss rather than a finding."""
MANY_NEAR = 0.25
LEVERS = ("purchasing_power", "frequency", "loyalty")
"""What selling and service can move within a year; history and market influence are as they are."""
MOST_DOTS, MOST_SCORED, MOST_LISTED = 30, 12, 5
"""Rows that the pictures of the three tables show; the tables hold all."""
CUTS = Tiers().cuts
LEGAL_FORM = re.compile(
    r"(集团)?(股份)?(有限责任公司|有限公司)$"
    r"|,? +((Co\.?,? )?Ltd\.?|GmbH.*|AG|Inc\.?|LLC|S\.?A\.?( de C\.?V\.?)?|S\.?r\.?l\.?|S\.?p\.?A\.?|Sdn\.? Bhd\.?|Pty Ltd|B\.?V\.?)$"
)


def basic_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the basic information table (R49): account_name, account_no (text), region, industry; by number."""
    table = accounts[["account_name", "account_no", "region", "industry"]].astype(object)
    filled = {"account_no": "", "region": "unknown", "industry": "unknown"}
    return table.fillna(filled).sort_values(["account_no", "account_name"], ignore_index=True)


def scores_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the indicator score table (R50): account_name and the five scores (0 to 100), best composite first."""
    return _best_first(accounts)[["account_name", *SCORES]]


def evaluation_table(accounts: pd.DataFrame, lang: str = "en") -> pd.DataFrame:
    """Return the composite evaluation table (R51), best first: account_name, composite_score, tier, recommended_action.

    Tier and action are written in `lang`; a tier that rests on too little is marked provisional, 暂定.
    """
    table = _best_first(accounts)[["account_name", "composite_score", "tier", "provisional"]]
    mark = say(lang, f" ({word('provisional', lang)})", f"（{word('provisional', lang)}）")
    written = table["tier"].fillna("unknown").map(lambda tier: word(tier, lang))
    return pd.DataFrame({
        "account_name": table["account_name"],
        "composite_score": table["composite_score"],
        "tier": written.where(table["provisional"] == "", written + mark),
        "recommended_action": table["tier"].map(lambda tier: action_of(tier, lang), na_action="ignore"),
    })  # fmt: skip


def action_of(tier: str, lang: str | None = None) -> str:
    """Return what the tier asks for, in `lang`; edit it in `words/segmentation.yml`."""
    return word(f"action_{tier}", lang)


def short_name(name: str) -> str:
    """Return a company's name without its legal form, for labels in charts."""
    return LEGAL_FORM.sub("", str(name)).strip() or str(name)


def _best_first(accounts: pd.DataFrame) -> pd.DataFrame:
    return accounts.sort_values(["composite_score", "account_name"], ascending=[False, True], ignore_index=True)


@chart("table", size=(7.5, 2.3), columns=("account_name", "account_no", "region", "industry"))
def plot_basic(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = MOST_LISTED) -> Axes:
    """Draw the first rows of the basic information table as a table."""
    ax = ax or style.new_axes(plot_basic.size)
    shown = table.head(top_n)
    cells = [
        [str(row.account_name)[:36], row.account_no, word(row.region), word(row.industry)] for row in shown.itertuples()
    ]
    drawn = ax.table(
        cells, colLabels=[word(c) for c in table.columns], loc="upper center", cellLoc="left", edges="horizontal"
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    drawn.auto_set_column_width(range(4))
    drawn.scale(1, 1.3)
    for (row, _), cell in drawn.get_celld().items():
        cell.set_edgecolor(style.GRID)
        cell.get_text().set_color(style.GREY if row == 0 else style.INK)
        if row == 0:
            cell.get_text().set_ha("left")
    _say_rest(ax, len(shown), len(table))
    ax.axis("off")
    return ax


def _say_rest(ax: Axes, shown: int, rows: int) -> None:
    if shown < rows:
        note = say(None, f"{shown} of {rows} rows; the table holds all", f"此处显示{rows}行中的{shown}行，完整数据见表")
        ax.text(0.5, -0.03, note, ha="center", va="top", color=style.GREY, fontsize=8, transform=ax.transAxes)


def basic_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many accounts there are and how complete their master data is."""
    n = len(table)
    gaps = int(((table["account_no"] == "") | table[["region", "industry"]].isin(["unknown"]).any(axis=1)).sum())
    regions, industries = (table.loc[table[name] != "unknown", name].nunique() for name in ("region", "industry"))
    return say(
        lang,
        f"{n} accounts in {regions} regions and {industries} industries; {gaps} lack a number, region or industry",
        f"{n}个客户，分布于{regions}个地区、{industries}个行业；{gaps}个缺客户编号、地区或行业",
    )


@chart("heatmap", size=(8, 3.6), x=SCORES, y="account_name")
def plot_scores(
    table: pd.DataFrame, ax: Axes | None = None, *, weights: dict[str, float] | None = None, top_n: int = MOST_SCORED
) -> Axes:
    """Draw the five scores of the first accounts; the weight of each indicator stands in its heading."""
    ax = ax or style.new_axes(plot_scores.size)
    shown = table.head(top_n).set_index("account_name")[list(SCORES)].astype(float)
    shown.index = [short_name(name) for name in shown.index]
    style.heat_map(ax, shown, shown.map(lambda value: number(value)), high=100)
    weights = weights or Tiers().weights
    total = sum(weights.values())
    heads = [f"{word(name)}\n{share(weights.get(name, 0) / total)}" for name in INDICATORS]
    ax.set_xticks(range(len(heads)), heads)
    ax.xaxis.tick_top()
    ax.tick_params(labelsize=8)
    _say_rest(ax, len(shown), len(table))
    return ax


def scores_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the weakest indicator on average and the one in which accounts differ most."""
    scores = table[list(SCORES)].astype(float).dropna(axis=1, how="all")
    if scores.empty or not scores.shape[1]:
        return say(lang, "No indicator can be scored", "没有可评分的指标")
    weak, wide = scores.mean().idxmin(), (scores.max() - scores.min()).idxmax()
    mean, low, high = (number(v) for v in (scores[weak].mean(), scores[wide].min(), scores[wide].max()))
    return say(
        lang,
        f"Lowest on average: {word(weak, lang)} ({mean}); widest apart: {word(wide, lang)} ({low} to {high})",
        f"平均最低的是{word(weak, lang)}（{mean}分），差距最大的是{word(wide, lang)}（{low}至{high}分）",
    )


@chart("dots", size=(7, 5.4), x="composite_score", y="account_name", colour="tier")
def plot_evaluation(table: pd.DataFrame, ax: Axes | None = None, *, cuts: dict[str, float] = CUTS) -> Axes:
    """Draw the composite scores with the cuts; hollow where a score lies within two points of one."""
    ax = ax or style.new_axes(plot_evaluation.size)
    shown = table.dropna(subset="composite_score").head(MOST_DOTS)
    scores, rows = shown["composite_score"].to_numpy(float), np.arange(len(shown))
    colours = [style.TIER.get(tier_at(score, cuts), style.GREY) for score in scores]
    faces = ["white" if near else colour for near, colour in zip(is_near(scores, cuts), colours, strict=True)]
    ax.hlines(rows, 0, scores, color=style.GRID, lw=3)
    ax.scatter(scores, rows, s=40, c=faces, edgecolors=colours, linewidths=2, zorder=3)
    for row, score in zip(rows, scores, strict=True):
        ax.annotate(
            f"{score:.1f}", (score, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    ax.set_yticks(rows, [f"{short_name(r.account_name)}  {r.tier}" for r in shown.itertuples()], fontsize=7)
    ax.set_ylim(len(rows) - 0.4, -1.4)
    for tier, cut in cuts.items():
        style.reference_line(ax, cut, f"{tier} ≥ {cut:g}", axis="x")
    ax.set_xlim(0, 106)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say(None, "Composite score (0 to 100)", "综合得分（0至100）"))
    return ax


def tier_at(score: float, cuts: dict[str, float]) -> str:
    """Return the tier of one composite score."""
    return next((tier for tier, cut in cuts.items() if score >= cut), "D")


def is_near(scores: np.ndarray, cuts: dict[str, float]) -> np.ndarray:
    """Return whether each score lies within two points of a cut."""
    return (np.abs(np.asarray(scores, float)[:, None] - np.array(list(cuts.values()))) <= NEAR).any(axis=1)


def evaluation_claim(table: pd.DataFrame, lang: str = "en", *, cuts: dict[str, float] = CUTS) -> str:
    """Count the tiers, and the accounts so near a cut that their tier is not settled."""
    scores = table["composite_score"].dropna().to_numpy(float)
    if not len(scores):
        return say(lang, "No account could be graded", "没有客户可以评级")
    grades = pd.Series([tier_at(score, cuts) for score in scores]).value_counts()
    counted = say(lang, ", ", "、").join(f"{word(t, lang)} {grades.get(t, 0)}" for t in (*cuts, "D"))
    near = is_near(scores, cuts)
    advice = (
        say(lang, ": widen the scale or move the cuts", "，建议调整标准或分界线") if near.mean() > MANY_NEAR else ""
    )
    return say(
        lang,
        f"{counted}; {near.sum()} of {len(near)} ({share(near.mean())}) within ±{NEAR:g} points of a cut{advice}",
        f"{counted}；{len(near)}个中{near.sum()}个（{share(near.mean())}）距分界线±{NEAR:g}分以内{advice}",
    )


def next_tier_table(accounts: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Say why each account is not one tier higher and what would lift it, nearest first; top-tier accounts are left out.

    account_id, account_name, owner, tier, composite_score, next_tier, gap_score (points missing), lever (of what selling and
    service can move, the indicator that costs most points), lever_score (now), needed_score (of that indicator alone;
    missing when even 100 would not do).
    """
    names_up = dict(zip([*list(rule.cuts)[1:], "D"], rule.cuts, strict=True))
    table = accounts[accounts["tier"].isin(list(names_up))].copy()
    table["next_tier"] = table["tier"].map(names_up)
    table["gap_score"] = table["next_tier"].map(rule.cuts).astype(float) - table["composite_score"]
    weights = pd.Series(rule.weights, dtype=float).reindex(INDICATORS, fill_value=0.0)
    values = table[list(SCORES)].astype(float).set_axis(INDICATORS, axis=1)
    total = (values.notna() * weights).sum(axis=1)
    lost = ((100 - values) * weights)[list(LEVERS)]
    table["lever"] = lost.fillna(-1).idxmax(axis=1) if len(lost) else ""
    at = [(row, INDICATORS.index(lever)) for row, lever in enumerate(table["lever"])]
    table["lever_score"] = [values.iat[cell] for cell in at]
    needed = table["lever_score"] + table["gap_score"] * total / table["lever"].map(weights).astype(float).replace(
        0, np.nan
    )
    table["needed_score"] = needed.where(needed <= 100)
    shown = ["account_id", "account_name", "owner", "tier", "composite_score", "next_tier", "gap_score", "lever"]
    return table[[*shown, "lever_score", "needed_score"]].sort_values(["gap_score", "account_id"], ignore_index=True)


def next_tier_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the accounts that miss the next tier by two points or less."""
    near = table[table["gap_score"] <= NEAR]
    listed = say(lang, ": ", "：") + names(list(near["account_name"]), lang) if len(near) else ""
    return say(
        lang,
        f"{len(near)} of {len(table)} accounts miss the next tier by {NEAR:g} points or less{listed}",
        f"{len(table)}个客户中{len(near)}个距上一级不超过{NEAR:g}分{listed}",
    )


def status_review_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """List where tier and status disagree: accounts of the upper tiers that are not key accounts ("promote"), and key
    accounts in the lowest ("review"); best score first.

    account_id, account_name, owner, is_key_account, tier, composite_score, revenue, suggestion.
    """
    low = accounts["tier"].fillna("D") == "D"
    key = accounts["is_key_account"].astype(bool)
    differ = ((key & low) | (~key & ~low)) & key.any()  # where nobody is flagged there is no status to review
    table = accounts.assign(suggestion=np.where(key, "review", "promote"))[differ]
    shown = [
        "account_id",
        "account_name",
        "owner",
        "is_key_account",
        "tier",
        "composite_score",
        "revenue",
        "suggestion",
    ]
    return table.sort_values(["composite_score", "account_id"], ascending=[False, True], ignore_index=True)[shown]


def portfolio_claim(n: int, lang: str = "en") -> str:
    """Compare the number of key accounts with the 15 to 35 that can be served as such (McDonald and Woodburn)."""
    verdict, rating = ("inside", "在合理范围内") if 15 <= n <= 35 else ("outside", "超出合理范围")
    if n > 50:
        verdict, rating = "far above", "远超合理范围"
    return say(
        lang,
        f"{n} key accounts: {verdict} the 15 to 35 that a team can serve as such (McDonald & Woodburn)",
        f"{n}个大客户：{rating}（建议15至35个，McDonald & Woodburn）",
    )


def groups_claim(chosen: pd.DataFrame, accounts: pd.DataFrame, lang: str = "en") -> str:
    """Say to how many groups of companies the accounts belong (ultimate parents), and who shares one; each still counts once."""
    groups = chosen["account_id"].map(ultimate_parent(accounts))
    shared = chosen.loc[groups.duplicated(keep=False).to_numpy(), "account_name"]
    listed = (
        say(lang, f"; sharing one: {names(list(shared), lang)}", f"；同属一个集团的：{names(list(shared), lang)}")
        if len(shared)
        else ""
    )
    return say(
        lang,
        f"{len(chosen)} accounts of {groups.nunique()} groups of companies, each counted once under its own name{listed}",
        f"{len(chosen)}个客户分属{groups.nunique()}个集团，每个客户只按自身名称计一次{listed}",
    )
