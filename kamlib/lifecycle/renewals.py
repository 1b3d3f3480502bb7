"""Renewals: of the accounts under contract, how many renew each time, and how many will still be there after the next ones?

A renewal is a contract that begins no later than a day after the one before it ended. Accounts that easily leave leave
first, so a constant rate of churn, fitted to young contracts, underestimates who stays (sBG, `kamlib.models.sbg`).
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.models import sbg
from kamlib.models.sbg import Sbg
from kamlib.words import number, say, share

LEAST_LOST = 10
"""With fewer contracts that were not renewed, or renewals of one kind only, no curve is fitted."""
AHEAD = 3
"""So many renewals beyond those seen are projected."""
GRACE = 30
"""A contract signed up to so many days after the end still renews it: signatures come late."""


def renewal_chains(contracts: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Join contracts that renew each other: account_id, start, end, n_renewed (times), ended (over and, after a grace of
    30 days, not renewed).

    `end` is that of the last contract. One whose grace still runs has neither ended nor been renewed.
    """
    rows = contracts[contracts["start_date"] <= pd.Timestamp(as_of)].sort_values(
        ["account_id", "start_date", "end_date"]
    )
    latest = rows.groupby("account_id")["end_date"].cummax()
    since = (rows["start_date"] - latest.groupby(rows["account_id"]).shift()).dt.days
    chain = (~(since <= GRACE + 1)).cumsum()
    chains = rows.groupby(chain).agg(
        account_id=("account_id", "first"),
        start=("start_date", "first"),
        end=("end_date", "max"),
        n_renewed=("start_date", "nunique"),
    )
    chains["n_renewed"] -= 1
    chains["ended"] = chains["end"] + pd.Timedelta(days=GRACE) < pd.Timestamp(as_of)
    return chains.reset_index(drop=True)


def renewals_table(contracts: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Count by renewal (the first, the second …) how many contracts came to it and were renewed.

    n_renewal, n_contracts_due, n_contracts_renewed, renewal_rate with its Wilson interval, under_contract_share (Kaplan–Meier: still there after it), sbg_share and constant_share
    (the same by sBG and by one rate for all, also for the next three renewals; missing with fewer than 10 losses). Empty
    while no contract has come up for renewal.
    """
    chains = renewal_chains(contracts, as_of)
    if chains.empty or not (chains["ended"] | (chains["n_renewed"] > 0)).any():
        return pd.DataFrame(columns=_RENEWALS)
    most = int(chains["n_renewed"].max()) + 1
    lost = np.bincount(chains.loc[chains["ended"], "n_renewed"] + 1, minlength=most + 1)
    kept = np.bincount(chains.loc[~chains["ended"], "n_renewed"], minlength=most + 1)
    renewed = np.array([(chains["n_renewed"] >= t).sum() for t in range(1, most + 1)])
    table = pd.DataFrame(
        {"n_renewal": np.arange(1, most + 1), "n_contracts_due": renewed + lost[1:], "n_contracts_renewed": renewed}
    )
    table = table[table["n_contracts_due"] > 0]
    low, high = stats.wilson(table["n_contracts_renewed"], table["n_contracts_due"])
    table = table.assign(
        renewal_rate=table["n_contracts_renewed"] / table["n_contracts_due"],
        renewal_rate_low=low,
        renewal_rate_high=high,
    )
    table["under_contract_share"] = table["renewal_rate"].cumprod()
    table = (
        table.set_index("n_renewal").reindex(range(1, len(table) + 1 + AHEAD)).rename_axis("n_renewal").reset_index()
    )
    table["sbg_share"] = table["constant_share"] = np.nan
    if lost.sum() >= LEAST_LOST and (table["n_contracts_due"] >= LEAST_LOST).sum() >= 2:
        rate = renewed.sum() / (renewed.sum() + lost.sum())
        model = Sbg(*sbg.fit(lost, kept).values)
        table["sbg_share"] = model.survival(table["n_renewal"]).round(9)
        table["constant_share"] = rate ** table["n_renewal"]
    else:
        table = table[table["n_contracts_due"].notna()]
    return table[_RENEWALS]


_RENEWALS = [
    "n_renewal", "n_contracts_due", "n_contracts_renewed", "renewal_rate", "renewal_rate_low", "renewal_rate_high", "under_contract_share", "sbg_share",
    "constant_share",
]  # fmt: skip


@chart("dots", x="n_renewal", y="renewal_rate", low="renewal_rate_low", high="renewal_rate_high", size=(9, 3.8))
def plot_renewals(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the rate of each renewal with its interval, and the share still there beside both curves."""
    ax = ax or style.new_axes(plot_renewals.size)
    left, right = style.panels(ax, 1, 2, sharex=True)[0]
    seen = table[table["n_contracts_due"].notna()]
    spread = [seen["renewal_rate"] - seen["renewal_rate_low"], seen["renewal_rate_high"] - seen["renewal_rate"]]
    left.errorbar(
        seen["n_renewal"],
        seen["renewal_rate"],
        yerr=np.clip(spread, 0, None),
        color=style.BLUE,
        marker="o",
        ls="",
        capsize=3,
    )
    for row in seen.itertuples():
        left.annotate(
            f"n = {row.n_contracts_due:.0f}",
            (row.n_renewal, 0),
            (0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    left.set_ylabel(say(None, "renewed, of those due", "到期合同续约率"))
    _draw_kept(table, seen, right)
    for each in (left, right):
        each.set_ylim(0, 1.05)
        style.percent_axis(each.yaxis)
        each.set_xticks(range(int(table["n_renewal"].max()) + 1))
        each.set_xlabel(say(None, "renewal", "第几次续约"))
    return left


def _draw_kept(table: pd.DataFrame, seen: pd.DataFrame, ax: Axes) -> None:
    ax.step(
        [0, *seen["n_renewal"]],
        [1, *seen["under_contract_share"]],
        where="post",
        color=style.INK,
        lw=2,
        label=say(None, "seen", "实际"),
    )
    if table["sbg_share"].notna().any():
        ax.plot([0, *table["n_renewal"]], [1, *table["sbg_share"]], color=style.BLUE, marker="o", ms=4, label="sBG")
        text = say(None, "one rate for all", "单一固定比率")
        ax.plot([0, *table["n_renewal"]], [1, *table["constant_share"]], color=style.ORANGE, ls="--", label=text)
    ax.set_ylabel(say(None, "still under contract", "仍在约占比"))
    ax.legend(loc="lower left", fontsize=8)


def renewals_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many contracts were renewed when due, and what both curves expect after the last renewal seen."""
    seen = table[table["n_contracts_due"].notna()]
    n, k = int(seen["n_contracts_due"].sum()), int(seen["n_contracts_renewed"].sum())
    low, high = stats.wilson(k, n)
    en = f"{k} of {n} contracts were renewed when due ({share(k / n)}; 95 % interval {share(low)} to {share(high)})"
    zh = f"{n} 份到期合同续约 {k} 份（{share(k / n)}，95 % 区间 {share(low)}～{share(high)}）"
    if table["sbg_share"].isna().all():
        lost = n - k
        return say(
            lang,
            f"{en}; no curve from {lost} losses (at least {LEAST_LOST} needed).",
            f"{zh}；流失仅 {lost} 份（至少 {LEAST_LOST} 份），不作曲线推算。",
        )
    last, now = table.iloc[-1], seen.iloc[-1]
    at, model, flat = number(last["n_renewal"]), share(last["sbg_share"]), share(last["constant_share"])
    here, kept, fitted = number(now["n_renewal"]), share(now["under_contract_share"]), share(now["sbg_share"])
    return say(
        lang,
        f"{en}; {kept} outlast renewal {here} (sBG: {fitted}), and {model} should outlast renewal {at} (one rate for all: {flat}).",
        f"{zh}；第 {here} 次续约后实际留存 {kept}（sBG 为 {fitted}），第 {at} 次后预计 {model}（单一固定比率为 {flat}）。",
    )
