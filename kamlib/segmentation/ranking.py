"""Ranking: how few accounts bring most of the contribution (ABC), and who buys recently, often and much (RFM)?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from kamlib import style
from kamlib.exhibit import chart
from kamlib.words import money, say, share, word

KNOWN_SHARE = 0.9
"""Contribution is used where it is known for accounts with this share of revenue, else revenue stands in, visibly."""
FEW = 50
"""With fewer accounts RFM uses thirds, else fifths."""
ABC_COLOURS = {"A": style.BLUE, "B": style.SKY, "C": style.GRID}


def groups(values: pd.Series, n: int) -> pd.Series:
    """Return the group, 1 (lowest) to `n`, of each known value by its rank; equal values share a group."""
    rank = (values.rank(method="average") - 0.5) / values.notna().sum()
    return (np.floor(rank * n) + 1).clip(1, n)


def value_measure(accounts: pd.DataFrame) -> str:
    """Return "contribution", or "revenue" where the costs of too many accounts are unknown."""
    revenue = accounts["revenue"].abs()
    known = revenue[accounts["contribution"].notna()].sum()
    return "contribution" if known > 0 and known >= KNOWN_SHARE * revenue.sum() else "revenue"


def measure_of(table: pd.DataFrame) -> str:
    """Return which of the two measures of value `table` carries."""
    return "contribution" if "contribution" in table else "revenue"


def abc_table(accounts: pd.DataFrame, cuts: tuple[float, float] = (0.7, 0.9)) -> pd.DataFrame:
    """Rank accounts by contribution (or revenue, see `value_measure`) and class them by cumulated share of the total.

    account_id, account_name, contribution (or revenue), value_share, cum_share, cum_account_share, abc_class: A up to
    and with the account that reaches the first cut, B the second, C the rest and whoever brings nothing or a loss.
    Equal values share a class. Losses make cum_share pass 1 before it falls back: then it is a whale curve.
    """
    measure = value_measure(accounts)
    table = accounts[["account_id", "account_name", measure]].sort_values(
        [measure, "account_id"], ascending=[False, True], ignore_index=True
    )
    total = table[measure].sum()
    table["value_share"] = table[measure] / total if total > 0 else np.nan
    table["cum_share"] = table["value_share"].cumsum()
    table["cum_account_share"] = np.arange(1, len(table) + 1) / max(len(table), 1)
    before = (table["cum_share"] - table["value_share"]).groupby(table[measure]).transform("min")
    earns = table[measure] > 0
    table["abc_class"] = np.select([earns & (before < cut - 1e-12) for cut in cuts], ["A", "B"], "C")
    return table


@chart("area", size=(7, 3.5), x="cum_account_share", y="cum_share", colour="abc_class")
def plot_abc(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the cumulated share of contribution over the cumulated share of accounts, coloured by class."""
    ax = ax or style.new_axes(plot_abc.size)
    x, y = np.r_[0, table["cum_account_share"]], np.r_[0, table["cum_share"].ffill().fillna(0)]
    for name, part in table.groupby("abc_class"):
        last = part.index.max() + 1
        span = slice(part.index.min(), last + 1)
        ax.fill_between(x[span], y[span], color=ABC_COLOURS[name], lw=0)
    handles = [
        Patch(facecolor=ABC_COLOURS[name], edgecolor=style.GREY, label=_class_text(name, part))
        for name, part in table.groupby("abc_class")
    ]
    ax.legend(handles=handles, loc="center right", bbox_to_anchor=(0.98, 0.45), fontsize=10)
    ax.plot(x, y, color=style.INK, lw=1.5)
    ax.axhline(1, color=style.GREY, lw=1, ls="--")
    ax.set_xlim(0, 1)
    ax.set_ylim(min(0, y.min()), max(1.08, y.max() * 1.08))
    style.percent_axis(ax.xaxis)
    style.percent_axis(ax.yaxis)
    ax.set_xlabel(say(None, "Share of accounts, largest first", "客户数占比（从大到小）"))
    measure = word(measure_of(table))
    ax.set_ylabel(say(None, f"Cumulative share: {measure}", f"累计占比：{measure}"))
    return ax


def _class_text(name: str, part: pd.DataFrame) -> str:
    brought = share(part["value_share"].sum())
    return say(None, f"{name}: {len(part)} accounts bring {brought}", f"{name}类：{len(part)}个客户带来{brought}")


def abc_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say which share of accounts brings which share of contribution, and how many lose money."""
    measure = measure_of(table)
    top, n, name = table[table["abc_class"] == "A"], len(table), word(measure, lang).lower()
    losing = int((table[measure] < 0).sum())
    instead = say(lang, " (cost unknown, so by revenue)", "（成本未知，按收入）") if measure == "revenue" else ""
    if top.empty:
        return say(
            lang, f"No account brings a positive {name}: no ABC classes", f"没有客户带来正的{name}，无法做ABC分类"
        )
    whale = _losing(losing, measure, lang) if losing else ""
    k, m = share(len(top) / n), share(top["value_share"].sum())
    return say(
        lang,
        f"{k} of accounts ({len(top)} of {n}) bring {m} of {name}{instead}{whale}",
        f"{k}的客户（{n}个中的{len(top)}个）带来{m}的{name}{instead}{whale}",
    )


def _losing(n: int, measure: str, lang: str) -> str:
    if measure == "revenue":
        return say(lang, f"; {n} returned more than they bought", f"；{n}个客户退货多于采购")
    return say(lang, f"; {n} lose money, see 05", f"；{n}个客户亏损，见05")


def rfm_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """Band every account that ever ordered by recency, frequency and money: thirds below 50 accounts, else fifths.

    account_id, account_name, recency_days, gap_ratio (days since the last order ÷ usual gap; an account without a
    rhythm of its own borrows the median), n_orders, contribution (or revenue), n_bands, and r_band, f_band, m_band
    (highest is best). Recency is banded by gap_ratio: a yearly buyer is not late after two months.
    """
    measure = value_measure(accounts)
    buyers = accounts[accounts["recency_days"].notna()]
    usual = buyers["median_gap_days"].where(buyers["median_gap_days"] > 0)
    table = buyers[["account_id", "account_name", "recency_days", "n_orders", measure]].reset_index(drop=True)
    table.insert(3, "gap_ratio", (buyers["recency_days"] / usual.fillna(usual.median())).to_numpy(float))
    n = 3 if len(table) < FEW else 5
    recency = table["gap_ratio"].fillna(table["recency_days"])
    table["n_bands"] = n
    table["r_band"] = groups(-recency.astype(float), n).astype(int)
    table["f_band"] = groups(table["n_orders"].astype(float), n).astype(int)
    table["m_band"] = groups(table[measure].astype(float).fillna(-np.inf), n).astype(int)
    return table


def rfm_grid(rfm: pd.DataFrame) -> pd.DataFrame:
    """Sum the banded accounts per cell: r_band, f_band, n_accounts, contribution (or revenue), value_share, n_bands."""
    measure = measure_of(rfm)
    grid = rfm.groupby(["n_bands", "r_band", "f_band"], as_index=False).agg(
        n_accounts=("account_id", "size"), **{measure: (measure, "sum")}
    )
    total = grid[measure].sum()
    grid["value_share"] = grid[measure] / total if total > 0 else np.nan
    return grid.sort_values(["r_band", "f_band"], ascending=[False, False], ignore_index=True)


@chart("heatmap", size=(6.5, 3.4), x="f_band", y="r_band", colour="value_share")
def plot_rfm(grid: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw accounts and money per cell of recency and frequency; best customers top right."""
    ax = ax or style.new_axes(plot_rfm.size)
    bands = range(1, int(grid["n_bands"].iloc[0]) + 1)
    measure = measure_of(grid)
    cells = grid.set_index(["r_band", "f_band"])
    money_in = cells[measure].unstack().reindex(index=reversed(bands), columns=bands)
    counts = cells["n_accounts"].unstack().reindex_like(money_in)
    texts = money_in.copy().astype(object)
    for cell, n in counts.stack().items():
        texts.loc[cell] = f"{n:.0f}\n{money(money_in.loc[cell])}"
    style.heat_map(ax, money_in.clip(lower=0), texts)
    ax.set_xlabel(say(None, "Frequency band (highest: most orders)", "频次档（最高档：订单最多）"))
    ax.set_ylabel(say(None, "Recency band (highest: most on time)", "近度档（最高档：最准时）"))
    return ax


def rfm_claim(grid: pd.DataFrame, lang: str = "en") -> str:
    """Say what the best cell brings and how many frequent buyers are late."""
    n, best = int(grid["n_accounts"].sum()), int(grid["n_bands"].iloc[0])
    top = grid[(grid["r_band"] == best) & (grid["f_band"] == best)]
    late = int(grid.loc[(grid["r_band"] == 1) & (grid["f_band"] == best), "n_accounts"].sum())
    k, part = int(top["n_accounts"].sum()), share(top["value_share"].sum())
    name = word(measure_of(grid), lang).lower()
    return say(
        lang,
        f"{k} of {n} accounts buy most often and on time: {part} of {name}; frequent but late: {late}",
        f"{n}个客户中{k}个买得最勤且准时，占{name}{part}；{late}个高频客户已超期未下单",
    )
