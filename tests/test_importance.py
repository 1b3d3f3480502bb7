"""Relative importance: against its definition, an independent regression, and simulations with known truth."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamlib.models import importance


def _mean_over_orders(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The definition: every driver's gain in R², averaged over all orders in which drivers can enter."""

    def fit(columns: tuple[int, ...]) -> float:
        design = np.column_stack([np.ones(len(y)), x[:, list(columns)]])
        rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        return 1 - rest @ rest / ((y - y.mean()) @ (y - y.mean()))

    orders = list(permutations(range(x.shape[1])))
    gains = np.zeros(x.shape[1])
    for order in orders:
        for place, driver in enumerate(order):
            gains[driver] += fit(order[: place + 1]) - fit(order[:place])
    return gains / len(orders)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(8, 40))
def test_lmg_is_the_mean_over_all_orders_of_entry(seed, drivers, n):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, drivers)) @ random.normal(size=(drivers, drivers))
    y = x @ random.normal(size=drivers) + random.normal(size=n)
    found = importance.lmg(y, x)
    assert found.to_numpy() == pytest.approx(_mean_over_orders(y, x), abs=1e-8)
    assert (found >= -1e-9).all()


def test_lmg_shares_twins_leaves_out_missing_rows_and_says_when_it_cannot():
    random = np.random.default_rng(8)
    x, noise = random.normal(size=40), random.normal(size=40)
    twins = importance.lmg(x + noise, pd.DataFrame({"a": x, "b": x, "flat": 1.0}))
    assert twins.a == pytest.approx(twins.b)
    assert twins.sum() == pytest.approx(np.corrcoef(x + noise, x)[0, 1] ** 2)
    assert twins.flat == pytest.approx(0)
    assert importance.lmg([*(x + noise), np.nan], [*x, 3.0])[0] == pytest.approx(twins.sum())
    assert importance.lmg([1, 2, 3], np.eye(3)).isna().all()
    assert importance.lmg(np.ones(9), np.arange(9)).isna().all()
    with pytest.raises(ValueError, match="13 drivers; lmg takes at most 12"):
        importance.lmg(x, np.ones((40, 13)))


def _company(random, n=60, answers=3, beta=(0.6, 0.3, 0.1, 0.0)):
    """Accounts with a mood of their own, several answers each, and four drivers that go along with each other."""
    account = np.repeat(np.arange(n), answers)
    mood = random.normal(size=n)[account]
    x = mood[:, None] * 0.6 + random.normal(size=(len(account), 4))
    return account, x @ np.array(beta) + random.normal(0, 0.5, len(account)), pd.DataFrame(x, columns=list("abcd"))


def test_shares_are_those_of_weighted_answers_and_sum_to_one():
    account, y, x = _company(np.random.default_rng(1))
    found = importance.shares(y, x, groups=account, weights=np.ones(len(y)), draws=200)
    assert found.lmg.to_numpy() == pytest.approx((importance.lmg(y, x) / importance.lmg(y, x).sum()).to_numpy())
    assert found.lmg.sum() == pytest.approx(1)
    assert found.johnson.sum() == pytest.approx(1)
    assert found.r2.iloc[0] == pytest.approx(importance.lmg(y, x).sum())
    weights = np.random.default_rng(2).integers(1, 4, len(y))
    twice = np.repeat(np.arange(len(y)), weights)
    by_weight = importance.shares(y, x, groups=account, weights=weights, draws=20)
    by_copies = importance.shares(y[twice], x.iloc[twice], groups=account[twice], weights=np.ones(len(twice)), draws=20)
    assert by_weight.to_numpy() == pytest.approx(by_copies.to_numpy())


def test_ten_accounts_per_driver_or_no_importance():
    account, y, x = _company(np.random.default_rng(3), n=39)
    ones = np.ones(len(y))
    assert importance.shares(y, x, groups=account, weights=ones, draws=20).isna().all().all()
    account, y, x = _company(np.random.default_rng(3), n=40)
    assert importance.shares(y, x, groups=account, weights=np.ones(len(y)), draws=20).notna().all().all()


def test_intervals_of_importance_cover_the_truth():
    """Truth: the shares of an endless company, from its covariance by the definition over all orders."""
    account, y, x = _company(np.random.default_rng(4), n=150_000, answers=1)
    truth = importance.lmg(y, x) / importance.lmg(y, x).sum()
    hits = []
    for seed in range(150):
        account, y, x = _company(np.random.default_rng(1000 + seed), n=100)
        found = importance.shares(y, x, groups=account, weights=np.ones(len(y)), draws=300, methods=("lmg",))
        hits.append(((found.lmg_low <= truth) & (truth <= found.lmg_high)).to_numpy()[:3])
    assert 0.90 <= np.mean(hits) <= 0.98


def test_vif_is_that_of_a_regression_and_infinite_for_a_copy():
    _, y, x = _company(np.random.default_rng(5))
    found = importance.measures(y, x)
    other = np.column_stack([np.ones(len(x)), x[["b", "c", "d"]]])
    left = x.a - other @ np.linalg.lstsq(other, x.a, rcond=None)[0]
    assert found.vif["a"] == pytest.approx(((x.a - x.a.mean()) ** 2).sum() / (left**2).sum())
    assert np.isinf(importance.measures(y, x.assign(copy=x.a)).vif[["a", "copy"]]).all()


def test_penalty_and_reward_find_what_was_planted_and_equal_a_regression():
    random = np.random.default_rng(6)
    x = pd.DataFrame(random.integers(1, 6, (900, 3)), columns=["basic", "thrill", "both"])
    account, low, high = np.repeat(np.arange(300), 3), x <= 2, x >= 5
    y = 4 - 1.0 * low.basic + 0.9 * high.thrill - 0.5 * low.both + 0.5 * high.both + random.normal(0, 0.3, 900)
    found = importance.penalty_reward(y, x, groups=account, weights=np.ones(900), low=2, high=5, draws=300)
    design = np.column_stack([np.ones(900), low, high]).astype(float)
    slopes = np.linalg.lstsq(design, y, rcond=None)[0][1:]
    assert found.penalty.to_numpy() == pytest.approx(slopes[:3])
    assert found.reward.to_numpy() == pytest.approx(slopes[3:])
    assert found.asymmetry_high["basic"] < 0
    assert found.asymmetry_low["thrill"] > 0
    assert found.asymmetry_low["both"] < 0 < found.asymmetry_high["both"]
