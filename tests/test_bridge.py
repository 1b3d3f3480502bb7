"""The price–volume–mix bridge: by hand, exact to the cent whatever the data, and against a second way of counting."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import small_company
from hypothesis import given, settings
from hypothesis import strategies as st

from kamlib.finance import bridge, growth

AS_OF = dt.date(2025, 12, 31)
BEFORE, NOW = "2024-05-01", "2025-05-01"
LINE = ["order_id", "line_no", "product_id", "quantity", "amount", "cogs"]


def company(bought, returns=(), units=None, beyond=0.0):
    """A company from (account, product, when, quantity, amount, cogs) lines, one order each; `beyond` is added to every
    order's amount over its lines. An order of 1 on 2024-01-01 by Z opens the data."""
    opening = ("Z", "p0", "2024-01-01", 1, 1.0, 1.0)
    lines = pd.DataFrame([opening, *bought], columns=["account_id", "product_id", "order_date", *LINE[3:]])
    lines["order_id"] = [f"o{i}" for i in range(len(lines))]
    orders = lines[["order_id", "account_id", "order_date", "cogs"]].assign(amount=(lines["amount"] + beyond).round(2))
    products = pd.DataFrame({"product_id": lines["product_id"].dropna().unique()})
    products["unit"] = products["product_id"].map(units or {})
    back = pd.DataFrame(returns, columns=["account_id", "return_date", "amount"])
    back["return_id"] = back.index.astype(str)
    accounts = lines[["account_id"]].drop_duplicates().assign(account_name="x")
    frames = {
        "accounts": accounts, "products": products, "orders": orders, "order_lines": lines.assign(line_no=1),
        "returns": back,
    }  # fmt: skip
    return small_company.data(frames, AS_OF)


def steps(data, column="amount"):
    return bridge.bridge_table(bridge.bridge_by_account(data)).set_index("step")[column].to_dict()


def test_price_volume_and_mix_by_hand():
    """One customer, two products of one unit: 10 at 5 and 10 at 15 become 12 at 6 and 18 at 15. The mean price was 10, so
    ten pieces more are 100 of volume; at old prices 12·5 + 18·15 = 330, 30 above volume, is mix; the rest, 12, is price."""
    data = company([
        ("A", "p1", BEFORE, 10, 50.0, 30.0), ("A", "p2", BEFORE, 10, 150.0, 90.0),
        ("A", "p1", NOW, 12, 72.0, 48.0), ("A", "p2", NOW, 18, 270.0, 162.0),
    ])  # fmt: skip
    assert steps(data) == {
        "revenue_prev": 201, "price_effect": 12, "cost_effect": 0, "volume_effect": 100, "mix_effect": 30,
        "stopped_accounts": -1, "revenue": 342,
    }  # fmt: skip
    margin = steps(data, "gross_margin")
    assert (margin["price_effect"], margin["cost_effect"]) == (12, -12)  # p1 costs 4 instead of 3, for 12 pieces
    assert (margin["volume_effect"], margin["mix_effect"]) == (
        40,
        12,
    )  # a margin of 80 on 20 pieces; 24 + 108 − 80 − 40
    assert (margin["revenue_prev"], margin["revenue"]) == (80, 132)


def test_pieces_and_hours_are_not_added_up():
    bought = [("A", "p1", BEFORE, 10, 50.0, 0), ("A", "p1", NOW, 20, 100.0, 0),
              ("A", "p2", BEFORE, 10, 900.0, 0), ("A", "p2", NOW, 10, 900.0, 0)]  # fmt: skip
    assert steps(company(bought, units={"p1": "pcs", "p2": "h"}))["volume_effect"] == 50
    alike = steps(company(bought))
    assert (alike["volume_effect"], alike["mix_effect"]) == (475, -425)


def test_new_and_lost_stand_apart_from_volume():
    found = steps(company([
        ("A", "p1", BEFORE, 1, 10.0, 0), ("A", "p1", NOW, 1, 10.0, 0), ("A", "p2", NOW, 2, 7.0, 0),
        ("A", "p3", BEFORE, 2, 4.0, 0), ("B", "p1", BEFORE, 1, 30.0, 0), ("C", "p1", NOW, 5, 55.0, 0),
    ], returns=[("A", "2024-06-01", 2.0), ("C", "2025-06-01", 5.0)]))  # fmt: skip
    assert found == {
        "revenue_prev": 43, "new_products": 7, "dropped_products": -4, "new_accounts": 55, "stopped_accounts": -31,
        "returns_amount": -3, "revenue": 67,
    }  # fmt: skip


def test_an_account_that_only_returned_is_in_the_bridge():
    data = company([("R", "p1", "2023-05-01", 1, 90.0, 0)], returns=[("R", "2025-03-01", 40.0)])
    assert steps(data) == {"revenue_prev": 1, "stopped_accounts": -1, "returns_amount": -40, "revenue": -40}


def test_what_no_line_explains_is_shown_as_such():
    found = steps(company([("A", "p1", BEFORE, 0, 10.0, 0), ("A", "p1", NOW, 1, 30.0, 0), ("A", None, NOW, 1, 5.0, 0)]))
    assert found["not_itemised"] == 25
    assert "price_effect" not in found


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABC"), st.sampled_from(["p1", "p2", "p3", None]), st.sampled_from([BEFORE, NOW]),
            st.integers(0, 7), st.integers(-20_000, 999_999).map(lambda cents: cents / 100),
            st.one_of(st.none(), st.integers(0, 99_999).map(lambda cents: cents / 100)),
        ), max_size=30,
    ),
    st.sampled_from([0.0, 0.01, 33.33]),
)  # fmt: skip
def test_the_bridge_closes_to_the_cent_for_any_data(bought, beyond):
    data = company(bought, returns=[("Z", "2025-02-02", 3.33)], beyond=beyond)
    rows = bridge.bridge_by_account(data)
    cents = (rows.drop(columns=["account_id", "account_name"]) * 100).round()
    change = cents["revenue"] - cents["revenue_prev"]
    assert (cents[list(bridge.STEPS)].sum(axis=1) == change).all()
    assert rows["revenue"].sum() == pytest.approx(data.mart["revenue"].sum(), abs=0.005)
    assert rows["revenue_prev"].sum() == pytest.approx(data.mart["revenue_prev"].sum(), abs=0.005)
    if rows["margin"].notna().all():
        margin = cents[[f"margin_{step}" for step in bridge.STEPS]].sum(axis=1)
        assert (margin == cents["margin"] - cents["margin_prev"]).all()
        assert rows["margin"].sum() == pytest.approx(data.mart["gross_margin"].sum(), abs=0.005)
    table = bridge.bridge_table(rows)
    assert table["amount"].iloc[:-1].sum() == pytest.approx(table["amount"].iloc[-1], abs=0.005)


def test_the_sample_closes_and_its_price_effect_equals_a_count_by_pandas(sample):
    rows = bridge.bridge_by_account(sample)
    table = bridge.bridge_table(rows).set_index("step")
    for column, total in (("amount", "revenue"), ("gross_margin", "gross_margin")):
        assert round(table[column].iloc[:-1].sum() - table[column].iloc[-1], 2) == 0
        assert table[column].iloc[-1] == pytest.approx(sample.mart[total].sum(), abs=0.005)
    lines = sample.frame("order_lines").merge(sample.frame("orders")[["order_id", "account_id", "order_date"]])
    lines["year"] = lines["order_date"].dt.year
    sums = lines.groupby(["account_id", "product_id", "year"])[["quantity", "amount"]].sum().unstack()
    both = sums[[("amount", 2024), ("amount", 2025)]].notna().all(axis=1)
    q, r = sums.loc[both, "quantity"], sums.loc[both, "amount"]
    assert table.at["price_effect", "amount"] == pytest.approx((r[2025] - r[2024] * q[2025] / q[2024]).sum(), abs=5)


def test_windows_of_different_length_are_not_compared():
    data = company([])
    assert growth.comparable(data)
    late = small_company.data({
        "accounts": pd.DataFrame({"account_id": ["A"], "account_name": ["Ada"]}),
        "orders": pd.DataFrame({"order_id": ["1"], "account_id": ["A"], "order_date": ["2024-03-01"], "amount": [5.0]}),
    }, AS_OF)  # fmt: skip
    assert not growth.comparable(late)
    assert bridge.bridge_table(bridge.bridge_by_account(late)).empty


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_chart_and_claim_with_and_without_cost(lang):
    for cost in (4.0, None):
        rows = bridge.bridge_by_account(company([("A", "p1", BEFORE, 1, 10.0, cost), ("A", "p1", NOW, 2, 30.0, cost)]))
        table = bridge.bridge_table(rows)
        bridge.plot_bridge(table)
        claim = bridge.bridge_claim(table, lang)
        assert "nan" not in claim
        assert ("毛利" in claim or "Gross margin" in claim) == (cost is not None)
    assert np.isnan(rows["margin"]).all()
