"""The mart a second time, in plain pandas, one account after the other: slow, simple, and written from the definitions.

Takes the tables as they were written, cuts them at the as-of date itself, and shares no code with `kamlib.mart`.
"""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd

from kamlib.tables import TABLES

PROBABILITY = {"qualification": 0.1, "needs": 0.3, "proposal": 0.6, "negotiation": 0.8}
DATES = {"date", "time"}
FLAGS = {True: True, False: False, "true": True, "false": False}


def typed(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return all canonical tables with all columns, dates as timestamps; absent ones empty."""
    result = {}
    for name, table in TABLES.items():
        frame = frames.get(name, pd.DataFrame()).reindex(columns=table.names).reset_index(drop=True)
        for column in table.columns:
            if column.type in DATES:
                frame[column.name] = pd.to_datetime(frame[column.name])
            elif column.type in ("money", "number", "integer"):
                frame[column.name] = pd.to_numeric(frame[column.name])
            elif column.type == "flag":
                frame[column.name] = frame[column.name].map(FLAGS).astype(object)
        result[name] = frame
    return result


def mart(frames: dict[str, pd.DataFrame], as_of: dt.date, months: int = 12) -> pd.DataFrame:
    """Return the mart, indexed by account."""
    tables, today = typed(frames), pd.Timestamp(as_of)
    orders = _orders(tables, today)
    accounts = _completed(tables, today)
    accounts = accounts[~(accounts.created_at > today) | accounts.account_id.isin(orders.account_id)]
    company = _Company(tables, frames.keys(), orders, today, months)
    rows = [company.row(account) for account in accounts.to_dict("records")]
    return pd.DataFrame(rows).set_index("account_id").sort_index()


def _completed(tables: dict[str, pd.DataFrame], today: pd.Timestamp) -> pd.DataFrame:
    """Accounts with empty cells filled by the newest third-party record known on the day that fills them."""
    names = ["region", "country", "industry", "employees", "annual_revenue", "market_share", "influence"]
    accounts = tables["accounts"].astype(dict.fromkeys(names[:3], object))
    known = tables["enrichment"][tables["enrichment"].retrieved_at <= today].sort_values(["retrieved_at", "record_id"])
    for i, account in accounts.iterrows():
        for name in names:
            told = known[known.account_id == account.account_id][name].dropna()
            if pd.isna(account[name]) and len(told):
                accounts.loc[i, name] = told.iloc[-1]
    return accounts


def _orders(tables: dict[str, pd.DataFrame], today: pd.Timestamp) -> pd.DataFrame:
    """Orders known on the day, what their header lacks taken from their lines."""
    orders = tables["orders"].copy()
    lines_of = dict(list(tables["order_lines"].groupby("order_id")))
    for i, order in orders[orders[["amount", "list_amount", "cogs"]].isna().any(axis=1)].iterrows():
        lines = lines_of.get(order.order_id, tables["order_lines"].iloc[:0])
        if len(lines) and math.isnan(order.amount):
            orders.loc[i, "amount"] = lines.amount.sum()
        if math.isnan(order.list_amount) and lines.list_amount.notna().any():
            orders.loc[i, "list_amount"] = lines.list_amount.fillna(lines.amount).sum()
        if len(lines) and math.isnan(order.cogs) and lines.cogs.notna().all():
            orders.loc[i, "cogs"] = lines.cogs.sum()
    orders = orders[orders.order_date <= today]
    orders.loc[orders.delivered_at > today, "delivered_at"] = pd.NaT
    return orders


class _Company:
    def __init__(self, tables, measured, orders, today, months):
        self.tables, self.measured, self.orders, self.today = tables, set(measured), orders, today
        self.by_account = {n: dict(list(t.groupby("account_id"))) for n, t in tables.items() if "account_id" in t}
        self.start, self.start_prev = (_start(today, m) for m in (months, 2 * months))
        self.costed, self.listed = orders.cogs.notna().any(), orders.list_amount.notna().any()

        payments, invoices = tables["payments"], tables["invoices"]
        payments, invoices = payments[payments.paid_at <= today], invoices[invoices.invoice_date <= today]
        self.paid = payments.groupby("invoice_id").amount.sum()
        self.loose = payments[~payments.invoice_id.isin(invoices.invoice_id)]
        lines = tables["order_lines"]
        self.bought = lines.merge(orders[self.now(orders.order_date)][["order_id", "account_id"]], on="order_id")

    def has(self, *names):
        return self.measured.issuperset(names)

    def now(self, dates):
        return (dates >= self.start) & (dates < self.today + pd.Timedelta(days=1))

    def then(self, dates):
        return (dates >= self.start_prev) & (dates < self.start)

    def of(self, name, account, dated=""):
        rows = self.by_account[name].get(account, self.tables[name].iloc[:0])
        return rows[~(rows[dated] >= self.today + pd.Timedelta(days=1))] if dated else rows

    def row(self, account: dict) -> dict:
        a = account["account_id"]
        row = {name: value for name, value in account.items() if name not in ("credit_code", "phone")}
        row["is_key_account"] = account["is_key_account"] is True
        row |= self.rhythm(self.orders[self.orders.account_id == a])
        row |= self.money(a) | self.assortment(a) | self.pipeline(a) | self.people(a) | self.voice(a)
        row |= self.ledger(a)
        losses = self.of("losses", a, "lost_at").lost_at.max()
        row["lost_at"] = losses if pd.isna(row["last_order"]) or losses >= row["last_order"] else pd.NaT
        return row

    def rhythm(self, orders: pd.DataFrame) -> dict:
        days = sorted(orders.order_date.unique())
        gaps = np.diff(days) / np.timedelta64(1, "D") if len(days) > 1 else np.array([])
        first, last = (days[0], days[-1]) if days else (pd.NaT, pd.NaT)
        span = pd.period_range(first, self.today, freq="M") if days else []
        recency = (self.today - last).days if days else np.nan
        median = np.median(gaps) if len(gaps) else np.nan
        both = orders[self.now(orders.order_date) & orders.delivered_at.notna() & orders.promised_at.notna()]
        return {
            "first_order": first, "last_order": last, "recency_days": recency,
            "tenure_days": (self.today - first).days if days else np.nan,
            "n_orders": self.now(orders.order_date).sum(), "n_orders_prev": self.then(orders.order_date).sum(),
            "n_orders_ever": len(orders), "n_order_days_ever": len(days),
            "active_month_share": orders.order_date.dt.to_period("M").nunique() / len(span) if days else np.nan,
            "n_active_months": orders[self.now(orders.order_date)].order_date.dt.to_period("M").nunique(),
            "median_gap_days": median, "mean_gap_days": gaps.mean() if len(gaps) else np.nan,
            "p90_gap_days": np.percentile(gaps, 90) if len(gaps) else np.nan,
            "gap_variation_ratio": gaps.std(ddof=1) / gaps.mean() if len(gaps) > 1 else np.nan,
            "gap_ratio": recency / median,
            "late_delivery_share": (both.delivered_at > both.promised_at).mean() if len(both) else np.nan,
        }  # fmt: skip

    def money(self, a: str) -> dict:
        orders, returns, costs = (
            self.orders[self.orders.account_id == a],
            self.of("returns", a),
            self.of("service_costs", a),
        )
        returns = returns[returns.return_date <= self.today]

        def margins(holds) -> dict:
            within = orders[holds(orders.order_date)]
            cogs = within.cogs.sum() if self.costed and within.cogs.notna().all() else np.nan
            back = returns[holds(returns.return_date)].amount.sum() if self.has("returns") else np.nan
            serve = costs[holds(costs.cost_date)].amount.sum() if self.has("service_costs") else np.nan
            revenue = within.amount.sum() - np.nan_to_num(back)
            return {
                "list_revenue": within.list_amount.fillna(within.amount).sum() if self.listed else np.nan,
                "order_revenue": within.amount.sum(), "returns_amount": back, "revenue": revenue, "cogs": cogs,
                "cost_to_serve": serve, "gross_margin": revenue - cogs, "contribution": revenue - cogs - np.nan_to_num(serve),
            }  # fmt: skip

        now, prev = margins(self.now), margins(self.then)
        return now | {
            "discount": now["list_revenue"] - now["order_revenue"],
            "revenue_prev": prev["revenue"],
            "contribution_prev": prev["contribution"],
            "revenue_ever": orders.amount.sum() - returns.amount.sum(),
            "gross_margin_share": now["gross_margin"] / now["revenue"] if now["revenue"] > 0.004 else np.nan,
            "return_rate": now["returns_amount"] / now["order_revenue"] if now["order_revenue"] > 0.004 else np.nan,
            "growth": now["revenue"] / prev["revenue"] - 1 if prev["revenue"] > 0.004 else np.nan,
        }

    def assortment(self, a: str) -> dict:
        bought = set(self.bought[self.bought.account_id == a].product_id.dropna())
        products = self.tables["products"]
        groups = products[products.product_id.isin(bought)].product_category.nunique()
        return {
            "n_products": len(bought) if self.has("order_lines") else np.nan,
            "n_categories": groups if self.has("order_lines", "products") else np.nan,
        }

    def pipeline(self, a: str) -> dict:
        names = ("n_open_deals", "open_pipeline", "weighted_pipeline", "n_won", "n_lost", "won_amount")
        if not self.has("deals"):
            return dict.fromkeys(names, np.nan)
        found = dict.fromkeys(names, 0.0)
        for deal in self.of("deals", a, "created_at").itertuples():
            status = "open" if deal.closed_at > self.today else deal.status
            amount = np.nan_to_num(deal.amount)
            if status == "open":
                p = PROBABILITY.get(self.stage(deal), deal.probability)
                found["n_open_deals"] += 1
                found["open_pipeline"] += amount
                found["weighted_pipeline"] += amount * np.nan_to_num(p)
            elif status in ("won", "lost") and self.now(deal.closed_at):
                found[f"n_{status}"] += 1
                found["won_amount"] += amount * (status == "won")
        return found

    def stage(self, deal) -> str | None:
        history = self.tables["deal_stage_history"]
        moves = history[history.deal_id == deal.deal_id]
        past = moves[moves.entered_at <= self.today].sort_values("entered_at")
        return past.stage.iloc[-1] if len(past) else None if len(moves) else deal.stage

    def people(self, a: str) -> dict:
        contacts, rows = self.of("contacts", a, "created_at"), self.of("activities", a, "happened_at")
        gone = self.tables["contacts"]
        gone = gone[(gone.left_at <= self.today) & ~(gone.created_at > self.today)].contact_id
        days = rows.happened_at.dt.normalize()
        live = rows[days > self.today - pd.Timedelta(days=90)]
        two_way = [
            r.contact_id
            for r in live.itertuples()
            if (r.type in ("visit", "meeting") if pd.isna(r.two_way) else r.two_way)
        ]
        active = {c for c in two_way if not pd.isna(c)} - set(gone)
        now = self.now(rows.happened_at)
        measured = self.has("activities")
        return {
            "n_contacts": len(contacts) - (contacts.left_at <= self.today).sum() if self.has("contacts") else np.nan,
            "n_active_contacts": len(active) if measured else np.nan,
            "last_contact": days.max(), "contact_age_days": (self.today - days.max()).days,
            "n_activities": now.sum() if measured else np.nan,
            "n_visits": (now & (rows.type == "visit")).sum() if measured else np.nan,
        }  # fmt: skip

    def voice(self, a: str) -> dict:
        answers, cases = self.of("surveys", a, "invited_at"), self.of("cases", a, "opened_at")
        answers = answers[answers.answered_at <= self.today]
        now, new = answers[self.now(answers.answered_at)], cases[self.now(cases.opened_at)]
        open_ = (~(cases.closed_at < self.today + pd.Timedelta(days=1))).sum()
        return {
            "satisfaction_mean": now.overall.mean(), "recommend_mean": now.recommend.mean(),
            "n_answers": len(now) if self.has("surveys") else np.nan, "last_survey": answers.answered_at.max(),
            "n_open_cases": open_ if self.has("cases") else np.nan, "n_cases": len(new) if self.has("cases") else np.nan,
            "n_complaints": (new.type == "complaint").sum() if self.has("cases") else np.nan,
        }  # fmt: skip

    def ledger(self, a: str) -> dict:
        end = self.of("contracts", a, "start_date").end_date.max()
        if not self.has("invoices", "payments"):
            return {"receivable": np.nan, "overdue": np.nan, "contract_end": end}
        receivable, late = 0.0, 0.0
        for invoice in self.of("invoices", a, "invoice_date").itertuples():
            owed = invoice.amount - self.paid.get(invoice.invoice_id, 0)
            receivable += owed
            late += owed if invoice.due_date < self.today else 0
        loose = self.loose[self.loose.account_id == a].amount.sum()
        return {"receivable": receivable - loose, "overdue": max(late - loose, 0), "contract_end": end}


def _start(today: pd.Timestamp, months: int) -> pd.Timestamp:
    """First day of the window: the day after `today`, so many months earlier; into the next month if there is none."""
    after = today + pd.Timedelta(days=1)
    first = after.replace(day=1) - pd.DateOffset(months=months)
    return (
        first + pd.Timedelta(days=after.day - 1)
        if after.day <= first.days_in_month
        else first + pd.DateOffset(months=1)
    )
