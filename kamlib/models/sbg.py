"""sBG: how many customers on contract renew year after year, when those who easily leave have left first.

Each customer has a chance of its own not to renew, the same at every renewal (beta over customers: `alpha`, `beta`). So the
retention of a cohort rises although nobody becomes more loyal, and a constant rate of churn underestimates who will stay.

Source: Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kamlib.models.likelihood import Fit, maximise


@dataclass(frozen=True)
class Sbg:
    """The model with its two parameters, which have no unit: time is counted in renewals."""

    alpha: float
    beta: float

    def survival(self, t: ArrayLike) -> np.ndarray:
        """Return the share still there after `t` renewals."""
        t = np.asarray(t, float)
        return np.exp(special.betaln(self.alpha, self.beta + t) - special.betaln(self.alpha, self.beta))

    def retention(self, t: ArrayLike) -> np.ndarray:
        """Return the share of those still there that renew the `t`-th time, t = 1, 2, …"""
        t = np.asarray(t, float)
        return (self.beta + t - 1) / (self.alpha + self.beta + t - 1)


def ends(*cohorts: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Turn cohorts (how many were there after 0, 1, 2 … renewals) into (lost, kept) as `fit` takes them."""
    size = max(len(cohort) for cohort in map(np.asarray, cohorts))
    lost, kept = np.zeros(size), np.zeros(size)
    for cohort in (np.asarray(c, float) for c in cohorts):
        lost[1 : len(cohort)] += cohort[:-1] - cohort[1:]
        kept[len(cohort) - 1] += cohort[-1]
    return lost, kept


def fit(lost: ArrayLike, kept: ArrayLike) -> Fit:
    """Return the most likely alpha, beta: `lost[t]` customers did not renew the t-th time, `kept[t]` were last seen after t
    renewals and are still there. `lost[0]` is 0: nobody leaves before the first renewal."""
    lost, kept = np.asarray(lost, float), np.asarray(kept, float)
    t = np.arange(len(lost))

    def height(values: np.ndarray) -> float:
        alpha, beta = values
        base = special.betaln(alpha, beta)
        gone = special.betaln(alpha + 1, beta + np.maximum(t - 1, 0)) - base
        return lost @ gone + kept @ (special.betaln(alpha, beta + t) - base)

    return maximise(height, [np.array([1.0, 1.0]), np.array([0.5, 4.0]), np.array([20.0, 80.0])])
