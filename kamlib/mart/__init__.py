"""The account mart: one row per account as of a date, computed once on the engine and shared by every question.

The window is the last `settings.window_months` months up to and including the as-of date; `…_prev` is the window of the
same length before it, `…_ever` all that is known. Money is in the base currency; revenue is net of discount and of the
returns dated in the window. Counts and money are 0 for an account without rows, and null where the table was not
delivered. Everything is an Ibis expression over the tables cut at the as-of date, so that the engine streams however
many rows there are. Money is summed as decimals: figures tie to the cent and are the same on every run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd
from ibis import Table, Value

from kamlib.mart import dealings, purchases

if TYPE_CHECKING:
    from kamlib.workspace import Data

KEY_ACCOUNTS = 30
"""How many of the largest accounts stand in for key accounts when none is flagged."""

COLUMNS = (
    "account_id", "account_name", "account_no", "region", "country", "industry", "account_type", "account_tier",
    "is_key_account", "employees", "annual_revenue", "market_share", "wallet", "influence", "parent_account_id",
    "owner", "department", "created_at",
    "first_order", "last_order", "tenure_days", "recency_days", "n_orders", "n_orders_prev", "n_orders_ever",
    "n_order_days_ever", "active_month_share", "n_active_months",
    "median_gap_days", "mean_gap_days", "p90_gap_days", "gap_variation_ratio", "gap_ratio",
    "list_revenue", "discount", "order_revenue", "returns_amount", "revenue", "cogs", "gross_margin", "cost_to_serve",
    "contribution", "gross_margin_share", "revenue_prev", "contribution_prev", "growth", "revenue_ever", "return_rate",
    "n_products", "n_categories", "late_delivery_share",
    "n_open_deals", "open_pipeline", "weighted_pipeline", "n_won", "n_lost", "won_amount",
    "n_contacts", "n_active_contacts", "last_contact", "contact_age_days", "n_activities", "n_visits",
    "satisfaction_mean", "n_answers", "recommend_mean", "last_survey",
    "n_open_cases", "n_cases", "n_complaints",
    "receivable", "overdue", "contract_end", "lost_at",
)  # fmt: skip
"""What the mart holds, in this order; `words/mart.yml` and `tables` label it."""

PARTS = (
    (("orders",), purchases.sales),
    (("orders",), purchases.rhythm),
    (("returns",), purchases.returned),
    (("service_costs",), purchases.service),
    (("order_lines",), purchases.products),
    (("order_lines", "products"), purchases.categories),
    (("deals",), dealings.pipeline),
    (("contacts",), dealings.contacts),
    (("activities",), dealings.active_contacts),
    (("activities",), dealings.activities),
    (("surveys",), dealings.answers),
    (("cases",), dealings.cases),
    (("invoices", "payments"), dealings.receivables),
    (("contracts",), dealings.contracts),
    (("losses",), dealings.losses),
)
"""Each part of the mart and the tables without which it is not measured."""


def account_mart(data: Data) -> Table:
    """Return one row per account known on the as-of date, with the columns of `COLUMNS`."""
    accounts = data.table("accounts")
    mart, sums = accounts, {"is_key_account": False}
    for needs, make in PARTS:
        part = make(data)
        if data.has(*needs):
            sums |= {name: 0 for name, kind in part.schema().items() if kind.is_integer() or kind.is_decimal()}
        else:
            part = part.filter(ibis.literal(False))
        mart = mart.left_join(part, "account_id", rname=f"{{name}}_{make.__name__}")
    mart = mart.fill_null(sums)
    mart = mart.mutate(**_margins(mart, mart.n_listed_ever, mart.n_costed_ever), **_margins_before(mart))
    return mart.mutate(**_times(mart, data), **_ratios(mart)).select(*COLUMNS).order_by("account_id")


def account_months(data: Data) -> Table:
    """Return one row per account and calendar month with an order, a return or a service cost.

    account_id, month (its first day), n_orders, list_revenue, order_revenue, returns_amount, revenue, cogs,
    cost_to_serve, gross_margin, contribution; defined as in the mart.
    """
    rows = purchases.months(data)
    absent = {"returns": "returns_amount", "service_costs": "cost_to_serve"}
    rows = rows.mutate(**{name: ibis.null(rows[name].type()) for table, name in absent.items() if not data.has(table)})
    rows = rows.mutate(**_margins(rows, rows.n_listed, rows.n_costed))
    money = ("list_revenue", "order_revenue", "returns_amount", "revenue", "cogs", "cost_to_serve", "gross_margin")
    return rows.select("account_id", "month", "n_orders", *money, "contribution").order_by("account_id", "month")


def order_days(data: Data) -> Table:
    """Return one row per account and order date: account_id, order_date, n_orders, amount (after discount)."""
    orders = data.table("orders").semi_join(data.table("accounts"), "account_id")
    days = orders.group_by("account_id", "order_date").agg(n_orders=orders.count(), amount=orders.amount.sum())
    return days.order_by("account_id", "order_date")


def key_accounts(mart: pd.DataFrame) -> pd.DataFrame:
    """Return the flagged key accounts of `data.mart`; if none is flagged, the 30 largest by revenue."""
    flagged = mart[mart.is_key_account]
    return flagged if len(flagged) else mart.nlargest(KEY_ACCOUNTS, "revenue")


def _margins(rows: Table, n_listed: Value, n_costed: Value) -> dict[str, Value]:
    """From list price to contribution. Null: list revenue and discount when no order has a list price, cost and margin
    when no order has a cost or one of the rows' orders lacks it. What was not delivered is not subtracted."""
    listed, costed = n_listed.sum().over() > 0, n_costed.sum().over() > 0
    list_revenue = _only(listed, rows.list_revenue)
    cogs = _only(costed & (rows.n_uncosted == 0), rows.cogs)
    revenue = rows.order_revenue - rows.returns_amount.fill_null(0)
    return {
        "list_revenue": list_revenue,
        "discount": list_revenue - rows.order_revenue,
        "revenue": revenue,
        "cogs": cogs,
        "gross_margin": revenue - cogs,
        "contribution": revenue - cogs - rows.cost_to_serve.fill_null(0),
    }


def _margins_before(mart: Table) -> dict[str, Value]:
    costed = (mart.n_costed_ever.sum().over() > 0) & (mart.n_uncosted_prev == 0)
    revenue = mart.order_revenue_prev - mart.returns_prev.fill_null(0)
    return {
        "revenue_prev": revenue,
        "contribution_prev": revenue - _only(costed, mart.cogs_prev) - mart.cost_to_serve_prev.fill_null(0),
        "revenue_ever": mart.order_revenue_ever - mart.returns_ever.fill_null(0),
    }


def _ratios(mart: Table) -> dict[str, Value]:
    """Shares and growth; null where the base is not positive."""
    return {
        "gross_margin_share": _ratio(mart.gross_margin, mart.revenue),
        "return_rate": _ratio(mart.returns_amount, mart.order_revenue),
        "growth": _ratio(mart.revenue, mart.revenue_prev) - 1,
        "late_delivery_share": _ratio(mart.n_late, mart.n_delivered),
    }


def _times(mart: Table, data: Data) -> dict[str, Value]:
    """Ages in days, and the rhythm of the order dates: gaps need two of them, their variation three."""
    today = ibis.literal(data.as_of)
    recency = today.delta(mart.last_order, unit="day")
    months = today.year() * 12 + today.month() - mart.first_order.year() * 12 - mart.first_order.month() + 1
    gaps, total = mart.n_order_days_ever - 1, mart.gaps.cast("float64")
    variance = (gaps * mart.gaps_squared - mart.gaps * mart.gaps) / (gaps * (gaps - 1)).nullif(0)
    return {
        "tenure_days": today.delta(mart.first_order, unit="day"),
        "recency_days": recency,
        "active_month_share": mart.n_active_months_ever / months,
        "mean_gap_days": _only(gaps > 0, total / gaps),
        "gap_variation_ratio": _only(gaps > 1, variance.sqrt() / (total / gaps)),
        "gap_ratio": recency / mart.median_gap_days,
        "contact_age_days": today.delta(mart.last_contact, unit="day"),
        "lost_at": _only(mart.last_order.isnull() | (mart.lost_at >= mart.last_order), mart.lost_at),
    }


def _only(where: Value, value: Value) -> Value:
    return where.ifelse(value, ibis.null(value.type()))


def _ratio(part: Value, whole: Value) -> Value:
    return _only(whole > 0, part.cast("float64") / whole.cast("float64").nullif(0))
