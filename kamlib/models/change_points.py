"""When did the level of a series change? Optimal partitioning with a penalty, which PELT finds as well.

Source: Jackson et al. (2005), An algorithm for optimal partitioning of data on an interval; Killick, Fearnhead and
Eckley (2012), Optimal detection of changepoints with a linear computational cost, JASA 107.
"""

from __future__ import annotations

import numpy as np

SHORTEST = 6
"""Months that a level must last to be called one."""
PENALTY = 5.0
"""Times σ² · log n for each change: with 36 to 60 independent months, at most one false alarm in twenty series
(measured in `tests/test_change_points.py`)."""


def change_points(y: np.ndarray, shortest: int = SHORTEST, penalty: float = PENALTY) -> list[int]:
    """Return the places at which the mean of `y` changes, each the index of the first value of the new level.

    Least squares over all partitions into pieces of at least `shortest` values, plus `penalty` · σ² · log n for each
    change. σ is read off the differences, which a few changes of level hardly move: their median absolute value.
    [] when nothing changes, when a straight line explains `y` as well at the price of one change, or when `y` is
    shorter than two pieces.
    """
    y = np.asarray(y, float)
    n = len(y)
    if n < 2 * shortest:
        return []
    sigma = np.median(np.abs(np.diff(y))) / (0.6745 * np.sqrt(2))
    price = penalty * sigma**2 * np.log(n)
    sums, squares = np.concatenate([[0], np.cumsum(y)]), np.concatenate([[0], np.cumsum(y**2)])
    best, last = np.full(n + 1, np.inf), np.zeros(n + 1, int)
    best[0] = -price
    for end in range(shortest, n + 1):
        starts = np.arange(0, end - shortest + 1)
        length = end - starts
        misfit = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / length
        costs = best[starts] + misfit + price
        last[end], best[end] = costs.argmin(), costs.min()
    line = np.polynomial.Polynomial.fit(np.arange(n), y, 1)(np.arange(n))
    if ((y - line) ** 2).sum() + price <= best[n]:
        return []
    found, end = [], n
    while last[end] > 0:
        end = last[end]
        found.append(int(end))
    return found[::-1]
