"""The climb: it finds a known top, tells a flat or edge-bound likelihood, and its draws have the spread it claims."""

import numpy as np
import pytest
from scipy import stats as sp

from kamlib.models.likelihood import EDGE, maximise


def gamma_height(sample):
    return lambda values: sp.gamma.logpdf(sample, values[0], scale=1 / values[1]).sum()


def test_it_climbs_to_the_top_that_scipy_finds_too():
    sample = np.random.default_rng(0).gamma(2.5, 1 / 3.0, 400)
    fit = maximise(gamma_height(sample), [np.array([1.0, 1.0])])
    shape, _, scale = sp.gamma.fit(sample, floc=0)
    assert fit.values == pytest.approx([shape, 1 / scale], rel=1e-3)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(gamma_height(sample)(fit.values))


def test_standard_errors_are_those_of_the_exponential():
    sample = np.random.default_rng(1).exponential(2.0, 900)
    fit = maximise(lambda v: len(sample) * np.log(v[0]) - v[0] * sample.sum(), [np.array([5.0])])
    assert fit.standard_errors[0] == pytest.approx(fit.values[0] / 30, rel=1e-3)
    drawn = fit.draws(4000, seed=2)
    assert np.log(drawn[:, 0]).std() == pytest.approx(1 / 30, rel=0.05)
    assert (drawn == fit.draws(4000, seed=2)).all()


def test_a_gradient_is_used_and_leads_to_the_same_top():
    total, n = 240.0, 100

    def with_slope(values):
        return n * np.log(values[0]) - values[0] * total, np.array([n / values[0] - total])

    assert maximise(with_slope, [np.array([3.0])], gradient=True).values[0] == pytest.approx(n / total, rel=1e-6)


def test_a_likelihood_that_rises_for_ever_has_not_converged_and_claims_no_errors():
    fit = maximise(lambda v: -1 / v[0], [np.array([1.0])])
    assert fit.values[0] == pytest.approx(np.exp(EDGE)) or not fit.converged
    assert not fit.converged or np.isnan(fit.covariance).all()
    flat = maximise(lambda v: -((np.log(v[0] * v[1]) - 1) ** 2), [np.array([2.0, 3.0])])  # only the product is known
    assert np.isnan(flat.covariance).all()
    assert (flat.draws(3) == flat.values).all()


def test_the_best_of_several_tops_wins():
    def two_tops(values):
        return np.logaddexp(sp.norm.logpdf(np.log(values[0]), 0, 0.3), 2 + sp.norm.logpdf(np.log(values[0]), 4, 0.3))

    assert maximise(two_tops, [np.array([1.2]), np.array([40.0])]).values[0] == pytest.approx(np.exp(4), rel=1e-3)
