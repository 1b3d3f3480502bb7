"""Lifetime value: closed forms, no discount taken twice, hazards by hand, and intervals that cover what comes."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from kamlib.churn import survival
from kamlib.finance import lifetime_value as value

YEAR = survival.YEAR_DAYS


def customers(contribution, revenue=None, age=np.nan, change=0.0) -> pd.DataFrame:
    n = len(contribution)
    return pd.DataFrame({
        "account_id": [f"A{i:03d}" for i in range(n)], "account_name": [f"Account {i}" for i in range(n)], "owner": "Wu",
        "yearly_contribution": np.asarray(contribution, float), "change_share": change,
        "yearly_revenue": np.asarray(contribution if revenue is None else revenue, float), "tenure_days": age,
    })  # fmt: skip


def tenures(entry, end, churned) -> pd.DataFrame:
    rows = {"entry_days": np.asarray(entry) * YEAR, "tenure_days": np.asarray(end) * YEAR, "churned": churned}
    return pd.DataFrame(rows).assign(account_id=[f"A{i:03d}" for i in range(len(entry))])


EVEN = tenures([0.0] * 10, [1.0] * 10, [True] + [False] * 9)
"""One loss in ten customer-years of the first year of tenure: a hazard of 0.1, whatever weighs in it."""


def test_hazards_by_hand():
    """Year 1: 2 customer-years, no loss; year 2: 1.5 customer-years, 1 loss; in all 1 loss in 3.5 years."""
    found = value.yearly_hazards(tenures([0, 0, 1], [2, 1, 1.5], [True, False, False]))
    pooled = 1 / 3.5
    assert found[0] == pytest.approx([10 * pooled / 12, (1 + 10 * pooled) / 11.5, pooled])


def test_of_ten_drawn_twice_the_hazard_is_the_same():
    once, twice = value.yearly_hazards(EVEN), value.yearly_hazards(EVEN, np.full((1, 10), 2.0))
    assert once == pytest.approx(twice)
    assert once[0] == pytest.approx([0.1, 0.1])


def test_staying_follows_the_year_of_tenure_and_beyond_it_the_hazard_of_all():
    hazards = np.array([[0.5, 0.1, 0.2]])
    found = value.staying_rates(hazards, np.array([0.0, 0.5, 1.0, np.nan]), 2)[0]
    expected = [[0.5, 0.6], [0.3, 0.45], [0.1, 0.3], [0.2, 0.4]]
    assert found == pytest.approx(np.exp(-np.array(expected)))


def test_a_rate_of_zero_is_the_plain_sum():
    table = value.clv_table(customers([100.0, -30.0]), EVEN, years=4, discount=0.0, draws=20)
    plain = sum(np.exp(-0.1 * t) for t in range(1, 5))
    assert table["clv"].tolist() == pytest.approx([100 * plain, -30 * plain, 70 * plain], abs=0.01)
    assert table["clv"].tolist() == table["undiscounted"].tolist()


def test_nothing_is_discounted_twice():
    """With a constant hazard h and a rate d the sum is geometric in q = exp(−h) ÷ (1 + d): h and d each count once."""
    table = value.clv_table(customers([1000.0]), EVEN, years=5, discount=0.25, draws=20)
    q = np.exp(-0.1) / 1.25
    assert table["clv"].iloc[0] == pytest.approx(1000 * q * (1 - q**5) / (1 - q), abs=0.01)
    assert table["staying_share"].iloc[0] == pytest.approx(np.exp(-0.5))


def test_hazards_follow_the_survival_curve_of_notebook_07():
    """Two thousand customers with a hazard that falls with tenure, seen from different ages on: both ways agree."""
    random = np.random.default_rng(3)
    start = random.uniform(0, 3, 2000)
    life = np.where(random.random(2000) < 0.4, random.exponential(1.0, 2000), random.exponential(8.0, 2000))
    seen = (life > start).nonzero()[0]
    end = np.minimum(life, start + 3)[seen]
    known = tenures(start[seen], end, (life < start + 3)[seen])
    curve = survival.survival_table(known.round(2)).set_index("tenure_days")["survival_rate"]
    at = [curve[curve.index <= age * YEAR].iloc[-1] for age in (1, 2, 4, 5)]
    found = value.staying_rates(value.yearly_hazards(known), np.array([1.0]), 4)[0, 0]
    assert found[[0, 2, 3]] == pytest.approx([at[1] / at[0], at[2] / at[0], at[3] / at[0]], abs=0.02)


def test_nine_of_ten_intervals_hold_what_comes():
    """150 companies of 60 customers with a known hazard and contributions that wander: the 90 % interval of the sum holds
    the truth in about nine of ten."""
    random, inside = np.random.default_rng(11), []
    for _ in range(150):
        revenue = random.lognormal(0, 1, 60) * 1000
        book = customers(0.2 * revenue, revenue, age=random.uniform(0, 6, 60) * YEAR, change=random.normal(0, 0.05, 60))
        life, entry = random.exponential(1 / 0.15, 120), random.uniform(0, 3, 120)
        known = tenures(entry, entry + np.minimum(life, 3), life < 3)
        wander = np.sort(revenue)[:, None] * random.normal(0, 0.05, (60, 5)).cumsum(axis=1)
        here = random.exponential(1 / 0.15, 60)[:, None] > np.arange(1, 6)
        came = ((0.2 * np.sort(revenue)[:, None] + wander) * here / 1.1 ** np.arange(1, 6)).sum()
        total = value.clv_table(book, known, draws=150).iloc[-1]
        inside.append(total["clv_low"] <= came <= total["clv_high"])
    assert 0.83 <= np.mean(inside) <= 0.96


def test_without_cost_or_losses_nothing_is_said():
    none = value.clv_table(customers([1.0]), tenures([0], [3], [False]))
    assert none.empty
    assert value.clv_table(customers([]), EVEN).empty


def test_the_sample_is_the_same_twice_and_its_sum_is_the_sum(sample):
    book, known = value.customers_table(sample)
    table = value.clv_table(book, known)
    pd.testing.assert_frame_equal(table, value.clv_table(book, known))
    rows, total = value.accounts_of(table), table.iloc[-1]
    assert rows["clv"].sum() == pytest.approx(total["clv"], abs=0.01 * len(rows))
    assert (rows["clv_low"] <= rows["clv_high"]).all()
    assert total["clv"] < total["undiscounted"]
    assert total["clv_low"] < total["clv"] < total["clv_high"]
    at = sample.mart.set_index("account_id")["contribution"]
    assert rows["yearly_contribution"].to_numpy() == pytest.approx(at.reindex(rows["account_id"]).to_numpy())


def test_the_interval_does_not_hang_on_what_accounts_are_called(sample):
    book, known = value.customers_table(sample)
    called = {id: f"x{hash_:08.0f}" for id, hash_ in zip(known["account_id"], known.index * 7919 % 1009, strict=True)}
    names = [
        frame.assign(account_id=frame["account_id"].map(called).fillna(frame["account_id"])) for frame in (book, known)
    ]
    shuffled = [frame.sort_values("account_id", ignore_index=True) for frame in names]
    columns = ["clv", "clv_low", "clv_high"]
    again, table = (value.clv_table(*frames, draws=50) for frames in (shuffled, (book, known)))
    assert again[columns].to_numpy() == pytest.approx(table[columns].to_numpy(), abs=0.011)


def test_what_came_a_year_later_is_set_against_what_was_expected(sample):
    row = value.last_time_table(sample).iloc[0]
    assert row["on_day"] == pd.Timestamp(dt.date(2024, 12, 31))
    assert row["expected_then_low"] <= row["realised"] <= row["expected_then_high"]
    assert row["is_inside"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_chart_and_claim(lang):
    table = value.clv_table(customers([100.0, 50, -30]), EVEN, years=3, discount=0.08, draws=50)
    ax = value.plot_clv(table, top_n=2)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Account 0", "Account 1"]
    claim = value.clv_claim(table, lang, years=3, discount=0.08)
    assert "8 %" in claim
    assert "74 %" in claim  # exp(−0.3)
    bare = value.clv_claim(value.clv_table(customers([-5.0]), EVEN), lang, lacking=("service_costs",))
    assert "nan" not in bare
    assert "service_costs" in bare
