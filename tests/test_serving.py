"""Cost-to-serve by activity, and whether "loses money" survives another allocation."""

import datetime as dt

import pandas as pd
import pytest
import small_company
from hypothesis import given, settings
from hypothesis import strategies as st
from test_finance import mart_of

from kamlib import finance
from kamlib.finance import profitability, serving

AS_OF = dt.date(2025, 12, 31)


@pytest.fixture
def data():
    """A: one visit of 30 and 2 h of engineering of 100; B: three visits of 60; 50 names nobody; 9 lies before the window."""
    costs = pd.DataFrame(
        [("A", "visit", 1, 30.0), ("A", "engineering", 2, 100.0), ("B", "visit", 3, 60.0), (None, "other", None, 50.0),
         ("B", "case", None, 7.0)], columns=["account_id", "activity", "quantity", "amount"],
    ).assign(cost_date="2025-06-01")  # fmt: skip
    costs.loc[len(costs)] = ["A", "visit", 1, 9.0, "2024-12-31"]
    costs["cost_id"] = costs.index.astype(str)
    orders = pd.DataFrame({
        "order_id": ["1", "2", "3", "4"], "account_id": ["A", "B", "B", "B"], "order_date": "2025-05-01",
        "amount": [300.0, 50, 25, 25], "cogs": [100.0, 10, 5, 5],
    })  # fmt: skip
    accounts = pd.DataFrame({"account_id": ["A", "B"], "account_name": ["Ada", "Bo"]})
    return small_company.data({"accounts": accounts, "orders": orders, "service_costs": costs}, AS_OF)


def test_activities_by_hand(data):
    table = serving.activity_table(data).set_index("activity")
    assert table.loc["activity.visit", ["n_accounts", "driver_quantity", "booked", "unit_rate_amount"]].tolist() == [
        2, 4, 90, 22.5,
    ]  # fmt: skip
    assert table.loc["activity.other", ["booked", "unallocated", "cost"]].tolist() == [0, 50, 50]
    assert table["unallocated"].sum() == finance.unallocated_cost(data)
    assert table["booked"].sum() == data.mart["cost_to_serve"].sum()


def test_one_rate_per_driver_unit_sums_to_what_was_booked(data):
    standard = serving.standard_cost(data)
    assert standard.to_dict() == {"A": 22.5 + 100, "B": 67.5 + 7}  # the case has no quantity: as booked
    assert standard.sum() == data.mart["cost_to_serve"].sum()


def test_verdict_by_hand(data):
    table = serving.verdict_table(data.mart, serving.standard_cost(data), unallocated=50.0).set_index("account_id")
    assert table.loc["B", list(serving.WAYS)].tolist() == [80 - 67, 80 - 74.5, 80 - 247 * 3 / 4, 80 - 247 / 4]
    assert table.loc["B", ["n_ways", "n_losing_ways", "flips"]].tolist() == [4, 1, True]
    assert table.loc["A", "n_losing_ways"] == 0
    assert serving.verdict_claim(table.reset_index()) == (
        "0 of 2 accounts lose money as booked, 0 also at one rate per driver unit, 0 under all 4 allocations; "
        "1 (50 %) change sign."
    )


def test_without_cost_there_is_no_verdict(data):
    mart = data.mart.assign(cogs=float("nan"), gross_margin=float("nan"), contribution=float("nan"))
    assert serving.verdict_table(mart, serving.standard_cost(data)).empty
    bare = mart_of(revenue=[5.0], contribution=[1.0], gross_margin=[1.0]).assign(cost_to_serve=float("nan"))
    assert serving.verdict_table(bare, pd.Series(dtype=float)).empty


cents = st.integers(-90_000, 900_000).map(lambda value: value / 100)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(cents, cents, st.integers(0, 9)), min_size=1, max_size=20), st.integers(0, 9_999))
def test_whatever_the_driver_the_cost_is_spread_in_full(rows, unallocated):
    margin, cost, orders = (list(column) for column in zip(*rows, strict=True))
    mart = mart_of(revenue=[abs(m) + 1 for m in margin], gross_margin=margin, cost_to_serve=cost, n_orders=orders)
    spread = sum(cost) + unallocated
    for contribution in serving.allocated(mart, unallocated).values():
        assert (mart["gross_margin"] - contribution).sum() == pytest.approx(spread, abs=0.01)


def test_the_costly_account_of_the_sample_loses_under_every_allocation(sample):
    table = serving.verdict_table(
        sample.mart, serving.standard_cost(sample), unallocated=finance.unallocated_cost(sample)
    )
    from kamlib.sample.stories import COSTLY_ACCOUNT

    row = table.set_index("account_id").loc[COSTLY_ACCOUNT]
    assert row["n_losing_ways"] == row["n_ways"] == 4
    losing = profitability.loss_makers(profitability.whale_table(sample.mart))
    assert (table["contribution"] < 0).sum() == len(losing)
    assert not table.loc[table["n_losing_ways"] == 4, "flips"].any()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_chart_and_claim(sample, lang):
    table = serving.verdict_table(sample.mart, unallocated=1.0)
    assert serving.ways_of(table) == ["contribution", "contribution_by_orders", "contribution_by_revenue"]
    serving.plot_verdict(table, top_n=3)
    assert "3" in serving.verdict_claim(table, lang)
