"""IBM's accounts receivable sample (2,466 invoices, 2012–2013): DSO and ageing equal what plain SQL finds in the raw file.

Days to settle and days late per invoice, as the file states them, are in `tests/test_receivables.py`.
"""

import datetime as dt

import duckdb
import pandas as pd
import pytest

from kamlib.finance import receivables

DAY = dt.date(2013, 6, 30)


@pytest.fixture(scope="module")
def raw(public_data):
    path = public_data / "accounts_receivable" / "WA_Fn-UseC_-Accounts-Receivable.csv"
    if not path.is_file():
        pytest.skip("the accounts receivable sample is not here: put its CSV file into the folder of public data sets")
    read = f"read_csv('{path}', all_varchar = true)"
    return f"""(SELECT invoiceNumber AS id, customerID AS who, strptime(InvoiceDate, '%m/%d/%Y')::DATE AS billed,
        strptime(DueDate, '%m/%d/%Y')::DATE AS due, strptime(SettledDate, '%m/%d/%Y')::DATE AS paid,
        InvoiceAmount::DECIMAL(18,2) AS amount FROM {read})"""


@pytest.fixture(scope="module")
def books(raw):
    rows = duckdb.sql(f"SELECT * REPLACE (amount::DOUBLE AS amount) FROM {raw}").df()
    dates = {name: pd.to_datetime(rows[name]) for name in ("billed", "due", "paid")}
    invoices = pd.DataFrame({
        "invoice_id": rows["id"], "account_id": rows["who"], "invoice_date": dates["billed"], "due_date": dates["due"],
        "amount": rows["amount"],
    })  # fmt: skip
    payments = pd.DataFrame(
        {"account_id": rows["who"], "invoice_id": rows["id"], "paid_at": dates["paid"], "amount": rows["amount"]}
    )
    return invoices, payments


def test_simple_and_best_possible_dso(raw, books):
    owed, not_due, sold = duckdb.sql(f"""SELECT sum(amount) FILTER (paid > '{DAY}')::DOUBLE,
        sum(amount) FILTER (paid > '{DAY}' AND due >= '{DAY}')::DOUBLE,
        sum(amount) FILTER (billed > DATE '{DAY}' - 365)::DOUBLE FROM {raw} WHERE billed <= '{DAY}'""").fetchone()
    now = receivables.dso_table(*books, DAY).iloc[-1]
    assert (now["receivable"], now["not_due"], now["invoiced"]) == pytest.approx((owed, not_due, sold), abs=0.005)
    assert now["simple_days"] == pytest.approx(365 * owed / sold, rel=1e-9)
    assert now["best_possible_days"] == pytest.approx(365 * not_due / sold, rel=1e-9)
    assert now["delinquent_days"] == pytest.approx(365 * (owed - not_due) / sold, rel=1e-9)


def test_countback_by_a_second_way(raw, books):
    """June holds more than what is owed on its last day, so countback is that part of its 30 days; on 10 June the 10 days
    of June and a part of May's 31."""
    for day in (DAY, dt.date(2013, 6, 10)):
        owed, *sold = duckdb.sql(f"""SELECT sum(amount) FILTER (paid > '{day}')::DOUBLE,
            sum(amount) FILTER (billed >= '2013-06-01')::DOUBLE,
            sum(amount) FILTER (billed BETWEEN '2013-05-01' AND '2013-05-31')::DOUBLE
            FROM {raw} WHERE billed <= '{day}'""").fetchone()
        first, second = sold
        days = day.day * owed / first if first > owed else day.day + 31 * (owed - first) / second
        assert receivables.dso_table(*books, day)["countback_days"].iloc[-1] == pytest.approx(days, rel=1e-9)


def test_ageing_against_terms(raw, books):
    accounts = books[0][["account_id"]].drop_duplicates().assign(account_name="x", owner="y")
    table = receivables.ageing_table(accounts, *books, DAY)
    told = duckdb.sql(f"""SELECT sum(amount) FILTER (late <= 0), sum(amount) FILTER (late BETWEEN 1 AND 30),
        sum(amount) FILTER (late BETWEEN 31 AND 60), sum(amount) FILTER (late BETWEEN 61 AND 90),
        sum(amount) FILTER (late > 90) FROM (SELECT *, DATE '{DAY}' - due AS late FROM {raw}
        WHERE billed <= '{DAY}' AND paid > '{DAY}')""").fetchone()
    assert table[list(receivables.BUCKETS)].sum().tolist() == pytest.approx([float(x or 0) for x in told], abs=0.005)
