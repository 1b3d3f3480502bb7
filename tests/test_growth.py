"""Monthly revenue, its trend and its growth rates; growth per account."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_finance import mart_of

from kamlib.finance import growth


def months_of(values, start="2023-01") -> pd.DataFrame:
    month = pd.period_range(start, periods=len(values), freq="M").to_timestamp()
    return pd.DataFrame({"account_id": "A", "month": month, "revenue": np.asarray(values, float)})


def test_months_are_summed_and_gaps_filled():
    rows = pd.concat([months_of([10, 20]), months_of([5], "2023-04")])
    table = growth.monthly_table(rows, dt.date(2023, 5, 31))
    assert table["revenue"].tolist() == [10, 20, 0, 5, 0]
    assert not table["partial"].any()


def test_january_and_february_enter_together():
    table = growth.monthly_table(months_of([10, 30, 7] + [8] * 9 + [30, 10, 14]), dt.date(2024, 3, 31))
    assert table["evened"].tolist()[:3] == [20, 20, 7]
    assert table["growth"].tolist()[12:] == [0, 0, 1]  # the festival moved: no growth in either month


def test_a_month_that_is_not_over_is_marked_and_not_counted():
    table = growth.monthly_table(months_of([10] * 12 + [3]), dt.date(2024, 1, 15))
    assert table["partial"].tolist() == [False] * 12 + [True]
    assert table["evened"].isna().tolist() == [False] * 12 + [True]


def test_a_january_waits_for_its_february():
    table = growth.monthly_table(months_of([10] * 24 + [100]), dt.date(2025, 1, 31))
    assert np.isnan(table["evened"].iloc[-1])
    rates = growth.growth_rates(table).set_index("period")
    assert rates.at["last_month", "growth"] == 0  # that of December
    assert rates.at["last_12_months", "current"] == 120


def test_growth_rates_by_hand():
    rates = growth.growth_rates(
        growth.monthly_table(months_of([10] * 12 + [20] * 12 + [40] * 12), dt.date(2025, 12, 31))
    )
    rates = rates.set_index("period")
    assert rates.loc["last_12_months"].tolist() == [480, 240, 240, 1.0]
    assert rates.loc["last_3_months"].tolist() == [120, 60, 60, 1.0]
    assert rates.at["cagr", "growth"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "as_of"),
    [([0.0] * 12 + [5] * 12, dt.date(2024, 12, 31)), ([-3.0] * 12 + [5] * 12, dt.date(2024, 12, 31))],
)
def test_growth_on_a_base_of_zero_or_less_is_not_available(values, as_of):
    table = growth.monthly_table(months_of([1.0, *values], "2022-12"), as_of)
    assert growth.growth_rates(table)["growth"].isna().all()
    assert growth.signed_share(np.nan) == "n/a"


def test_two_years_have_no_compound_rate():
    """CAGR wants three whole periods: of two it would be the growth of the second."""
    two = growth.growth_rates(growth.monthly_table(months_of([10] * 12 + [20] * 12), dt.date(2024, 12, 31)))
    assert np.isnan(two.set_index("period").at["cagr", "growth"])
    three = growth.monthly_table(months_of([10] * 12 + [20] * 12 + [40] * 12), dt.date(2025, 12, 31))
    assert growth.growth_rates(three).set_index("period").at["cagr", "growth"] == pytest.approx((40 / 10) ** 0.5 - 1)


def test_trend_recovers_a_known_slope_through_an_odd_month():
    values = 100 + 2.0 * np.arange(36)
    values[20] = 5000
    table = growth.monthly_table(months_of(values), dt.date(2025, 12, 31))
    line = growth.trend(table)
    assert line["slope"] == pytest.approx(2, abs=0.05)
    assert line["low"] <= 2 <= line["high"]
    assert growth.monthly_claim(table).startswith("Net revenue rises: CNY 2 a month")


def test_below_two_years_the_season_is_not_separated_and_the_claim_says_so():
    table = growth.monthly_table(months_of(range(1, 16)), dt.date(2024, 3, 31))
    assert "season not separated" in growth.monthly_claim(table)


def test_below_a_year_there_is_no_trend_but_the_chart_stands():
    table = growth.monthly_table(months_of([5, 6, 7]), dt.date(2023, 3, 31))
    assert np.isnan(growth.trend(table)["slope"])
    assert "3 complete months" in growth.monthly_claim(table)
    assert len(growth.plot_monthly(table).lines) == 2


@pytest.mark.parametrize("values", [[5], [-5, -6], [0, 3] * 20, [7] * 40])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_charts_and_claims_survive_odd_series(values, lang):
    table = growth.monthly_table(months_of(values), dt.date(2026, 4, 10))
    growth.plot_monthly(table)
    assert "nan" not in growth.monthly_claim(table, lang)
    assert growth.monthly_table(months_of([0, 0]), dt.date(2023, 2, 28)).empty


def test_accounts_by_change():
    mart = mart_of(revenue=[150.0, 0.0, 80.0, 5.0, 0.0], revenue_prev=[100.0, 90.0, 0.0, 5.0, 0.0])
    table = growth.account_growth_table(mart)
    assert table[["account_id", "change", "course"]].to_numpy().tolist() == [
        ["B", -90, "stopped"], ["C", 80, "started"], ["A", 50, "up"], ["D", 0, "level"],
    ]  # fmt: skip
    assert table["growth"].tolist() == pytest.approx([-1, np.nan, 0.5, 0], nan_ok=True)
    assert growth.account_growth_claim(table) == (
        "Rises of CNY 130 (most: Account C) against falls of CNY 90 (most: Account B) at 4 accounts."
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-1000, 100000), st.integers(-1000, 100000)), min_size=1, max_size=30))
def test_changes_sum_to_the_change_of_the_whole(rows):
    now, before = (np.array(column, float) for column in zip(*rows, strict=True))
    table = growth.account_growth_table(mart_of(revenue=now, revenue_prev=before))
    assert table["change"].sum() == pytest.approx(now.sum() - before.sum())
