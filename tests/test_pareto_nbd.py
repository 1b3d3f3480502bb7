"""Pareto/NBD: the likelihood by integration in both branches, limits, units and recovery of known parameters."""

import numpy as np
import pytest
import simulated_customers
from scipy import integrate, special

from kamlib.models import pareto_nbd
from kamlib.models.pareto_nbd import ParetoNbd

TRUE = (0.6, 8.0, 0.7, 10.0)


def branches(model, x, t_x, T):
    """(stayed, left) without the closed form: the second integrated over the moment of leaving."""
    stay = (model.alpha + T) ** -(model.r + x) * (model.beta + T) ** -model.s

    def leaving(at):
        return (model.alpha + at) ** -(model.r + x) * (model.beta + at) ** -(model.s + 1)

    return stay, model.s * integrate.quad(leaving, t_x, T, epsabs=0, limit=200)[0]


@pytest.mark.parametrize("alpha_beta", [(8.0, 10.0), (10.0, 8.0), (9.0, 9.0), (0.5, 60.0), (60.0, 0.5)])
@pytest.mark.parametrize("customer", [(0, 0.0, 39.0), (1, 20.0, 39.0), (12, 38.9, 39.0), (40, 5.0, 39.0)])
def test_both_branches_of_alpha_and_beta_equal_the_integral(alpha_beta, customer):
    model = ParetoNbd(0.6, alpha_beta[0], 0.7, alpha_beta[1])
    stay, left = branches(model, *customer)
    found = [np.exp(part) for part in model._branches(*(np.float64(value) for value in customer))]
    assert found == pytest.approx([stay, left], rel=1e-7)
    assert model.alive(*customer) == pytest.approx(stay / (stay + left), rel=1e-7)


def published(model, x, t):
    """The term of Fader and Hardie's note at time t: 2F1, in the form that max(alpha, beta) asks for."""
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    size = r + s + x
    if alpha >= beta:
        return special.hyp2f1(size, s + 1, size + 1, (alpha - beta) / (alpha + t)) / (alpha + t) ** size
    return special.hyp2f1(size, r + x, size + 1, (beta - alpha) / (beta + t)) / (beta + t) ** size


@pytest.mark.parametrize(("alpha", "beta"), [(10.578, 11.669), (11.669, 10.578), (9.0, 9.0), (3.0, 80.0), (80.0, 3.0)])
def test_it_is_the_published_closed_form_whichever_of_alpha_and_beta_is_larger(alpha, beta):
    model = ParetoNbd(0.553, alpha, 0.606, beta)
    for x, t_x, T in ((0, 0.0, 39.0), (2, 30.43, 38.86), (26, 30.86, 31.0)):
        closed = model.s / (model.r + model.s + x) * (published(model, x, t_x) - published(model, x, T))
        _, leave = model._branches(np.float64(x), np.float64(t_x), np.float64(T))
        assert np.exp(leave) == pytest.approx(closed, rel=1e-8)


@pytest.mark.parametrize("at", [(0.6, 8.0, 0.7, 10.0), (1.4, 30.0, 2.0, 6.0)])
def test_the_gradient_is_that_of_the_likelihood(at):
    x, t_x, T, _ = simulated_customers.pareto_nbd(np.random.default_rng(5), 200, *TRUE)
    slopes = ParetoNbd(*at).log_likelihoods(x, t_x, T)[1].sum(axis=1)
    for i in range(4):
        step = np.eye(4)[i] * 1e-5 * at[i]
        up, down = (ParetoNbd(*(np.array(at) + sign * step)).log_likelihoods(x, t_x, T)[0].sum() for sign in (1, -1))
        assert slopes[i] == pytest.approx((up - down) / (2 * step[i]), rel=1e-4)


def test_extremes_stay_finite():
    for model in (ParetoNbd(0.6, 8, 0.7, 1e6), ParetoNbd(0.6, 1e6, 0.7, 8), ParetoNbd(50, 3, 1e-4, 1e-3)):
        x, t_x, T = np.array([0.0, 3, 900, 900]), np.array([0.0, 39, 38, 2]), np.array([39.0, 39, 39, 39])
        assert all(np.isfinite(part).all() for part in model.log_likelihoods(x, t_x, T))
        assert ((model.alive(x, t_x, T) >= 0) & (model.alive(x, t_x, T) <= 1)).all()
        assert np.isfinite(model.expected(52.0, x, t_x, T)).all()


def test_the_climb_survives_customers_who_buy_a_thousand_times():
    x, t_x, T, _ = simulated_customers.pareto_nbd(np.random.default_rng(2), 300, 2.0, 0.3, 0.7, 30.0)
    assert x.max() > 700
    fit = pareto_nbd.fit(x, t_x, T)
    assert fit.converged
    assert fit.values[0] / fit.values[1] == pytest.approx(2.0 / 0.3, rel=0.2)


def test_who_bought_on_the_last_day_is_alive():
    assert ParetoNbd(*TRUE).alive(5, 39.0, 39.0) == 1.0


def test_s_of_one_is_the_limit_of_its_neighbours():
    at = [float(ParetoNbd(0.6, 8, s, 10).expected_of_new(52.0)) for s in (1 - 1e-5, 1.0, 1 + 1e-5)]
    assert at[1] == pytest.approx((at[0] + at[2]) / 2, rel=1e-8)


def test_the_expectation_of_a_new_customer_is_that_of_simulated_ones():
    random, n = np.random.default_rng(4), 400_000
    r, alpha, s, beta = TRUE
    rate, left = random.gamma(r, 1 / alpha, n), random.exponential(1 / random.gamma(s, 1 / beta, n))
    drawn = random.poisson(rate * np.minimum(left, 52.0))
    assert float(ParetoNbd(*TRUE).expected_of_new(52.0)) == pytest.approx(drawn.mean(), abs=4 * drawn.std() / n**0.5)


def test_days_instead_of_weeks_change_alpha_and_beta_and_nothing_else():
    x, t_x, T, _ = simulated_customers.pareto_nbd(np.random.default_rng(8), 800, *TRUE)
    weeks, days = pareto_nbd.fit(x, t_x, T).values, pareto_nbd.fit(x, 7 * t_x, 7 * T).values
    assert days / weeks == pytest.approx([1, 7, 1, 7], rel=5e-3)


def test_parameters_are_recovered_and_intervals_cover():
    logs, inside, off = [], [], []
    for seed in range(12):
        x, t_x, T, after = simulated_customers.pareto_nbd(np.random.default_rng(40 + seed), 1200, *TRUE, later=26.0)
        fit = pareto_nbd.fit(x, t_x, T)
        logs.append(np.log(fit.values))
        inside.append(np.abs(logs[-1] - np.log(TRUE)) <= 1.96 * np.sqrt(np.diag(fit.covariance)))
        off.append(ParetoNbd(*fit.values).expected(26.0, x, t_x, T).sum() / after.sum() - 1)
    logs = np.array(logs)
    assert (np.abs(logs.mean(axis=0) - np.log(TRUE)) < 3 * logs.std(axis=0) / np.sqrt(len(logs)) + 0.03).all()
    assert 0.85 <= np.mean(inside) <= 1.0
    assert abs(np.mean(off)) < 3 * np.std(off) / np.sqrt(len(off)) + 0.005
