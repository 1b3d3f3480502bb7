"""Trend, season, festival and rest; changes of level."""

import numpy as np
import pandas as pd
import pytest

from kamlib import words
from kamlib.forecast import trend
from kamlib.models import calendar


def monthly(random, n=48, step=0.0, festival=0.0, noise=0.05):
    month = pd.date_range("2021-01-01", periods=n, freq="MS")
    season = 1 + 0.2 * np.sin(np.arange(n) / 12 * 2 * np.pi)
    level = 1 + step * (np.arange(n) >= n // 2)
    value = 1e6 * season * level * (1 - festival * calendar.festival_share(month)) * np.exp(random.normal(0, noise, n))
    return pd.DataFrame({"month": month, "revenue": value})


def test_the_parts_sum_to_revenue():
    table = trend.decomposition_table(monthly(np.random.default_rng(1), festival=0.6))
    parts = table[["trend_amount", "season_amount", "festival_amount", "rest_amount"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(table["revenue"].to_numpy(), rel=1e-9)
    assert (table["festival_amount"] < 0).sum() == (calendar.festival_share(pd.DatetimeIndex(table["month"])) > 0).sum()


def test_a_step_is_dated_and_said():
    words.speak("en", "CNY")
    table = trend.decomposition_table(monthly(np.random.default_rng(2), step=0.3))
    (start,) = table.loc[table["level_start"], "month"]
    assert abs((start - pd.Timestamp("2023-01-01")).days) <= 62
    assert "The level last changed in" in trend.decomposition_claim(table, "en")


def test_a_level_company_raises_hardly_any_alarm():
    random = np.random.default_rng(3)
    alarms = [trend.decomposition_table(monthly(random, n=36))["level_start"].any() for _ in range(100)]
    assert np.mean(alarms) <= 0.08
    words.speak("en", "CNY")
    assert "No change of level in 36 months" in trend.decomposition_claim(
        trend.decomposition_table(monthly(random, n=36, noise=1e-4)), "en"
    )


def test_a_holiday_is_not_a_change_of_level():
    """D.11-20: Spring Festival read as a slump."""
    random = np.random.default_rng(4)
    alarms = [trend.decomposition_table(monthly(random, festival=0.7))["level_start"].any() for _ in range(50)]
    assert np.mean(alarms) <= 0.1


def test_below_two_years_nothing_is_told_apart():
    assert trend.decomposition_table(monthly(np.random.default_rng(1), n=23)).empty


def test_it_is_drawn():
    trend.plot_decomposition(
        trend.decomposition_table(monthly(np.random.default_rng(1), step=0.3))
    ).figure.canvas.draw()
