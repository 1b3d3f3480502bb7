"""Drivers: how much of an outcome goes along with each of several drivers that themselves go along with each other?

Raw regression coefficients do not answer that (they jump, even below zero, when drivers are correlated). Here R² is
divided among the drivers. All measures need the correlations only, so that a bootstrap is a stack of small matrices.
"""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

MOST_DRIVERS = 12
"""LMG needs the R² of 2**drivers regressions; beyond twelve the exact decomposition takes too long."""
PER_DRIVER = 10
"""Fewer independent units per driver than that, and importance is not computed (methods.md D.6)."""


def lmg(y: ArrayLike, x: ArrayLike | pd.DataFrame) -> pd.Series:
    """Return how much of R² each column of `x` brings: its mean gain over all orders of entry (Shapley values).

    One value per driver, none negative beyond rounding; they sum to the R² of the full regression. Rows with a missing
    value are left out. NaN with no more rows than drivers or a constant `y`. At most twelve drivers.
    Source: Lindeman, Merenda and Gold (1980); Grömping (2006), R package relaimpo.
    """
    return measures(y, x)["lmg"]


def measures(y: ArrayLike, x: ArrayLike | pd.DataFrame) -> pd.DataFrame:
    """Return every measure of `METHODS` for each driver, in parts of the variance of `y`, and its `vif`.

    `lmg`, `johnson` (relative weights; Johnson 2000), `car` (squared CAR scores; Zuber and Strimmer 2011) and `pratt`
    (beta × correlation; Pratt 1987) sum to R². `first` (alone: squared correlation), `last` (gain when it enters last)
    and `betasq` (squared standardised coefficient) do not. Definitions: Grömping (2006).
    """
    names = pd.DataFrame(x).columns
    _few_enough(len(names))
    rows = _known(y, x)
    if len(rows) <= len(names) + 1 or np.ptp(rows[:, 0]) == 0:
        return pd.DataFrame(np.nan, index=names, columns=[*METHODS, "vif"])
    r = _correlations(_moments(rows, np.ones(len(rows))).sum(axis=0))
    return pd.DataFrame({name: method(r) for name, method in METHODS.items()} | {"vif": _vif(r)}, index=names)


def shares(
    y: ArrayLike, x: pd.DataFrame, *, groups: ArrayLike, weights: ArrayLike, draws: int = 1000, level: float = 0.95,
    methods: tuple[str, ...] = ("lmg", "johnson"), seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Return each driver's share of R² with its percentile bootstrap interval, whole `groups` (accounts) drawn.

    One row per driver: `<method>`, `<method>_low`, `<method>_high` for each of `methods`, and `r2`. `weights` say how
    much each row counts. No missing values. NaN with fewer than ten groups per driver, or a constant outcome.
    Source of the resampling: Davison and Hinkley (1997), 3.8; of its use here: Grömping (2006).
    """
    _few_enough(x.shape[1])
    columns = [f"{method}{end}" for method in methods for end in ("", "_low", "_high")] + ["r2"]
    table = pd.DataFrame(np.nan, index=x.columns, columns=columns)
    if pd.Series(groups).nunique() < PER_DRIVER * x.shape[1] or np.ptp(np.asarray(y, float)) == 0:
        return table
    parts = _moments(np.column_stack([y, x]), weights, groups)
    r, drawn = _correlations(parts.sum(axis=0)), _correlations(_resampled(parts, draws, seed))
    for method in methods:
        found, spread = METHODS[method](r), METHODS[method](drawn)
        with np.errstate(invalid="ignore"):
            spread = spread / spread.sum(axis=-1, keepdims=True)
        table[method], table["r2"] = found / found.sum(), _r2(r, range(x.shape[1]))
        low, high = np.nanquantile(spread, [(1 - level) / 2, (1 + level) / 2], axis=0)
        table[f"{method}_low"], table[f"{method}_high"] = low, high
    return table


def penalty_reward(
    y: ArrayLike, x: pd.DataFrame, *, groups: ArrayLike, weights: ArrayLike, low: float, high: float,
    draws: int = 1000, level: float = 0.95, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Return what a low answer costs and a high one brings per driver, against the answers between `low` and `high`.

    Regression of `y` on two dummies per driver (at most `low`; at least `high`), all drivers together. One row per
    driver: `n_low`, `n_high` (groups behind them), `penalty`, `reward` (coefficients) and `asymmetry` (their sum: below
    0 when a low answer costs more than a high one brings), each with its bootstrap interval. Source: Brandt (1988).
    """
    dummies = np.column_stack([x <= low, x >= high]).astype(float)
    parts = _moments(np.column_stack([y, dummies]), weights, groups)
    stacked = _covariance(np.concatenate([parts.sum(axis=0, keepdims=True), _resampled(parts, draws, seed)]))
    found = (np.linalg.pinv(stacked[:, 1:, 1:], hermitian=True) @ stacked[:, 1:, :1])[..., 0]
    penalty, reward = found[:, : x.shape[1]], found[:, x.shape[1] :]
    counts = pd.DataFrame(dummies).groupby(np.asarray(groups)).max().sum().to_numpy(int)
    table = pd.DataFrame({"n_low": counts[: x.shape[1]], "n_high": counts[x.shape[1] :]}, index=x.columns)
    for name, values in {"penalty": penalty, "reward": reward, "asymmetry": penalty + reward}.items():
        table[name] = values[0]
        bounds = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
        table[f"{name}_low"], table[f"{name}_high"] = bounds
    return table


def _few_enough(drivers: int) -> None:
    if drivers > MOST_DRIVERS:
        raise ValueError(f"{drivers} drivers; lmg takes at most {MOST_DRIVERS}. Leave some out or join them.")


def _known(y: ArrayLike, x: ArrayLike | pd.DataFrame) -> np.ndarray:
    rows = np.column_stack([np.asarray(y, float), pd.DataFrame(x).to_numpy(float)])
    return rows[np.isfinite(rows).all(axis=1)]


# Moments: (…, columns + 1, columns + 1) sums of products of a constant 1, the outcome and the drivers


def _moments(rows: np.ndarray, weights: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
    """Return the weighted sums of products of each group (of all rows without groups), outcome and drivers centred."""
    rows, weights = np.asarray(rows, float), np.asarray(weights, float)
    centred = rows - np.average(rows, axis=0, weights=weights)
    full = np.column_stack([np.ones(len(rows)), centred])
    products = full[:, :, None] * full[:, None, :] * weights[:, None, None]
    if groups is None:
        return products.sum(axis=0, keepdims=True)
    codes, labels = pd.factorize(np.asarray(groups), use_na_sentinel=False)
    parts = np.zeros((len(labels), *products.shape[1:]))
    np.add.at(parts, codes, products)
    return parts


def _resampled(parts: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Return the moments of `draws` samples of as many groups, drawn with replacement."""
    random, groups = np.random.default_rng(seed), len(parts)
    flat, done = parts.reshape(groups, -1), []
    for start in range(0, draws, step := max(1, 2_000_000 // groups)):
        counts = random.multinomial(groups, np.full(groups, 1 / groups), size=min(step, draws - start))
        done.append(counts @ flat)
    return np.concatenate(done).reshape(draws, *parts.shape[1:])


def _covariance(moments: np.ndarray) -> np.ndarray:
    total, sums = moments[..., :1, :1], moments[..., 0, 1:]
    return moments[..., 1:, 1:] / total - sums[..., :, None] * sums[..., None, :] / total**2


def _correlations(moments: np.ndarray) -> np.ndarray:
    """Return the correlations of outcome and drivers; a column without spread correlates with nothing."""
    covariance = _covariance(moments)
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    spread = np.sqrt(np.where(variance > 1e-12, variance, np.inf))
    r = covariance / (spread[..., :, None] * spread[..., None, :])
    return np.where(np.eye(r.shape[-1], dtype=bool), 1.0, r)


# Measures: (…, drivers + 1, drivers + 1) correlations, the outcome first, to (…, drivers)


def _r2(r: np.ndarray, drivers) -> np.ndarray:
    """Return the R² of the regression on `drivers` (0, 1, …)."""
    chosen = [driver + 1 for driver in drivers]
    if not chosen:
        return np.zeros(r.shape[:-2])
    to_y, among = r[..., chosen, 0], r[..., chosen, :][..., :, chosen]
    return np.einsum("...i,...ij,...j->...", to_y, np.linalg.pinv(among, hermitian=True), to_y)


def _lmg(r: np.ndarray) -> np.ndarray:
    drivers = range(r.shape[-1] - 1)
    explained = {s: _r2(r, s) for size in range(len(drivers) + 1) for s in combinations(drivers, size)}
    gains = np.zeros((*r.shape[:-2], len(drivers)))
    for subset, before in explained.items():
        for driver in set(drivers) - set(subset) if len(subset) < len(drivers) else ():
            weight = factorial(len(subset)) * factorial(len(drivers) - len(subset) - 1) / factorial(len(drivers))
            gains[..., driver] += weight * (explained[tuple(sorted((*subset, driver)))] - before)
    return gains


def _root(r: np.ndarray, power: float) -> np.ndarray:
    """Return the symmetric power of the drivers' correlation matrix; directions without spread count as 0."""
    values, vectors = np.linalg.eigh(r[..., 1:, 1:])
    safe = np.where(values > 1e-10, values, 1)
    return (vectors * np.where(values > 1e-10, safe**power, 0)[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def _car(r: np.ndarray) -> np.ndarray:
    return (_root(r, -0.5) @ r[..., 1:, :1])[..., 0] ** 2


def _johnson(r: np.ndarray) -> np.ndarray:
    return (_root(r, 0.5) ** 2 @ _car(r)[..., None])[..., 0]


def _beta(r: np.ndarray) -> np.ndarray:
    return (np.linalg.pinv(r[..., 1:, 1:], hermitian=True) @ r[..., 1:, :1])[..., 0]


def _last(r: np.ndarray) -> np.ndarray:
    drivers = range(r.shape[-1] - 1)
    return np.stack([_r2(r, drivers) - _r2(r, [d for d in drivers if d != driver]) for driver in drivers], axis=-1)


def _vif(r: np.ndarray) -> np.ndarray:
    """Return 1 ÷ (1 − R² of each driver on the others); infinite for a driver that the others give exactly."""
    among = r[1:, 1:]
    left = []
    for driver in range(len(among)):
        order = [driver, *(other for other in range(len(among)) if other != driver)]
        left.append(1 - _r2(among[np.ix_(order, order)], range(len(among) - 1)))
    with np.errstate(divide="ignore"):
        return 1 / np.where(np.array(left) > 1e-10, left, 0)


METHODS = {
    "lmg": _lmg, "johnson": _johnson, "car": _car, "pratt": lambda r: _beta(r) * r[..., 1:, 0],
    "first": lambda r: r[..., 1:, 0] ** 2, "last": _last, "betasq": lambda r: _beta(r) ** 2,
}  # fmt: skip
