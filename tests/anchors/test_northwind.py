"""Northwind Traders (830 orders): concentration and the bridge equal what plain SQL finds in the raw files."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import kamlib as kam
from kamlib import finance
from kamlib.finance import bridge
from kamlib.sources.mapping import import_data

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def northwind(public_data, tmp_path_factory):
    if not (public_data / "northwind").is_dir():
        pytest.skip("Northwind is not here: put its CSV files into northwind/ of the folder of public data sets")
    into = tmp_path_factory.mktemp("northwind") / "ws"
    import_data(ROOT / "examples/northwind.yml", public_data / "northwind", into)
    return public_data / "northwind", kam.load(into)


SOLD = """(SELECT CustomerID, sum(CAST(UnitPrice * Quantity * (1 - Discount) AS DECIMAL(18,2)))::DOUBLE AS x
    FROM '{raw}/orders.csv' JOIN '{raw}/order_details.csv' USING (OrderID)
    WHERE OrderDate > (SELECT max(OrderDate) FROM '{raw}/orders.csv') - INTERVAL 12 MONTH GROUP BY 1)"""
FIGURES = """WITH r AS (SELECT x, x / sum(x) OVER () AS s, row_number() OVER (ORDER BY x) AS i,
        row_number() OVER (ORDER BY x DESC) AS place, count(*) OVER () AS n, sum(x) OVER () AS total FROM {sold})
    SELECT 1e4 * sum(s * s), 1 / sum(s * s), sum((2 * i - n - 1) * x) / (max(n) * max(total)) * max(n) / (max(n) - 1),
        sum(s) FILTER (WHERE place <= 1), sum(s) FILTER (WHERE place <= 5), sum(s) FILTER (WHERE place <= 10), max(n) FROM r"""


def test_concentration_equals_independent_sql_to_a_billionth(northwind):
    raw, data = northwind
    row = finance.concentration_table(data.mart).iloc[0]
    names = ("hhi_index", "effective_index", "gini_index", "cr1_share", "cr5_share", "cr10_share", "n_accounts")
    told = duckdb.sql(FIGURES.format(sold=SOLD.format(raw=raw))).fetchone()
    for name, value in zip(names, told, strict=True):
        assert row[name] == pytest.approx(value, rel=1e-9), name


def test_a_bridge_over_windows_that_the_data_cover_closes_to_the_cent(northwind):
    """The data cover 22 months, so two windows of ten can be compared. Volume and mix together are the Laspeyres change of
    quantity; price is what remains: counted here per customer and product in SQL over the raw files."""
    raw, whole = northwind
    data = replace(whole, settings=whole.settings.model_copy(update={"window_months": 10}), _cut={})
    rows = bridge.bridge_by_account(data)
    table = bridge.bridge_table(rows).set_index("step")["amount"]
    assert round(table.iloc[:-1].sum() - table.iloc[-1], 2) == 0
    assert table.iloc[-1] == pytest.approx(data.mart["revenue"].sum(), abs=0.005)
    price, moved = duckdb.sql(f"""
        WITH lines AS (SELECT CustomerID, ProductID, Quantity AS q, OrderDate >= '2017-07-07' AS now,
                CAST(UnitPrice * Quantity * (1 - Discount) AS DECIMAL(18,2))::DOUBLE AS x
            FROM '{raw}/orders.csv' JOIN '{raw}/order_details.csv' USING (OrderID)
            WHERE OrderDate BETWEEN '2016-09-07' AND '2018-05-06'),
        pairs AS (SELECT sum(q) FILTER (now) AS q1, sum(q) FILTER (NOT now) AS q0, sum(x) FILTER (now) AS r1,
                sum(x) FILTER (NOT now) AS r0 FROM lines GROUP BY CustomerID, ProductID)
        SELECT sum(r1 - round(r0 * q1 / q0, 2)), sum(round(r0 * q1 / q0, 2) - r0) FROM pairs
        WHERE q0 IS NOT NULL AND q1 IS NOT NULL""").fetchone()
    assert table["price_effect"] == pytest.approx(price, abs=0.05)
    assert table["volume_effect"] + table["mix_effect"] == pytest.approx(moved, abs=0.05)
