"""Weights of several criteria: from judgements in pairs (AHP), from the spread of the data (entropy), and perturbed.

Also TOPSIS, a second way to put several criteria into one order: where it agrees with a weighted mean, the order does not
hang on how the criteria were put together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

RANDOM_INDEX = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49)
"""Mean consistency index of random judgements of 1, 2, … 10 criteria. Source: Saaty (1980)."""
CONSISTENT = 0.10
"""The consistency ratio above which judgements in pairs contradict each other too much to be used. Source: Saaty (1980)."""


@dataclass(frozen=True)
class Ahp:
    """What judgements in pairs say: `weights` (sum 1), the principal eigenvalue, the consistency index and ratio (0:
    without contradiction; NaN where no random index is known), and the three criteria that contradict each other most,
    with how much (0 to 1); `triad` is empty for fewer than three."""

    weights: np.ndarray
    eigenvalue: float
    index: float
    ratio: float
    triad: tuple[int, ...]
    contradiction: float


def ahp(judgements: ArrayLike) -> Ahp:
    """Return the weights behind a matrix of judgements: cell (i, j) says how many times criterion i matters as much as j.

    The matrix is reciprocal and positive; weights are its principal eigenvector. The worst triad has the largest
    Koczkodaj inconsistency. ValueError when it is not reciprocal.
    Sources: Saaty (1980), The Analytic Hierarchy Process; Koczkodaj (1993), A new definition of consistency.
    """
    matrix = np.asarray(judgements, float)
    n = len(matrix)
    if matrix.shape != (n, n) or (matrix <= 0).any() or not np.allclose(matrix * matrix.T, 1):
        raise ValueError("judgements must be a square, positive matrix in which cell (j, i) is 1 ÷ cell (i, j)")
    values, vectors = np.linalg.eig(matrix)
    first = int(values.real.argmax())
    weights = np.abs(vectors[:, first].real)
    index = (values[first].real - n) / (n - 1) if n > 1 else 0.0
    chance = RANDOM_INDEX[n - 1] if n <= len(RANDOM_INDEX) else np.nan
    worst = max(((_contradiction(matrix, *three), three) for three in combinations(range(n), 3)), default=(0.0, ()))
    return Ahp(
        weights / weights.sum(), float(values[first].real), float(index),
        float(index / chance) if chance else 0.0, worst[1], worst[0],
    )  # fmt: skip


def _contradiction(matrix: np.ndarray, i: int, j: int, k: int) -> float:
    """Return how far the direct judgement of i against k is from the one by way of j: 0 (the same) to 1."""
    ratio = matrix[i, k] / (matrix[i, j] * matrix[j, k])
    return float(1 - min(ratio, 1 / ratio))


def entropy_weights(values: ArrayLike, shift: float = 0.0) -> np.ndarray:
    """Return one weight per column (sum 1): the more its values differ between the rows, the more it weighs.

    With p = x ÷ Σx within a column, e = −Σ p·ln p ÷ ln n and weights (1 − e) ÷ Σ(1 − e). Values are 0 or more; `shift` is
    added to them, since zeros inflate a weight. Missing values are left out of their column. More than two dimensions:
    a stack of tables, one row of weights for each. NaN when no column differs.
    Source: Shannon (1948); faults of the method: Zhu, Tian and Yan (2020), doi 10.1155/2020/3564835.
    """
    x = np.asarray(values, float) + shift
    n = np.isfinite(x).sum(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = x / np.nansum(x, axis=-2, keepdims=True)
        told = -np.nansum(np.where(part > 0, part * np.log(part), 0.0), axis=-2) / np.log(n)
        spread = np.clip(np.where(n > 1, 1 - told, 0.0), 0, None)
        spread = np.where(spread < 1e-12, 0.0, np.nan_to_num(spread))
        return spread / spread.sum(axis=-1, keepdims=True)


def entropy_interval(values: ArrayLike, shift: float = 0.0, n: int = 1000, level: float = 0.95, seed: int = 0):
    """Return (low, high) of `entropy_weights`, drawing the rows with replacement `n` times (percentile bootstrap)."""
    x = np.asarray(values, float)
    drawn = np.random.default_rng(seed).integers(0, len(x), (n, len(x)))
    return np.nanquantile(entropy_weights(x[drawn], shift), [(1 - level) / 2, (1 + level) / 2], axis=0)


def topsis(values: ArrayLike, weights: ArrayLike, benefit: ArrayLike | bool = True) -> np.ndarray:
    """Return each row's closeness to the best that any row reaches in every column: 0 (worst) to 1 (best).

    Columns are divided by their Euclidean length and weighted; `benefit` says, once or per column, whether more is
    better. Rows with a missing value are NaN. Source: Hwang and Yoon (1981), Multiple Attribute Decision Making.
    """
    x = np.asarray(values, float)
    known = np.isfinite(x).all(axis=1)
    length = np.sqrt((x[known] ** 2).sum(axis=0))
    scaled = x / np.where(length > 0, length, 1) * np.asarray(weights, float)
    scaled = np.where(benefit, scaled, -scaled)
    best, worst = (edge(scaled[known], axis=0, initial=limit) for edge, limit in ((np.max, -np.inf), (np.min, np.inf)))
    to_best, to_worst = (np.sqrt(((scaled - edge) ** 2).sum(axis=1)) for edge in (best, worst))
    both = to_best + to_worst
    return np.divide(to_worst, both, out=np.full(len(x), np.nan), where=known & (both > 0))


def perturbed_weights(weights: ArrayLike, n: int = 1000, concentration: float = 100.0, seed: int = 0) -> np.ndarray:
    """Return `n` rows of weights (sum 1) scattered about `weights`, drawn from a Dirichlet distribution.

    A weight w has the standard deviation √(w(1 − w) ÷ (concentration + 1)): with 100, a weight of 20 % scatters by 4
    points, a fifth of itself. A weight of zero stays zero.
    """
    weights = np.asarray(weights, float) / np.sum(weights)
    drawn = np.zeros((n, len(weights)))
    counted = weights > 0
    drawn[:, counted] = np.random.default_rng(seed).dirichlet(concentration * weights[counted], n)
    return drawn
