"""Wallets: stated and estimated apart, always with low and high, and a wallet below our sales is wrong."""

import numpy as np
import pandas as pd

from kamlib.segmentation import wallet


def accounts(n=40, seed=0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    employees = np.exp(draw.normal(4, 1, n)).round() + 2
    table = pd.DataFrame({"account_id": [f"{i:02d}" for i in range(n)], "employees": employees, "tier": "B"})
    table["account_name"] = "Account " + table["account_id"]
    table["annual_revenue"] = employees * 2e5
    table["wallet"] = 1e5 * employees**0.9 * np.exp(draw.normal(0, 0.3, n))
    table["revenue"] = table["wallet"] * draw.uniform(0.1, 0.9, n)
    return table


def test_size_explains_the_wallet_and_two_names_for_it_count_once():
    fit = wallet.fitted(accounts())
    assert len(fit.table) == 2, "annual revenue is 200,000 per head: the same story"
    assert fit.table["low"].iloc[1] < 0.9 < fit.table["high"].iloc[1]
    assert "n = 40" in wallet.potential_claim(fit)


def test_peers_estimate_what_was_not_stated_and_their_interval_holds():
    covered, n = 0, 0
    for seed in range(20):
        table = accounts(60, seed)
        truth = table["wallet"].copy()
        table.loc[:14, "wallet"] = np.nan
        table.loc[:14, "revenue"] = 1.0
        found = wallet.wallet_table(table, wallet.fitted(table)).set_index("account_id").loc[table["account_id"][:15]]
        assert set(found["wallet_source"]) == {"peers"}
        inside = (found["wallet_low"].to_numpy() <= truth[:15]) & (truth[:15] <= found["wallet_high"].to_numpy())
        covered, n = covered + inside.sum(), n + 15
    assert 0.72 <= covered / n <= 0.88, "an 80 % interval"


def test_a_wallet_below_our_sales_is_not_believed():
    table = accounts()
    table.loc[0, "wallet"] = table.loc[0, "revenue"] / 2
    row = wallet.wallet_table(table, wallet.fitted(table)).set_index("account_id").loc["00"]
    assert row["wallet_source"] == "peers"
    assert row["wallet"] >= row["revenue"]
    assert row["wallet_share_high"] <= 1
    alone = wallet.wallet_table(table.assign(employees=np.nan, annual_revenue=np.nan), None).set_index("account_id")
    assert alone.loc["00", "wallet_source"] == "unknown"
    assert np.isnan(alone.loc["00", "wallet"])
    assert np.isnan(alone.loc["01", "wallet_low"]), "a statement alone has no range"


def test_low_middle_and_high_are_in_order_and_shares_run_against_them():
    found = wallet.wallet_table(accounts(), wallet.fitted(accounts()))
    assert (found["wallet_low"] <= found["wallet"]).all()
    assert (found["wallet"] <= found["wallet_high"]).all()
    assert (found["wallet_share_low"] <= found["wallet_share"]).all()
    assert (found["wallet_share"] <= found["wallet_share_high"]).all()


def test_without_ten_stated_wallets_nothing_is_estimated():
    assert wallet.fitted(accounts(9)) is None
    assert wallet.potential_table(None).empty
    assert "fewer than 10" in wallet.potential_claim(None)
    nothing = wallet.wallet_table(accounts(3).assign(wallet=np.nan), None)
    assert "Cannot be said" in wallet.wallet_claim(nothing)
