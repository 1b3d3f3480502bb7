"""Ageing, days sales outstanding and days to pay."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_finance import mart_of

from kamlib.finance import receivables

AS_OF = dt.date(2025, 12, 31)


def invoices_of(rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["invoice_id", "account_id", "invoice_date", "due_date", "amount"])
    return frame.assign(invoice_date=pd.to_datetime(frame["invoice_date"]), due_date=pd.to_datetime(frame["due_date"]))


def payments_of(rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "invoice_id", "paid_at", "amount"])
    return frame.assign(paid_at=pd.to_datetime(frame["paid_at"]), amount=frame["amount"].astype(float))


@pytest.fixture
def ledger():
    """A owes a part, one invoice of each bucket's edge; B paid all; C has a credit note and unapplied cash."""
    invoices = invoices_of([
        ("1", "A", "2025-12-01", "2025-12-31", 100.0), ("2", "A", "2025-11-01", "2025-12-01", 200.0),
        ("3", "A", "2025-10-01", "2025-11-30", 30.0), ("4", "A", "2025-07-01", "2025-10-01", 40.0),
        ("5", "B", "2025-11-01", "2025-12-01", 70.0), ("6", "C", "2025-06-01", "2025-09-01", 500.0),
        ("7", "C", "2025-06-01", "2025-09-01", -60.0), ("8", "C", "2025-12-01", None, 10.0),
    ])  # fmt: skip
    payments = payments_of(
        [("A", "2", "2025-12-20", 150.0), ("B", "5", "2025-12-05", 70.0), ("C", None, "2025-12-06", 25.0)]
    )
    return invoices, payments


def test_ageing_by_hand(ledger):
    table = receivables.ageing_table(mart_of(revenue=[1.0, 1, 1]), *ledger, AS_OF).set_index("account_id")
    assert list(table.index) == ["C", "A"]
    assert table.loc["A", list(receivables.BUCKETS)].tolist() == [100, 50, 30, 0, 40]  # 0, 30, 31 and 91 days late
    assert table.loc["C", list(receivables.BUCKETS)].tolist() == [10, 0, 0, 0, 440]
    assert table.loc["C", ["unapplied", "receivable", "overdue", "oldest_days"]].tolist() == [25, 425, 415, 121]
    assert table.loc["A", ["receivable", "overdue", "overdue_rate", "oldest_days"]].tolist() == [
        220,
        120,
        120 / 220,
        91,
    ]


def test_what_is_owed_equals_invoices_less_payments_to_the_cent(ledger):
    table = receivables.ageing_table(mart_of(revenue=[1.0, 1, 1]), *ledger, AS_OF)
    assert table["receivable"].sum() == ledger[0]["amount"].sum() - ledger[1]["amount"].sum()


def test_open_invoices_on_an_earlier_day_know_nothing_later(ledger):
    rows = receivables.open_invoices(*ledger, dt.date(2025, 12, 10)).set_index("invoice_id")
    assert rows.at["2", "open"] == 200
    assert rows.at["2", "bucket"] == "overdue_1_30"
    assert rows.at["1", "overdue_days"] == -21
    assert "5" not in rows.index


def test_countback_by_hand():
    invoices = invoices_of([
        ("1", "A", "2025-04-10", None, 60.0), ("2", "A", "2025-05-10", None, 120.0), ("3", "A", "2025-06-10", None, 100.0),
    ])  # fmt: skip
    days = receivables.countback_days
    assert days(250, invoices, dt.date(2025, 6, 30)) == 30 + 31 + 30 * 30 / 60
    assert days(50, invoices, dt.date(2025, 6, 20)) == 10  # half of the twenty days that June has had
    assert days(280, invoices, dt.date(2025, 6, 30)) == 91
    assert np.isnan(days(281, invoices, dt.date(2025, 6, 30)))
    assert days(0, invoices, dt.date(2025, 6, 30)) == 0


def test_dso_of_steady_sales_is_the_same_by_both_methods():
    """Every day 100 is invoiced at 30 days and paid 40 days after: DSO 40, of which 30 by terms and 10 by delay."""
    day = pd.date_range("2024-01-01", "2025-12-31")
    invoices = pd.DataFrame(
        {"invoice_id": day.strftime("%Y%m%d"), "account_id": "A", "invoice_date": day, "amount": 100.0}
    )
    invoices["due_date"] = day + pd.Timedelta(days=30)
    payments = pd.DataFrame(
        {
            "account_id": "A",
            "invoice_id": invoices["invoice_id"],
            "paid_at": day + pd.Timedelta(days=40),
            "amount": 100.0,
        }
    )
    table = receivables.dso_table(invoices, payments, AS_OF)
    now = table.iloc[-1]
    assert now["simple_days"] == pytest.approx(40)
    assert now["countback_days"] == pytest.approx(40)
    assert now["best_possible_days"] == pytest.approx(31)  # due on the day itself is not late
    assert now["delinquent_days"] == pytest.approx(9)
    assert list(table["on_day"].dt.strftime("%Y-%m-%d"))[-2:] == ["2025-11-30", "2025-12-31"]
    assert len(table) == 13
    assert (
        receivables.dso_claim(table)
        == "DSO 40.0 days (countback 40.0): 31.0 by the terms granted, 9.0 by late payment."
    )


def test_before_a_year_of_invoices_simple_dso_is_not_available(ledger):
    now = receivables.dso_table(*ledger, AS_OF).iloc[-1]
    assert np.isnan(now["simple_days"])
    assert now["receivable"] == 100 + 50 + 30 + 40 + 440 + 10


def test_settled_with_the_payment_that_completes_the_amount():
    invoices = invoices_of(
        [("1", "A", "2025-01-01", "2025-01-31", 100.0), ("2", "A", "2025-01-01", "2025-01-31", 50.0)]
    )
    payments = payments_of(
        [("A", "1", "2025-02-10", 60.0), ("A", "1", "2025-01-20", 40.0), ("A", "2", "2025-01-10", 49.0)]
    )
    table = receivables.settlement_table(invoices, payments)
    assert table[["invoice_id", "settle_days", "late_days"]].to_numpy().tolist() == [["1", 40, 10]]


def test_accounts_are_compared_with_their_own_terms():
    invoices = invoices_of([
        ("1", "A", "2025-01-01", "2025-01-31", 300.0), ("2", "A", "2025-01-01", "2025-03-02", 100.0),
        ("3", "A", "2025-10-01", "2025-10-31", 100.0), ("4", "A", "2025-12-30", "2026-01-30", 100.0),
    ])  # fmt: skip
    payments = payments_of([("A", "1", "2025-02-20", 300.0), ("A", "2", "2025-03-02", 100.0)])
    row = receivables.terms_table(mart_of(revenue=[1.0]), invoices, payments, AS_OF).iloc[0]
    assert (row["n_invoices"], row["n_paid_late"]) == (
        3,
        2,
    )  # one late, one in time, one open and past due; one says nothing
    assert row["terms_days"] == pytest.approx((30 * 300 + 60 * 100) / 400)
    assert row["settle_days"] == pytest.approx((50 * 300 + 60 * 100) / 400)
    assert row["beyond_terms_days"] == pytest.approx(20 * 300 / 400)
    assert row["paid_late_rate"] == pytest.approx(2 / 3)
    assert row["paid_late_rate_low"] < 2 / 3 < row["paid_late_rate_high"]


def test_the_public_file_of_2466_invoices(public_data):
    """IBM's accounts receivable sample states days to settle and days late per invoice: all must be reproduced."""
    path = public_data / "accounts_receivable" / "WA_Fn-UseC_-Accounts-Receivable.csv"
    raw = pd.read_csv(path, dtype={"invoiceNumber": str})
    dates = {name: pd.to_datetime(raw[name], format="%m/%d/%Y") for name in ("InvoiceDate", "DueDate", "SettledDate")}
    invoices = pd.DataFrame({
        "invoice_id": raw["invoiceNumber"], "account_id": raw["customerID"], "invoice_date": dates["InvoiceDate"],
        "due_date": dates["DueDate"], "amount": raw["InvoiceAmount"],
    })  # fmt: skip
    payments = pd.DataFrame({
        "account_id": raw["customerID"], "invoice_id": raw["invoiceNumber"], "paid_at": dates["SettledDate"],
        "amount": raw["InvoiceAmount"],
    })  # fmt: skip
    table = receivables.settlement_table(invoices, payments).set_index("invoice_id").loc[raw["invoiceNumber"]]
    assert len(table) == 2466
    assert (table["settle_days"].to_numpy() == raw["DaysToSettle"]).all()
    assert (table["late_days"].to_numpy() == raw["DaysLate"]).all()
    accounts = pd.DataFrame({"account_id": raw["customerID"].unique()}).assign(account_name="x", owner="y")
    terms = receivables.terms_table(accounts, invoices, payments, dt.date(2014, 12, 31))
    assert len(terms) == 100
    assert terms["n_paid_late"].sum() == (raw["DaysLate"] > 0).sum()
    day = pd.Timestamp("2013-06-30")
    open_then = (dates["InvoiceDate"] <= day) & (dates["SettledDate"] > day)
    aged = receivables.ageing_table(accounts, invoices, payments, day.date())
    assert aged["receivable"].sum() == pytest.approx(raw.loc[open_then, "InvoiceAmount"].sum(), abs=0.005)
    late = open_then & (dates["DueDate"] < day)
    assert aged["overdue"].sum() == pytest.approx(raw.loc[late, "InvoiceAmount"].sum(), abs=0.005)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 800), st.integers(0, 120), st.integers(-5000, 90000), st.integers(0, 2)),
        min_size=1,
        max_size=40,
    )
)
def test_buckets_sum_to_the_ledger_whatever_it_holds(rows):
    first = pd.Timestamp("2024-01-01")
    invoices = invoices_of([
        (str(i), "AB"[i % 2], first + pd.Timedelta(days=start), first + pd.Timedelta(days=start + term), cents / 100)
        for i, (start, term, cents, _) in enumerate(rows)
    ])  # fmt: skip
    invoices = invoices[invoices["invoice_date"] <= pd.Timestamp(AS_OF)]
    paid = [("AB"[i % 2], str(i), AS_OF, cents * parts / 200) for i, (_, _, cents, parts) in enumerate(rows)]
    payments = payments_of(paid)[lambda frame: frame["invoice_id"].isin(invoices["invoice_id"])]
    table = receivables.ageing_table(mart_of(revenue=[1.0, 1.0]), invoices, payments, AS_OF)
    owed = invoices["amount"].sum() - payments["amount"].sum()
    assert table["receivable"].sum() == pytest.approx(owed, abs=0.01 * len(rows))
    receivables.dso_table(invoices, payments, AS_OF)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_charts_and_claims_say_what_is_late(ledger, lang):
    table = receivables.ageing_table(mart_of(revenue=[1.0, 1, 1]), *ledger, AS_OF)
    ax = receivables.plot_ageing(table, top_n=1)
    assert len(ax.containers) == 5
    claim = receivables.ageing_claim(table, lang, dso=51.4)
    assert "83 %" in claim
    assert "51" in claim


def test_nothing_measured_gives_empty_tables_with_their_columns():
    nothing = invoices_of([]), payments_of([])
    mart = mart_of(revenue=[1.0])
    assert receivables.ageing_table(mart, *nothing, AS_OF).empty
    assert receivables.dso_table(*nothing, AS_OF).empty
    assert receivables.terms_table(mart, *nothing, AS_OF).empty
