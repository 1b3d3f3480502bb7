"""Changes of level: found where there are some, hardly ever where there are none."""

import numpy as np
import pytest

from kamlib.models.change_points import PENALTY, change_points


def exhaustive(y, shortest=6, penalty=PENALTY):
    """The best partition into one or two pieces, by trying every one."""
    sigma = np.median(np.abs(np.diff(y))) / (0.6745 * np.sqrt(2))
    cost = {(): ((y - y.mean()) ** 2).sum()}
    for k in range(shortest, len(y) - shortest + 1):
        a, b = y[:k], y[k:]
        cost[(k,)] = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum() + penalty * sigma**2 * np.log(len(y))
    return list(min(cost, key=cost.get))


def test_it_finds_the_best_partition():
    random = np.random.default_rng(4)
    for _ in range(50):
        y = np.r_[random.normal(size=9), random.normal(2, 1, size=8)]  # three pieces do not fit
        found = change_points(y)
        assert found in (exhaustive(y), []), "[] when a straight line does as well"


@pytest.mark.parametrize(("n", "least"), [(36, 0.7), (60, 0.8)])
def test_a_step_of_two_sigma_is_found_within_two_months(n, least):
    random = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        found = change_points(np.r_[random.normal(size=n // 2), random.normal(2, 1, n - n // 2)])
        hits += len(found) == 1 and abs(found[0] - n // 2) <= 2
    assert hits / 300 >= least


@pytest.mark.parametrize("n", [36, 60])
def test_noise_raises_an_alarm_in_one_series_of_a_hundred(n):
    random = np.random.default_rng(6)
    assert np.mean([change_points(random.normal(size=n)) != [] for _ in range(500)]) <= 0.02


def test_months_that_hang_together_raise_one_in_ten():
    random = np.random.default_rng(7)
    alarms = []
    for _ in range(300):
        y = np.zeros(60)
        for t, shock in enumerate(random.normal(size=60)):
            y[t] = 0.3 * y[t - 1] + shock
        alarms.append(change_points(y) != [])
    assert np.mean(alarms) <= 0.13


def test_a_steady_rise_is_no_change_of_level():
    random = np.random.default_rng(8)
    alarms = [change_points(0.2 * np.arange(48) + random.normal(size=48)) != [] for _ in range(200)]
    assert np.mean(alarms) <= 0.05


def test_short_and_constant_series_have_none():
    assert change_points(np.arange(11.0)) == []
    assert change_points(np.ones(40)) == []
