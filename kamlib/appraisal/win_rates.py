"""Who wins more than others would with the same customers? The funnel plot, and ranks with their intervals.

A win rate says as much about the customers as about the person. So each deal carries the chance that the others win one
like it (by a segment of the accounts, without the person's own deals, pulled towards all), and the person's wins are set
against the sum of these chances (indirect standardisation; funnel plots: Spiegelhalter 2005, Statistics in Medicine 24).
Part of notebook 08.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.appraisal import Book
from kamlib.exhibit import chart
from kamlib.funnel import UNKNOWN, closed_within
from kamlib.words import names, say, share, word

PULL = 2
"""Deals of all kinds that a segment's rate is mixed with: few, for more would make hard customers look easier than they are."""
FEWEST = 10
"""Closed deals below which nothing is said about a person."""
LIMIT = 0.05
DRAWS = 1000


def expected_chances(closed: pd.DataFrame, mix_by: str) -> pd.Series:
    """Return for each closed deal the chance that anybody else wins one of its segment, by the deals of all others.

    (wins of others in the segment + 2 · their rate in all) ÷ (their deals in the segment + 2). Missing where nobody
    else has a deal.
    """
    won = (closed["status"] == "won").astype(float)
    kind = closed[mix_by].astype(object).where(closed[mix_by].notna(), UNKNOWN)

    def others(keys: list[pd.Series]) -> tuple[pd.Series, pd.Series]:
        own = [*keys, closed["owner"]]
        group = won.groupby(keys) if keys else None
        all_n, all_k = (group.transform("size"), group.transform("sum")) if keys else (len(won), won.sum())
        return all_n - won.groupby(own).transform("size"), all_k - won.groupby(own).transform("sum")

    n, k = others([kind])
    total_n, total_k = others([])
    return (k + PULL * total_k / total_n.where(total_n > 0)) / (n + PULL)


def fair_table(of: Book, mix_by: str) -> pd.DataFrame:
    """Return for each person what was won, and what others would have won with such deals.

    owner, n_closed_deals, n_won, win_rate with Wilson interval, expected_rate (others, with these customers), fair_rate (the
    team's rate times won ÷ expected), fair_shrunk_rate (pulled towards the team by as much as chance explains),
    p (exact, two-sided: how often chance alone strays as far), verdict: "above", "below", "chance", "few".
    Deals closed in the period of `of`, most deals first.
    """
    columns = ["owner", "n_closed_deals", "n_won", "win_rate", "win_rate_low", "win_rate_high", "expected_rate", "fair_rate",
               "fair_shrunk_rate", "p", "verdict"]  # fmt: skip
    closed = _closed(of, mix_by)
    if closed.empty:
        return pd.DataFrame(columns=columns)
    team, rows, spread = (closed["status"] == "won").mean(), [], []
    for owner, mine in closed.groupby("owner"):
        won, chances = int((mine["status"] == "won").sum()), mine["chance"].to_numpy()
        low, high = stats.wilson(won, len(mine))
        rows.append(
            [
                owner,
                len(mine),
                won,
                won / len(mine),
                low,
                high,
                chances.mean(),
                team * won / chances.sum(),
                tail(won, chances),
            ]
        )
        spread.append((chances * (1 - chances)).sum())
    table = pd.DataFrame(rows, columns=[*columns[:8], "p"])
    expected = (table["expected_rate"] * table["n_closed_deals"]).to_numpy(float)
    table["fair_shrunk_rate"] = team * shrunk_ratio(table["n_won"].to_numpy(float), expected, np.array(spread))
    side = np.where(table["fair_rate"] > team, "above", "below")
    table["verdict"] = np.where(table["n_closed_deals"] < FEWEST, "few", np.where(table["p"] < LIMIT, side, "chance"))
    return table.sort_values(["n_closed_deals", "owner"], ascending=[False, True])[columns].reset_index(drop=True)


def _closed(of: Book, mix_by: str) -> pd.DataFrame:
    closed = closed_within(of.deals, of.as_of, of.months).dropna(subset="owner")
    if closed["owner"].nunique() < 2:
        return closed.head(0).assign(chance=0.0)
    closed = closed.assign(chance=expected_chances(closed, mix_by))
    return closed.dropna(subset="chance")


def tail(won: int, chances: np.ndarray) -> float:
    """Return how often independent deals with these `chances` stray at least as far from their sum as `won`: twice the
    smaller mid-p tail of the exact distribution (Poisson binomial)."""
    spread = np.ones(1)
    for chance in chances:
        spread = np.convolve(spread, [1 - chance, chance])
    lower, here = spread[:won].sum(), spread[won]
    return float(min(1.0, 2 * min(lower + here / 2, 1 - lower - here / 2)))


def shrunk_ratio(won: np.ndarray, expected: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Pull won ÷ expected towards that of the team, the more the larger the `variance` of the number won by chance.

    Between-person variance by moments (DerSimonian and Laird 1986); none: everybody has the team's.
    """
    ratio, within = won / expected, variance / expected**2
    weight = 1 / within
    mean = won.sum() / expected.sum()
    q = (weight * (ratio - np.average(ratio, weights=weight)) ** 2).sum()
    between = max(0.0, (q - (len(won) - 1)) / (weight.sum() - (weight**2).sum() / weight.sum()))
    return mean + (ratio - mean) * between / (between + within)


@chart("scatter", x="n_closed_deals", y="fair_rate", label="owner", size=(8, 5))
def plot_fair(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the mix-adjusted rate over the number of deals, with the limits inside which chance keeps 95 and 99.8 %; the
    hollow mark is the rate as it stands."""
    ax = ax or style.new_axes(plot_fair.size)
    team = table["n_won"].sum() / table["n_closed_deals"].sum()
    n = np.linspace(max(table["n_closed_deals"].min() * 0.6, 2), table["n_closed_deals"].max() * 1.12, 100)
    for z, line, text in ((1.96, "--", "95 %"), (3.09, ":", "99.8 %")):
        half = z * np.sqrt(team * (1 - team) / n)
        for bound in (np.clip(team - half, 0, 1), np.clip(team + half, 0, 1)):
            ax.plot(n, bound, color=style.GREY, lw=1, ls=line)
        ax.annotate(
            text,
            (n[-1], min(team + half[-1], 1)),
            (3, 0),
            textcoords="offset points",
            fontsize=8,
            color=style.GREY,
            va="center",
        )
    ax.axhline(team, color=style.GREY, lw=1)
    colours = table["verdict"].map({"above": style.BLUE, "below": style.VERMILION}).fillna(style.GREY)
    ax.vlines(table["n_closed_deals"], table["win_rate"], table["fair_rate"], color=style.PALE, lw=1)
    ax.scatter(
        table["n_closed_deals"],
        table["win_rate"],
        facecolors="none",
        edgecolors=style.PALE,
        s=30,
        label=word("win_rate"),
    )
    ax.scatter(table["n_closed_deals"], table["fair_rate"], color=colours, s=42, label=word("fair_rate"), zorder=3)
    style.label_points(ax, table["n_closed_deals"], table["fair_rate"], table["owner"].tolist())
    ax.set_xlabel(word("n_closed_deals"))
    ax.set_ylim(0, min(1, max(table[["win_rate", "fair_rate"]].max().max() * 1.2, team + 0.3)))
    style.percent_axis(ax.yaxis)
    ax.legend(loc="lower right", fontsize=8)
    return ax


def fair_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Name those whom chance does not explain; else say that nobody may be ranked. Then whom the mix misjudges most."""
    team = table["n_won"].sum() / table["n_closed_deals"].sum()
    shift = (table["fair_rate"] - table["win_rate"]).where(table["n_closed_deals"] >= FEWEST)
    en = zh = ""
    if shift.notna().any():
        at = shift.abs().idxmax()
        owner, raw, fair = table.loc[at, "owner"], share(table.loc[at, "win_rate"]), share(table.loc[at, "fair_rate"])
        en = f" {owner} wins {raw}, which with average customers would be {fair}."
        zh = f"{owner}的赢单率 {raw}，若客户结构与团队相同应为 {fair}。"
    above, below = (table.loc[table["verdict"] == side, "owner"].tolist() for side in ("above", "below"))
    n = int((table["n_closed_deals"] >= FEWEST).sum())
    if not above and not below:
        return say(
            lang,
            f"Nobody of {n} strays further from the team's {share(team)} than chance, once customers are alike.{en}",
            f"剔除客户结构后，{n} 人与团队 {share(team)} 的差异均可由偶然解释。{zh}",
        )
    told_en = " and ".join(
        f"{names(who, 'en')} win{'s' * (len(who) == 1)} {more}"
        for who, more in ((above, "more"), (below, "less"))
        if who
    )
    told_zh = "，".join(f"{names(who, 'zh')}{more}" for who, more in ((above, "高于"), (below, "低于")) if who)
    return say(
        lang,
        f"With customers alike, {told_en} than the team's {share(team)}, beyond chance ({n} people).{en}",
        f"剔除客户结构后，{told_zh}团队的 {share(team)}，超出偶然范围（{n} 人）。{zh}",
    )


def rank_table(of: Book, mix_by: str, level: float = 0.9) -> pd.DataFrame:
    """Return the rank of each person by won ÷ expected, with the interval of a bootstrap over each person's own deals.

    owner, n_closed_deals, fair_rate, n_rank (1 is best), n_rank_low, n_rank_high. People with fewer than ten deals are left out.
    """
    columns = ["owner", "n_closed_deals", "fair_rate", "n_rank", "n_rank_low", "n_rank_high"]
    closed = _closed(of, mix_by)
    groups = {owner: mine for owner, mine in closed.groupby("owner") if len(mine) >= FEWEST} if len(closed) else {}
    if len(groups) < 2:
        return pd.DataFrame(columns=columns)
    random, draws, now = np.random.default_rng(0), [], []
    for mine in groups.values():
        won, chance = (mine["status"] == "won").to_numpy(float), mine["chance"].to_numpy()
        at = random.integers(0, len(mine), (DRAWS, len(mine)))
        draws.append(won[at].sum(axis=1) / chance[at].sum(axis=1))
        now.append(won.sum() / chance.sum())
    ranks = pd.DataFrame(-np.array(draws)).rank(method="average").to_numpy()
    low, high = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=1)
    table = pd.DataFrame({"owner": list(groups), "n_closed_deals": [len(mine) for mine in groups.values()]})
    table["fair_rate"] = np.array(now) * (closed["status"] == "won").mean()
    table["n_rank"] = (-np.array(now)).argsort().argsort() + 1
    table["n_rank_low"], table["n_rank_high"] = np.floor(low).astype(int), np.ceil(high).astype(int)
    return table[columns].sort_values("n_rank").reset_index(drop=True)


@chart("dots", y="owner", x="n_rank", low="n_rank_low", high="n_rank_high", size=(8, 4.4))
def plot_ranks(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each rank with its interval."""
    ax = ax or style.new_axes(plot_ranks.size)
    y = np.arange(len(table))[::-1]
    ax.hlines(y, table["n_rank_low"], table["n_rank_high"], color=style.SKY, lw=6, alpha=0.6)
    ax.plot(table["n_rank"], y, "o", color=style.BLUE)
    ax.set_yticks(y, [f"{row.owner} ({row.n_closed_deals})" for row in table.itertuples()])
    ax.set_xlim(0.5, len(table) + 0.5)
    ax.set_xticks(range(1, len(table) + 1))
    ax.set_xlabel(say(None, "rank by mix-adjusted win rate, 90 % interval", "按剔除结构后赢单率的名次，90 % 区间"))
    ax.grid(axis="y", visible=False)
    return ax


def ranks_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how wide the ranks are and whether any two people can be told apart."""
    width = (table["n_rank_high"] - table["n_rank_low"]).median()
    best, last = table.iloc[0], table.iloc[-1]
    apart = best["n_rank_high"] < last["n_rank_low"]
    n = len(table)
    return say(
        lang,
        f"A rank among {n} is sure to within {width:.0f} places (90 %, median); first and last {'can' if apart else 'cannot'} be told apart.",
        f"{n} 人的名次可信范围为 {width:.0f} 位（90 %，中位数）；第一与最后{'可以' if apart else '无法'}区分。",
    )
