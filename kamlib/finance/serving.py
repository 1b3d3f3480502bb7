"""Serving: what does serving customers cost, by which activity, and who still loses money when it is allocated otherwise?

Part of notebook 05. Service cost is booked per activity and account: activity-based costing, cost = Σ driver quantity ×
rate (Kaplan & Anderson, *Time-Driven Activity-Based Costing*, 2004). Whoever doubts the drivers asks whether the verdict
"loses money" hangs on them; therefore every account is judged again with all service cost, also what names no account,
spread by number of orders and by revenue. Cost spread by revenue makes all accounts look average; it is a test, not a method.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from ibis import Table
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.mart.window import windows
from kamlib.words import names, say, share, short, word
from kamlib.workspace import Data

WAYS = ("contribution", "contribution_by_rates", "contribution_by_orders", "contribution_by_revenue")
"""Contribution with service cost as booked; at the same rate per driver unit for everybody; and with all service cost
spread by two other drivers."""


def activity_table(data: Data) -> pd.DataFrame:
    """Sum the service cost of the window by activity, the largest first.

    activity ("activity.order" …), n_accounts, driver_quantity and booked (of known accounts), unit_rate_amount = booked ÷ quantity (missing
    where no quantity is), unallocated (of no known account), cost (both).
    """
    rows = _costs(data)
    owned = rows.is_known
    sums = rows.group_by("activity").agg(
        n_accounts=rows.account_id.nunique(where=owned),
        driver_quantity=rows.quantity.sum(where=owned),
        booked=rows.amount.sum(where=owned).fill_null(0),
        unallocated=rows.amount.sum(where=~owned).fill_null(0),
    )
    table = sums.to_pandas().astype({"booked": float, "unallocated": float, "driver_quantity": float})
    table["unit_rate_amount"] = (table["booked"] / table["driver_quantity"]).where(table["driver_quantity"] > 0)
    table["cost"] = table["booked"] + table["unallocated"]
    order = ["activity", "n_accounts", "driver_quantity", "booked", "unit_rate_amount", "unallocated", "cost"]
    return table.sort_values(["cost", "activity"], ascending=[False, True], ignore_index=True)[order]


def _costs(data: Data) -> Table:
    """The service costs of the window, and whether they name a known account."""
    costs, known = data.table("service_costs"), data.table("accounts").account_id
    costs = costs.filter(windows(data)[0].holds(costs.cost_date))
    return costs.mutate(activity="activity." + costs.activity, is_known=costs.account_id.isin(known).fill_null(False))


def standard_cost(data: Data) -> pd.Series:
    """Return the service cost per account_id if every unit of a driver cost everybody the same: Σ quantity × rate.

    Cost without a quantity stays as booked. Empty when no quantity was delivered: then there are no rates.
    """
    rows = _costs(data).filter(lambda t: t.is_known)
    sums = rows.group_by("account_id", "activity").agg(
        quantity=rows.quantity.sum(), with_quantity=rows.amount.sum(where=rows.quantity > 0), amount=rows.amount.sum()
    )
    parts = sums.to_pandas().astype({"quantity": float, "with_quantity": float, "amount": float}).fillna(0.0)
    if not parts["quantity"].sum() > 0:
        return pd.Series(dtype=float)
    whole = parts.groupby("activity")[["quantity", "with_quantity"]].transform("sum")
    rate = (whole["with_quantity"] / whole["quantity"]).where(whole["quantity"] > 0, 0.0)
    cost = parts["quantity"] * rate + parts["amount"] - parts["with_quantity"]
    return cost.groupby(parts["account_id"]).sum()


def allocated(rows: pd.DataFrame, unallocated: float = 0.0) -> dict[str, pd.Series]:
    """Return contribution per account with all service cost, also `unallocated`, spread by orders and by revenue.

    Keys of `WAYS`; nothing when there is no service cost or nothing to spread it by.
    """
    cost = rows["cost_to_serve"].sum() + unallocated
    drivers = {"orders": rows["n_orders"], "revenue": rows["revenue"].clip(lower=0)}
    return {
        f"contribution_by_{name}": rows["gross_margin"] - cost * driver / driver.sum()
        for name, driver in drivers.items()
        if cost > 0 and driver.sum() > 0
    }


def verdict_table(mart: pd.DataFrame, standard: pd.Series | None = None, *, unallocated: float = 0.0) -> pd.DataFrame:
    """Judge every account under each allocation of service cost, the largest loss as booked first.

    account_id, account_name, owner, revenue, gross_margin, cost_to_serve, those of the `WAYS` that the data allow
    (`standard` is a `standard_cost`), n_ways, n_losing_ways (below zero), flips (some but not all are below zero). Empty
    where no cost of goods or no service cost is known.
    """
    rows = mart[mart["contribution"].notna() & mart["cost_to_serve"].notna()]
    rows = rows[(rows["revenue"] != 0) | (rows["contribution"] != 0)]
    columns = ["account_id", "account_name", "owner", "revenue", "gross_margin", "cost_to_serve", "contribution"]
    table = rows[columns].copy()
    if standard is not None and len(standard):
        table["contribution_by_rates"] = rows["gross_margin"] - rows["account_id"].map(standard).astype(float).fillna(
            0.0
        )
    table = table.assign(**allocated(rows, unallocated))
    ways = ways_of(table)
    table["n_ways"] = len(ways)
    table["n_losing_ways"] = (table[ways].round(2) < 0).sum(axis=1)
    table["flips"] = table["n_losing_ways"].between(1, len(ways) - 1)
    table = table.sort_values(["contribution", "account_id"], ignore_index=True)
    return table if len(ways) > 1 else table.head(0)


def ways_of(verdict: pd.DataFrame) -> list[str]:
    """Return the `WAYS` that a `verdict_table` holds."""
    return [way for way in WAYS if way in verdict]


MARKS = dict(zip(WAYS, (("o", style.BLUE), ("s", style.SKY), ("D", style.ORANGE), ("^", style.GREY)), strict=True))


@chart("dots", y="account_name", x="contribution", size=(8.5, 5))
def plot_verdict(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 14) -> Axes:
    """Draw the `top_n` largest losses, under whichever allocation, with their contribution under each."""
    ax = ax or style.new_axes(plot_verdict.size)
    ways = ways_of(table)
    head = table.loc[sorted(table[ways].min(axis=1).nsmallest(top_n, keep="first").index)]
    at = np.arange(len(head))
    ax.hlines(at, head[ways].min(axis=1), head[ways].max(axis=1), color=style.PALE, lw=2)
    for way in ways:
        mark, colour = MARKS[way]
        ax.plot(head[way], at, mark, color=colour, ms=6, label=word(f"{way}.short"))
    ax.axvline(0, color=style.INK, lw=1)
    sure = head["n_losing_ways"] == head["n_ways"]
    ax.set_yticks(
        at, [f"▼ {short(name)}" if always else short(name) for name, always in zip(head["account_name"], sure, strict=True)],
        fontsize=8,
    )  # fmt: skip
    for tick, always in zip(ax.get_yticklabels(), sure, strict=True):
        tick.set_color(style.BAD if always else style.INK)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    style.money_axis(ax.xaxis)
    ax.locator_params(axis="x", nbins=6)
    ax.set_xlabel(word("contribution") + say(None, " · ▼ a loss under every allocation", " · ▼ 各种分摊下均亏损"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, fontsize=8, columnspacing=1)
    return ax


def verdict_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many accounts lose money as booked, how many of them under every allocation, and how many change sign."""
    booked = table[table["contribution"] < 0]
    always = table[table["n_losing_ways"] == table["n_ways"]]
    flips, n, ways = int(table["flips"].sum()), len(table), int(table["n_ways"].iloc[0])
    part, who = share(flips / n), names([short(name) for name in always["account_name"]], lang)
    en, zh = (f": {who}", f"：{who}") if len(always) else ("", "")
    if "contribution_by_rates" in table:
        alike = int((booked["contribution_by_rates"] < 0).sum())
        also = f", {alike} also at one rate per driver unit", f"，按统一费率仍有 {alike} 个"
    else:
        also = "", ""
    return say(
        lang,
        f"{len(booked)} of {n} accounts lose money as booked{also[0]}, {len(always)} under all {ways} allocations{en}; "
        f"{flips} ({part}) change sign.",
        f"{n} 个客户中 {len(booked)} 个按入账成本亏损{also[1]}，{len(always)} 个在全部 {ways} 种分摊下均亏损{zh}；"
        f"{flips} 个（{part}）盈亏逆转。",
    )
