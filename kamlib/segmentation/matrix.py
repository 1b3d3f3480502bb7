"""The value × potential matrix: where do we invest, maintain, develop and streamline, and who does what by when?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.segmentation.ranking import measure_of, value_measure
from kamlib.segmentation.scoring import percentile
from kamlib.segmentation.tiering import short_name
from kamlib.words import names, number, say, share, word

POTENTIAL = {"wallet_gap_share": 4, "growth": 2, "open_pipeline": 2, "influence": 2}
"""Weights of the components of potential; those not known for an account are left out and the rest renormalised. The gap
counts as a share of the wallet: in money it would grow with the account and say the same as value."""
QUADRANTS = ("strategic", "core", "growth_account", "standard")
DAYS = {"strategic": 14, "growth_account": 30, "core": 60, "standard": 90}
TIER_DAYS = {"A": 14, "B": 30, "C": 60, "D": 90}
"""Days from the as-of date in which the action of each quadrant, or of each tier, is due, most urgent first."""


def matrix_table(accounts: pd.DataFrame, value_cut: float = 50, potential_cut: float = 50) -> pd.DataFrame:
    """Place accounts by value and potential, both 0 to 100, and name the quadrant by the two cuts.

    value_score is the percentile of contribution (or revenue, see `ranking.value_measure`) among these accounts;
    potential_score the weighted mean (`POTENTIAL`) of the percentiles of wallet_gap_share (spend in our category that
    goes elsewhere; missing where we sell more than the stated wallet), growth, open_pipeline and influence, all shown.
    Also: account_id, account_name, owner, tier, revenue, wallet_share and wallet_gap (money), and quadrant ("unknown"
    when an axis is).
    """
    measure = value_measure(accounts)
    shown = ["account_id", "account_name", "owner", "tier", "revenue"]
    table = accounts[list(dict.fromkeys([*shown, measure, "growth", "open_pipeline", "influence"]))].copy()
    wallet = accounts["wallet"].astype(float).where(accounts["wallet"] > 0)
    table["wallet_share"] = accounts["revenue"] / wallet
    table["wallet_gap"] = (wallet - accounts["revenue"]).where(table["wallet_share"] <= 1)
    table["wallet_gap_share"] = table["wallet_gap"] / wallet
    table["value_score"] = percentile(accounts[measure].astype(float))
    parts = table[list(POTENTIAL)].astype(float).apply(percentile)
    weights = parts.notna() * pd.Series(POTENTIAL, dtype=float)
    table["potential_score"] = (parts.fillna(0) * weights).sum(axis=1) / weights.sum(axis=1).where(lambda w: w > 0)
    high = [table["value_score"] >= value_cut, table["potential_score"] >= potential_cut]
    choices = {"strategic": high[0] & high[1], "core": high[0], "growth_account": high[1]}
    unknown = table[["value_score", "potential_score"]].isna().any(axis=1)
    table["quadrant"] = np.select([unknown, *choices.values()], ["unknown", *choices], "standard")
    return table.sort_values(["value_score", "account_id"], ascending=[False, True], ignore_index=True)


MOST_LABELS, FEW = 10, 5


@chart("bubble", size=(8, 4.8), x="value_score", y="potential_score", label="account_name", colour="tier")
def plot_matrix(
    table: pd.DataFrame, ax: Axes | None = None, *, value_cut: float = 50, potential_cut: float = 50
) -> Axes:
    """Draw the matrix: area = revenue, colour = tier, dashed lines = cuts, number of accounts in each corner."""
    ax = ax or style.new_axes(plot_matrix.size)
    known = table.dropna(subset=["value_score", "potential_score"])
    size = known["revenue"].clip(lower=0).to_numpy(float)
    area = 30 + 900 * size / max(size.max(initial=0), 1)
    tier = known["tier"].fillna("D")
    for name in sorted(set(tier)):
        of = (tier == name).to_numpy()
        x, y = known["value_score"][of], known["potential_score"][of]
        colour = style.TIER.get(name, style.GREY)
        ax.scatter(x, y, s=area[of], color=colour, alpha=0.75, edgecolor="white", label=word(name))
    ax.axvline(value_cut, color=style.GREY, lw=1, ls="--")
    ax.axhline(potential_cut, color=style.GREY, lw=1, ls="--")
    _corners(ax, known, value_cut, potential_cut)
    if known.empty:
        ax.text(50, 50, word("insufficient_data"), ha="center", va="center", color=style.GREY, fontsize=14)
    largest = known.nlargest(MOST_LABELS, "revenue")
    ax.set_xlim(-4, 104)
    ax.set_ylim(-10, 110)
    ax.set_xlabel(
        say(
            None,
            f"Value: percentile of {word(measure_of(table)).lower()}",
            f"客户价值：{word(measure_of(table))}百分位",
        )
    )
    ax.set_ylabel(say(None, "Potential: weighted percentile (0 to 100)", "客户潜力：加权百分位（0至100）"))
    legend = ax.legend(loc="lower center", ncols=4, handletextpad=0.1, columnspacing=1)
    for handle in legend.legend_handles:
        handle.set_sizes([60])
    ax.figure.draw_without_rendering()  # labels are moved apart at the size the axes will have
    style.label_points(
        ax, largest["value_score"], largest["potential_score"], [short_name(n) for n in largest["account_name"]]
    )
    return ax


def _corners(ax: Axes, known: pd.DataFrame, value_cut: float, potential_cut: float) -> None:
    high = known["value_score"] >= value_cut, known["potential_score"] >= potential_cut
    corners = {
        "strategic": (103, 109, "right", high[0] & high[1]),
        "core": (103, -9, "right", high[0] & ~high[1]),
        "growth_account": (-3, 109, "left", ~high[0] & high[1]),
        "standard": (-3, -9, "left", ~high[0] & ~high[1]),
    }
    for name, (x, y, side, inside) in corners.items():
        up = "top" if y > 0 else "bottom"
        ax.text(x, y, f"{word(name)} ({inside.sum()})", ha=side, va=up, color=style.GREY, fontsize=11)


def matrix_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Count the accounts to invest in and to develop, with their share of revenue; or say which axis is not known."""
    if (table["quadrant"] == "unknown").all():
        axis = "potential" if table["potential_score"].isna().all() else "value"
        return say(
            lang,
            f"Not enough data: {word(axis, 'en').lower()} is not known for any of the {len(table)} accounts.",
            f"数据不足：{len(table)}个客户的{word(axis, 'zh')}均未知。",
        )
    total = table["revenue"].sum()
    parts = {}
    for quadrant in ("strategic", "growth_account"):
        inside = table[table["quadrant"] == quadrant]
        parts[quadrant] = (len(inside), share(inside["revenue"].sum() / total if total > 0 else np.nan))
    (invest, revenue), (develop, small) = parts["strategic"], parts["growth_account"]
    return say(
        lang,
        f"{invest} of {len(table)} accounts are strategic ({revenue} of revenue); {develop} have room to grow ({small})",
        f"{len(table)}个客户中{invest}个为战略客户（收入占{revenue}），{develop}个为潜力客户（占{small}）",
    )


def axes_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how far the two axes tell the same story (Spearman)."""
    known = table.dropna(subset=["value_score", "potential_score"])
    if len(known) < FEW or known[["value_score", "potential_score"]].nunique().min() < 2:
        return say(
            lang, f"Whether value and potential differ cannot be said: {len(known)} accounts have both",
            f"无法判断价值与潜力是否独立：仅{len(known)}个客户两项均已知",
        )  # fmt: skip
    agree = number(known["value_score"].corr(known["potential_score"], method="spearman"), 2)
    return say(
        lang, f"Rank correlation of value and potential: {agree} (n = {len(known)})",
        f"价值与潜力的秩相关：{agree}（n = {len(known)}）",
    )  # fmt: skip


def quadrant_table(table: pd.DataFrame, lang: str = "en") -> pd.DataFrame:
    """List each quadrant: quadrant, n_accounts, revenue, revenue_share, accounts (names, largest revenue first)."""
    ordered = table.sort_values(["revenue", "account_id"], ascending=[False, True])
    groups = ordered.groupby("quadrant").agg(
        n_accounts=("account_id", "size"), revenue=("revenue", "sum"),
        accounts=("account_name", lambda column: names(list(column), lang, most=100)),
    )  # fmt: skip
    total = table["revenue"].sum()
    groups.insert(2, "revenue_share", groups["revenue"] / total if total > 0 else np.nan)
    order = [name for name in (*QUADRANTS, "unknown") if name in groups.index]
    return groups.reindex(order).rename_axis("quadrant").reset_index()


def action_table(
    matrix: pd.DataFrame, next_tier: pd.DataFrame, as_of: dt.date, lang: str = "en", *, top_n: int = 10
) -> pd.DataFrame:
    """Say who does what by when, most urgent first: account_name, owner, tier, quadrant, recommended_action, why, due_date.

    What is to be done follows the quadrant, or the tier where the quadrant is not known; why it is this account, from its room
    to grow and its distance to the next tier; within a quadrant the account with the most revenue comes first.
    """
    table = matrix.merge(next_tier[["account_id", "next_tier", "gap_score", "lever"]], on="account_id", how="left")
    known = table["quadrant"].isin(list(DAYS))
    table["task"] = table["quadrant"].where(known, table["tier"])
    table = table[table["task"].isin([*DAYS, *TIER_DAYS])]
    rank = table["task"].map({name: place for place, name in enumerate([*DAYS, *TIER_DAYS])})
    table = (
        table.assign(rank=rank)
        .sort_values(["rank", "revenue", "account_id"], ascending=[True, False, True])
        .head(top_n)
    )
    due = pd.Timestamp(as_of) + pd.to_timedelta(table["task"].map(DAYS | TIER_DAYS), unit="D")
    return pd.DataFrame({
        "account_name": table["account_name"],
        "owner": table["owner"].fillna(word("unknown", lang)),
        "tier": table["tier"],
        "quadrant": [word(name, lang) for name in table["quadrant"]],
        "recommended_action": [word(f"action_{name}", lang) for name in table["task"]],
        "why": [_why(row, lang) for row in table.itertuples()],
        "due_date": due,
    }).reset_index(drop=True)  # fmt: skip


def _why(row: tuple, lang: str) -> str:
    reasons = []
    if pd.notna(row.wallet_share) and row.wallet_share <= 1:
        reasons.append(
            say(lang, f"we hold {share(row.wallet_share)} of its wallet", f"钱包份额{share(row.wallet_share)}")
        )
    if pd.notna(row.growth):
        reasons.append(
            say(
                lang,
                f"revenue {'+' if row.growth > 0 else ''}{share(row.growth)}",
                f"收入同比{'+' if row.growth > 0 else ''}{share(row.growth)}",
            )
        )
    if pd.notna(row.gap_score):
        gap, lever = number(row.gap_score, 1), word(row.lever, lang)
        reasons.append(
            say(
                lang,
                f"{gap} points below {row.next_tier}: raise {lever.lower()}",
                f"距{row.next_tier}级{gap}分，提升{lever}",
            )
        )
    return say(lang, "; ", "；").join(reasons)
