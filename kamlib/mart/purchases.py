"""What accounts bought: orders, their rhythm and their money, products, returns and the cost of serving them.

Each function returns one row per account that has any; the mart fills in the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
from ibis import Table, Value

from kamlib.mart.window import SUM, windows

if TYPE_CHECKING:
    from kamlib.workspace import Data

MONTHLY = {
    "n_orders": "int64", "n_listed": "int64", "n_costed": "int64", "n_uncosted": "int64", "list_revenue": SUM,
    "order_revenue": SUM, "cogs": SUM, "returns_amount": SUM, "cost_to_serve": SUM,
}  # fmt: skip


def order_sums(orders: Table) -> dict[str, Value]:
    """Return the sums of any group of orders. One without list price was sold at list; one without cost is counted."""
    return {
        "n_orders": orders.count(),
        "n_listed": orders.list_amount.count(),
        "n_costed": orders.cogs.count(),
        "n_uncosted": orders.cogs.isnull().sum(),
        "list_revenue": ibis.coalesce(orders.list_amount, orders.amount).sum(),
        "order_revenue": orders.amount.sum(),
        "cogs": orders.cogs.sum(),
    }


def sales(data: Data) -> Table:
    """Return how many orders, for how much, and how many of those delivered came late."""
    orders = data.table("orders")
    this, before = windows(data)
    orders = orders.mutate(
        list_revenue=ibis.coalesce(orders.list_amount, orders.amount),
        uncosted=orders.cogs.isnull(),
        delivered=orders.promised_at.notnull() & orders.delivered_at.notnull(),
        late=orders.delivered_at > orders.promised_at,
        now=this.holds(orders.order_date),
        then=before.holds(orders.order_date),
    )
    return orders.group_by("account_id").agg(
        n_orders_ever=orders.count(),
        n_listed_ever=orders.list_amount.count(),
        n_costed_ever=orders.cogs.count(),
        order_revenue_ever=orders.amount.sum(),
        n_orders=orders.now.sum(),
        n_uncosted=(orders.now & orders.uncosted).sum(),
        list_revenue=orders.list_revenue.sum(where=orders.now),
        order_revenue=orders.amount.sum(where=orders.now),
        cogs=orders.cogs.sum(where=orders.now),
        n_delivered=(orders.now & orders.delivered).sum(),
        n_late=(orders.now & orders.delivered & orders.late).sum(),
        n_orders_prev=orders.then.sum(),
        n_uncosted_prev=(orders.then & orders.uncosted).sum(),
        order_revenue_prev=orders.amount.sum(where=orders.then),
        cogs_prev=orders.cogs.sum(where=orders.then),
    )


def rhythm(data: Data) -> Table:
    """Return what the order dates say: the first and the last, how many, in how many months, at which gaps."""
    this, _ = windows(data)
    day = data.table("orders").select("account_id", "order_date").distinct()
    day = day.mutate(previous=day.order_date.lag().over(group_by=day.account_id, order_by=day.order_date))
    day = day.mutate(gap=day.order_date.delta(day.previous, unit="day"))
    opens_month = day.previous.isnull() | (day.previous < day.order_date.truncate("M"))
    opens_month_now = this.holds(day.order_date) & (opens_month | (day.previous < this.start))
    return day.group_by("account_id").agg(
        first_order=day.order_date.min(),
        last_order=day.order_date.max(),
        n_order_days_ever=day.count(),
        n_active_months_ever=opens_month.sum(),
        n_active_months=opens_month_now.sum(),
        gaps=day.gap.sum(),
        gaps_squared=(day.gap * day.gap).sum(),
        median_gap_days=day.gap.median(),
        p90_gap_days=day.gap.quantile(0.9),
    )


def returned(data: Data) -> Table:
    """Return the returned value, by the date of the return."""
    rows = data.table("returns")
    this, before = windows(data)
    return rows.group_by("account_id").agg(
        returns_amount=rows.amount.sum(where=this.holds(rows.return_date)),
        returns_prev=rows.amount.sum(where=before.holds(rows.return_date)),
        returns_ever=rows.amount.sum(),
    )


def service(data: Data) -> Table:
    """Return the service cost booked to the account; what is booked to none stays out."""
    rows = data.table("service_costs")
    this, before = windows(data)
    return rows.group_by("account_id").agg(
        cost_to_serve=rows.amount.sum(where=this.holds(rows.cost_date)),
        cost_to_serve_prev=rows.amount.sum(where=before.holds(rows.cost_date)),
    )


def products(data: Data) -> Table:
    """Return how many different products the account ordered in the window."""
    bought = _bought(data)
    return bought.group_by("account_id").agg(n_products=bought.count())


def categories(data: Data) -> Table:
    """Return how many different product categories the account ordered in the window."""
    known = data.table("products").select("product_id", "product_category")
    bought = _bought(data).inner_join(known, "product_id")
    pairs = bought.filter(bought.product_category.notnull()).select("account_id", "product_category").distinct()
    return pairs.group_by("account_id").agg(n_categories=pairs.count())


def _bought(data: Data) -> Table:
    """The (account, product) pairs ordered in the window."""
    orders, lines = data.table("orders"), data.table("order_lines")
    orders = orders.filter(windows(data)[0].holds(orders.order_date)).select("order_id", "account_id")
    lines = lines.filter(lines.product_id.notnull()).select("order_id", "product_id")
    return lines.inner_join(orders, "order_id").select("account_id", "product_id").distinct()


def months(data: Data) -> Table:
    """Return the sums per account and calendar month; every row has all of `MONTHLY`."""
    orders, returns, costs = data.table("orders"), data.table("returns"), data.table("service_costs")
    rows = ibis.union(
        _monthly(orders, orders.order_date, **order_sums(orders)),
        _monthly(returns, returns.return_date, returns_amount=returns.amount.sum()),
        _monthly(costs, costs.cost_date, cost_to_serve=costs.amount.sum()),
    ).semi_join(data.table("accounts"), "account_id")
    sums = {name: rows[name].sum().cast(kind) for name, kind in MONTHLY.items()}
    return rows.group_by("account_id", "month").agg(**sums)


def _monthly(rows: Table, date: Value, **sums: Value) -> Table:
    monthly = rows.group_by(rows.account_id, month=date.truncate("M")).agg(**sums)
    filled = {n: (monthly[n] if n in sums else ibis.literal(0)).cast(kind) for n, kind in MONTHLY.items()}
    return monthly.select("account_id", "month", **filled)
