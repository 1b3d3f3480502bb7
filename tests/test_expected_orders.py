"""Expected orders: simulated companies with known truth, the ranking, what a model says of itself, too few accounts."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from drawn import drawn_in_both_languages

from kamlib.lifecycle import expected_orders
from kamlib.models.repeat_purchases import bought_between

START, UNTIL, LATER = pd.Timestamp("2022-01-03"), dt.date(2023, 12, 31), dt.date(2024, 12, 29)
TRUE = (1.2, 5.0, 0.8, 12.0)  # in weeks


def company(seed, n=150, r=TRUE[0], alpha=TRUE[1], a=TRUE[2], b=TRUE[3]):
    """Order days of accounts that buy at random at a pace of their own and leave after a purchase by a chance of their own."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        rate, chance = random.gamma(r, 1 / alpha), max(random.beta(a, b), 1e-9)
        day, left_after, orders = random.integers(0, 250), random.geometric(chance), 0
        rows.append((f"n{i:03d}", day))
        while orders < left_after and day < 1100:
            day += random.exponential(7 / max(rate, 1e-6))
            orders += 1
            rows.append((f"n{i:03d}", int(day)))
    frame = pd.DataFrame(rows, columns=["account_id", "day"])
    frame = frame[frame["day"] < 1092].drop_duplicates()
    return frame.assign(order_date=START + pd.to_timedelta(frame["day"], unit="D"), amount=100.0)


def named(order_days):
    ids = sorted(order_days["account_id"].unique())
    accounts = pd.DataFrame({"account_id": ids, "account_name": ids, "owner": "Ada"}, dtype="str")
    return accounts[["account_id"]].assign(state="repeat"), accounts


def expect(order_days, until=UNTIL):
    return expected_orders.expected_table(order_days, *named(order_days), until)


def test_the_intervals_hold_what_they_promise():
    totals, single, off = [], [], []
    for seed in range(16):
        orders = company(seed)
        table = expect(orders)
        came = bought_between(orders, UNTIL, LATER).reindex(table["account_id"], fill_value=0).to_numpy()
        totals.append(table["n_total_low"].iloc[0] <= came.sum() <= table["n_total_high"].iloc[0])
        single.append(((table["expected_mean_low"] <= came) & (came <= table["expected_mean_high"])).mean())
        off.append(table["expected_mean"].sum() / came.sum() - 1)
    assert 0.6 <= np.mean(totals) <= 1.0  # 80 %, of 16
    assert 0.78 <= np.mean(single) <= 0.95  # whole orders: a little more than 80 %
    assert abs(np.mean(off)) < 3 * np.std(off) / 4 + 0.02


def test_nothing_after_the_day_is_used():
    orders = company(3)
    before = orders[orders["order_date"] <= pd.Timestamp(UNTIL)]
    pd.testing.assert_frame_equal(expect(orders).drop(columns="state"), expect(before).drop(columns="state"))


def test_accounts_are_ranked_by_orders_to_expect_and_not_by_being_alive():
    orders = company(1)
    once = pd.DataFrame({"account_id": ["once"], "order_date": [START], "amount": [100.0]})
    table = expect(pd.concat([orders, once])).set_index("account_id")
    assert table["expected_mean"].round(6).is_monotonic_decreasing
    assert table["alive_share"]["once"] == 1.0
    place = table.index.get_loc("once")
    assert (table["alive_share"].iloc[:place] < 1).any()  # surely alive, and behind some who may be gone


def test_the_order_of_rows_does_not_matter():
    orders = company(2)
    pd.testing.assert_frame_equal(expect(orders), expect(orders.sample(frac=1, random_state=1)))


@pytest.mark.parametrize("few", [0, 1, 2, 5, 15, 29])
def test_of_few_accounts_nothing_is_expected(few):
    orders = company(1)
    orders = orders[orders["account_id"].isin(sorted(orders["account_id"].unique())[:few])]
    assert expect(orders).empty
    models = expected_orders.models_table(orders, UNTIL)
    assert models.empty
    nothing = {"n": 0, "k": np.nan, "low": np.nan, "high": np.nan}
    assert "No model" in expected_orders.models_claim(models, nothing)


RANDOM = {"n": 99, "k": 1.0, "low": 0.9, "high": 1.1}


def test_the_model_says_whether_it_can_be_used():
    seen = expected_orders.models_table(company(5, n=400, a=1.0, b=4.0), UNTIL)
    assert set(seen["purchase_model"]) == {"bgnbd", "nbd", "pareto_nbd"}
    assert "accounts leave" in expected_orders.models_claim(seen, RANDOM)
    unseen = expected_orders.models_table(company(5, a=1e-4, b=1e4), UNTIL)
    claim = expected_orders.models_claim(unseen, RANDOM)
    assert "Dropout cannot be seen" in claim
    assert "dormant list" in claim
    broken = seen.assign(converged=False)
    assert "did not converge" in expected_orders.models_claim(broken, RANDOM)
    assert "未收敛" in expected_orders.models_claim(broken, RANDOM, "zh")


@pytest.mark.parametrize(
    ("rhythm", "said"),
    [
        ({"k": 2.0, "low": 1.7, "high": 2.3}, "more regularly than chance"),
        ({"k": 0.5, "low": 0.4, "high": 0.7}, "in bursts"),
        ({"k": 1.0, "low": 0.8, "high": 1.3}, "as randomly as the model assumes"),
        ({"k": np.nan, "low": np.nan, "high": np.nan}, "cannot be said yet"),
    ],
)
def test_regularity_is_told_in_words(rhythm, said):
    seen = expected_orders.models_table(company(5), UNTIL)
    assert said in expected_orders.models_claim(seen, rhythm)


def test_amounts_are_doubted_where_frequent_buyers_buy_larger():
    orders = company(5)
    often = orders.groupby("account_id")["order_date"].transform("size")
    together = expected_orders.models_table(orders.assign(amount=often * 10.0), UNTIL)
    assert "rank by orders" in expected_orders.models_claim(together, RANDOM)
    assert "r = 0.97" in expected_orders.models_claim(together, RANDOM)
    noise = np.random.default_rng(0).lognormal(3, 0.4, len(orders))
    apart = expected_orders.models_table(orders.assign(amount=noise), UNTIL)
    assert "rank by orders" not in expected_orders.models_claim(apart, RANDOM)


def test_a_fall_is_named():
    orders = company(4)
    heavy = pd.DataFrame(
        {"account_id": "heavy", "order_date": pd.date_range("2023-01-01", "2023-03-31"), "amount": 50.0}
    )
    said = drawn_in_both_languages(
        expect(pd.concat([orders, heavy])), expected_orders.plot_expected, expected_orders.expected_claim
    )
    assert "heavy" in said["en"]


def test_on_the_sample(sample):
    states = pd.DataFrame({"account_id": sample.mart["account_id"], "state": "repeat"})
    table = expected_orders.expected_table(sample.order_days, states, sample.frame("accounts"), sample.as_of)
    assert len(table) == sample.order_days["account_id"].nunique()
    assert (table["expected_mean_low"] <= table["expected_mean_high"]).all()
    drawn_in_both_languages(table, expected_orders.plot_expected, expected_orders.expected_claim)
    models = expected_orders.models_table(sample.order_days, sample.as_of)
    bg = models[models["purchase_model"] == "bgnbd"]
    assert bg["converged"].all()
    assert (bg["estimate_ratio_low"] < bg["estimate_ratio"]).all()
