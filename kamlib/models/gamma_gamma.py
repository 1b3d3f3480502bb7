"""Gamma-Gamma: what an order of a customer is worth on average, when only a few orders of it have been seen.

The values of a customer's orders scatter around a mean of its own, and the means scatter over customers; so a mean of few orders is
pulled towards the mean of all. It assumes that how much a customer spends says nothing about how often it buys: look at that
correlation first. With q of 1 or less the mean over customers does not exist.

Sources: Colombo and Jiang (1999); Fader and Hardie (2013), The Gamma-Gamma model of monetary value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kamlib.models.likelihood import Fit, maximise


@dataclass(frozen=True)
class GammaGamma:
    """The model with its three parameters; `v` carries the unit of money."""

    p: float
    q: float
    v: float

    @property
    def mean(self) -> float:
        """The mean order value over customers; NaN where it does not exist (q ≤ 1)."""
        return self.v * self.p / (self.q - 1) if self.q > 1 else np.nan

    def expected(self, x: ArrayLike, mean: ArrayLike) -> np.ndarray:
        """Return the expected mean order value of customers of whom `x` orders with that `mean` were seen."""
        x, mean = np.asarray(x, float), np.asarray(mean, float)
        size = self.p * x + self.q - 1
        return np.where(size > 0, (self.v + x * mean) * self.p / np.where(size > 0, size, 1.0), np.nan)


def fit(x: ArrayLike, mean: ArrayLike) -> Fit:
    """Return the most likely p, q, v of customers with `x` ≥ 1 orders of that `mean` > 0; others say nothing and are left out."""
    x, mean = np.asarray(x, float), np.asarray(mean, float)
    used = (x > 0) & (mean > 0)
    x, mean = x[used], mean[used]

    def height(values: np.ndarray) -> float:
        p, q, v = values
        shape = p * x
        return np.sum(
            -special.betaln(shape, q) + q * np.log(v) + (shape - 1) * np.log(mean) + shape * np.log(x)
            - (shape + q) * np.log(v + x * mean)
        )  # fmt: skip

    middle = float(np.median(mean)) if len(mean) else 1.0
    return maximise(height, [np.array([2.0, 2.0, middle]), np.array([6.0, 4.0, middle / 2])])
