"""Migration: which accounts changed tier between the last two scorings, and why? (Part of segmentation.)

Tiers are read as they were given, from `score_snapshots`: a later rule does not rewrite an earlier verdict.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from kamlib import style
from kamlib.exhibit import chart
from kamlib.segmentation.scoring import INDICATORS
from kamlib.segmentation.tiering import is_near
from kamlib.settings import Tiers
from kamlib.words import names, say

TIERS = ("A", "B", "C", "D")
_LISTED = ["account_id", "account_name", "owner", "from_tier", "to_tier", "from_composite", "to_composite"]


def moves_table(scores: pd.DataFrame, accounts: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Compare the last two scorings of every account that has both, largest customers first.

    account_id, account_name, owner, from_tier, to_tier, from_composite, to_composite, moved_by (the indicator whose
    weighted score changed most; missing when none changed), is_near_cut (the new score lies within two points of a cut:
    the move may go back), revenue. Empty when `scores` holds fewer than two dates.
    """
    dates = sorted(scores["scored_at"].dropna().unique())[-2:]
    if len(dates) < 2:
        return pd.DataFrame(columns=[*_LISTED, "moved_by", "is_near_cut", "revenue"])
    before, after = (scores[scores["scored_at"] == date].set_index("account_id") for date in dates)
    both = before.index.intersection(after.index)
    before, after = before.loc[both], after.loc[both]
    weights = pd.Series(rule.weights, dtype=float).reindex(INDICATORS, fill_value=0.0)
    change = ((after[list(INDICATORS)].astype(float) - before[list(INDICATORS)].astype(float)) * weights).fillna(0.0)
    table = pd.DataFrame({
        "from_tier": before["tier"], "to_tier": after["tier"], "from_composite": before["composite"],
        "to_composite": after["composite"],
        "moved_by": change.abs().idxmax(axis=1).where(change.abs().max(axis=1) > 0) if len(both) else None,
        "is_near_cut": is_near(after["composite"].to_numpy(float), rule.cuts),
    })  # fmt: skip
    table = accounts[["account_id", "account_name", "owner", "revenue"]].merge(table, on="account_id")
    table = table.sort_values(["revenue", "account_id"], ascending=[False, True], ignore_index=True)
    return table[[*_LISTED, "moved_by", "is_near_cut", "revenue"]]


def movers(moves: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts of `moves_table` whose tier is another one now."""
    return moves[moves["from_tier"] != moves["to_tier"]].reset_index(drop=True)


def migration_table(moves: pd.DataFrame) -> pd.DataFrame:
    """Count `moves_table` by tier before and after: from_tier, to_tier, n_accounts, revenue; every pair of tiers."""
    if moves.empty:
        return pd.DataFrame(columns=["from_tier", "to_tier", "n_accounts", "revenue"])
    found = moves.groupby(["from_tier", "to_tier"]).agg(n_accounts=("account_id", "size"), revenue=("revenue", "sum"))
    pairs = pd.MultiIndex.from_product([TIERS, TIERS], names=["from_tier", "to_tier"])
    return found.reindex(pairs, fill_value=0).reset_index().astype({"n_accounts": int, "revenue": float})


@chart("heatmap", x="to_tier", y="from_tier", colour="n_accounts", size=(6, 4.2))
def plot_migration(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the counts: on the diagonal who stayed, above it who fell, below it who rose."""
    ax = ax or style.new_axes(plot_migration.size)
    counts = table.pivot(index="from_tier", columns="to_tier", values="n_accounts").reindex(index=TIERS, columns=TIERS)
    shown = counts.astype(float).where(counts > 0)
    style.heat_map(ax, shown, counts)
    for place in range(len(TIERS)):
        ax.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, edgecolor=style.INK, lw=1.2))
    ax.set_xlabel(say(None, "Tier now", "现级别"))
    ax.set_ylabel(say(None, "Tier before", "原级别"))
    return ax


def migration_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many accounts rose, fell and stayed."""
    place = {tier: i for i, tier in enumerate(TIERS)}
    step = table["from_tier"].map(place) - table["to_tier"].map(place)
    rose, fell, stayed = (int(table.loc[which, "n_accounts"].sum()) for which in (step > 0, step < 0, step == 0))
    total = rose + fell + stayed
    return say(
        lang,
        f"Since the scoring before, {rose} of {total} accounts rose and {fell} fell; {stayed} kept their tier",
        f"与上次评分相比，{total}个客户中{rose}个升级、{fell}个降级，{stayed}个级别不变",
    )


def movers_claim(moves: pd.DataFrame, lang: str = "en") -> str:
    """Name the largest accounts that fell, and how many moves lie so near a cut that they may go back."""
    moved = movers(moves)
    place = {tier: i for i, tier in enumerate(TIERS)}
    fell = moved[moved["from_tier"].map(place) < moved["to_tier"].map(place)]
    near = int(np.count_nonzero(moved["is_near_cut"].astype(bool)))
    listed = names(list(fell["account_name"]), lang) if len(fell) else say(lang, "none", "无")
    return say(
        lang,
        f"Fallen, largest first: {listed}; {near} of {len(moved)} moves lie within 2 points of a cut and may go back",
        f"降级客户（按收入）：{listed}；{len(moved)}次变动中{near}次距分界线2分以内，可能回调",
    )
