"""Logistic regression with a ridge penalty: probabilities whose reasons add up.

Columns are standardised, then `½·ridge·Σ coef² − log-likelihood` is minimised; the intercept is free, so that the mean
probability equals the share of events. Small data and correlated features need the penalty; it also keeps the estimate
finite when a feature separates the outcome. Source: le Cessie and van Houwelingen (1992).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

STEPS = 100


@dataclass(frozen=True)
class Logistic:
    """A fitted model: log-odds = `intercept` + Σ `coef` · (column − `mean`) ÷ `scale`."""

    coef: pd.Series
    mean: pd.Series
    scale: pd.Series
    intercept: float

    def reasons(self, x: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the log-odds of each row, against the average row: with the intercept they
        sum to the log-odds exactly. An exact additive attribution, since the model is linear."""
        return (x[self.coef.index] - self.mean) / self.scale * self.coef

    def probability(self, x: pd.DataFrame) -> np.ndarray:
        """Return the probability of the event for each row."""
        return expit(self.intercept + self.reasons(x).to_numpy(float).sum(axis=1))


def fit(x: pd.DataFrame, y: ArrayLike, ridge: float = 1.0) -> Logistic:
    """Fit by Newton's method to the last digits; columns without spread get the coefficient 0."""
    y, x = np.asarray(y, float), x.astype(float)
    mean, spread = x.mean(), x.std(ddof=0)
    scale = spread.where(spread > 0, 1.0)
    z = np.column_stack([np.ones(len(x)), ((x - mean) / scale).to_numpy()])
    penalty = np.diag([0.0, *[ridge] * x.shape[1]])
    coef = np.zeros(z.shape[1])
    for _ in range(STEPS):
        p = expit(z @ coef)
        slope = z.T @ (y - p) - penalty @ coef
        step = np.linalg.solve(z.T @ (z * (p * (1 - p))[:, None]) + penalty, slope)
        coef = coef + step * min(
            1.0, 5 / max(np.abs(step).max(), 1e-12)
        )  # a long step may overshoot where p is near 0 or 1
        if np.abs(step).max() < 1e-10:
            break
    return Logistic(pd.Series(coef[1:], x.columns), mean, scale, float(coef[0]))


def folds(y: ArrayLike, groups: ArrayLike, n: int = 10, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield `n` masks of held-out rows: all rows of a group (an account) together, groups with and without events dealt
    out evenly. Rows that repeat per account must never stand on both sides."""
    event = pd.Series(np.asarray(y, float)).groupby(np.asarray(groups)).max()
    order = np.random.default_rng(seed).permutation(len(event))
    order = order[np.argsort(-event.to_numpy()[order], kind="stable")]
    fold = pd.Series(np.arange(len(event)) % n, index=event.index[order])
    place = fold.reindex(np.asarray(groups)).to_numpy()
    for held in range(n):
        if (place == held).any():
            yield place == held


def out_of_fold(
    x: pd.DataFrame, y: ArrayLike, groups: ArrayLike, *, ridge: float = 1.0, n: int = 10, seed: int = 0
) -> np.ndarray:
    """Return for each row the probability of a model that saw no row of its group."""
    y, p = np.asarray(y, float), np.full(len(x), np.nan)
    for held in folds(y, groups, n, seed):
        p[held] = fit(x[~held], y[~held], ridge).probability(x[held])
    return p
