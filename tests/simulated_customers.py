"""Customers invented by the rules of a model whose parameters are known: what an estimator has to find again."""

from __future__ import annotations

import numpy as np


def bgnbd(random: np.random.Generator, n: int, r: float, alpha: float, a: float, b: float, later: float = 0.0):
    """Return (x, t_x, T, purchases in the next `later`) of `n` customers who leave only after a purchase."""
    T = random.uniform(20, 60, n)
    rate, chance = random.gamma(r, 1 / alpha, n), random.beta(a, b, n)
    left_after = random.geometric(np.clip(chance, 1e-12, 1))
    return _seen(random, T, later, rate, lambda i, times: times[: left_after[i]])


def pareto_nbd(random: np.random.Generator, n: int, r: float, alpha: float, s: float, beta: float, later: float = 0.0):
    """Return (x, t_x, T, purchases in the next `later`) of `n` customers who leave at any moment."""
    T = random.uniform(20, 60, n)
    rate, left = random.gamma(r, 1 / alpha, n), random.exponential(1 / random.gamma(s, 1 / beta, n))
    return _seen(random, T, later, rate, lambda i, times: times[times <= left[i]])


def _seen(random, T, later, rate, cut):
    x, t_x, after = np.zeros(len(T)), np.zeros(len(T)), np.zeros(len(T))
    for i, end in enumerate(T + later):
        count = random.poisson(rate[i] * end)
        times = cut(i, np.sort(random.uniform(0, end, count)))
        known = times[times <= T[i]]
        x[i], after[i] = len(known), len(times) - len(known)
        t_x[i] = known[-1] if len(known) else 0
    return x, t_x, T, after
