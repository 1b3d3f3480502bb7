"""BG/NBD: hazards of its formulas, recovery of known parameters, and when dropout cannot be seen."""

import numpy as np
import pytest
import simulated_customers
from scipy import integrate, special

from kamlib.models import bgnbd
from kamlib.models.bgnbd import BgNbd

TRUE = (0.6, 6.0, 0.9, 2.6)
MODEL = BgNbd(*TRUE)


def one(x, t_x, T, model=MODEL):
    """The likelihood of one customer by integration over its rate and its chance to leave; nothing of the closed form."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b

    def given_rate(rate):
        stay = np.exp(-rate * T) * special.beta(a, b + x) / special.beta(a, b)
        leave = np.exp(-rate * t_x) * special.beta(a + 1, b + x - 1) / special.beta(a, b) if x else 0.0
        prior = alpha**r * rate ** (r - 1) * np.exp(-alpha * rate) / special.gamma(r)
        return rate**x * (stay + leave) * prior

    return integrate.quad(given_rate, 0, 1)[0] + integrate.quad(given_rate, 1, np.inf)[0]


CUSTOMERS = (np.array([0, 1, 4, 9]), np.array([0, 12.0, 30.0, 39.0]), np.array([39.0, 39.0, 31.0, 39.0]))


def test_the_likelihood_is_the_plain_sum_with_its_own_branch_for_those_who_never_came_back():
    x, t_x, T = (np.tile(values, 50) for values in CUSTOMERS)
    found = bgnbd.fit(x, t_x, T)
    each = [np.log(one(*customer, BgNbd(*found.values))) for customer in zip(*CUSTOMERS, strict=True)]
    assert found.log_likelihood == pytest.approx(50 * sum(each), abs=1e-3)


def test_the_gradient_is_that_of_the_likelihood(monkeypatch):
    x, t_x, T, _ = simulated_customers.bgnbd(np.random.default_rng(5), 300, *TRUE)
    seen = {}
    monkeypatch.setattr(bgnbd, "maximise", lambda height, starts, gradient: seen.update(height=height))
    bgnbd.fit(x, t_x, T)
    at = np.array([0.4, 5.0, 0.7, 3.0])
    for i in range(4):
        step = np.eye(4)[i] * 1e-5 * at[i]
        slope = (seen["height"](at + step)[0] - seen["height"](at - step)[0]) / (2 * step[i])
        assert seen["height"](at)[1][i] == pytest.approx(slope, rel=1e-5)


def test_the_expectation_is_that_of_a_million_possible_futures():
    x, t_x, T = (np.repeat(values, 250_000).astype(float) for values in CUSTOMERS)
    drawn = MODEL.simulate(26.0, x, t_x, T, np.random.default_rng(3)).reshape(4, -1)
    spread = drawn.std(axis=1) / np.sqrt(drawn.shape[1])
    assert np.abs(drawn.mean(axis=1) - MODEL.expected(26.0, *CUSTOMERS)).max() < 4.5 * spread.max()


def test_the_expectation_by_integration_over_the_chance_to_leave():
    for model in (MODEL, BgNbd(0.6, 6.0, 1.0, 2.6), BgNbd(3.0, 20.0, 0.05, 4.0)):  # a = 1 is 0/0 in the closed form
        for x, T in ((0, 10.0), (5, 39.0), (400, 52.0)):

            def inner(p, x=x, T=T, model=model):
                return (
                    -np.expm1(-(model.r + x) * np.log1p(p * 26 / (model.alpha + T)))
                    / p
                    * p ** (model.a - 1)
                    * (1 - p) ** (model.b + x - 1)
                )

            points = sorted({min(1.0, 5 * model.a / (model.a + model.b + x)), 1.0})
            ends = [0, *points]
            total = sum(integrate.quad(inner, a, b, limit=400)[0] for a, b in zip(ends, ends[1:], strict=False))
            expected = total / special.beta(model.a, model.b + x)
            assert model._if_alive(np.float64(26), np.float64(x), np.float64(T)) == pytest.approx(expected, rel=1e-5)  # fmt: skip


def test_days_instead_of_weeks_change_alpha_and_nothing_else():
    x, t_x, T, _ = simulated_customers.bgnbd(np.random.default_rng(8), 800, *TRUE)
    weeks, days = bgnbd.fit(x, t_x, T).values, bgnbd.fit(x, 7 * t_x, 7 * T).values
    assert days / weeks == pytest.approx([1, 7, 1, 1], rel=2e-3)
    w, d = BgNbd(*weeks), BgNbd(*days)
    assert d.expected(70.0, x, 7 * t_x, 7 * T) == pytest.approx(w.expected(10.0, x, t_x, T), rel=2e-3)


def test_very_frequent_buyers_do_not_overflow():
    found = MODEL.expected(52.0, np.array([2000.0]), np.array([51.9]), np.array([52.0]))
    assert np.isfinite(found).all()
    assert 0 < found[0] < 2100
    assert MODEL.alive(2000.0, 20.0, 52.0) < 1e-12


def test_nobody_who_bought_once_is_ever_thought_to_have_left():
    assert MODEL.alive(0, 0, 500.0) == 1.0  # why nobody is ranked by it


def test_parameters_are_recovered_without_bias_and_intervals_cover():
    logs, inside = [], []
    for seed in range(24):
        x, t_x, T, _ = simulated_customers.bgnbd(np.random.default_rng(100 + seed), 1200, *TRUE)
        fit = bgnbd.fit(x, t_x, T)
        assert fit.converged
        logs.append(np.log(fit.values))
        error = np.sqrt(np.diag(fit.covariance))
        inside.append(np.abs(logs[-1] - np.log(TRUE)) <= 1.96 * error)
    logs = np.array(logs)
    assert (np.abs(logs.mean(axis=0) - np.log(TRUE)) < 3 * logs.std(axis=0) / np.sqrt(len(logs)) + 0.02).all()
    assert 0.88 <= np.mean(inside) <= 1.0


def test_expected_purchases_of_the_next_half_year_are_unbiased():
    off = []
    for seed in range(12):
        x, t_x, T, after = simulated_customers.bgnbd(np.random.default_rng(300 + seed), 1500, *TRUE, later=26.0)
        off.append(BgNbd(*bgnbd.fit(x, t_x, T).values).expected(26.0, x, t_x, T).sum() / after.sum() - 1)
    assert abs(np.mean(off)) < 3 * np.std(off) / np.sqrt(len(off)) + 0.005


def test_dropout_is_seen_where_it_is_and_not_where_it_is_not():
    seen, none = [], []
    for seed in range(8):
        random = np.random.default_rng(500 + seed)
        x, t_x, T, _ = simulated_customers.bgnbd(random, 800, *TRUE)
        seen.append(bgnbd.dropout_seen(bgnbd.fit(x, t_x, T), bgnbd.fit_nbd(x, T)))
        x, t_x, T, _ = simulated_customers.bgnbd(random, 800, 0.8, 6.0, 1e-4, 1e4)
        none.append(bgnbd.dropout_seen(bgnbd.fit(x, t_x, T), bgnbd.fit_nbd(x, T)))
    assert all(seen)
    assert sum(none) <= 1


def test_equal_customers_are_counted_not_repeated():
    x, t_x, T, n = bgnbd.collapsed([1, 0, 1], [2.0, 0.0, 2.0], [5.0, 5.0, 5.0])
    assert (x.tolist(), t_x.tolist(), T.tolist(), n.tolist()) == ([0, 1], [0, 2], [5, 5], [1, 2])
