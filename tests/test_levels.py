"""Accounts, segments and the total: they add up, are tested, and never look ahead."""

import numpy as np
import pandas as pd
import pytest
from test_forecast import company, made_of

from kamlib.forecast import levels


@pytest.fixture(scope="module")
def made():
    return made_of(*company(np.random.default_rng(1)))[1]


def test_levels_add_up_to_a_billionth(made):
    accounts = made.expected[made.book.level == "account"]
    assert np.abs(made.expected - made.book.summing @ accounts).max() < 1e-9 * made.expected.max()
    table = levels.ways_table(made)
    reconciled = table[table["way"].isin(levels.METHODS)]
    assert (reconciled["gap_amount"] < 1e-9 * made.book.nodes.max()).all()
    assert table.loc[table["way"] == "unreconciled", "gap_amount"].min() > 1


def test_the_chosen_way_is_not_worse_than_forecasts_that_do_not_agree(made):
    table = levels.ways_table(made).set_index(["forecast_level", "way"])["mase_ratio"]
    ratios = [table[level, made.way] / table[level, "unreconciled"] for level in levels.LEVELS]
    assert np.mean(ratios) < 1.1
    assert len(table) == 18


def test_intervals_made_of_other_origins_cover(made):
    table = levels.ways_table(made)
    rows = table[(table["way"] == made.way) & (table["forecast_level"] == "account")]
    assert rows["n_forecasts"].item() >= 100
    assert 0.70 <= rows["held_share"].item() <= 0.90


def test_the_outlook_holds_every_node_once(made):
    table = levels.outlook_table(made)
    assert table["forecast_level"].value_counts().to_dict() == {"account": 12, "segment": 2, "total": 1}
    total = table["expected_revenue"].iloc[0]
    assert table.loc[table["forecast_level"] == "segment", "expected_revenue"].sum() == pytest.approx(total)
    assert table.loc[table["forecast_level"] == "account", "expected_revenue"].sum() == pytest.approx(total)
    known = table[table["forecast_level"] == "account"]
    assert (known["expected_revenue_low"] <= known["expected_revenue"]).all()


def test_past_forecasts_know_nothing_of_what_came():
    months, mart, as_of = company(np.random.default_rng(2), n_accounts=4)
    late = months["month"] >= pd.Timestamp("2024-10-01")
    other = months.assign(revenue=months["revenue"].where(~late, months["revenue"] * 3))
    total, one = made_of(months, mart, as_of)
    book = levels.book_of(other, mart, as_of, "region")
    two = levels.forecast_all(book, total, 6)  # the models are chosen on all origins; what they see is not
    first = min(one.past)
    assert one.past[first]["seasonal_naive"] == pytest.approx(two.past[first]["seasonal_naive"])
    assert one.past[first]["unreconciled"][0] == pytest.approx(two.past[first]["unreconciled"][0])


def test_a_segment_without_a_name_is_kept():
    months, mart, as_of = company(np.random.default_rng(3), n_accounts=4)
    book = levels.book_of(months, mart.assign(region=[None, "North", None, "North"]), as_of, "region")
    assert book.segments == ["North", "not_filled"]
    assert book.nodes[:, 0].sum() == pytest.approx(months["revenue"].sum())


def test_an_account_that_never_bought_has_no_series():
    months, mart, as_of = company(np.random.default_rng(3), n_accounts=2)
    none = months[months["account_id"] == "A00"].assign(account_id="Z", revenue=0.0)
    more = pd.concat([mart, mart.tail(1).assign(account_id="Z")])
    assert "Z" not in set(levels.book_of(pd.concat([months, none]), more, as_of, "region").accounts["account_id"])
