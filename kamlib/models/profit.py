"""Profit of acting on a score: how many to contact, and what that earns, when it is unsure how many accept the offer.

A customer about to leave who is contacted stays with probability γ and then brings its lifetime value less the offer;
everybody contacted costs the contact; one who would have stayed takes the offer for nothing. Source: Verbraken, Verbeke
and Baesens (2013), A novel profit maximizing metric for measuring classification performance of customer churn
prediction models, IEEE TKDE 25(5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as sp

ACCEPTS = (6.0, 14.0)
"""α and β of the share γ that an offer holds: 30 % on average, 95 % of it between 13 % and 51 % (Verbraken et al.)."""


def expected_maximum_profit(
    y: ArrayLike,
    score: ArrayLike,
    *,
    value: float,
    offer: float,
    contact: float,
    accepts: tuple[float, float] = ACCEPTS,
) -> tuple[float, float]:
    """Return (profit per customer, share contacted) when for every γ the best cut of the score is taken, averaged over
    γ ~ Beta(`accepts`). NaN unless some left and some stayed. Exact: between two corners of the ROC hull the profit is linear in γ."""
    a, b = accepts
    if value <= offer or np.mean(y) in (0, 1):
        return (0.0, 0.0) if value <= offer else (np.nan, np.nan)
    left, stayed = _hull(y, score)
    gain, loss = _stakes(y, value, offer, contact)
    with np.errstate(divide="ignore"):  # a flat edge of the hull never pays
        turn = (loss * np.diff(stayed) / np.diff(left) / np.mean(y) + contact) / (value - offer)
    edges = np.clip(np.concatenate([[0.0], turn, [1.0]]), 0, 1)
    mass = np.diff(sp.beta.cdf(edges, a, b))
    first = a / (a + b) * np.diff(sp.beta.cdf(edges, a + 1, b))
    profit = np.sum(gain * left * ((value - offer) * first - contact * mass) - loss * stayed * mass)
    contacted = gain * left + (1 - gain) * stayed
    return float(profit), float(np.sum(contacted * mass))


def maximum_profit(
    y: ArrayLike,
    score: ArrayLike,
    *,
    value: float,
    offer: float,
    contact: float,
    accepts: float = ACCEPTS[0] / sum(ACCEPTS),
) -> tuple[float, float]:
    """Return (profit per customer, share contacted) of the best cut when the share that accepts is known."""
    left, stayed = _hull(y, score)
    gain, loss = _stakes(y, value, offer, contact)
    profit = gain * left * (accepts * (value - offer) - contact) - loss * stayed
    best = int(np.argmax(profit))
    return float(profit[best]), float((gain * left + (1 - gain) * stayed)[best])


def threshold(value: ArrayLike, *, offer: float, contact: float, accepts: float) -> np.ndarray:
    """Return the probability of leaving from which a contact pays, per customer of lifetime `value`; above 1: never."""
    return (offer + contact) / (accepts * (np.asarray(value, float) - offer) + offer)


def _stakes(y: ArrayLike, value: float, offer: float, contact: float) -> tuple[float, float]:
    """Return the share of leavers, and what contacting everybody else would lose per customer."""
    rate = float(np.mean(y))
    return rate, (1 - rate) * (offer + contact)


def _hull(y: ArrayLike, score: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the convex hull of the ROC curve: shares of leavers and of stayers contacted, rising."""
    y, score = np.asarray(y, float), np.asarray(score, float)
    _, place = np.unique(-score, return_inverse=True)
    left = np.append(0, np.bincount(place, y).cumsum()) / y.sum()
    stayed = np.append(0, np.bincount(place, 1 - y).cumsum()) / (1 - y).sum()
    corners: list[int] = []
    for i in range(len(left)):
        while len(corners) > 1 and _below(left, stayed, *corners[-2:], i):
            corners.pop()
        corners.append(i)
    return left[corners], stayed[corners]


def _below(left: np.ndarray, stayed: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether corner b lies on or below the line from a to c."""
    return (left[b] - left[a]) * (stayed[c] - stayed[a]) <= (left[c] - left[a]) * (stayed[b] - stayed[a])
