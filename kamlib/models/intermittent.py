"""Forecasts for many accounts at once, some of which buy every month and some now and then.

A panel is an array months × accounts. An account is intermittent when it goes 1.32 months or more from one purchase to
the next on average (Syntetos, Boylan and Croston 2005).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kamlib.models.forecasting import SEASON

CUT = 1.32
"""Mean interval between months with demand from which demand is intermittent."""
SMOOTHING = 0.2

PanelModel = Callable[[np.ndarray, int], np.ndarray]


def is_intermittent(panel: np.ndarray) -> np.ndarray:
    """Tell for each account whether it buys only now and then, from its first month with demand on."""
    bought = panel > 0
    seen = np.maximum.accumulate(bought, axis=0).sum(axis=0)
    return seen >= CUT * np.maximum(bought.sum(axis=0), 1)


def mean(panel: np.ndarray, horizon: int) -> np.ndarray:
    """Return the mean of the last year, accounts' months without demand included."""
    return np.tile(panel[-SEASON:].mean(axis=0), (horizon, 1))


def seasonal_naive(panel: np.ndarray, horizon: int) -> np.ndarray:
    """Return the value of the same month a year before; without a whole year, the mean."""
    if len(panel) < SEASON:
        return mean(panel, horizon)
    return panel[len(panel) - SEASON + np.arange(horizon) % SEASON].astype(float)


def smoothed(panel: np.ndarray, horizon: int, alpha: float = SMOOTHING) -> np.ndarray:
    """Return the level of simple exponential smoothing, begun at the mean of the first half year."""
    level = panel[:6].mean(axis=0)
    for row in panel:
        level = level + alpha * (row - level)
    return np.tile(level, (horizon, 1))


def tsb(panel: np.ndarray, horizon: int, alpha: float = SMOOTHING, beta: float = 0.1) -> np.ndarray:
    """Return the chance of demand times its size, both smoothed (Teunter, Syntetos and Babai 2011).

    Unlike Croston's method the chance falls with every silent month, so that a customer who left is not forecast for
    ever. `alpha` smooths the size, `beta` the chance.
    """
    bought = panel > 0
    first = bought[:SEASON]
    size = panel[:SEASON].sum(axis=0, where=first) / np.maximum(first.sum(axis=0), 1)
    chance = first.mean(axis=0)
    for row, now in zip(panel, bought, strict=True):
        size = np.where(now, np.where(size > 0, size + alpha * (row - size), row), size)
        chance = chance + beta * (now - chance)
    return np.tile(chance * size, (horizon, 1))


REGULAR: dict[str, PanelModel] = {"mean": mean, "smoothed": smoothed, "seasonal_naive": seasonal_naive}
SPORADIC: dict[str, PanelModel] = {"mean": mean, "tsb": tsb, "seasonal_naive": seasonal_naive}
