"""Gamma-Gamma: recovery of known parameters, the pull towards the mean, and where the mean does not exist."""

import numpy as np
import pytest

from kamlib.models import gamma_gamma
from kamlib.models.gamma_gamma import GammaGamma

TRUE = (5.0, 4.0, 20.0)


def simulated(seed, n=800, true=TRUE):
    random = np.random.default_rng(seed)
    p, q, v = true
    x = random.integers(1, 8, n)
    own = random.gamma(q, 1 / v, n)  # the rate of the customer's order values
    return x, random.gamma(p * x) / own / x, p / own


def test_parameters_are_recovered_and_intervals_cover():
    logs, inside = [], []
    for seed in range(20):
        x, mean, _ = simulated(seed)
        fit = gamma_gamma.fit(x, mean)
        assert fit.converged
        logs.append(np.log(fit.values))
        inside.append(np.abs(logs[-1] - np.log(TRUE)) <= 1.96 * np.sqrt(np.diag(fit.covariance)))
    logs = np.array(logs)
    assert (np.abs(logs.mean(axis=0) - np.log(TRUE)) < 3 * logs.std(axis=0) / np.sqrt(len(logs)) + 0.02).all()
    assert 0.85 <= np.mean(inside) <= 1.0


def test_the_expected_mean_is_closer_to_the_truth_than_what_was_seen():
    x, mean, own = simulated(99, 3000)
    model = GammaGamma(*TRUE)
    expected = model.expected(x, mean)
    assert np.mean((expected - own) ** 2) < np.mean((mean - own) ** 2)
    assert expected.mean() == pytest.approx(own.mean(), rel=0.05)
    assert model.mean == pytest.approx(20 * 5 / 3)


def test_customers_without_orders_or_value_say_nothing():
    x, mean, _ = simulated(1)
    more = gamma_gamma.fit(np.append(x, [0, 3]), np.append(mean, [50.0, 0.0]))
    assert more.log_likelihood == pytest.approx(gamma_gamma.fit(x, mean).log_likelihood)


def test_without_a_mean_there_is_no_number_rather_than_a_negative_one():
    model = GammaGamma(2.0, 0.8, 10.0)
    assert np.isnan(model.mean)
    assert np.isnan(model.expected(0, 0.0))
    assert model.expected(1, 12.0) > 0


def test_another_currency_changes_v_and_nothing_else():
    x, mean, _ = simulated(2)
    one, other = gamma_gamma.fit(x, mean).values, gamma_gamma.fit(x, 7 * mean).values
    assert other / one == pytest.approx([1, 1, 7], rel=1e-2)
