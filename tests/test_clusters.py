"""Groups by how accounts buy: planted ones are found and described in business units, a mixture by degrees has none."""

import numpy as np
import pandas as pd

from kamlib.segmentation import clusters


def buyers(seed=0, apart=True, n=30) -> pd.DataFrame:
    """Two kinds of buyers: seldom and large with a thin margin, often and small with a good one; or one kind, `apart` false."""
    draw = np.random.default_rng(seed)
    kind = np.repeat([0, 1], n) if apart else np.zeros(2 * n)
    table = pd.DataFrame({"account_id": [f"{i:03d}" for i in range(2 * n)]})
    table["account_name"] = "Account " + table["account_id"]
    table["n_orders"] = np.where(kind == 0, 4, 40)
    table["order_revenue"] = table["n_orders"] * np.where(kind == 0, 900_000, 20_000) * draw.lognormal(0, 0.25, 2 * n)
    table["revenue"] = table["order_revenue"]
    table["list_revenue"] = table["order_revenue"] * np.where(kind == 0, 1.4, 1.05) * draw.lognormal(0, 0.02, 2 * n)
    table["discount"] = table["list_revenue"] - table["order_revenue"]
    table["gross_margin_share"] = np.where(kind == 0, 0.12, 0.38) + draw.normal(0, 0.02, 2 * n)
    table["return_rate"] = 0.01 + draw.uniform(0, 0.005, 2 * n)
    table["n_categories"] = np.where(kind == 0, 2, 6) + draw.integers(0, 2, 2 * n)
    table["cost_to_serve"] = table["revenue"] * (np.where(kind == 0, 0.04, 0.15) + draw.uniform(0, 0.01, 2 * n))
    return table


def test_two_planted_kinds_are_found_and_described():
    table = clusters.clusters_table(buyers())
    assert table.loc[table["is_chosen"], "k"].tolist() == [2]
    assert clusters.clusters_claim(table).startswith("60 accounts fall into 2 stable groups")
    profile = clusters.profile_table(buyers(), table)
    assert sorted(profile["n_accounts"]) == [30, 30]
    assert profile["gross_margin_share"].max() - profile["gross_margin_share"].min() > 0.2
    assert set(profile["example"]) <= set(buyers()["account_name"])


def test_one_kind_has_no_groups_and_says_so():
    found = [clusters.clusters_table(buyers(seed, apart=False)) for seed in range(4)]
    assert sum(table["is_chosen"].any() for table in found) <= 1
    quiet = next(table for table in found if not table["is_chosen"].any())
    assert "No stable groups among 60 accounts" in clusters.clusters_claim(quiet)
    assert "没有稳定类别" in clusters.clusters_claim(quiet, "zh")
    assert clusters.profile_table(buyers(apart=False), quiet).empty


def test_names_order_and_currency_change_nothing():
    one = clusters.clusters_table(buyers())
    money = ["order_revenue", "revenue", "list_revenue", "discount", "cost_to_serve"]
    other = buyers().sample(frac=1, random_state=1)
    other[money] *= 7.1
    pd.testing.assert_frame_equal(one, clusters.clusters_table(other))


def test_below_twenty_accounts_nothing_is_clustered():
    assert clusters.clusters_table(buyers(n=9)).empty


def test_two_things_known_about_how_accounts_buy_are_too_few():
    poor = buyers().assign(
        gross_margin_share=np.nan, list_revenue=np.nan, discount=np.nan, n_categories=0, cost_to_serve=np.nan
    )
    assert clusters.clusters_table(poor).empty
