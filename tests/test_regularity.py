"""Regularity: Erlang gaps of known order are found again; pairs do not overlap; too few say nothing."""

import numpy as np
import pandas as pd
import pytest

from kamlib.models.regularity import pairs, regularity


def company(k, seed, accounts=60, orders=14):
    random = np.random.default_rng(seed)
    rows = []
    for i in range(accounts):
        gaps = np.maximum(np.round(random.gamma(k, random.uniform(300, 900) / k, orders)), 1)
        rows += [(f"n{i}", pd.Timestamp("2000-01-01") + pd.Timedelta(days=int(day))) for day in np.cumsum(gaps)]
    return pd.DataFrame(rows, columns=["account_id", "order_date"])


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_order_is_found_again_and_the_interval_covers(k):
    found = [regularity(company(k, seed)) for seed in range(12)]
    middle = [one["k"] for one in found]
    assert abs(np.mean(middle) - k) < 3 * np.std(middle) / np.sqrt(12) + 0.05 * k
    assert np.mean([one["low"] <= k <= one["high"] for one in found]) >= 0.75


def test_pairs_are_the_latest_and_do_not_overlap():
    days = pd.DataFrame(
        {"account_id": "a", "order_date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06"])}
    )
    assert pairs(days)["first_share"].tolist() == [3 / 4]  # gaps 1, 3, 1: the last two


def test_a_clock_is_as_regular_as_can_be_and_few_gaps_say_nothing():
    clock = pd.DataFrame(
        [(f"n{i}", pd.Timestamp("2024-01-01") + pd.Timedelta(days=7 * j)) for i in range(20) for j in range(9)],
        columns=["account_id", "order_date"],
    )
    assert regularity(clock)["low"] > 1000
    assert np.isnan(regularity(clock.head(9))["k"])
