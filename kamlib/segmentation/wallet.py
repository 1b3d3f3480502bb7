"""Wallet: how much does each account spend in our category, how sure is that, and which part of it do we hold?

The best source is the customer's own statement; next comes what peers of its size spend. Never one number: low, middle and
high, with the source beside them. A wallet that is smaller than what the customer buys from us is wrong and counts as
unknown.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.models.regression import Fit, least_squares
from kamlib.segmentation.tiering import short_name
from kamlib.words import money, names, number, say, share, word

SIZES = ("employees", "annual_revenue")
LEVEL = 0.8
"""Share of peers between low and high."""
TOO_ALIKE = 5.0
"""Variance inflation above which two measures of size tell the same story, and the better one is taken alone."""
MOST_LABELS = 4


def fitted(accounts: pd.DataFrame) -> Fit | None:
    """Return the regression of the stated wallet on the customer's size, both in logarithms: the coefficient is an elasticity.

    Employees, annual revenue, or both unless they say the same (variance inflation above 5): whichever predicts an account
    left out best. None with fewer than ten stated wallets per measure.
    """
    stated = np.log(_stated(accounts))
    sizes = np.log(accounts[list(SIZES)].astype(float).where(lambda size: size > 0))
    fits = [least_squares(stated, sizes[list(names)]) for names in (("employees",), ("annual_revenue",), SIZES)]
    usable = [fit for fit in fits if fit is not None and fit.inflation <= TOO_ALIKE]
    return max(usable, key=lambda fit: fit.q2, default=None)


def _stated(accounts: pd.DataFrame) -> pd.Series:
    wallet = accounts["wallet"].astype(float)
    return wallet.where((wallet > 0) & (wallet >= accounts["revenue"]))


def potential_table(fit: Fit | None) -> pd.DataFrame:
    """Return the regression to read: term, coefficient_ratio with _low and _high (95 %), n_accounts, r2_share, q2_share (each
    account predicted without it), spread_p_ratio; empty when it cannot be fitted."""
    if fit is None:
        return pd.DataFrame(columns=["term", "coefficient_ratio", "coefficient_ratio_low", "coefficient_ratio_high", "n_accounts", "r2_share", "q2_share", "spread_p_ratio"])  # fmt: skip
    table = fit.table.set_axis(["term", "coefficient_ratio", "coefficient_ratio_low", "coefficient_ratio_high"], axis=1)
    return table.assign(n_accounts=fit.n, r2_share=fit.r2, q2_share=fit.q2, spread_p_ratio=fit.spread_p)


def potential_claim(fit: Fit | None, lang: str = "en") -> str:
    """Say what one per cent more size means for the wallet, how well it predicts, and whether its scatter is even."""
    if fit is None:
        return say(
            lang,
            "Potential cannot be estimated: fewer than 10 stated wallets with a size",
            "无法估计潜力：有规模数据的已知钱包不足10个",
        )
    row = fit.table.iloc[1]
    uneven = (
        say(lang, "; its errors are uneven, the intervals allow for it", "；误差不齐，区间已作稳健处理")
        if fit.spread_p < 0.05
        else ""
    )
    name = word(row.term, lang)
    return say(
        lang,
        f"10 % more {name.lower()} goes with {number(10 * row.coefficient, 1)} % more wallet ({number(10 * row.low, 1)} to {number(10 * row.high, 1)}; "
        f"n = {fit.n}); an account left out is predicted with R² {number(fit.q2, 2)}{uneven}",
        f"{name}每高10%，钱包约高{number(10 * row.coefficient, 1)}%（{number(10 * row.low, 1)}至{number(10 * row.high, 1)}；n = {fit.n}）；留一预测R²为{number(fit.q2, 2)}{uneven}",
    )  # fmt: skip


def wallet_table(accounts: pd.DataFrame, fit: Fit | None) -> pd.DataFrame:
    """Return each account's wallet and our share of it, largest gap first: account_id, account_name, tier, revenue, wallet,
    wallet_low, wallet_high, wallet_share (revenue ÷ wallet) with _low and _high, wallet_gap, wallet_source.

    Source "stated": the middle is the customer's own figure, low and high are the ends of the 80 % interval of peers of its
    size, stretched to hold the statement (missing without a size). "peers": what peers of its size spend, with their 80 % interval, never
    less than it buys from us. "unknown": neither; all missing.
    """
    table = accounts[["account_id", "account_name", "tier", "revenue"]].copy()
    stated, revenue = _stated(accounts), accounts["revenue"].clip(lower=0)
    peers = _of_peers(accounts, fit)
    middle = stated.fillna(peers["expected"])
    table["wallet"] = middle.clip(lower=revenue.where(middle.notna()))
    low = np.minimum(stated.fillna(np.inf), peers["low"])
    high = np.maximum(stated.fillna(0), peers["high"])
    table["wallet_low"], table["wallet_high"] = np.maximum(low, revenue), np.maximum(high, table["wallet"])
    base = {"wallet_share": "wallet", "wallet_share_low": "wallet_high", "wallet_share_high": "wallet_low"}
    for name, wallet in base.items():
        table[name] = revenue / table[wallet].where(table[wallet] > 0)
    table["wallet_gap"] = table["wallet"] - revenue
    table["wallet_source"] = np.select([stated.notna(), middle.notna()], ["stated", "peers"], "unknown")
    return table.sort_values(["wallet_gap", "account_id"], ascending=[False, True], ignore_index=True)


def _of_peers(accounts: pd.DataFrame, fit: Fit | None) -> pd.DataFrame:
    if fit is None:
        return pd.DataFrame(np.nan, index=accounts.index, columns=["expected", "low", "high"])
    terms = list(fit.table["term"].iloc[1:])
    return np.exp(fit.predict(np.log(accounts[terms].astype(float).where(lambda size: size > 0)), LEVEL))


@chart(
    "scatter",
    size=(7.5, 4.2),
    x="wallet",
    y="wallet_share",
    low="wallet_share_low",
    high="wallet_share_high",
    colour="wallet_source",
    label="account_name",
)
def plot_wallet(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw our share of each wallet over its size, with low and high; hollow where peers stand in for a statement."""
    ax = ax or style.new_axes(plot_wallet.size)
    known = table.dropna(subset=["wallet", "wallet_share"])
    for source, colour, face in (("stated", style.BLUE, style.BLUE), ("peers", style.ORANGE, "white")):
        part = known[known["wallet_source"] == source]
        if len(part):
            ax.vlines(part["wallet"], part["wallet_share_low"], part["wallet_share_high"].clip(upper=1), color=colour, alpha=0.35, lw=1.5)  # fmt: skip
            ax.scatter(part["wallet"], part["wallet_share"], s=36, c=face, edgecolors=colour, label=f"{word(source)} ({len(part)})", zorder=3)  # fmt: skip
    if known.empty:
        ax.text(0.5, 0.5, word("insufficient_data"), ha="center", transform=ax.transAxes, color=style.GREY, fontsize=14)
        return ax
    ax.set_xscale("log")
    ax.set_ylim(0, 1.05)
    style.money_axis(ax.xaxis)
    style.percent_axis(ax.yaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8)
    ax.set_xlabel(say(None, "Wallet: yearly spend in our category (logarithmic)", "钱包：本品类年采购额（对数轴）"))
    ax.set_ylabel(word("wallet_share"))
    ax.figure.draw_without_rendering()
    top = known.head(MOST_LABELS)
    style.label_points(ax, top["wallet"], top["wallet_share"], [short_name(name) for name in top["account_name"]])
    return ax


def wallet_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Sum the room to grow with its range, and name the accounts that hold most of it."""
    known = table.dropna(subset="wallet")
    if known.empty:
        return say(
            lang, "Cannot be said: no wallet is stated and none can be estimated", "无法判断：没有已知钱包，也无法估计"
        )
    held = known["revenue"].clip(lower=0).sum()
    ends = {name: known[name].fillna(known["wallet"]).sum() for name in ("wallet", "wallet_high", "wallet_low")}
    part, low, high = (share(held / total) if total > 0 else "n/a" for total in ends.values())
    stated, gap = int((known["wallet_source"] == "stated").sum()), money(known["wallet_gap"].sum(), lang)
    top = names([short_name(name) for name in known["account_name"].head(3)], lang)
    return say(
        lang,
        f"We hold {part} of {len(known)} wallets ({low} to {high}; {stated} stated by the customer); {gap} goes elsewhere, most at {top}",
        f"{len(known)}个客户的钱包份额为{part}（{low}至{high}；其中{stated}个由客户提供）；{gap}流向别处，最多的是{top}",
    )  # fmt: skip
