"""Threads and success: are deals with several early contacts won more often, and who stands between the others?
(Part of relationships.)"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats as sp

from kamlib import stats, style, words
from kamlib.exhibit import chart

EARLY_DAYS = 60
BANDS = ("0", "1", "2", "3", "4+")
SMALLEST_NETWORK = 8


def early_contacts_table(
    deals: pd.DataFrame, activities: pd.DataFrame, as_of: dt.date, *, days: int = EARLY_DAYS
) -> pd.DataFrame:
    """Win rate by the contacts spoken to in a deal's first `days`, among deals that were still open then.

    Longer deals collect more contacts, and deals that are lost at once collect none; so only contacts of the first `days` count
    and only deals that lasted longer (a landmark; Anderson, Cain and Gelber 1983). One row per band: n_early_contacts ("0" … "4+"),
    n_closed, n_won, win_rate with its Wilson interval, n_open (not yet decided, left out), p_rate (do more contacts go with more
    wins? Kendall's tau, deals as units). An association: good deals get more attention, too.
    """
    rows = deals[deals.status.isin(["won", "lost", "open"])].copy()
    rows["landmark"] = rows.created_at + pd.Timedelta(days=days)
    rows = rows[(rows.landmark <= pd.Timestamp(as_of)) & (rows.closed_at.isna() | (rows.closed_at > rows.landmark))]
    spoken = activities.dropna(subset=["deal_id", "contact_id"]).merge(
        rows[["deal_id", "created_at", "landmark"]], on="deal_id"
    )
    early = spoken[
        spoken.two_way.eq(True) & (spoken.happened_at >= spoken.created_at) & (spoken.happened_at <= spoken.landmark)
    ]
    rows["n"] = rows.deal_id.map(early.groupby("deal_id").contact_id.nunique()).fillna(0).astype(int)
    closed = rows[rows.status != "open"]
    p = np.nan
    if closed.n.nunique() > 1 and closed.status.nunique() > 1:
        p = float(sp.kendalltau(closed.n, closed.status.eq("won")).pvalue)
    found = []
    for place, band in enumerate(BANDS):
        some = rows[rows.n.clip(upper=len(BANDS) - 1) == place]
        won, n = int((some.status == "won").sum()), int((some.status != "open").sum())
        low, high = stats.wilson(won, n)
        rate = won / n if n else np.nan
        found.append([band, n, won, rate, low, high, len(some) - n, p])
    table = pd.DataFrame(
        found,
        columns=[
            "n_early_contacts",
            "n_closed",
            "n_won",
            "win_rate",
            "win_rate_low",
            "win_rate_high",
            "n_open",
            "p_rate",
        ],
    )
    return table if table.n_closed.sum() else table.iloc[:0]


@chart("dots", x="n_early_contacts", y="win_rate", low="win_rate_low", high="win_rate_high", size=(8, 4))
def plot_early_contacts(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Win rate with its interval per number of early contacts."""
    ax = ax or style.new_axes((8, 4))
    place = np.arange(len(table))
    whiskers = np.abs(table[["win_rate_low", "win_rate_high"]].to_numpy().T - table.win_rate.to_numpy())
    ax.errorbar(place, table.win_rate, yerr=whiskers, fmt="o", color=style.BLUE, capsize=4)
    ax.set_xticks(place, [f"{row.n_early_contacts}\nn = {row.n_closed}" for row in table.itertuples()])
    ax.set_ylim(0, 1)
    style.percent_axis(ax.yaxis)
    ax.set_ylabel(words.say(None, "Won, of those decided (95 % interval)", "赢单率（95%区间）"))
    en = f"Contacts with two-way contact in the deal's first {EARLY_DAYS} days; deals open longer than that"
    ax.set_xlabel(words.say(None, en, f"商机前{EARLY_DAYS}天内有双向互动的联系人数；仅含存续超过该期限的商机"))
    return ax


def early_contacts_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say whether deals with more early contacts were won more often, or that it cannot be said."""
    n, p = int(table.n_closed.sum()), table.p_rate.iloc[0]
    few = table[table.n_early_contacts.isin(["0", "1"])]
    many = table[~table.n_early_contacts.isin(["0", "1"])]
    if min(few.n_closed.sum(), many.n_closed.sum()) < 10 or np.isnan(p):
        return words.say(
            lang,
            f"Whether several early contacts help cannot be said: {many.n_closed.sum()} of {n} decided deals had two or more (10 needed on each side).",
            f"早期多联系人是否有助赢单无法判断：{n} 个已决商机中仅 {many.n_closed.sum()} 个有两位及以上（两侧各需至少10个）。",
        )
    rates = [
        f"{words.share(k / m)} (n = {m})" for k, m in ((some.n_won.sum(), some.n_closed.sum()) for some in (many, few))
    ]
    clear = p < 0.05
    return words.say(
        lang,
        en=f"Deals with two or more early contacts: {rates[0]} won; with fewer: {rates[1]}; {'more contacts go with more wins' if clear else 'no clear association'} (p = {p:.2f}).",
        zh=f"早期有两位及以上联系人的商机赢单率 {rates[0]}，少于两位的 {rates[1]}；{'联系人越多赢单越多' if clear else '无明显关联'}（p = {p:.2f}）。",
    )


# The network


def network_table(ties: pd.DataFrame) -> pd.DataFrame:
    """Centrality in a directed network of evidence: `ties` has one row per tie, `source` → `target`.

    One row per person: node, n_in, n_out, degree_index (ties in both directions ÷ possible), betweenness_index (share of shortest
    paths between others that pass through), and of the whole network n_people, density_index, reciprocity_index (share of ties
    that are returned). Empty below eight people: there is no centre of a handful. It measures the ties that are recorded: who
    logs most looks most central. Sources: Freeman (1979); Wasserman and Faust (1994).
    """
    import networkx as nx

    graph = nx.DiGraph([(a, b) for a, b in zip(ties.source, ties.target, strict=True) if a != b])
    n = graph.number_of_nodes()
    if n < SMALLEST_NETWORK:
        return pd.DataFrame(columns=_NETWORK)
    degree, between = nx.degree_centrality(graph), nx.betweenness_centrality(graph)
    table = pd.DataFrame(
        {
            "node": list(graph), "n_in": [graph.in_degree(v) for v in graph], "n_out": [graph.out_degree(v) for v in graph],
            "degree_index": [degree[v] / 2 for v in graph], "betweenness_index": [between[v] for v in graph],
        }
    )  # fmt: skip
    whole = {"n_people": n, "density_index": nx.density(graph), "reciprocity_index": nx.reciprocity(graph)}
    return table.assign(**whole).sort_values(
        ["betweenness_index", "degree_index", "node"], ascending=[False, False, True], kind="stable", ignore_index=True
    )[_NETWORK]


_NETWORK = [
    "node",
    "n_in",
    "n_out",
    "degree_index",
    "betweenness_index",
    "n_people",
    "density_index",
    "reciprocity_index",
]


def dialogue_ties(activities: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return the ties that activities prove: our person → contact, and back where the contact answered; source, target."""
    names = people.set_index("contact_id").contact_name
    rows = activities[activities.contact_id.isin(people.contact_id)].dropna(subset=["person"])
    ties = pd.DataFrame({"source": rows.person, "target": rows.contact_id.map(names), "two_way": rows.two_way.eq(True)})
    back = ties[ties.two_way].rename(columns={"source": "target", "target": "source"})
    return pd.concat([ties, back])[["source", "target"]].drop_duplicates(ignore_index=True)


def network_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """State size, density and reciprocity, and who stands between the others; or that the network is too small."""
    if table.empty:
        return words.say(
            lang,
            f"Who stands between the others cannot be said: fewer than {SMALLEST_NETWORK} people have a recorded tie.",
            f"网络少于 {SMALLEST_NETWORK} 人，不计算中心度。",
        )
    row = table.iloc[0]
    return words.say(
        lang,
        en=f"{row.n_people} people, {words.share(row.density_index)} of possible ties, {words.share(row.reciprocity_index)} of them returned; most paths run through {row.node} ({words.share(row.betweenness_index)}).",
        zh=f"{row.n_people} 人，联系密度{words.share(row.density_index)}，双向比例{words.share(row.reciprocity_index)}；经过{row.node}的最短路径最多（{words.share(row.betweenness_index)}）。",
    )
