"""Superiority: how often does one of this group beat one of that group? Groups apart by it differ in rank, not in means."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize
from scipy import stats as sp


def superiority(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Return (share, low, high): of all pairs, that in which the one of `first` is larger; ties count a half.

    It is the area under the ROC curve, or U ÷ (m·n). One half: no difference. The interval is method 5 of Newcombe (2006),
    doi 10.1002/sim.2324, on the variance of Hanley and McNeil (1982), good for groups of five. NaN when a group is empty.
    """
    first, second = (values[np.isfinite(values)] for values in (np.asarray(first, float), np.asarray(second, float)))
    m, n = len(first), len(second)
    if not m or not n:
        return np.nan, np.nan, np.nan
    found = float((np.sign(first[:, None] - second).mean() + 1) / 2)
    z, size = sp.norm.ppf((1 + level) / 2), (m + n) / 2 - 1

    def beyond(at: float) -> float:
        scale = 1 + size * (1 - at) / (2 - at) + size * at / (1 + at)
        return abs(at - found) - z * np.sqrt(at * (1 - at) * scale / (m * n))

    inside = float(np.clip(found, 1e-9, 1 - 1e-9))  # at 0 and 1 themselves the variance is nil
    low = optimize.brentq(beyond, 0.0, inside) if found > 0 else 0.0
    high = optimize.brentq(beyond, inside, 1.0) if found < 1 else 1.0
    return found, float(low), float(high)
