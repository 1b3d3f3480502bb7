"""Notebook 09: the total; and everything together on the sample, on tiny companies and on nothing."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from test_growth import months_of

from kamlib import forecast, words
from kamlib.forecast import accuracy, levels, outlook, trend
from kamlib.models import forecasting


def mart_of(accounts, **columns):
    return pd.DataFrame(
        {"account_id": accounts, "account_name": [f"Company {a}" for a in accounts], "owner": "Li"} | columns
    )


def company(random, n_accounts=12, n=48, start="2021-01"):
    """Accounts of two regions with a season in common."""
    season = 1 + 0.3 * np.sin(np.arange(n) / 12 * 2 * np.pi)
    frames = [
        months_of(100 * (i + 1) * season * np.exp(random.normal(0, 0.15, n)), start).assign(account_id=f"A{i:02}")
        for i in range(n_accounts)
    ]
    mart = mart_of([f"A{i:02}" for i in range(n_accounts)], region=["North", "South"] * (n_accounts // 2))
    return pd.concat(frames), mart, (pd.Timestamp(start) + pd.DateOffset(months=n) - pd.Timedelta(days=1)).date()


def made_of(months, mart, as_of, horizon=6):
    total = forecast.fit_total(forecast.complete_months(months, as_of), horizon)
    book = levels.book_of(months, mart, as_of, "region")
    return total, levels.forecast_all(book, total, horizon) if book else None


@pytest.fixture(scope="module")
def made():
    return made_of(*company(np.random.default_rng(1)))


def test_the_month_that_is_cut_is_left_out():
    rows = forecast.complete_months(months_of([10, 20, 5]), dt.date(2023, 3, 15))
    assert rows["revenue"].tolist() == [10, 20]


def test_the_fan_continues_the_past(made):
    table = forecast.fan_table(made[1])
    past, ahead = table[table["revenue"].notna()], table[table["expected_revenue"].notna()]
    assert (len(past), len(ahead)) == (48, 6)
    assert ahead["month"].iloc[0] == pd.Timestamp("2025-01-01")
    assert (ahead["expected_revenue_low"] < ahead["expected_revenue"]).all()
    assert (ahead["expected_revenue"] < ahead["expected_revenue_high"]).all()
    assert ahead["naive_revenue"].tolist() == past["revenue"].tolist()[-12:-6]
    assert set(ahead["n_origins"]) == {forecasting.MOST_ORIGINS}


def test_what_is_expected_lies_near_the_truth(made):
    season = 1 + 0.3 * np.sin(np.arange(48, 54) / 12 * 2 * np.pi)
    truth = 100 * sum(range(1, 13)) * season * np.exp(0.15**2 / 2)
    assert made[1].expected[0] == pytest.approx(truth, rel=0.12)
    assert made[0].model != "naive"


def test_numbers_are_the_same_in_both_languages(made):
    words.speak("en", "CNY")
    for table, claim in (
        (forecast.fan_table(made[1]), forecast.fan_claim),
        (accuracy.models_table(made[0]), accuracy.models_claim),
        (levels.ways_table(made[1]), outlook.ways_claim),
    ):
        en, zh = claim(table, "en"), claim(table, "zh")
        assert en != zh
        assert "nan" not in en + zh


def test_intervals_of_months_to_come_hold_what_they_promise(monkeypatch):
    """The 80 % band of the total over 24 companies whose next six months are known (months of one company hang together)."""
    monkeypatch.setattr(forecasting, "SEASONAL", {"trend_season": forecasting.trend_season})  # the quick one
    hits = []
    for seed in range(24):
        months, mart, _ = company(np.random.default_rng(seed), n_accounts=4, n=54)
        cut = dt.date(2024, 12, 31)
        table = forecast.fan_table(made_of(months[months["month"] <= pd.Timestamp(cut)], mart, cut)[1])
        ahead = table[table["expected_revenue"].notna()]
        came = months.groupby("month")["revenue"].sum().loc[ahead["month"]].to_numpy()
        hits += list((came >= ahead["expected_revenue_low"]) & (came <= ahead["expected_revenue_high"]))
    assert len(hits) == 144
    assert 0.68 <= np.mean(hits) <= 0.92


@pytest.mark.parametrize("n", [1, 5, 11, 13, 20, 25])
def test_a_short_past_says_what_it_cannot_say(n):
    months, mart, as_of = company(np.random.default_rng(n), n_accounts=2, n=n, start="2023-01")
    total, made = made_of(months, mart, as_of)
    table = forecast.fan_table(made)
    said = forecast.fan_claim(table, "en")
    assert table["expected_revenue"].notna().sum() == 6
    if n < 12:
        assert "Not enough data" in said
    if n < 18:
        assert table["expected_revenue_low"].isna().all()
    assert "nan" not in said
    assert (trend.decomposition_table(forecast.complete_months(months, as_of)).empty) == (n < 24)
    for rows, claim in (
        (accuracy.models_table(total), accuracy.models_claim), (levels.ways_table(made), outlook.ways_claim),
        (outlook.segments_table(levels.outlook_table(made)), outlook.segments_claim),
        (outlook.accounts_table(levels.outlook_table(made)), outlook.accounts_claim),
    ):  # fmt: skip
        assert rows.empty or "nan" not in claim(rows, "en")


def test_without_a_month_every_table_is_empty():
    months = months_of([]).astype({"account_id": "string"})
    total, made = made_of(months, mart_of(["A"], region="North"), dt.date(2025, 12, 31))
    assert (total, made) == (None, None)
    for table in (
        forecast.fan_table(made), accuracy.models_table(total), accuracy.past_table(made), levels.ways_table(made),
        levels.outlook_table(made), trend.decomposition_table(forecast.complete_months(months, dt.date(2025, 12, 31))),
    ):  # fmt: skip
        assert table.empty


def test_the_account_whose_champion_left_is_expected_to_fall(sample):
    """Story 4 of the sample."""
    _, made = made_of(sample.months, sample.mart, sample.as_of)
    worst = outlook.accounts_table(levels.outlook_table(made)).nsmallest(3, "change_amount")
    assert "A0019" in set(worst["account_id"])


def test_spring_festival_is_seen_and_expected(sample):
    """Story 7 of the sample; D.11-20: Spring Festival read as a slump. The next one falls into February 2026."""
    _, made = made_of(sample.months, sample.mart, sample.as_of)
    ahead = forecast.fan_table(made).set_index("month")["expected_revenue"].dropna()
    assert ahead["2026-02-01"] < 0.85 * ahead["2026-01-01"]
    assert trend.change_points(sample.months.groupby("month")["revenue"].sum().to_numpy()) != [25]
    parts = trend.decomposition_table(forecast.complete_months(sample.months, sample.as_of))
    assert not parts.loc[parts["month"] == "2024-02-01", "level_start"].any()
    assert parts.loc[parts["month"] == "2024-02-01", "festival_amount"].item() < -1e7
