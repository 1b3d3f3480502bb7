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

    def log_likelihoods(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each customer."""
        rates = special.gammaln(self.r + x) - special.gammaln(self.r) + self.r * np.log(self.alpha)
        return rates + self.s * np.log(self.beta) + np.logaddexp(*self._branches(x, t_x, T))

    def _branches(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the logs of the likelihoods of having stayed and of having left since the last purchase."""
        stay = -(self.r + x) * np.log(self.alpha + T) - self.s * np.log(self.beta + T)
        early, late = self._tail(x, t_x), self._tail(x, T)
        with np.errstate(divide="ignore"):  # bought on the last day seen: no time to leave
            leave = (
                np.log(self.s) - np.log(self.r + self.s + x) + early + np.log(-np.expm1(np.minimum(late - early, 0)))
            )
        return stay, leave

    def _tail(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """The published 2F1 term at time `t`, in logs, after Euler's transformation: its series starts at 1 and stays small.

        Which of alpha and beta is larger decides the form, so that the argument lies between 0 and 1.
        """
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        if alpha >= beta:
            series = special.hyp2f1(1, r + x, r + s + x + 1, (alpha - beta) / (alpha + t))
            return np.log(series) - s * np.log(beta + t) - (r + x) * np.log(alpha + t)
        series = special.hyp2f1(1, s + 1, r + s + x + 1, (beta - alpha) / (beta + t))
        return np.log(series) - (r + x - 1) * np.log(alpha + t) - (s + 1) * np.log(beta + t)


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Fit:
    """Return the most likely r, alpha, s, beta; the log-likelihood is the plain sum over customers."""
    x, t_x, T, n = collapsed(x, t_x, T)

    def height(values: np.ndarray) -> float:
        return n @ ParetoNbd(*values).log_likelihoods(x, t_x, T)

    r, alpha = rate_start(x, T, n)
    seen = (n @ T) / n.sum()
    return maximise(height, [np.array([r, alpha, s, beta]) for s, beta in ((0.6, seen / 3), (0.5, 2 * seen))])
