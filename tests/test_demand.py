"""Units of products: what is expected, and the stock that is enough in nine cases of ten."""

import numpy as np
import pandas as pd
import pytest

from kamlib import words
from kamlib.forecast import demand


def panel(random, n=48, products=20):
    month = pd.date_range("2021-01-01", periods=n, freq="MS")
    return pd.DataFrame(
        random.poisson(np.linspace(40, 400, products), (n, products)).astype(float),
        index=month,
        columns=[f"P{i:02}" for i in range(products)],
    )


def products(ids):
    return pd.DataFrame(
        {"product_id": ids, "product_name": [f"Thing {i}" for i in ids], "product_category": "Things", "unit": "pcs"}
    )


def test_units_are_those_of_the_order_lines(sample):
    months = pd.date_range("2023-01-01", "2025-12-01", freq="MS")
    wide = demand.units(sample, months)
    lines = sample.frame("order_lines")
    assert wide.to_numpy().sum() == pytest.approx(lines.loc[lines["product_id"].notna(), "quantity"].sum())
    assert wide.index.equals(months)


def test_expected_units_are_near_the_truth():
    wide = panel(np.random.default_rng(1))
    table = demand.demand_table(wide, products(wide.columns), 2).set_index("product_id")
    truth = pd.Series(2 * np.linspace(40, 400, 20), wide.columns)
    assert table["n_expected_units"].astype(float).reindex(truth.index).to_numpy() == pytest.approx(
        truth.to_numpy(), rel=0.12
    )
    assert (table["n_stock_units"] >= table["n_expected_units"]).all()


def test_the_stock_is_enough_in_nine_cases_of_ten():
    enough = []
    for seed in range(40):
        wide = panel(np.random.default_rng(seed), n=50)
        table = demand.demand_table(wide.iloc[:48], products(wide.columns), 2).set_index("product_id")
        came = wide.iloc[48:].sum()
        enough += (came <= table["n_stock_units"].astype(float).reindex(came.index)).tolist()
    assert 0.85 <= np.mean(enough) <= 0.95  # 800 cases; a Monte Carlo error of one point


def test_products_bought_now_and_then_have_their_own_model():
    random = np.random.default_rng(3)
    wide = panel(random, products=4)
    wide["rare"] = np.where(random.random(48) < 0.2, 30.0, 0.0)
    table = demand.demand_table(wide, products(wide.columns), 2).set_index("product_id")
    assert table["regular"].to_dict() == {"P00": True, "P01": True, "P02": True, "P03": True, "rare": False}


def test_an_unknown_product_keeps_its_id_and_a_short_past_has_no_stock_hint():
    words.speak("en", "CNY")
    wide = panel(np.random.default_rng(1), n=12, products=3)
    table = demand.demand_table(wide, products(["P00"]), 3)
    assert set(table["product_name"]) == {"Thing P00", "P01", "P02"}
    assert table["n_stock_units"].isna().all()
    assert "too short a past" in demand.demand_claim(table, "en")
    assert demand.demand_table(wide.iloc[:11], products([]), 3).empty
    assert demand.demand_table(demand.no_units(), products([]), 3).empty


def test_the_largest_reserves_come_first():
    wide = panel(np.random.default_rng(1))
    stock = demand.stock_table(demand.demand_table(wide, products(wide.columns), 2))
    assert stock["n_reserve_units"].is_monotonic_decreasing
    assert len(stock) == 5


def test_it_is_drawn_from_zero():
    wide = panel(np.random.default_rng(1))
    ax = demand.plot_demand(demand.demand_table(wide, products(wide.columns), 2))
    assert ax.get_xlim()[0] == 0
    ax.figure.canvas.draw()
