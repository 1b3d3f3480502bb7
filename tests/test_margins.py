"""The matrix of revenue and margin, its advice, and the action list."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from test_finance import book, books, mart_of

from kamlib.finance import margins

AS_OF = dt.date(2025, 12, 31)


@pytest.fixture
def matrix():
    """Portfolio margin 16 %. A, B, C and D bring 80 % of revenue or more; E and F are small."""
    revenue = [400.0, 300.0, 200.0, 60.0, 30.0, 10.0]
    return margins.matrix_table(mart_of(revenue=revenue, contribution=[120.0, 30.0, -20.0, 24.0, -3.0, 9.0]))


def test_cells_and_advice_by_hand(matrix):
    cells = matrix.set_index("account_id")[["revenue_band", "margin_band", "advice"]].to_numpy().tolist()
    assert cells == [
        ["high_revenue", "high_margin", "reward"], ["high_revenue", "low_margin", "cut_cost"],
        ["high_revenue", "loss", "reprice"], ["low_revenue", "high_margin", "grow"], ["low_revenue", "loss", "minimum_order"],
        ["low_revenue", "high_margin", "grow"],
    ]  # fmt: skip
    assert margins.portfolio_margin(matrix) == pytest.approx(0.16)
    assert matrix["price_rise_rate"].tolist() == pytest.approx([np.nan, np.nan, 0.1, np.nan, 0.1, np.nan], nan_ok=True)
    assert matrix["stake"].tolist() == pytest.approx([20, 18, 20, 3, 3, 0.5])


def test_the_price_rise_brings_the_loss_to_zero(matrix):
    losing = matrix[matrix["margin_band"] == "loss"]
    assert (losing["contribution"] + losing["price_rise_rate"] * losing["revenue"]).abs().max() < 1e-9


def test_no_discount_where_it_would_eat_the_contribution():
    table = margins.matrix_table(mart_of(revenue=[100.0, 100.0], contribution=[4.0, 3.0]))
    assert table["advice"].tolist() == ["serve", "cut_cost"]


@settings(max_examples=50, deadline=None)
@given(books)
def test_a_discount_is_never_advised_where_contribution_would_not_stay_positive(rows):
    table = margins.matrix_table(book(rows))
    rewarded = table[table["advice"] == "reward"]
    assert (rewarded["contribution"] > margins.EXTRA_DISCOUNT * rewarded["revenue"]).all()
    assert (table.loc[table["advice"] == "reprice", "contribution"] < 0).all()
    assert (table["stake"] >= 0).all()
    assert len(table) == (book(rows)["revenue"] > 0).sum()


def test_the_claim_names_large_accounts_that_lose_money(matrix):
    assert margins.matrix_claim(matrix) == (
        "1 of 3 high-revenue accounts lose CNY 20: Account C; reprice before any discount."
    )
    good = margins.matrix_table(mart_of(revenue=[100.0], contribution=[50.0]))
    assert margins.matrix_claim(good).startswith("None of 1 high-revenue accounts loses money; 1 can carry")


def ageing_of(overdue, oldest) -> pd.DataFrame:
    frame = mart_of(revenue=overdue)[["account_id", "account_name", "owner"]]
    return frame.assign(overdue=overdue, oldest_days=oldest)


def test_actions_have_owner_amount_and_due_date(matrix):
    table = margins.actions_table(matrix, ageing_of([0.0, 50.0, 70.0], [0, 10, 95]), AS_OF)
    assert table[["action", "account_id", "amount"]].to_numpy().tolist() == [
        ["collect", "C", 70], ["collect", "B", 50], ["reprice", "C", 20], ["cut_cost", "B", 18], ["reward", "A", 20],
    ]  # fmt: skip
    assert table["due_date"].dt.strftime("%m-%d").tolist() == ["01-07", "01-07", "01-30", "03-01", "01-30"]
    assert (table["owner"] == "Wu").all()
    assert margins.actions_claim(table).startswith("Next: collect CNY 120 (2); reprice CNY 20 (1)")


def test_actions_without_receivables_or_margins(matrix):
    nobody = ageing_of([0.0], [0])
    assert set(margins.actions_table(matrix, nobody, AS_OF)["action"]) == {"reprice", "cut_cost", "reward"}
    assert list(margins.actions_table(matrix.head(0), ageing_of([5.0], [3]), AS_OF)["action"]) == ["collect"]
    assert margins.actions_table(matrix.head(0), nobody, AS_OF).empty
    unowned = margins.actions_table(matrix.assign(owner=None), nobody, AS_OF)
    assert (unowned["owner"] == "unknown").all()


@pytest.mark.parametrize("contribution", [[5.0], [-500.0, -5.0], [10.0] * 30])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_charts_and_claims_survive_odd_portfolios(contribution, lang):
    table = margins.matrix_table(mart_of(revenue=[100.0] * len(contribution), contribution=contribution))
    margins.plot_matrix(table)
    actions = margins.actions_table(table, ageing_of([9.0], [400]), AS_OF)
    margins.plot_actions(actions)
    for claim in (margins.matrix_claim(table, lang), margins.actions_claim(actions, lang)):
        assert "nan" not in claim
    assert margins.matrix_table(mart_of(revenue=[1.0])).empty


@pytest.mark.parametrize(("lang", "said"), [("en", "(service_costs)"), ("zh", "未测量")])
def test_without_service_cost_neither_discounts_nor_cheaper_service_are_advised(lang, said):
    mart = mart_of(revenue=[500.0, 300.0, 100.0], contribution=[120.0, 30.0, 10.0], cost_to_serve=[np.nan] * 3)
    table = margins.matrix_table(mart)
    assert table["advice"].tolist() == ["hold", "hold", "standardise"]
    assert said in margins.matrix_claim(table, lang)
    nobody = pd.DataFrame({"overdue": []})
    assert margins.actions_table(table, nobody, AS_OF).empty
    margins.plot_matrix(table)
    losing = margins.matrix_table(mart.assign(contribution=[120.0, -30.0, 10.0]))
    assert losing["advice"].tolist() == ["hold", "reprice", "standardise"]
    assert "service_costs" in margins.matrix_claim(losing, lang)


@pytest.mark.parametrize(
    ("cost", "served", "told"),
    [
        (None, None, " Not judged: reprice, cut cost-to-serve, reward; this needs orders.cogs and service_costs."),
        (5.0, None, " Not judged: cut cost-to-serve, reward; this needs service_costs."),
        (5.0, 1.0, ""),
    ],
)
def test_actions_that_want_of_cost_forbids_are_named(cost, served, told):
    mart = mart_of(revenue=[10.0]).assign(cogs=cost, cost_to_serve=served).astype({"cogs": float})
    late = pd.DataFrame(
        {"account_id": ["A"], "account_name": ["Ada"], "owner": "Wu", "overdue": [7.0], "oldest_days": 9}
    )
    table = margins.actions_table(margins.matrix_table(mart), late, dt.date(2025, 12, 31))
    lacking = margins.unmeasured(mart)
    assert margins.actions_claim(table, lacking=lacking) == f"Next: collect CNY 7 (1).{told}"
    assert ("orders.cogs" in margins.actions_claim(table, "zh", lacking=lacking)) == (cost is None)


def test_who_is_to_pay_first_is_offered_nothing():
    """Two large earners; the one that owes most is asked for payment and not rewarded."""
    mart = mart_of(revenue=[500.0, 400.0], contribution=[250.0, 200.0])
    late = pd.DataFrame(
        {"account_id": ["A"], "account_name": ["Ada"], "owner": "Wu", "overdue": [7.0], "oldest_days": 9}
    )
    table = margins.actions_table(margins.matrix_table(mart), late, AS_OF)
    assert table[["action", "account_id"]].to_numpy().tolist() == [["collect", "A"], ["reward", "B"]]
