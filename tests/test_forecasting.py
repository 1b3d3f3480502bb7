"""Models of a monthly series, the rolling origin, MASE and conformal intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamlib.models import forecasting as f

SEASONED = np.tile([10.0, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120], 3)


def test_baselines_by_hand():
    y = np.arange(1.0, 25)
    assert f.naive(y, 3).tolist() == [24, 24, 24]
    assert f.mean(y, 2).tolist() == [18.5, 18.5]
    assert f.seasonal_naive(y, 14).tolist() == [*range(13, 25), 13, 14]
    assert f.seasonal_naive(y[:6], 2).tolist() == [3.5, 3.5], "without a year: the mean"


@pytest.mark.parametrize("name", f.SEASONAL)
def test_a_pure_season_goes_on(name):
    assert f.SEASONAL[name](SEASONED, 12) == pytest.approx(SEASONED[:12], rel=0.02)


@pytest.mark.parametrize("name", ["trend_season", "holt_winters", "theta"])
def test_a_pure_trend_goes_on(name):
    y = 100 + 2.0 * np.arange(48)
    assert f.SEASONAL[name](y, 6) == pytest.approx(196 + 2.0 * np.arange(6), rel=0.03)


def test_below_two_years_only_baselines_are_tried_and_the_airline_model_only_from_five():
    assert list(f.candidates(np.ones(23))) == list(f.BASELINES)
    assert set(f.candidates(np.ones(24))) == {*f.BASELINES, *f.SEASONAL}
    assert "airline" in f.candidates(np.ones(60))
    assert "airline" not in f.candidates(np.r_[np.ones(59), 0])


def test_mase_by_hand():
    y = np.r_[np.zeros(12), np.full(12, 10.0), 10.0, 30.0]
    assert f.scale(y[:24]) == 10
    tested = f.backtest(y, 1, {"naive": f.naive})
    last = tested[tested["origin"] == 25].iloc[0]
    assert (last["forecast"], last["actual"]) == (10, 30)
    assert f.accuracy(tested[tested["origin"] == 25], y)["mase"][0] == pytest.approx(20 / (120 / 13))


def test_origins_see_the_past_only():
    assert list(f.origins(36, 6)) == [24, 25, 26, 27, 28, 29, 30]
    assert list(f.origins(30, 6)) == list(range(12, 25)), "too few with two years: begin at one"
    assert len(f.origins(200, 12)) == f.MOST_ORIGINS
    y = np.random.default_rng(1).normal(100, 10, 36)
    other = np.r_[y[:30], y[30:] * 5]
    one, two = (f.backtest(values, 6, f.candidates(y)) for values in (y, other))
    early = one["origin"] <= 30
    assert one.loc[early, "forecast"].tolist() == two.loc[early, "forecast"].tolist()


def test_nothing_replaces_the_seasonal_naive_forecast_without_beating_it():
    y = SEASONED + np.random.default_rng(3).normal(0, 0.01, 36)
    tested = f.backtest(y, 6, {"seasonal_naive": f.seasonal_naive, "mean": f.mean})
    assert f.choose(f.accuracy(tested, y)) == "seasonal_naive"
    few = f.backtest(np.r_[y[:12], y[:3]], 3, {"seasonal_naive": f.seasonal_naive, "mean": f.mean})
    assert f.choose(f.accuracy(few, y)) == "seasonal_naive", "one origin decides nothing"


def test_conformal_by_hand():
    assert f.conformal([*range(-4, 5)], 0.8) == (-4, 4)
    assert np.isnan(f.conformal(range(8), 0.8)).all(), "nine errors are the least for 80 %"
    assert f.conformal(np.arange(99), 0.8) == (9, 89)


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_conformal_intervals_hold_what_they_promise(draw):
    random = np.random.default_rng(7)
    hits = []
    for _ in range(4000):
        errors = getattr(random, draw)(size=43)
        low, high = f.conformal(errors[:42], 0.8)
        hits.append(low <= errors[42] <= high)
    assert 0.78 <= np.mean(hits) <= 0.86  # at least 80 % less four standard errors; at most 2 ÷ (n + 1) more


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.integers(1, 12))
def test_every_series_gets_finite_forecasts(values, horizon):
    y = np.array(values)
    for name, model in f.BASELINES.items():
        assert np.isfinite(model(y, horizon)).all(), name
