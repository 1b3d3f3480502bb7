"""Returns: what comes back, of which products and from whom, in value and in units, and is it getting more?

Part of notebook 05. A return counts on the day it came back, as in the account mart: value returned ÷ value ordered in
the same window. Products are compared in units as well, since one dear machine and a hundred seals weigh alike in value
only. The share of orders that had something returned carries a Wilson interval; returned units of one order are not
independent, so none is given for units.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from ibis import Table
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.mart.window import windows
from kamlib.words import say, share, word
from kamlib.workspace import Data

LEAST_ORDERS = 30
"""A product bought in fewer orders has no rate that could be compared."""


def product_returns_table(data: Data) -> pd.DataFrame:
    """Compare what was ordered with what came back in the window, by product, the largest returned value first.

    product_id, product_name, ordered_amount, returns_amount, return_rate (÷ ordered), quantity_ordered, quantity_returned,
    unit_return_rate, n_returns, n_orders (with the product), n_orders_returned (orders of the product of which something came back in
    the window), order_return_rate with its Wilson interval. Returns that name no product stand last, without a name.
    """
    this, _ = windows(data)
    orders, lines, back = data.table("orders"), data.table("order_lines"), data.table("returns")
    orders = orders.filter(this.holds(orders.order_date)).select("order_id")
    sold = lines.semi_join(orders, "order_id")
    back = back.filter(this.holds(back.return_date))
    table = _sums(sold, "product_id", "ordered_amount", "quantity_ordered", "n_orders")
    returned = _sums(back, "product_id", "returns_amount", "quantity_returned", "n_orders_returned")
    table = table.drop(columns="n_rows").join(returned.rename(columns={"n_rows": "n_returns"}), how="outer")
    table = table.fillna(0.0).astype({"n_orders": int, "n_orders_returned": int, "n_returns": int})
    names = data.frame("products").set_index("product_id")["product_name"]
    table.insert(0, "product_name", [names.get(id, id) for id in table.index])
    table["return_rate"] = (table["returns_amount"] / table["ordered_amount"]).where(table["ordered_amount"] > 0)
    table["unit_return_rate"] = (table["quantity_returned"] / table["quantity_ordered"]).where(
        table["quantity_ordered"] > 0
    )
    k, n = table["n_orders_returned"], table["n_orders"]
    table["order_return_rate"] = (k / n).where(n > 0)
    table["order_return_rate_low"], table["order_return_rate_high"] = stats.wilson(np.minimum(k, n), n)
    order = ["product_id", "product_name", "ordered_amount", "returns_amount", "return_rate", "quantity_ordered",
             "quantity_returned", "unit_return_rate", "n_returns", "n_orders", "n_orders_returned", "order_return_rate",
             "order_return_rate_low", "order_return_rate_high"]  # fmt: skip
    table = table.rename_axis("product_id").reset_index()[order]
    return table.sort_values(["returns_amount", "product_id"], ascending=[False, True], ignore_index=True)


def account_returns_table(data: Data) -> pd.DataFrame:
    """Compare what was ordered with what came back in the window, by account, the largest returned value first.

    account_id, account_name, order_revenue, returns_amount and return_rate of the mart; quantity_ordered,
    quantity_returned, unit_return_rate (missing where order lines were not delivered). Only accounts that returned.
    """
    this, _ = windows(data)
    orders, lines, back = data.table("orders"), data.table("order_lines"), data.table("returns")
    orders = orders.filter(this.holds(orders.order_date)).select("order_id", "account_id")
    sold = _sums(lines.inner_join(orders, "order_id"), "account_id", "amount", "quantity_ordered", "n_orders")
    back = _sums(back.filter(this.holds(back.return_date)), "account_id", "amount", "quantity_returned", "n_orders")
    table = data.mart[["account_id", "account_name", "order_revenue", "returns_amount", "return_rate"]].copy()
    for column, sums in (("quantity_ordered", sold), ("quantity_returned", back)):
        table[column] = table["account_id"].map(sums[column]).astype(float)
    table["unit_return_rate"] = (table["quantity_returned"] / table["quantity_ordered"]).where(
        table["quantity_ordered"] > 0
    )
    table = table[table["returns_amount"] > 0]
    return table.sort_values(["returns_amount", "account_id"], ascending=[False, True], ignore_index=True)


def _sums(rows: Table, key: str, amount: str, quantity: str, n_orders: str) -> pd.DataFrame:
    """Sum amount and quantity, and count orders and rows, by `key`; rows without it under ""."""
    sums = rows.group_by(rows[key].fill_null("").name(key)).agg(
        **{
            amount: rows.amount.sum(),
            quantity: rows.quantity.sum(),
            n_orders: rows.order_id.nunique(),
            "n_rows": rows.count(),
        }
    )
    return sums.to_pandas().set_index(key).astype(float)


def trend_table(months: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Return the rate of returns of the twelve months up to each month-end, over `data.months`: month, ordered_amount,
    returns_amount, return_rate. Months that are not over on `until` are left out; empty where returns were not measured."""
    if months.empty or months["returns_amount"].isna().all():
        return pd.DataFrame(columns=["month", "ordered_amount", "returns_amount", "return_rate"])
    sums = months.groupby("month")[["order_revenue", "returns_amount"]].sum()
    last = (pd.Timestamp(until) + pd.Timedelta(days=1)).to_period("M") - 1
    sums = sums.reindex(pd.period_range(sums.index.min(), last, freq="M").to_timestamp(), fill_value=0.0)
    year = sums.rolling(12).sum().dropna().rename_axis("month").reset_index()
    year = year.rename(columns={"order_revenue": "ordered_amount"})
    return year.assign(return_rate=(year["returns_amount"] / year["ordered_amount"]).where(year["ordered_amount"] > 0))


@chart("bar", y="product_name", x="return_rate", size=(8.5, 3.8))
def plot_returns(
    table: pd.DataFrame, ax: Axes | None = None, *, trend: pd.DataFrame | None = None, top_n: int = 8
) -> Axes:
    """Draw the rates of the `top_n` products with most returned value, in value and in units, beside the rate of all over
    time (`trend`)."""
    ax = ax or style.new_axes(plot_returns.size)
    left, *right = style.panels(ax, 1, 1 if trend is None or trend.empty else 2)[0]
    head = table[table["ordered_amount"] > 0].head(top_n)
    at = np.arange(len(head))
    left.barh(at - 0.19, head["return_rate"], height=0.36, color=style.BLUE, label=say(None, "of value", "按金额"))
    left.barh(at + 0.19, head["unit_return_rate"], height=0.36, color=style.SKY, label=say(None, "of units", "按数量"))
    left.set_yticks(at, head["product_name"], fontsize=8)
    left.invert_yaxis()
    left.grid(axis="y", visible=False)
    style.percent_axis(left.xaxis, 1)
    left.set_xlabel(say(None, "returned, largest value first", "退货率（按退货金额排序）"))
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=8)
    for panel in right:
        panel.plot(trend["month"], trend["return_rate"], color=style.BLUE, marker="o", ms=3)
        panel.set_ylim(0, trend["return_rate"].max() * 1.25 or 1)
        style.date_axis(panel.xaxis)
        style.percent_axis(panel.yaxis, 1)
        panel.set_xlabel(say(None, "twelve months up to …", "截至该月的12个月"))
        panel.set_title(word("return_rate"), fontsize=9)
    return left


def returns_claim(table: pd.DataFrame, lang: str | None = "en", *, trend: pd.DataFrame | None = None) -> str:
    """Say the rate in value and in units, how it moved in a year, and the product that stands out, if one does."""
    sold, units = table["ordered_amount"].sum(), table["quantity_ordered"].sum()
    by_value = share(table["returns_amount"].sum() / sold if sold > 0 else np.nan, 1)
    by_units = share(table["quantity_returned"].sum() / units if units > 0 else np.nan, 1)
    rates = pd.Series(dtype=float) if trend is None else trend["return_rate"]
    was = share(rates.iloc[-13], 1) if len(rates) > 12 else "n/a"
    en, zh = (
        f"Returns: {by_value} of value (a year before {was}), {by_units} of units",
        (f"退货占订单金额 {by_value}（一年前 {was}），占数量 {by_units}"),
    )
    worst = standing_out(table)
    if worst.empty:
        return say(lang, f"{en}; no product stands out.", f"{zh}；没有产品明显偏高。")
    first = worst.iloc[0]
    rate, low, high = (share(first[f"order_return_rate{end}"], 1) for end in ("", "_low", "_high"))
    return say(
        lang,
        f"{en}; {first['product_name']} stands out, in {rate} of its orders (95 %: {low} to {high}).",
        f"{zh}；{first['product_name']} 明显偏高，占其订单的 {rate}（95 %：{low} 至 {high}）。",
    )


def standing_out(table: pd.DataFrame) -> pd.DataFrame:
    """Return the products of a `product_returns_table` that come back more often than the others do for sure: in at least
    `LEAST_ORDERS` orders, and the whole interval above the rate of the other products; the highest first."""
    k, n = table["n_orders_returned"], table["n_orders"]
    others = (k.sum() - k) / (n.sum() - n).where(n.sum() > n)
    rows = table[(n >= LEAST_ORDERS) & (table["order_return_rate_low"] > others)]
    return rows.sort_values(["order_return_rate", "product_id"], ascending=[False, True])
