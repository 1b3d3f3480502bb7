"""Pareto/NBD: purchases of customers who may leave at any moment, not only after a purchase.

As BG/NBD, but the time until a customer leaves is exponential with a rate of its own (gamma over customers: `s`, `beta`). So one who
bought once may be gone, which BG/NBD cannot say; and the two models show together how much rests on that assumption.
`alpha` and `beta` carry the unit of time, `r` and `s` have none.

Sources: Schmittlein, Morrison and Colombo (1987), Counting your customers, Management Science 33(1); Fader and Hardie (2005), A note
on deriving the Pareto/NBD model and related expressions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kamlib.models.bgnbd import collapsed, rate_start
from kamlib.models.likelihood import Fit, maximise

NODES, WEIGHTS = (np.polynomial.legendre.leggauss(32) + np.array([[1.0], [0.0]])) / 2
FALL = 40.0
"""An integrand fallen by exp(−40) adds nothing that a float could hold."""


@dataclass(frozen=True)
class ParetoNbd:
    """The model with its four parameters."""

    r: float
    alpha: float
    s: float
    beta: float

    def alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Return the chance that the customer has not left."""
        stay, leave = self._branches(*(np.asarray(values, float) for values in (x, t_x, T)))
        return special.expit(stay - leave)

    def expected(self, t: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Return the purchases to expect in the next `t`, given what was seen."""
        x, T = np.asarray(x, float), np.asarray(T, float)
        return (self.r + x) / (self.alpha + T) * self._lifetime(np.asarray(t, float), T) * self.alive(x, t_x, T)

    def expected_of_new(self, t: ArrayLike) -> np.ndarray:
        """Return the repeat purchases to expect of a new customer within `t` of its first purchase."""
        return self.r / self.alpha * self._lifetime(np.asarray(t, float), np.float64(0))

    def _lifetime(self, t: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Return how much of the next `t` a customer alive at `T` is expected to be there."""
        shrink = np.log1p(t / (self.beta + T))
        bent = (self.s - 1) * shrink
        return (self.beta + T) * shrink * special.exprel(-bent)

    def log_likelihoods(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log-likelihood of each customer and its derivatives by r, alpha, s and beta, one row each."""
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        stay, leave = self._branches(x, t_x, T)
        both = np.logaddexp(stay, leave)
        there, left = np.exp(stay - both), np.exp(leave - both)
        time, weight = self._leaving(x, t_x, T)
        by_time = [
            np.sum(weight * part, axis=-1)
            for part in (np.log(alpha + time), 1 / (alpha + time), np.log(beta + time), 1 / (beta + time))
        ]
        slopes = (
            special.digamma(r + x) - special.digamma(r) + np.log(alpha) - there * np.log(alpha + T) - left * by_time[0],
            r / alpha - (r + x) * (there / (alpha + T) + left * by_time[1]),
            np.log(beta) - there * np.log(beta + T) + left * (1 / s - by_time[2]),
            s / beta - there * s / (beta + T) - left * (s + 1) * by_time[3],
        )
        rates = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        return rates + both, np.array(slopes)

    def _branches(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the logs of the likelihoods of having stayed and of having left since the last purchase.

        The second is the integral over the moment of leaving, taken numerically on a logarithmic axis of time as far as it
        matters. The published closed form, two 2F1 whose shape depends on which of alpha and beta is larger, gives the
        same but overflows for frequent customers.
        """
        stay = -(self.r + x) * np.log(self.alpha + T) - self.s * np.log(self.beta + T)
        _, height, width = self._grid(x, t_x, T)
        top = height.max(axis=-1)
        with np.errstate(divide="ignore"):  # bought on the last day seen: no time to leave
            leave = np.log(self.s) + np.log(width) + top + np.log(np.exp(height - top[..., None]) @ WEIGHTS)
        return stay, leave

    def _leaving(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return moments of leaving and their probabilities, given that the customer has left."""
        time, height, _ = self._grid(x, t_x, T)
        weight = np.exp(height - height.max(axis=-1)[..., None]) * WEIGHTS
        return time, weight / weight.sum(axis=-1)[..., None]

    def _grid(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return moments between t_x and T, the log of the integrand there, and the width of the axis it is taken along."""
        alpha, beta, least = self.alpha, self.beta, min(self.alpha, self.beta)
        power = np.maximum((self.r + x if alpha <= beta else self.s + 1 + 0 * x) - 1, 1e-9)
        width = np.minimum(np.log((least + T) / (least + t_x)), FALL / power)
        time = np.asarray(t_x)[..., None] + (least + t_x)[..., None] * np.expm1(width[..., None] * NODES)
        height = (
            np.log(least + time) - (self.r + x)[..., None] * np.log(alpha + time) - (self.s + 1) * np.log(beta + time)
        )
        return time, height, width


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Fit:
    """Return the most likely r, alpha, s, beta; the log-likelihood is the plain sum over customers."""
    x, t_x, T, n = collapsed(x, t_x, T)

    def height(values: np.ndarray) -> tuple[float, np.ndarray]:
        heights, slopes = ParetoNbd(*values).log_likelihoods(x, t_x, T)
        return n @ heights, slopes @ n

    r, alpha = rate_start(x, T, n)
    seen = (n @ T) / n.sum()
    starts = [np.array([r, alpha, s, beta]) for s, beta in ((0.6, seen / 3), (0.5, 2 * seen))]
    by_rates = np.array([[1, 0, 0, 0], [1, -1, 0, 0], [0, 0, 1, 0], [0, 0, 1, -1.0]])  # r, r ÷ alpha, s, s ÷ beta
    return maximise(height, starts, gradient=True, turn=by_rates)
