"""Returns by product in value, units and orders, and their rate over time."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import small_company

from kamlib import stats
from kamlib.finance import returns

AS_OF = dt.date(2025, 12, 31)


@pytest.fixture
def data():
    """P1: 4 orders of 10 units at 25 each; 5 units back in two returns of two orders. P2: one order, nothing back. A return
    names no product; one return and one order lie before the window."""
    orders = pd.DataFrame({"order_id": list("12345"), "account_id": "A", "order_date": "2025-05-01"})
    orders.loc[4, "order_date"] = "2024-05-01"
    lines = pd.DataFrame(
        [("1", 1, "P1", 10, 250.0), ("2", 1, "P1", 10, 250.0), ("3", 1, "P1", 10, 250.0), ("4", 1, "P1", 10, 250.0),
         ("4", 2, "P2", 2, 600.0), ("5", 1, "P1", 99, 999.0)],
        columns=["order_id", "line_no", "product_id", "quantity", "amount"],
    )  # fmt: skip
    orders["amount"] = orders["order_id"].map(lines.groupby("order_id")["amount"].sum())
    back = pd.DataFrame(
        [("1", "P1", "2025-06-01", 2, 50.0), ("2", "P1", "2025-07-01", 3, 75.0), ("3", None, "2025-07-02", None, 16.0),
         ("5", "P1", "2024-06-01", 9, 90.0)], columns=["order_id", "product_id", "return_date", "quantity", "amount"],
    ).assign(account_id="A")  # fmt: skip
    back["return_id"] = back.index.astype(str)
    products = pd.DataFrame({"product_id": ["P1", "P2"], "product_name": ["Pump", "Valve"]})
    accounts = pd.DataFrame({"account_id": ["A"], "account_name": ["Ada"]})
    frames = {"accounts": accounts, "orders": orders, "order_lines": lines, "returns": back, "products": products}
    return small_company.data(frames, AS_OF)


def test_rates_by_hand(data):
    table = returns.product_returns_table(data).set_index("product_id")
    assert list(table.index) == ["P1", "", "P2"]
    pump = table.loc["P1"]
    assert pump[["product_name", "ordered_amount", "returns_amount", "return_rate"]].tolist() == [
        "Pump",
        1000,
        125,
        0.125,
    ]
    assert pump[["quantity_ordered", "quantity_returned", "unit_return_rate"]].tolist() == [40, 5, 0.125]
    assert pump[["n_orders", "n_orders_returned", "n_returns", "order_return_rate"]].tolist() == [4, 2, 2, 0.5]
    assert (pump["order_return_rate_low"], pump["order_return_rate_high"]) == pytest.approx(stats.wilson(2, 4))
    assert table.at["", "returns_amount"] == 16
    assert table["returns_amount"].sum() == data.mart["returns_amount"].sum()


def test_accounts_by_hand_and_without_order_lines(data):
    (row,) = returns.account_returns_table(data).to_dict("records")
    assert (row["order_revenue"], row["returns_amount"]) == (1600, 141)
    assert (row["quantity_ordered"], row["quantity_returned"], row["unit_return_rate"]) == (42, 5, 5 / 42)
    frames = {name: data.frame(name) for name in ("accounts", "orders", "returns")}
    bare = returns.account_returns_table(small_company.data(frames, AS_OF))
    assert bare["returns_amount"].tolist() == [141]
    assert bare["unit_return_rate"].isna().all()


def test_the_sample_ties_to_its_mart(sample):
    table = returns.product_returns_table(sample)
    assert table["returns_amount"].sum() == pytest.approx(sample.mart["returns_amount"].sum(), abs=0.005)
    assert table["ordered_amount"].sum() == pytest.approx(sample.mart["order_revenue"].sum(), abs=0.005)
    trend = returns.trend_table(sample.months, sample.as_of)
    rate = sample.mart["returns_amount"].sum() / sample.mart["order_revenue"].sum()
    assert trend["return_rate"].iloc[-1] == pytest.approx(rate)
    assert len(trend) == 25


def test_a_product_stands_out_only_when_its_interval_does():
    def book(k, n):
        rows = pd.DataFrame({"product_id": list("abc"), "n_orders": n, "n_orders_returned": k})
        rows["order_return_rate"] = rows["n_orders_returned"] / rows["n_orders"]
        rows["order_return_rate_low"], _ = stats.wilson(rows["n_orders_returned"], rows["n_orders"])
        return returns.standing_out(rows)["product_id"].tolist()

    assert book([20, 5, 5], [100, 100, 100]) == ["a"]
    assert book([7, 5, 5], [100, 100, 100]) == []
    assert book([9, 5, 5], [10, 100, 100]) == []  # nine of ten, but of ten


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_chart_and_claim(data, sample, lang):
    for one in (data, sample):
        table, trend = returns.product_returns_table(one), returns.trend_table(one.months, one.as_of)
        returns.plot_returns(table, trend=trend)
        assert "nan" not in returns.returns_claim(table, lang, trend=trend)
    assert returns.trend_table(data.months.assign(returns_amount=np.nan), AS_OF).empty
