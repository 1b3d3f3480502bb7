"""The whale curve and the share of key accounts in profit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_finance import book, mart_of

from kamlib.finance import profitability

profits = st.lists(st.integers(-5_000_000, 20_000_000).map(lambda cents: cents / 100), min_size=1, max_size=40)


def earning(contribution, **columns) -> pd.DataFrame:
    return mart_of(contribution=contribution, revenue=[100.0] * len(contribution), **columns)


def test_whale_by_hand():
    table = profitability.whale_table(earning([30.0, -40.0, 100.0, 10.0]), unallocated=20.0)
    assert list(table["account_id"]) == ["C", "A", "D", "B", "unallocated_cost"]
    assert list(table["cum_contribution"]) == [100, 130, 140, 100, 80]
    assert list(table["cum_share"]) == [1.0, 1.3, 1.4, 1.0, 0.8]
    found = profitability.whale_summary(table)
    assert found == pytest.approx({
        "n_accounts": 4, "n_losing": 1, "loss": -40, "total": 100, "peak": 140, "n_peak": 3, "peak_share": 1.4,
        "erosion_share": 0.4, "best_fifth_share": 1.0, "unallocated": 20,
    })  # fmt: skip
    assert list(profitability.loss_makers(table)["account_id"]) == ["B"]


def test_the_whale_chart_shows_the_peak_the_key_accounts_and_what_is_unallocated():
    mart = earning([30.0, -40.0, 100.0, 10.0]).assign(is_key_account=[True, True, False, False])
    table = profitability.whale_table(mart, unallocated=20.0)
    ax = profitability.plot_whale(table, top_n=1)
    curve, ticks = ax.lines[0], next(line for line in ax.lines if line.get_label() == "Key account")
    assert list(curve.get_ydata()) == [0, 1, 1.3, 1.4, 1]
    assert list(ticks.get_xdata()) == [1.5, 3.5]
    texts = " ".join(text.get_text() for text in ax.texts)
    for part in ("peak 140 %", "3 of 4 accounts", "Account B −CNY 40", "Unallocated service cost"):
        assert part in texts
    assert profitability.count_accounts(table) == 4


def test_the_whale_is_sorted_by_profit_and_not_by_revenue():
    """D.11-7: the largest by revenue comes last when it earns least."""
    rows = book([(1000, 0, 0, 990, 0), (100, 0, 0, 10, 0)])
    assert list(profitability.whale_table(rows)["account_id"]) == ["B", "A"]


@pytest.mark.parametrize("contribution", [[100.0, -90.0], [10.0, -30.0], [-5.0], [0.0, 0.0]])
def test_the_axis_is_money_when_the_total_is_near_or_below_zero(contribution):
    table = profitability.whale_table(earning(contribution))
    assert table["cum_share"].isna().all()
    ax = profitability.plot_whale(table)
    assert ax.get_ylabel() == "Cumulative contribution"
    assert "nan" not in profitability.whale_claim(table)


@settings(max_examples=50, deadline=None)
@given(profits, st.integers(0, 100_000), st.integers(0, 99))
def test_the_whale_ends_at_one_or_at_the_money_and_ignores_the_order_of_rows(contribution, unallocated, seed):
    mart = earning(contribution)
    table = profitability.whale_table(mart, unallocated=float(unallocated))
    accounts = table[table["account_id"] != "unallocated_cost"]
    assert accounts["cum_contribution"].iloc[-1] == pytest.approx(sum(contribution), abs=0.005)
    assert table["contribution"].sum() == pytest.approx(sum(contribution) - unallocated, abs=0.005)
    if accounts["cum_share"].notna().all():
        assert accounts["cum_share"].iloc[-1] == pytest.approx(1)
        assert accounts["cum_share"].max() >= 1 - 1e-9
    again = profitability.whale_table(mart.sample(frac=1, random_state=seed), unallocated=float(unallocated))
    pd.testing.assert_frame_equal(table, again)


def test_accounts_without_known_cost_are_left_out():
    table = profitability.whale_table(earning([np.nan, 5.0]))
    assert list(table["account_id"]) == ["B"]
    assert profitability.whale_table(earning([np.nan, np.nan])).empty


def test_key_accounts_are_tested_and_not_assumed():
    mart = book([(1000, 0, 0, 600, 350), (200, 0, 0, 50, 10), (100, 0, 0, 20, 20)])
    mart["is_key_account"], mart["n_orders"] = [True, False, False], [1, 1, 8]
    table = profitability.key_share_table(mart, unallocated=20.0).set_index("measure")
    assert table.loc["accounts", ["total", "key_amount"]].tolist() == [3, 1]
    assert table.at["revenue", "key_share"] == pytest.approx(1000 / 1300)
    assert table.at["contribution", "key_share"] == pytest.approx(50 / 250)
    assert table.at["contribution_without_best", "key_share"] == 0
    # all 400 of service cost, by revenue: 400 − 400·1000/1300; by orders: 400 − 400/10; of the 230 left
    assert table.at["contribution_by_revenue", "key_share"] == pytest.approx((400 - 400 * 10 / 13) / 230)
    assert table.at["contribution_by_orders", "key_share"] == pytest.approx(360 / 230)
    claim = profitability.key_share_claim(table.reset_index())
    assert claim.startswith(
        "Key accounts (1, 33 % of accounts) bring 20 % of contribution (counted otherwise 0 %–157 %)"
    )
    assert claim.endswith("it depends on the count.")


def test_the_verdict_follows_the_numbers():
    mart = book([(1000, 0, 0, 100, 0), (900, 0, 0, 90, 0), (10, 0, 0, 5, 0)])
    mart["is_key_account"] = [True, True, False]
    assert profitability.key_share_claim(profitability.key_share_table(mart)).endswith(": the main source.")
    mart["is_key_account"] = [False, False, True]
    assert profitability.key_share_claim(profitability.key_share_table(mart)).endswith(": not the main source.")


def test_without_cost_the_key_accounts_are_measured_by_revenue():
    mart = mart_of(revenue=[60.0, 40.0]).assign(is_key_account=[True, False])
    table = profitability.key_share_table(mart)
    assert list(table["measure"]) == ["accounts", "revenue"]
    assert (
        profitability.key_share_claim(table)
        == "Key accounts (1, 50 % of accounts) bring 60 % of net revenue: of profit nothing can be said, orders.cogs is not "
        "measured."
    )


def test_where_nobody_is_flagged_the_claim_says_who_stands_in():
    table = profitability.key_share_table(mart_of(revenue=[60.0, 40.0]))
    assert profitability.key_share_claim(table).startswith("The largest accounts (2, 100 % of accounts)")


@pytest.mark.parametrize("contribution", [[5.0], [-5.0, -5.0], [0.0, 3.0, 0.0], [1.0] * 50])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_few_tied_or_losing_accounts_are_drawn_and_said(contribution, lang):
    mart = earning(contribution, n_orders=1)
    whale, shares = profitability.whale_table(mart, unallocated=1.0), profitability.key_share_table(mart)
    profitability.plot_whale(whale)
    profitability.plot_key_share(shares)
    for claim in (profitability.whale_claim(whale, lang), profitability.key_share_claim(shares, lang)):
        assert "nan" not in claim
    assert profitability.key_share_table(mart.head(0)).empty
    assert profitability.whale_table(mart.head(0), unallocated=1.0).empty


def test_without_service_cost_the_key_accounts_are_measured_by_gross_margin():
    margin = [30.0, 10.0]
    mart = mart_of(revenue=[60.0, 40.0], gross_margin=margin, contribution=margin, cost_to_serve=[np.nan, np.nan])
    table = profitability.key_share_table(mart.assign(is_key_account=[True, False]))
    assert list(table["measure"]) == ["accounts", "revenue", "gross_margin"]
    assert "75 % of gross margin (service cost not measured): the main" in profitability.key_share_claim(table)
    assert "带来毛利（未计服务成本）的 75 %：" in profitability.key_share_claim(table, "zh")


def test_where_shares_mean_nothing_it_is_said():
    """All accounts are key, or what they share in is not positive: then no verdict is given."""
    every = mart_of(revenue=[60.0, 40.0], contribution=[5.0, 4.0]).assign(is_key_account=True)
    assert "every account is one" in profitability.key_share_claim(profitability.key_share_table(every))
    losing = mart_of(revenue=[60.0, 40.0], contribution=[-5.0, 4.0]).assign(is_key_account=[True, False])
    for lang, told in (("en", "not positive"), ("zh", "合计不为正")):
        assert told in profitability.key_share_claim(profitability.key_share_table(losing), lang)
