"""BG/NBD: how many purchases to expect of customers who come and go without saying so; and the NBD without dropout.

While alive a customer buys at random at a rate of its own (gamma over customers: `r`, `alpha`); after each purchase it
leaves for good with a chance of its own (beta: `a`, `b`). All that is needed of a customer is `x` (repeat purchases), `t_x` (time
of the last one) and `T` (time seen), both counted from its first purchase, in one unit. `alpha` carries that unit, the
other parameters have none.

Sources: Fader, Hardie and Lee (2005), Counting your customers the easy way, Marketing Science 24(2); NBD: Ehrenberg (1959).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kamlib.models.likelihood import Fit, maximise

LEAST_A, MOST_B = 0.001, 1000
"""Beyond these a customer leaves less than once in a thousand purchases or so: dropout has not been seen."""
NO_DROPOUT = 5.99
"""Twice the log-likelihood that two more parameters win by chance in one case of twenty."""


@dataclass(frozen=True)
class BgNbd:
    """The model with its four parameters."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Return the chance that the customer has not left. It is 1 for everybody who never came back: never rank by it."""
        x, t_x, T = (np.asarray(values, float) for values in (x, t_x, T))
        with np.errstate(divide="ignore"):
            odds = np.log(self.a) - np.log(np.where(x > 0, self.b + x - 1, 1.0))
            odds = odds + (self.r + x) * (np.log(self.alpha + T) - np.log(self.alpha + t_x))
        return np.where(x > 0, special.expit(-odds), 1.0)

    def expected(self, t: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Return the purchases to expect in the next `t`, given what was seen."""
        x, T = np.asarray(x, float), np.asarray(T, float)
        return self._if_alive(np.asarray(t, float), x, T) * self.alive(x, t_x, T)

    def expected_of_new(self, t: ArrayLike) -> np.ndarray:
        """Return the repeat purchases to expect of a new customer within `t` of its first purchase."""
        return self._if_alive(np.asarray(t, float), np.float64(0), np.float64(0))

    def _if_alive(self, t: np.ndarray, x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """The published expression after Euler's transformation, which keeps large x from overflowing."""
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6  # there the expression is 0/0 with a finite limit
        base = self.alpha + T
        kept = base / (base + t)
        size = a + self.b + x - 1
        series = special.hyp2f1(a + self.b - self.r - 1, a - 1, size, t / (base + t))
        return size / (a - 1) * (1 - kept ** (a - 1) * series)

    def simulate(
        self, t: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        """Draw one possible number of purchases of each customer in the next `t`."""
        rate = random.gamma(self.r + x) / (self.alpha + T)
        chance = np.clip(random.beta(self.a, self.b + x), 1e-12, 1)
        until_left = random.geometric(chance)
        there = random.random(len(x)) < self.alive(x, t_x, T)
        return np.where(there, np.minimum(until_left, random.poisson(rate * t)), 0)


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Fit:
    """Return the most likely r, alpha, a, b; the log-likelihood is the plain sum over customers."""
    x, t_x, T, n = collapsed(x, t_x, T)
    back = x > 0

    def height(values: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha, a, b = values
        stay = -(r + x) * np.log(alpha + T)
        last = np.where(back, b + x - 1, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            leave = np.where(back, np.log(a) - np.log(last) - (r + x) * np.log(alpha + t_x), -np.inf)
        both = np.logaddexp(stay, leave)
        rates = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
        chances = special.betaln(a, b + x) - special.betaln(a, b)
        left = np.exp(leave - both)
        psi = special.digamma
        shared = psi(a + b) - psi(a + b + x)
        slopes = (
            psi(r + x) - psi(r) + np.log(alpha) - (1 - left) * np.log(alpha + T) - left * np.log(alpha + t_x),
            r / alpha - (r + x) * ((1 - left) / (alpha + T) + left / (alpha + t_x)),
            shared + left / a,
            shared + psi(b + x) - psi(b) - left / last,
        )
        return n @ (rates + chances + both), np.array([n @ slope for slope in slopes])

    r, alpha = rate_start(x, T, n)
    return maximise(height, [np.array([r, alpha, a, b]) for a, b in ((0.8, 2.5), (0.1, 10), (2, 20))], gradient=True)


def fit_nbd(x: ArrayLike, T: ArrayLike) -> Fit:
    """Return the most likely r, alpha of customers who never leave: what a dropout has to improve on."""
    x, _, T, n = collapsed(x, np.zeros(np.shape(x)), T)

    def height(values: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha = values
        heights = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + T)
        by_r = special.digamma(r + x) - special.digamma(r) + np.log(alpha) - np.log(alpha + T)
        return n @ heights, np.array([n @ by_r, n @ (r / alpha - (r + x) / (alpha + T))])

    return maximise(height, [rate_start(x, T, n), np.array([1.0, (n @ T) / n.sum()])], gradient=True)


def dropout_seen(dropout: Fit, without: Fit) -> bool:
    """Return whether the data show that customers leave: parameters away from the edge, and a better fit than NBD."""
    _, _, a, b = dropout.values
    return bool(a >= LEAST_A and b <= MOST_B and 2 * (dropout.log_likelihood - without.log_likelihood) > NO_DROPOUT)


def collapsed(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct customers and how many there are of each."""
    rows, n = np.unique(np.column_stack([np.asarray(v, float) for v in (x, t_x, T)]), axis=0, return_counts=True)
    return rows[:, 0], rows[:, 1], rows[:, 2], n.astype(float)


def rate_start(x: np.ndarray, T: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return r, alpha whose gamma has the mean and the spread of the purchase rates, chance taken off."""
    time = np.maximum(T, 1e-9)
    mean = max((n @ x) / (n @ time), 1e-9)
    spread = (n @ (x / time - mean) ** 2) / n.sum() - mean * (n @ (1 / time)) / n.sum()
    r = np.clip(mean**2 / spread, 0.05, 20) if spread > 0 else 5.0
    return np.array([r, r / mean])
