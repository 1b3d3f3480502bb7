"""High-value accounts: the ranking by hand, and how sure its places are."""

import numpy as np
from test_finance import mart_of

from kamlib.finance import high_value


def accounts(**columns):
    return mart_of(**{"revenue": [100.0, 100, 100], "tenure_days": 9.0, "gap_ratio": 1.0, "n_orders": 3} | columns)


def test_percentiles_are_averaged_over_what_is_known():
    mart = accounts(contribution=[10.0, 30, 20], n_orders=[1, 3, 2], gap_ratio=[3.0, 1.0, 2.0])
    table = high_value.high_value_table(mart)
    assert table["account_id"].tolist() == ["B", "C", "A"]
    top = 100 * 2.5 / 3  # first of three; the same tenure is 50 for everybody
    assert table["mean_score"].tolist() == [round((4 * top + 50) / 5, 1), 50.0, round((4 * (100 - top) + 50) / 5, 1)]
    assert (table["n_place_best"] == table["n_place"]).all()  # B is best in all: no weighting changes that
    assert (table["n_place_worst"] == table["n_place"]).all()


def test_a_place_that_hangs_on_the_weights_says_so():
    """A orders more often, B keeps its rhythm better, all else is equal: half the weightings put A first, half B."""
    mart = accounts(revenue=[100.0, 100], contribution=[10.0, 10], n_orders=[30, 10], gap_ratio=[2.0, 1.0])
    table = high_value.high_value_table(mart, top_n=1).set_index("account_id")
    assert table["mean_score"].nunique() == 1
    assert table["stays_share"].sum() == 1
    assert table["stays_share"].between(0.4, 0.6).all()
    assert table["n_place_best"].tolist() == [1, 1]
    assert table["n_place_worst"].tolist() == [2, 2]


def test_without_cost_revenue_stands_in(sample):
    table = high_value.high_value_table(sample.mart.assign(contribution=np.nan, gross_margin=np.nan))
    assert table["contribution_share"].isna().all()
    assert len(table) == (sample.mart["revenue"] > 0).sum()
    assert high_value.high_value_table(sample.mart.head(0)).empty
    for lang in ("en", "zh"):
        assert "nan" not in high_value.high_value_claim(table, lang)
