"""sBG: cohorts into counts, recovery of known parameters, and equal customers."""

import numpy as np
import pytest

from kamlib.models import sbg
from kamlib.models.sbg import Sbg

TRUE = (0.7, 3.0)


def simulated(seed, n=1500, years=6):
    random = np.random.default_rng(seed)
    leaves = random.geometric(np.clip(random.beta(*TRUE, n), 1e-9, 1))
    seen = random.integers(1, years + 1, n)  # cohorts of different age
    lost = np.bincount(leaves[leaves <= seen], minlength=years + 1)
    kept = np.bincount(seen[leaves > seen], minlength=years + 1)
    return lost, kept


def test_cohorts_of_different_age_are_counted_together():
    lost, kept = sbg.ends([10, 6, 5], [8, 4])
    assert lost.tolist() == [0, 8, 1]
    assert kept.tolist() == [0, 4, 5]


def test_survival_is_the_product_of_the_retentions_and_the_rates_rise():
    model = Sbg(*TRUE)
    rates = model.retention(np.arange(1, 9))
    assert np.cumprod(rates) == pytest.approx(model.survival(np.arange(1, 9)))
    assert (np.diff(rates) > 0).all()
    assert model.survival(0) == pytest.approx(1)


def test_parameters_are_recovered_and_intervals_cover():
    logs, inside = [], []
    for seed in range(20):
        fit = sbg.fit(*simulated(seed))
        logs.append(np.log(fit.values))
        inside.append(np.abs(logs[-1] - np.log(TRUE)) <= 1.96 * np.sqrt(np.diag(fit.covariance)))
    logs = np.array(logs)
    assert (np.abs(logs.mean(axis=0) - np.log(TRUE)) < 3 * logs.std(axis=0) / np.sqrt(len(logs)) + 0.02).all()
    assert 0.85 <= np.mean(inside) <= 1.0


def test_customers_who_do_not_differ_have_a_constant_rate():
    kept = 10_000 * 0.8 ** np.arange(6)
    fit = sbg.fit(*sbg.ends(kept))
    model = Sbg(*fit.values)
    assert model.retention(np.arange(1, 6)) == pytest.approx(0.8, abs=2e-3)
    geometric = sum(n * (np.log(0.2) + t * np.log(0.8)) for t, n in enumerate(-np.diff(kept))) + kept[-1] * 5 * np.log(
        0.8
    )
    assert fit.log_likelihood == pytest.approx(geometric, abs=1.0)  # nothing is won by a second parameter
