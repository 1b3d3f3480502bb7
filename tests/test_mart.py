"""The mart against a second, plain implementation; windows; what was not delivered; amounts taken from order lines."""

from __future__ import annotations

import datetime as dt

import ibis
import mart_oracle
import numpy as np
import pandas as pd
import pytest
import small_company
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ibis.config import Config

from kamlib import mart, words
from kamlib.errors import InputError
from kamlib.mart.window import Window, months_ending
from kamlib.settings import Settings
from kamlib.sources.check import check_folder
from kamlib.tables import NEEDED, TABLES
from kamlib.workspace import Data, load

AS_OF = dt.date(2025, 12, 31)
DAYS = (AS_OF, dt.date(2025, 6, 14), dt.date(2024, 2, 29), dt.date(2024, 2, 28), dt.date(2025, 2, 28))
OPTIONAL = sorted(set(TABLES) - {*NEEDED, "orders"})
"""What may be absent of a company that sells; `test_without_orders_…` is about the others."""
FEW = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # an example takes a second: shrinking would take minutes
    suppress_health_check=list(HealthCheck),
)


def company(as_of: dt.date = AS_OF, **tables: list[dict]) -> Data:
    """A company of one account, `a`, with the given rows."""
    rows = {"accounts": [{"account_id": "a", "account_name": "Ada"}], "orders": []} | tables
    frames = {name: pd.DataFrame(found, columns=TABLES[name].names) for name, found in rows.items()}
    return small_company.data(frames, as_of)


def order(day: str, amount: float = 100, **more: object) -> dict:
    return {"order_id": f"o{day}{len(more)}{amount}", "account_id": "a", "order_date": day, "amount": amount} | more


def one(data: Data) -> pd.Series:
    (row,) = data.mart.to_dict("records")
    return pd.Series(row)


def assert_same(ours: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(ours.index) == list(expected.index)
    for name in ours.columns:
        left, right = ours[name], expected[name]
        if pd.api.types.is_numeric_dtype(left):
            right = right.astype(float)
            assert np.allclose(
                left.astype(float), right, rtol=1e-9, atol=0.011 if "weighted" in name else 1e-6, equal_nan=True
            ), f"{name}: {left.tolist()} != {right.tolist()}"
        else:
            left, right = left.astype(object).where(left.notna(), None), right.astype(object).where(right.notna(), None)
            assert left.tolist() == right.tolist(), name


@FEW
@given(random=st.randoms(use_true_random=False), as_of=st.sampled_from(DAYS), absent=st.sets(st.sampled_from(OPTIONAL), max_size=6), months=st.sampled_from((12, 12, 1, 5)))  # fmt: skip
def test_every_column_agrees_with_the_plain_implementation(random, as_of, absent, months):
    frames = {name: rows for name, rows in small_company.make(random, as_of).items() if name not in absent}
    ours = small_company.data(frames, as_of, Settings(window_months=months)).mart.set_index("account_id")
    assert_same(ours, mart_oracle.mart(frames, as_of, months))


def test_every_column_agrees_on_the_sample(sample):
    frames = {path.stem: pd.read_csv(path, dtype=str) for path in sample.source.glob("*.csv")}
    assert_same(sample.mart.set_index("account_id"), mart_oracle.mart(frames, sample.as_of))


@FEW
@given(random=st.randoms(use_true_random=False), as_of=st.sampled_from(DAYS))
def test_months_and_order_days_add_up_to_the_mart_and_the_mart_to_the_tables(random, as_of):
    frames = small_company.make(random, as_of)
    frames["accounts"]["created_at"] = None  # every account is known
    data = small_company.data(frames, as_of)
    whole, months = data.mart.set_index("account_id"), data.months
    total = {name: round(data.frame(name).amount.sum(), 2) for name in ("orders", "returns", "invoices", "payments")}
    assert list(whole.index) == sorted(frames["accounts"].account_id)
    assert not months.duplicated(["account_id", "month"]).any()
    sums = months.groupby("account_id")[["n_orders", "revenue"]].sum().reindex(whole.index, fill_value=0)
    assert sums.n_orders.tolist() == whole.n_orders_ever.tolist()
    assert np.allclose(sums.revenue, whole.revenue_ever, atol=0.001)
    assert round(whole.revenue_ever.sum(), 2) == round(total["orders"] - total["returns"], 2)
    assert round(whole.receivable.sum(), 2) == round(total["invoices"] - total["payments"], 2)
    assert whole.n_orders_ever.sum() == len(data.frame("orders")) == data.order_days.n_orders.sum()
    assert round(data.order_days.amount.sum(), 2) == total["orders"]
    assert len(data.order_days) == whole.n_order_days_ever.sum()
    deals = data.frame("deals")
    deals = deals[deals.account_id.notna() & (deals.status == "open")]
    assert round(whole.open_pipeline.sum(), 2) == round(deals.amount.sum(), 2)


def test_months_of_a_window_of_whole_months_are_the_mart():
    rows = [order("2024-12-31", 5), order("2025-01-01", 10, cogs=4), order("2025-12-31", 20, cogs=5)]
    data = company(
        orders=rows, returns=[{"return_id": "r", "account_id": "a", "return_date": "2025-03-01", "amount": 3}]
    )
    year, account = data.months[data.months.month >= "2025-01-01"], one(data)
    for name in ("n_orders", "order_revenue", "returns_amount", "revenue", "cogs", "gross_margin", "contribution"):
        assert year[name].sum() == account[name], name
    assert account.revenue == 27
    assert account.gross_margin == 18
    assert account.contribution_prev != account.contribution_prev, "the cost of the order of 2024 is not known"


@pytest.mark.parametrize(
    ("end", "months", "start"),
    [
        ("2025-12-31", 12, "2025-01-01"), ("2025-02-28", 12, "2024-03-01"), ("2024-02-29", 12, "2023-03-01"),
        ("2024-02-28", 12, "2023-03-01"), ("2025-06-14", 12, "2024-06-15"), ("2025-04-30", 1, "2025-04-01"),
        ("2025-03-30", 1, "2025-03-01"), ("2025-03-27", 1, "2025-02-28"), ("2025-01-30", 2, "2024-12-01"),
    ],
)  # fmt: skip
def test_the_window_starts_the_day_after_its_end_so_many_months_earlier(end, months, start):
    assert months_ending(dt.date.fromisoformat(end), months) == Window(*map(dt.date.fromisoformat, (start, end)))


@given(st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)), st.integers(1, 60))
def test_a_window_is_never_longer_than_its_months_and_grows_with_its_end(end, months):
    window, next_ = months_ending(end, months), months_ending(end + dt.timedelta(days=1), months)
    assert pd.Timestamp(window.start) + pd.DateOffset(months=months) > pd.Timestamp(end)
    assert window.start <= next_.start <= window.start + dt.timedelta(days=4)


def test_both_borders_belong_to_the_window_and_the_day_before_to_the_one_before():
    account = one(company(orders=[order("2023-12-31"), order("2024-01-01"), order("2024-12-31"), order("2025-01-01"), order("2025-12-31")]))  # fmt: skip
    assert (account.n_orders, account.n_orders_prev, account.n_orders_ever) == (2, 2, 5)
    assert (account.recency_days, account.n_active_months) == (0, 2)


def test_the_worked_account_of_the_definitions():
    account = one(company(orders=[order("2025-01-10", 80, list_amount=100, cogs=50), order("2025-01-10", 40), order("2025-01-20", 60), order("2025-02-19", 20)]))  # fmt: skip
    assert (account.n_orders, account.n_order_days_ever, account.active_month_share) == (4, 3, 2 / 12)
    assert (account.median_gap_days, account.mean_gap_days, account.p90_gap_days) == (20, 20, 28)
    assert account.gap_variation_ratio == pytest.approx(np.std([10, 30], ddof=1) / 20)
    assert account.gap_ratio == (AS_OF - dt.date(2025, 2, 19)).days / 20
    assert (account.list_revenue, account.discount, account.revenue) == (220, 20, 200)
    assert np.isnan(account.gross_margin), "three orders without cost: the margin is not known"


def test_late_means_delivered_after_the_promise_among_those_delivered():
    promised = {"promised_at": "2025-05-02"}
    rows = [
        order("2025-05-01", i, delivered_at=day, **promised) for i, day in enumerate(("2025-05-02", "2025-05-03", None))
    ]
    assert one(company(orders=rows)).late_delivery_share == 0.5
    assert np.isnan(one(company(orders=rows[2:])).late_delivery_share)


def test_an_order_after_a_recorded_loss_undoes_it():
    loss = [{"account_id": "a", "lost_at": "2025-06-01", "reason": "price"}]
    assert one(company(orders=[order("2025-05-31")], losses=loss)).lost_at == pd.Timestamp("2025-06-01")
    assert one(company(orders=[order("2025-06-01")], losses=loss)).lost_at == pd.Timestamp("2025-06-01")
    assert pd.isna(one(company(orders=[order("2025-06-02")], losses=loss)).lost_at)


def test_money_paid_for_no_invoice_settles_what_is_overdue():
    invoices = [
        {"invoice_id": "i1", "account_id": "a", "invoice_date": "2025-01-01", "due_date": "2025-02-01", "amount": 100},
        {"invoice_id": "i2", "account_id": "a", "invoice_date": "2025-12-01", "due_date": "2025-12-31", "amount": 50},
    ]
    paid = {"payment_id": "p1", "account_id": "a", "invoice_id": "i1", "paid_at": "2025-03-01", "amount": 30}
    loose = paid | {"payment_id": "p2", "invoice_id": None, "amount": 20}
    account = one(company(invoices=invoices, payments=[paid]))
    assert (account.receivable, account.overdue) == (120, 70), "due on the as-of date is not overdue"
    account = one(company(invoices=invoices, payments=[paid, loose]))
    assert (account.receivable, account.overdue) == (100, 50)


def test_a_deal_is_weighed_by_its_stage_else_by_the_crm():
    deal = {"account_id": "a", "status": "open", "amount": 100, "probability": 0.5}
    deals = [deal | {"deal_id": stage, "stage": stage} for stage in ("proposal", "elsewhere")] + [
        deal | {"deal_id": "x", "probability": None}
    ]
    account = one(company(deals=deals))
    assert (account.n_open_deals, account.open_pipeline, account.weighted_pipeline) == (3, 300, 110)


def test_what_was_not_delivered_is_null_and_what_was_is_zero():
    bare = one(company(orders=[order("2025-05-01", cogs=60)]))
    whole = one(company(**{name: [] for name in OPTIONAL} | {"orders": [order("2025-05-01", cogs=60)]}))
    for name in ("returns_amount", "cost_to_serve", "n_products", "n_categories", "open_pipeline", "n_won", "n_contacts",
                 "n_active_contacts", "n_visits", "n_answers", "n_cases", "receivable", "overdue"):  # fmt: skip
        assert pd.isna(bare[name]), name
        assert whole[name] == 0, name
    assert bare.contribution == whole.contribution == 40
    assert pd.isna(whole.satisfaction_mean)
    assert pd.isna(whole.last_contact)


def test_an_account_without_orders_is_there_with_zeros():
    account = one(company())
    assert (account.n_orders, account.revenue, account.n_orders_ever) == (0, 0, 0)
    assert account[["first_order", "tenure_days", "recency_days", "median_gap_days", "growth", "cogs"]].isna().all()
    assert account.is_key_account is False


def test_numbers_are_numbers_even_where_everything_is_missing():
    for frame in (company().mart, company().months, company().order_days, company(orders=[order("2025-01-01")]).mart):
        labels = [c.name for c in TABLES["accounts"].columns if c.type == "text"]
        numeric = frame.drop(columns=[c for c in labels if c in frame])
        assert not [name for name in numeric if numeric[name].dtype == object]


def test_an_account_that_has_ordered_is_known_before_the_crm_was_filled():
    accounts = [{"account_id": i, "account_name": i, "created_at": "2025-07-01"} for i in "ab"]
    data = company(dt.date(2025, 6, 30), accounts=accounts, orders=[order("2025-01-01"), order("2025-08-01")])
    assert data.mart.account_id.tolist() == ["a"]


def test_what_the_header_lacks_comes_from_the_lines():
    line = {"order_id": "o", "quantity": 1, "amount": 40, "list_amount": 50, "cogs": 10}
    lines = [line | {"line_no": 1}, line | {"line_no": 2, "list_amount": None}]
    header = {"order_id": "o", "account_id": "a", "order_date": "2025-05-01"}
    account = one(company(orders=[header], order_lines=lines))
    assert (account.order_revenue, account.list_revenue, account.gross_margin) == (80, 90, 60)
    account = one(company(orders=[header | {"amount": 70, "cogs": 1}], order_lines=lines))
    assert (account.order_revenue, account.list_revenue, account.gross_margin) == (70, 90, 69)
    uncosted = [lines[0], lines[1] | {"cogs": None}]
    assert np.isnan(one(company(orders=[header], order_lines=uncosted)).gross_margin)


def test_orders_without_any_amount_are_told_and_when_none_has_one_refused(tmp_path):
    pd.DataFrame({"account_id": ["a"], "account_name": "Ada"}).to_csv(tmp_path / "accounts.csv", index=False)
    orders = pd.DataFrame(
        {"order_id": ["1", "2", "3"], "account_id": "a", "order_date": "2025-05-01", "amount": [10, None, None]}
    )
    orders.to_csv(tmp_path / "orders.csv", index=False)
    line = pd.DataFrame({"order_id": ["2"], "line_no": 1, "quantity": 1, "amount": 5})
    line.to_csv(tmp_path / "order_lines.csv", index=False)
    data = load(tmp_path)
    assert data.mart[["n_orders", "revenue"]].to_numpy().tolist() == [[3, 15]]
    (told,) = (fault for fault in data.ledger.faults if fault.kind == "no_amount")
    assert (told.n, told.examples) == (1, ((4, "3"),))
    assert told.what("en") != told.what("zh")
    orders.assign(amount=None).to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "order_lines.csv").unlink()
    with pytest.raises(InputError, match="no order has an amount.*Bring the column 'amount'"):
        load(tmp_path)
    assert not check_folder(tmp_path).usable


def test_key_accounts_are_the_flagged_else_the_thirty_largest():
    frame = pd.DataFrame({"account_id": range(40), "revenue": range(40), "is_key_account": [i == 3 for i in range(40)]})
    assert mart.key_accounts(frame).account_id.tolist() == [3]
    assert sorted(mart.key_accounts(frame.assign(is_key_account=False)).account_id) == list(range(10, 40))


def test_columns_are_those_promised_and_labelled_in_both_languages():
    data = company(orders=[order("2025-05-01")])
    assert tuple(data.mart.columns) == mart.COLUMNS
    unlabelled = {*data.mart.columns, *data.months.columns, *data.order_days.columns} - set(words.LABELS)
    assert not unlabelled


class SparkOptions(Config):
    """What ibis reads where Spark is installed."""

    treat_nan_as_null = False


@pytest.mark.parametrize("dialect", ["pyspark", "postgres", "snowflake"])
@pytest.mark.parametrize("make", [mart.account_mart, mart.account_months, mart.order_days])
def test_the_same_expressions_compile_for_other_engines(make, dialect, monkeypatch):
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    assert "SELECT" in ibis.to_sql(make(company()), dialect=dialect)


def test_without_orders_nothing_about_them_is_measured():
    frames = {"accounts": pd.DataFrame([{"account_id": "a", "account_name": "Ada"}], columns=TABLES["accounts"].names)}
    row = one(small_company.data(frames, AS_OF))
    assert row[["n_orders", "revenue"]].isna().all()
