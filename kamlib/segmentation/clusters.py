"""Clusters: do the accounts fall into groups by how they buy, whatever their score? Often they do not, and then we say so.

What is clustered is behaviour that the tier score does not hold (size of an order, margin, discount, returns, breadth, cost
of service); groups made of the score's own inputs would only agree with it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.models import clustering
from kamlib.words import names, number, say, share

INPUTS = {
    "order_value": True, "gross_margin_share": False, "discount_share": False, "return_rate": True, "n_categories": False,
    "service_share": True,
}  # fmt: skip
"""What is clustered, and whether on a logarithmic scale."""
LEAST, MOST, LEAST_INPUTS = 20, 400, 3
"""Accounts below which no groups are looked for, the largest ones that are compared at most, and inputs that are needed."""
KNOWN, CHANCE = 0.8, 0.05
"""An input counts when so many of the buyers have it; chance of a cloud without groups above which there are none."""


def behaviour_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return how the accounts that bought in the window buy, the largest 400 at most: account_id, account_name, order_value,
    gross_margin_share, discount_share, return_rate, n_categories, service_share (cost of service ÷ revenue)."""
    bought = accounts[(accounts["n_orders"] > 0) & (accounts["revenue"] > 0)].nlargest(MOST, "revenue")
    table = bought[["account_id", "account_name", "gross_margin_share", "return_rate"]].copy()
    table["order_value"] = bought["order_revenue"] / bought["n_orders"]
    table["discount_share"] = bought["discount"] / bought["list_revenue"].where(bought["list_revenue"] > 0)
    table["n_categories"] = bought["n_categories"].astype(float).where(bought["n_categories"] > 0)
    table["service_share"] = bought["cost_to_serve"] / bought["revenue"]
    return table.sort_values("account_id", ignore_index=True)[["account_id", "account_name", *INPUTS]]


def _points(behaviour: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the accounts that have all inputs that count, and their place in the space of those."""
    used = [name for name in INPUTS if behaviour[name].notna().mean() >= KNOWN and behaviour[name].nunique() > 1]
    kept = behaviour.dropna(subset=used).reset_index(drop=True)
    if len(kept) < LEAST or len(used) < LEAST_INPUTS:
        return kept.head(0), np.empty((0, len(used)))
    values = kept[used].astype(float).clip(lower=0 if len(used) else None)
    for name in used:
        if INPUTS[name]:
            values[name] = np.log1p(values[name] / values[name][values[name] > 0].median())
    return kept, clustering.robust_scaled(values)


def clusters_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return what speaks for 2 to 6 groups: k, silhouette_ratio, ari_ratio, jaccard_ratio (see `clustering.stability_table`), is_stable,
    chance_share (a cloud without groups splits as distinctly; only for the chosen k), is_chosen, n_accounts. Empty below 20
    accounts with three inputs."""
    kept, points = _points(behaviour_table(accounts))
    table = clustering.stability_table(points) if len(kept) else clustering.stability_table(np.empty((0, 2)))
    best = clustering.chosen(table)
    chance = clustering.chance_of_one_group(points, best) if best else np.nan
    table = table.rename(columns={name: f"{name}_ratio" for name in ("silhouette", "ari", "jaccard")})
    table["chance_share"] = np.where(table["k"] == best, chance, np.nan) if best else np.nan
    table["is_chosen"] = (table["k"] == best) & (chance <= CHANCE) if best else False
    return table.assign(n_accounts=len(kept))


def profile_table(accounts: pd.DataFrame, table: pd.DataFrame, lang: str | None = None) -> pd.DataFrame:
    """Describe the chosen groups in business units: cluster, n_accounts, the median of each input, and the example (its most
    central account). Empty when no groups are stable."""
    kept, points = _points(behaviour_table(accounts))
    chosen = table.loc[table["is_chosen"].astype(bool), "k"]
    if chosen.empty:
        return pd.DataFrame(columns=["cluster", "n_accounts", *INPUTS, "example"])
    k = int(chosen.iloc[0])
    labels, _ = clustering.partitions(points, range(k, k + 1))[k]
    rows = kept.assign(cluster=labels + 1).groupby("cluster")
    profile = rows[list(INPUTS)].median()
    profile.insert(0, "n_accounts", rows.size())
    profile["example"] = [kept["account_name"][row] for row in clustering.medoids(points, labels).values()]
    return profile.reset_index()


@chart("line", size=(7, 3.6), x="k", y=("ari_ratio", "jaccard_ratio", "silhouette_ratio"))
def plot_clusters(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw for each number of groups how well they are found again, with what is asked of them."""
    ax = ax or style.new_axes(plot_clusters.size)
    looks = {
        "ari_ratio": (style.BLUE, say(None, "found again (adjusted Rand)", "可重现性（调整兰德指数）")),
        "jaccard_ratio": (style.ORANGE, say(None, "weakest group found again (Jaccard)", "最弱类的可重现性（Jaccard）")),
        "silhouette_ratio": (style.GREY, say(None, "apart (silhouette)", "分离度（轮廓系数）")),
    }  # fmt: skip
    for name, (colour, label) in looks.items():
        ax.plot(table["k"], table[name], marker="o", color=colour, label=label)
    style.reference_line(
        ax,
        clustering.STABLE_ARI,
        say(None, f"asked of the blue line: {clustering.STABLE_ARI:g}", f"蓝线要求：{clustering.STABLE_ARI:g}"),
    )
    style.reference_line(
        ax,
        clustering.STABLE_JACCARD,
        say(None, f"of the orange line: {clustering.STABLE_JACCARD:g}", f"橙线要求：{clustering.STABLE_JACCARD:g}"),
    )
    ax.set_xticks(table["k"].astype(int))
    ax.set_ylim(min(0, table["silhouette_ratio"].min()), 1.02)
    ax.set_xlabel(say(None, "Number of groups", "类别数"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, fontsize=8, columnspacing=1)
    return ax


def clusters_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many groups there are, or that there are no stable ones and why."""
    n, chosen = int(table["n_accounts"].iloc[0]), table[table["is_chosen"].astype(bool)]
    if len(chosen):
        row = chosen.iloc[0]
        return say(
            lang,
            f"{n} accounts fall into {row.k} stable groups (found again with ARI {number(row.ari_ratio, 2)}; silhouette {number(row.silhouette_ratio, 2)})",
            f"{n}个客户可分为{row.k}个稳定类别（重现ARI {number(row.ari_ratio, 2)}，轮廓系数{number(row.silhouette_ratio, 2)}）",
        )
    chance = table["chance_share"].dropna()
    if len(chance):
        return say(
            lang,
            f"No stable groups among {n} accounts: one cloud without groups splits as distinctly in {share(chance.iloc[0])} of cases",
            f"{n}个客户中没有稳定类别：无结构的数据有{share(chance.iloc[0])}的概率分得同样清楚",
        )
    best = table.loc[table["ari_ratio"].idxmax()] if table["ari_ratio"].notna().any() else table.iloc[0]
    return say(
        lang,
        f"No stable groups among {n} accounts: the best split ({best.k}) is found again with ARI {number(best.ari_ratio, 2)}, "
        f"asked are {clustering.STABLE_ARI:g} (Jaccard {number(best.jaccard_ratio, 2)}, asked {clustering.STABLE_JACCARD:g})",
        f"{n}个客户中没有稳定类别：最好的划分（{best.k}类）重现ARI为{number(best.ari_ratio, 2)}（要求{clustering.STABLE_ARI:g}），Jaccard为{number(best.jaccard_ratio, 2)}（要求{clustering.STABLE_JACCARD:g}）",
    )


def profile_claim(profile: pd.DataFrame, lang: str = "en") -> str:
    """Name the example of each group."""
    if profile.empty:
        return say(lang, "No stable groups: use the tiers and the segments", "没有稳定类别：请使用级别和细分")
    return say(lang, "Examples: ", "代表客户：") + names(list(profile["example"]), lang, most=6)
