"""Concentration of the twelve months up to each month-end, by account and by ultimate parent."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_finance import mart_of

from kamlib import finance
from kamlib.finance import concentration


def months_of(values: dict[str, list[float]]) -> pd.DataFrame:
    wide = pd.DataFrame(values, index=pd.period_range("2024-01", periods=len(next(iter(values.values()))), freq="M"))
    long = wide.rename_axis("month").reset_index().melt("month", var_name="account_id", value_name="revenue")
    return long.assign(month=long["month"].dt.to_timestamp())


def family(n: int, parents: dict[str, str]) -> pd.DataFrame:
    mart = mart_of(revenue=[1.0] * n)
    return mart.assign(parent_account_id=mart["account_id"].map(parents))


def test_the_merger_guidelines_example_by_account_and_by_parent():
    """D.11-8: 30/30/20/20 is an HHI of 2,600, on the scale of 0 to 10,000 that the label states. D.11-19: with two of them
    under one parent it is 50/30/20 and 3,800, and no revenue is counted twice."""
    months = months_of({"A": [30.0] * 12, "B": [30.0] * 12, "C": [20.0] * 12, "D": [20.0] * 12})
    table = concentration.trend_table(months, family(4, {"C": "A"}), dt.date(2024, 12, 31))
    (row,) = table.to_dict("records")
    assert row["hhi_index"] == pytest.approx(2600)
    assert row["hhi_parent_index"] == pytest.approx(3800)
    assert row["cr1_parent_share"] == pytest.approx(0.5)
    assert "2,600 of 10,000" in concentration.trend_claim(table)
    assert "满值 10,000" in concentration.trend_claim(table, "zh")


def test_a_cut_month_and_the_first_eleven_have_no_point():
    months = months_of({"A": [1.0] * 14})
    table = concentration.trend_table(months, family(1, {}), dt.date(2025, 2, 15))
    assert table["month"].dt.strftime("%Y-%m").tolist() == ["2024-12", "2025-01"]


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=12), st.integers(0, 4))
def test_by_parent_revenue_is_counted_once_and_concentration_can_only_rise(revenue, joined):
    """D.11-19: however families are formed, their revenue is that of their members, once."""
    ids = [chr(65 + i) for i in range(len(revenue))]
    mart = mart_of(revenue=[float(x) for x in revenue])
    mart["parent_account_id"] = [None, *[ids[0] if i <= joined else None for i in range(1, len(ids))]]
    singly, families = (finance.pareto_table(mart, by=by) for by in ("account", "parent"))
    assert families["revenue"].sum() == singly["revenue"].sum() == sum(revenue)
    if sum(revenue):
        assert families["revenue_share"].sum() == pytest.approx(1)
        now = [
            finance.concentration_table(mart.assign(revenue_prev=0.0), by=by).iloc[0] for by in ("account", "parent")
        ]
        assert now[1]["hhi_index"] >= now[0]["hhi_index"] - 1e-9


def test_the_last_point_is_the_window_of_the_sample(sample):
    table = concentration.trend_table(sample.months, sample.mart, sample.as_of)
    now, again = table.iloc[-1], finance.concentration_table(sample.mart).iloc[0]
    for name in ("n_accounts", "cr1_share", "cr5_share", "cr10_share", "hhi_index", "effective_index", "gini_index"):
        assert now[name] == pytest.approx(again[name], rel=1e-9), name
    by_parent = finance.concentration_table(sample.mart, by="parent").iloc[0]
    assert now["hhi_parent_index"] == pytest.approx(by_parent["hhi_index"], rel=1e-9)
    assert len(table) == 25


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_chart_and_claim(sample, lang):
    table = concentration.trend_table(sample.months, sample.mart, sample.as_of)
    for rows in (table, table.tail(1)):
        concentration.plot_trend(rows)
        assert "nan" not in concentration.trend_claim(rows, lang)
    nothing = sample.months.assign(revenue=np.nan)
    assert concentration.trend_table(nothing.head(0), sample.mart, sample.as_of).empty
