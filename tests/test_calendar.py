"""Spring Festival: its days, its share of months, and the strength that is read off a series."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from kamlib.models import calendar
from kamlib.sample.catalog import FESTIVALS


def months(n, start="2018-01-01"):
    return pd.date_range(start, periods=n, freq="MS")


def test_the_days_obey_the_moon():
    days = list(calendar.FESTIVALS.values())
    assert all(dt.date(day.year, 1, 21) <= day <= dt.date(day.year, 2, 21) for day in days)
    lengths = {(b - a).days for a, b in zip(days, days[1:], strict=False)}
    assert lengths <= {353, 354, 355, 383, 384, 385}, "a lunar year has twelve or thirteen months"
    assert set(FESTIVALS) <= set(days)


def test_shares_of_months():
    share = dict(
        zip(months(3, "2024-01-01").strftime("%m"), calendar.festival_share(months(3, "2024-01-01")), strict=True)
    )
    assert share == {"01": 0.0, "02": pytest.approx(17 / 29), "03": 0.0}  # 2024-02-03 to 2024-02-19
    both = calendar.festival_share(months(2, "2025-01-01"))
    assert both == pytest.approx([10 / 31, 7 / 28])
    assert not calendar.festival_share(months(24, "1990-01-01")).any()


def simulated(random, n, strength, noise=0.08):
    when = months(n)
    season = 1 + 0.2 * np.sin(np.arange(n) / 12 * 2 * np.pi)
    return 100 * season * (1 - strength * calendar.festival_share(when)) * np.exp(random.normal(0, noise, n)), when


@pytest.mark.parametrize("strength", [0.4, 0.8])
def test_a_known_strength_is_recovered(strength):
    random = np.random.default_rng(11)
    found = [calendar.festival_strength(*simulated(random, 60, strength, noise=0.04)) for _ in range(100)]
    assert np.mean(found) == pytest.approx(strength, abs=0.03)


def test_without_a_festival_hardly_any_is_seen():
    random = np.random.default_rng(12)
    assert np.mean([calendar.festival_strength(*simulated(random, 60, 0.0)) > 0 for _ in range(300)]) <= 0.06


def test_short_or_empty_series_have_none():
    when = months(23)
    assert calendar.festival_strength(np.ones(23), when) == 0
    assert calendar.festival_strength(np.zeros(36), months(36)) == 0


def test_an_adjusted_model_expects_the_holiday():
    y, when = simulated(np.random.default_rng(5), 48, 0.7, noise=0.01)
    model = calendar.adjusted(lambda y, horizon: np.full(horizon, np.median(y)), when[0])
    ahead = months(51)[48:]
    share = calendar.festival_share(ahead)
    forecast = model(y, 3)
    assert forecast[:2] / forecast[2] == pytest.approx(1 - calendar.festival_strength(y, when) * share[:2])
