"""Intervals, shrinkage, concentration and trend: the statistics that several questions share.

Missing values are left out. A figure that the data cannot carry (no rows, no spread) is NaN, never an error, so that
small portfolios pass through; the caller says "not enough data". Every interval is two-sided; `level` is its coverage.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, special
from scipy import stats as sp

Bounds = tuple[np.ndarray | float, np.ndarray | float]


def wilson(k: ArrayLike, n: ArrayLike, level: float = 0.95) -> Bounds:
    """Return (low, high) of the Wilson score interval for `k` successes of `n` trials; NaN where `n` is 0.

    Scalars give floats, arrays (or Series) give arrays. 3 of 30 → (0.035, 0.256).
    Source: Wilson (1927); Brown, Cai and DasGupta (2001), recommended for small n.
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    z = sp.norm.ppf((1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, size = k / n, 1 + z**2 / n
        centre = (rate + z**2 / (2 * n)) / size
        half = z / size * np.sqrt(np.clip(rate * (1 - rate), 0, None) / n + z**2 / (4 * n**2))
        low, high = np.clip(centre - half, 0, rate), np.clip(centre + half, rate, 1)
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


def beta_binomial_prior(k: ArrayLike, n: ArrayLike) -> tuple[float, float]:
    """Return (alpha, beta) of the Beta distribution that the units' true rates come from, by marginal likelihood.

    `k` successes of `n` trials per unit. When the units differ no more than chance explains, alpha + beta reaches its
    ceiling of a million: everybody has the pooled rate. NaN without trials. Source: Casella (1985), empirical Bayes.
    """
    k, n = _trials(k, n)
    if n.sum() == 0:
        return np.nan, np.nan
    pooled = np.clip(k.sum() / n.sum(), 1e-9, 1 - 1e-9)

    def misfit(at: np.ndarray) -> tuple[float, np.ndarray]:
        mean, size = special.expit(at[0]), np.exp(at[1])
        a, b = mean * size, (1 - mean) * size
        both = special.digamma(a + b) - special.digamma(n + a + b)
        by_a = np.sum(special.digamma(k + a) - special.digamma(a) + both)
        by_b = np.sum(special.digamma(n - k + b) - special.digamma(b) + both)
        slope = np.array([(by_a - by_b) * a * (1 - mean), by_a * a + by_b * b])
        return -np.sum(special.betaln(k + a, n - k + b) - special.betaln(a, b)), -slope

    bounds = [(-21, 21), (np.log(0.1), np.log(1e6))]
    starts = [np.array([special.logit(pooled), np.log(size)]) for size in (2, 20, 1e6)]
    fits = [optimize.minimize(misfit, start, jac=True, bounds=bounds, method="L-BFGS-B") for start in starts]
    mean, size = min(fits, key=lambda fit: fit.fun).x
    return float(special.expit(mean) * np.exp(size)), float(special.expit(-mean) * np.exp(size))


def beta_binomial_shrink(k: ArrayLike, n: ArrayLike) -> np.ndarray:
    """Return each unit's rate pulled towards the pooled rate, the more so the fewer trials it has.

    `(k + alpha) / (n + alpha + beta)` with the prior of `beta_binomial_prior`; a unit without trials gets the prior
    mean. Use it to rank people or regions whose n differ: 7 of 10 is not better than 650 of 1,000.
    """
    alpha, beta = beta_binomial_prior(k, n)
    k, n = (np.nan_to_num(np.asarray(values, float)) for values in (k, n))
    return (k + alpha) / (n + alpha + beta)


def _trials(k: ArrayLike, n: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    k, n = np.atleast_1d(np.asarray(k, float)), np.atleast_1d(np.asarray(n, float))
    known = np.isfinite(k) & np.isfinite(n) & (n > 0)
    return k[known], n[known]


def nps(scores: ArrayLike, level: float = 0.95) -> dict[str, float]:
    """Return {"n", "nps", "low", "high"} of answers 0–10: promoters (9–10) less detractors (0–6), in points −100…100.

    Each answer counts once; for one vote per account see `nps_interval`. 12/4/4 → 40 (2 to 67).
    """
    scores = _known(scores)
    return nps_interval((scores >= 9).sum(), (scores <= 6).sum(), len(scores), level)


def nps_interval(promoters: float, detractors: float, n: float, level: float = 0.95) -> dict[str, float]:
    """Return {"n", "nps", "low", "high"} for `promoters` and `detractors` among `n` votes, which may be fractions.

    The interval is the adjusted Wald: 3 votes are added, ¾ of them promoters and ¾ detractors, so that it also holds
    for small n. NaN without votes. Source: Rocks (2016); Lewis and Sauro, measuringu.com.
    """
    if n == 0:
        return {"n": 0, "nps": np.nan, "low": np.nan, "high": np.nan}
    p, d = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    half = sp.norm.ppf((1 + level) / 2) * np.sqrt((p + d - (p - d) ** 2) / (n + 3))
    low, high = np.clip(100 * np.array([p - d - half, p - d + half]), -100, 100)
    return {"n": n, "nps": float(100 * (promoters - detractors) / n), "low": float(low), "high": float(high)}


def nps_difference(before: tuple[float, float, float], now: tuple[float, float, float], level: float = 0.95) -> dict:
    """Return {"change", "low", "high", "p"} of the NPS from `before` to `now`, each (promoters, detractors, votes).

    Adjusted Wald: each side as in `nps_interval`, the variances added, so the two must be different people; people who
    answered twice make it wider than it need be. NaN without votes on a side. Coverage is simulated in the tests.
    """
    if not (before[2] and now[2]):
        return dict.fromkeys(("change", "low", "high", "p"), np.nan)
    sides = [((k + 0.75) / (n + 3), (m + 0.75) / (n + 3), n + 3) for k, m, n in (before, now)]
    centre = sides[1][0] - sides[1][1] - sides[0][0] + sides[0][1]
    error = np.sqrt(sum((p + d - (p - d) ** 2) / n for p, d, n in sides))
    half = sp.norm.ppf((1 + level) / 2) * error
    change = (now[0] - now[1]) / now[2] - (before[0] - before[1]) / before[2]
    low, high = np.clip(100 * np.array([centre - half, centre + half]), -200, 200)
    p = 2 * sp.norm.sf(abs(centre) / error)
    return {"change": 100 * float(change), "low": float(low), "high": float(high), "p": float(p)}


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Return (low, high) of the t-interval for the mean; NaN with fewer than two values."""
    values = _known(values)
    if len(values) < 2:
        return np.nan, np.nan
    half = sp.t.ppf((1 + level) / 2, len(values) - 1) * sp.sem(values)
    return float(values.mean() - half), float(values.mean() + half)


def bootstrap_interval(
    values: ArrayLike | pd.DataFrame,
    statistic: Callable[..., ArrayLike] = np.mean,
    *,
    groups: ArrayLike | None = None,
    n: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Bounds:
    """Return (low, high) of the percentile bootstrap of `statistic(values)`.

    `values` is an array or a data frame whose rows are drawn with replacement, `n` times. With `groups` (one label per
    row, e.g. the account) whole groups are drawn, which rows that repeat per account need. `statistic` may return a
    vector; then low and high are vectors. The same seed gives the same interval. NaN without rows.
    Source: Efron and Tibshirani (1993), ch. 13; groups: Davison and Hinkley (1997), 3.8.
    """
    frame = values if isinstance(values, pd.DataFrame | pd.Series) else None
    rows = np.asarray(values) if frame is None else frame
    if len(rows) == 0:
        return np.nan, np.nan
    random = np.random.default_rng(seed)
    members = [np.array([i]) for i in range(len(rows))] if groups is None else _members(groups)
    draws = []
    for _ in range(n):
        drawn = random.integers(0, len(members), len(members))
        index = drawn if groups is None else np.concatenate([members[i] for i in drawn])
        draws.append(np.asarray(statistic(rows[index] if frame is None else frame.iloc[index]), float))
    low, high = np.nanquantile(np.array(draws), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


def _members(groups: ArrayLike) -> list[np.ndarray]:
    codes, labels = pd.factorize(np.asarray(groups), use_na_sentinel=False)
    return [np.flatnonzero(codes == code) for code in range(len(labels))]


def dirichlet_interval(counts: ArrayLike, level: float = 0.95) -> Bounds:
    """Return (low, high), each of the shape of `counts`, of the shares of a multinomial; a matrix is taken by rows.

    The marginals of the Dirichlet posterior under the prior 1/K per category, which for two categories is Jeffreys'.
    A row without counts is NaN. Source: Berger, Bernardo and Sun (2015), Overall objective priors, 3.1.
    """
    counts = np.asarray(counts, float)
    total, categories = counts.sum(axis=-1, keepdims=True), counts.shape[-1]
    if categories == 1:
        low = high = np.where(total > 0, 1.0, np.nan)
        return low, high
    a, b = counts + 1 / categories, total - counts + 1 - 1 / categories
    low, high = (sp.beta.ppf(q, a, b) for q in ((1 - level) / 2, (1 + level) / 2))
    low, high = np.where(counts == 0, 0.0, low), np.where(counts == total, 1.0, high)
    return np.where(total > 0, low, np.nan), np.where(total > 0, high, np.nan)


def hhi(values: ArrayLike) -> float:
    """Return the Herfindahl–Hirschman index of `values`, 0–1 (times 10,000 for the usual points): the sum of squared shares.

    Shares 30/30/20/20 → 0.26. Negative values count as 0 (an account with more returns than purchases has no share);
    NaN when nothing is positive.
    """
    shares = _shares(values)
    return float((shares**2).sum()) if len(shares) else np.nan


def effective_number(values: ArrayLike) -> float:
    """Return 1 ÷ HHI: how many accounts of equal size would be as concentrated as these."""
    return 1 / hhi(values)


def concentration_ratio(values: ArrayLike, top: int = 1) -> float:
    """Return the share, 0–1, that the `top` largest values have in the sum; negative values count as 0."""
    shares = np.sort(_shares(values))[::-1]
    return float(shares[:top].sum()) if len(shares) else np.nan


def gini(values: ArrayLike, corrected: bool = True) -> float:
    """Return the Gini coefficient: 0 when all are equal, 1 when one has everything.

    `Σ(2i − n − 1)·x_i ÷ (n·Σx)`, x ascending; `corrected` multiplies by n ÷ (n − 1), since the raw form cannot exceed
    (n − 1) ÷ n. Negative values count as 0. 1..5 → 0.2667 raw. NaN when nothing is positive, and corrected for n = 1.
    """
    x = np.sort(np.clip(_known(values), 0, None))
    n = len(x)
    if n <= corrected or x.sum() <= 0:
        return np.nan
    raw = ((2 * np.arange(1, n + 1) - n - 1) * (x / x.sum())).sum() / n
    return float(raw * n / (n - 1) if corrected else raw)


def _shares(values: ArrayLike) -> np.ndarray:
    x = np.clip(_known(values), 0, None)
    return x / x.sum() if x.sum() > 0 else np.array([])


def theil_sen(y: ArrayLike, x: ArrayLike | None = None, level: float = 0.95) -> dict[str, float]:
    """Return {"n", "slope", "intercept", "low", "high", "p"} of the robust trend of `y` over `x` (default 0, 1, 2, …).

    The slope is the median of the slopes between all pairs, `low`/`high` its interval, `p` that of the Mann–Kendall
    test (Kendall's tau against `x`). One odd month hardly moves it. NaN with fewer than three points or a constant `x`.
    Source: Theil (1950), Sen (1968); Mann (1945).
    """
    y = np.asarray(y, float)
    x = np.arange(len(y), dtype=float) if x is None else np.asarray(x, float)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(y) < 3 or np.ptp(x) == 0:
        return {"n": len(y)} | dict.fromkeys(("slope", "intercept", "low", "high", "p"), np.nan)
    line = sp.theilslopes(y, x, alpha=level, method="joint")
    p = sp.kendalltau(x, y).pvalue if np.ptp(y) else 1.0
    found = {"slope": line.slope, "intercept": line.intercept, "low": line.low_slope, "high": line.high_slope, "p": p}
    return {"n": len(y)} | {name: float(value) for name, value in found.items()}


def correlation_interval(r: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return (low, high) of a correlation `r` over `n` independent units; NaN with fewer than four. Source: Fisher (1921)."""
    if not n >= 4 or not np.isfinite(r):
        return np.nan, np.nan
    half = sp.norm.ppf((1 + level) / 2) / np.sqrt(n - 3)
    centre = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def effective_trials(hits: ArrayLike, groups: ArrayLike) -> float:
    """Return how many independent trials tell as much about the rate of `hits` as these, which come in `groups`.

    p(1 − p) ÷ the variance of p with whole groups as units, at most the number of trials and at least that of groups
    when their outcomes agree entirely. Source: Kish (1965), design effect; Korn and Graubard (1998).
    """
    rows = pd.Series(np.asarray(hits, float)).groupby(np.asarray(groups)).agg(["sum", "size"])
    n, many = rows["size"].sum(), len(rows)
    p = rows["sum"].sum() / n if n else 0
    if many < 2 or not 0 < p < 1:
        return float(many)
    variance = ((rows["sum"] - p * rows["size"]) ** 2).sum() / n**2 * many / (many - 1)
    return float(min(p * (1 - p) / variance, n)) if variance > 0 else float(n)


def holm(p: ArrayLike) -> np.ndarray:
    """Return the p-values of several tests, adjusted so that the chance of any false alarm stays as stated; NaN stays NaN.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    p = np.asarray(p, float)
    order = np.argsort(np.where(np.isfinite(p), p, np.inf), kind="stable")
    left = np.isfinite(p).sum() - np.arange(len(p))
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.maximum(left, 1)), 1)
    return adjusted


def effective_votes(weights: ArrayLike) -> float:
    """Return how many equal votes are as uncertain as votes of these `weights`: (Σw)² ÷ Σw². Source: Kish (1965), 11.7."""
    weights = _known(weights)
    return float(weights.sum() ** 2 / (weights**2).sum()) if (weights > 0).any() else 0.0


def _known(values: ArrayLike) -> np.ndarray:
    values = pd.to_numeric(pd.Series(np.ravel(values)), errors="coerce").to_numpy(float)
    return values[np.isfinite(values)]
