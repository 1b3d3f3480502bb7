"""What must agree within and between the tables, each check one SELECT over the engine.

A check's rows say of everything it looks at whether it failed, and how much money hangs on it; the failing ones are
what the owner of the CRM works off. Checks without a dimension are told and do not count in the score: they may be in
order, but somebody should know.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

from kamlib.quality.validity import is_email, phone_digits
from kamlib.settings import Settings
from kamlib.sources.enrichment import NEWEST, SAID

TWIN_LETTERS = r"\p{Latin}[\p{Cyrillic}\p{Greek}]|[\p{Cyrillic}\p{Greek}]\p{Latin}"


@dataclass(frozen=True)
class Check:
    """One check of `table`: `rows` is a SELECT that gives `failed`, `money` and the columns that tell what failed.
    It is made when all of `needs`, tables or columns ("orders.booked_by"), hold something."""

    kind: str
    table: str
    dimension: str
    needs: tuple[str, ...]
    rows: str

    def count(self, con: duckdb.DuckDBPyConnection) -> tuple[int, int, float]:
        """Return how many were checked, how many failed, and the money of those (nan where there is none)."""
        n, failed, money = con.execute(
            f"SELECT count(*), count(*) FILTER (failed), sum(money) FILTER (failed) FROM ({self.rows})"
        ).fetchone()
        return n, failed, float("nan") if money is None else float(money)

    @property
    def failing(self) -> str:
        """SQL for the failing rows, the most money first."""
        return f"SELECT * EXCLUDE (failed, money) FROM ({self.rows}) WHERE failed ORDER BY money DESC NULLS LAST, 1"


def checks(settings: Settings, as_of: dt.date) -> list[Check]:
    """Return every check, for data as of a day."""
    return [*_validity(), *_consistency(settings, as_of), *_timeliness(settings, as_of), *_told(as_of)]


def _validity() -> list[Check]:
    """Forms of codes and addresses. The wrong credit codes must stand in `quality_wrong_codes`."""
    who = "account_id, account_name, owner"

    def form(kind: str, table: str, column: str, columns: str, fails: str) -> Check:
        rows = f"SELECT {fails} AS failed, CAST(NULL AS DOUBLE) AS money, {columns}, {column} FROM {table} WHERE {column} IS NOT NULL"
        return Check(kind, table, "validity", (f"{table}.{column}",), rows)

    wrong_code = "credit_code IN (FROM quality_wrong_codes)"
    return [
        form("wrong_credit_code", "accounts", "credit_code", who, wrong_code),
        form("wrong_phone", "accounts", "phone", who, f"{phone_digits('phone')} IS NULL"),
        form("twin_letters", "accounts", "account_name", "account_id, owner", f"regexp_matches(account_name, '{TWIN_LETTERS}')"),
        form("wrong_phone", "contacts", "phone", "contact_id, account_id, contact_name", f"{phone_digits('phone')} IS NULL"),
        form("wrong_email", "contacts", "email", "contact_id, account_id, contact_name", f"NOT {is_email('email')}"),
    ]  # fmt: skip


def _consistency(settings: Settings, as_of: dt.date) -> list[Check]:
    """Sums, pairs and links. Amounts may differ by a cent a row; accounts in loops stand in `quality_loops`."""
    lines = """
        SELECT abs(o.amount - l.amount) > 0.01 * l.n AS failed, abs(o.amount - l.amount) AS money, o.order_id,
            o.account_id, o.order_date, o.amount, l.amount AS lines_amount
        FROM orders o JOIN (SELECT order_id, sum(amount) AS amount, count(*) AS n FROM order_lines GROUP BY order_id) l
            USING (order_id) WHERE o.amount IS NOT NULL
    """
    invoiced = """
        SELECT i.net - o.amount > 0.01 * i.n AS failed, i.net - o.amount AS money, o.order_id, o.account_id, o.amount,
            i.net AS invoiced_amount
        FROM orders o JOIN (
            SELECT order_id, sum(amount - vat) AS net, count(*) AS n FROM invoices WHERE order_id IS NOT NULL
            GROUP BY order_id HAVING count(vat) = count(*)
        ) i USING (order_id) WHERE o.amount IS NOT NULL
    """
    paid = """
        SELECT p.paid - i.amount > 0.01 * p.n AS failed, p.paid - i.amount AS money, i.invoice_id, i.account_id,
            i.amount, p.paid AS paid_amount
        FROM invoices i JOIN (
            SELECT invoice_id, sum(amount) AS paid, count(*) AS n FROM payments WHERE invoice_id IS NOT NULL GROUP BY invoice_id
        ) p USING (invoice_id)
    """
    won = f"""
        SELECT o.deal_id IS NULL AS failed, d.amount AS money, d.deal_id, d.account_id, d.owner, d.closed_at, d.amount
        FROM deals d LEFT JOIN (SELECT DISTINCT deal_id FROM orders) o USING (deal_id)
        WHERE d.status = 'won' AND d.closed_at <= DATE '{as_of}' - {settings.quality.order_lag_days}
    """
    loops = """
        SELECT account_id IN (FROM quality_loops) AS failed, CAST(NULL AS DOUBLE) AS money, account_id, account_name,
            parent_account_id, owner FROM accounts WHERE parent_account_id IS NOT NULL
    """
    return [
        Check("lines_differ", "orders", "consistency", ("order_lines",), lines),
        Check("over_invoiced", "invoices", "consistency", ("invoices.order_id", "invoices.vat"), invoiced),
        Check("overpaid", "payments", "consistency", ("payments.invoice_id", "invoices"), paid),
        Check("won_without_order", "deals", "consistency", ("deals", "orders.deal_id"), won),
        Check("parent_loop", "accounts", "consistency", ("accounts.parent_account_id",), loops),
    ]


def _timeliness(settings: Settings, as_of: dt.date) -> list[Check]:
    idle = f"DATE '{as_of}' - greatest(o.last_at, a.last_at, created_at)"
    stale = f"""
        SELECT coalesce({idle} > {settings.quality.stale_days}, true) AS failed, o.amount AS money, account_id,
            account_name, owner, o.last_at AS last_order_at, a.last_at AS last_activity_at, {idle} AS idle_days,
            o.amount AS revenue
        FROM accounts
        LEFT JOIN (SELECT account_id, max(order_date) AS last_at, sum(amount) AS amount FROM orders
            WHERE order_date <= DATE '{as_of}' GROUP BY account_id) o USING (account_id)
        LEFT JOIN (SELECT account_id, CAST(max(happened_at) AS DATE) AS last_at FROM activities
            WHERE CAST(happened_at AS DATE) <= DATE '{as_of}' GROUP BY account_id) a USING (account_id)
    """
    overdue = f"""
        SELECT expected_close < DATE '{as_of}' AS failed, amount AS money, deal_id, deal_name, account_id, owner, stage,
            amount, expected_close, DATE '{as_of}' - expected_close AS overdue_days
        FROM deals WHERE status = 'open' AND expected_close IS NOT NULL
    """
    return [
        Check("stale_account", "accounts", "timeliness", ("accounts",), stale),
        Check("overdue_deal", "deals", "timeliness", ("deals.expected_close",), overdue),
    ]


def _told(as_of: dt.date) -> list[Check]:
    """Owner conflicts; what has no match on the other side: accounts without orders, amounts without an account; and what
    third parties say otherwise."""
    booked = """
        SELECT o.booked_by <> a.owner AND t.person IS NULL AS failed, o.amount AS money, o.order_id, o.order_date,
            o.booked_by, a.account_id, a.account_name, a.owner, o.amount
        FROM orders o JOIN accounts a USING (account_id) LEFT JOIN (
            SELECT account_id, person, min(coalesce(since, DATE '0001-01-01')) AS since,
                max(coalesce(until, DATE '9999-12-31')) AS until
            FROM account_team GROUP BY account_id, person
        ) t ON t.account_id = o.account_id AND t.person = o.booked_by AND o.order_date BETWEEN t.since AND t.until
        WHERE o.booked_by IS NOT NULL AND a.owner IS NOT NULL
    """
    several = """
        SELECT count(DISTINCT d.owner) > 1 AS failed, sum(d.amount) AS money, d.account_id, any_value(account_name) AS account_name,
            any_value(a.owner) AS owner, string_agg(DISTINCT d.owner, ', ' ORDER BY d.owner) AS deal_owners, count(*) AS n_deals,
            sum(d.amount) AS amount
        FROM deals d JOIN accounts a USING (account_id) WHERE d.status = 'open' AND d.owner IS NOT NULL GROUP BY d.account_id
    """
    homeless = "SELECT account_id IS NULL AS failed, amount AS money, {columns}, amount FROM {table}"
    unserved = """
        SELECT o.account_id IS NULL AS failed, CAST(NULL AS DOUBLE) AS money, a.account_id, account_name, owner, created_at
        FROM accounts a LEFT JOIN (SELECT DISTINCT account_id FROM orders) o USING (account_id)
    """
    other = f"""
        SELECT value <> other_value AS failed, CAST(NULL AS DOUBLE) AS money, account_id, account_name, owner,
            col AS "column", value, other_value, source, retrieved_at
        FROM (FROM ({SAID}) WHERE retrieved_at <= DATE '{as_of}' {NEWEST}) JOIN accounts USING (account_id)
        WHERE value IS NOT NULL
    """
    deals = homeless.format(columns="deal_id, deal_name, owner, status, created_at", table="deals")
    costs = homeless.format(columns="cost_id, cost_date, activity", table="service_costs")
    return [
        Check("booked_by_others", "orders", "", ("orders.booked_by", "accounts.owner"), booked),
        Check("several_owners", "deals", "", ("deals.owner", "deals.account_id"), several),
        Check("no_order", "accounts", "", ("orders",), unserved),
        Check("other_value", "accounts", "", ("enrichment.account_id",), other),
        Check("no_account", "deals", "", ("deals.account_id",), deals),
        Check("no_account", "service_costs", "", ("service_costs.account_id",), costs),
    ]
