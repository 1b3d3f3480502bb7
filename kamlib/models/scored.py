"""Scored models judged: does a score rank, are its probabilities true, and is it too good to be true?

`y` is 1 where the event came (a customer left) and 0 where not, `score` what was said beforehand: the higher, the
likelier. Tied scores are taken as drawn at random, so that no figure hangs on the order of the rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats as sp

from kamlib import stats


def auc(y: ArrayLike, score: ArrayLike) -> float:
    """Return the chance that a random event scores above a random non-event, ties counted half; NaN without both.

    Source: Hanley and McNeil (1982): the area under the ROC curve is the Mann–Whitney statistic.
    """
    y, score = _arrays(y, score)
    n, k = len(y), int(y.sum())
    if k in (0, n):
        return np.nan
    return float((sp.rankdata(score)[y == 1].sum() - k * (k + 1) / 2) / (k * (n - k)))


def auc_interval(
    y: ArrayLike, score: ArrayLike, groups: ArrayLike, *, level: float = 0.95, n: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return (low, high) of `auc` when whole groups (accounts, whose rows repeat) are drawn with replacement."""
    y, score = _arrays(y, score)
    if y.sum() in (0, len(y)):
        return np.nan, np.nan
    codes = pd.factorize(np.asarray(groups))[0]
    most, random = codes.max() + 1, np.random.default_rng(seed)
    order = np.argsort(score, kind="stable")
    first, y, codes = np.flatnonzero(np.diff(score[order], prepend=-np.inf)), y[order], codes[order]
    areas = np.empty(n)
    for i in range(n):
        weight = np.bincount(random.integers(0, most, most), minlength=most)[codes]
        hits, misses = np.add.reduceat(weight * y, first), np.add.reduceat(weight * (1 - y), first)
        both = hits.sum() * misses.sum()
        areas[i] = (hits * (misses.cumsum() - misses / 2)).sum() / both if both else np.nan
    low, high = np.nanquantile(areas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def average_precision(y: ArrayLike, score: ArrayLike) -> float:
    """Return the area under the precision–recall curve as a sum of steps, one per distinct score; NaN without events.

    Unlike `auc` it feels how rare the event is: a useless score has the event's share. Source: Davis and Goadrich (2006).
    """
    y, score = _arrays(y, score)
    if not y.sum():
        return np.nan
    _, place = np.unique(-score, return_inverse=True)
    hits, named = np.bincount(place, y).cumsum(), np.bincount(place).cumsum()
    return float((np.diff(hits, prepend=0) / y.sum() * hits / named).sum())


def lift(y: ArrayLike, score: ArrayLike, top: float = 0.1) -> float:
    """Return how many times more events the `top` share of rows by score holds than as many drawn at random."""
    y, score = _arrays(y, score)
    if not y.sum():
        return np.nan
    return gains(y, score, [top])[0] / top


def gains(y: ArrayLike, score: ArrayLike, tops: ArrayLike) -> np.ndarray:
    """Return the share of all events that each of the shares `tops` of rows, taken by score, holds (recall)."""
    y, score = _arrays(y, score)
    _, place = np.unique(-score, return_inverse=True)
    named = np.append(0, np.bincount(place, minlength=1).cumsum()) / max(len(y), 1)
    hits = np.append(0, np.bincount(place, y, minlength=1).cumsum()) / y.sum()
    return np.interp(tops, named, hits)


def brier(y: ArrayLike, p: ArrayLike) -> float:
    """Return the mean squared error of the probabilities `p`, 0 at best. Source: Brier (1950)."""
    y, p = _arrays(y, p)
    return float(((p - y) ** 2).mean()) if len(y) else np.nan


def log_loss(y: ArrayLike, p: ArrayLike) -> float:
    """Return the mean negative log-likelihood of the probabilities `p`."""
    y, p = _arrays(y, p)
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return float(-(y * np.log(p) + (1 - y) * np.log1p(-p)).mean()) if len(y) else np.nan


def calibration_error(y: ArrayLike, p: ArrayLike, bins: int = 10) -> float:
    """Return the mean gap between said and seen, weighted by rows: expected calibration error over `bins` equally wide
    bins. Source: Naeini, Cooper and Hauskrecht (2015)."""
    table = calibration_table(y, p, bins)
    gap = (table["said_share"] - table["seen_share"]).abs()
    return float((gap * table["n_rows"]).sum() / table["n_rows"].sum()) if len(table) else np.nan


def calibration_table(y: ArrayLike, p: ArrayLike, bins: int = 10, *, equal_rows: bool = False) -> pd.DataFrame:
    """Compare said with seen: n_rows, said_share (mean of `p`), seen_share with its Wilson interval per bin of `p`.

    Bins are equally wide, or with `equal_rows` hold equally many rows; empty ones are left out.
    """
    y, p = _arrays(y, p)
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)) if equal_rows and len(p) else np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)
    rows = pd.DataFrame({"place": place, "p": p, "y": y}).groupby("place")
    table = rows.agg(n_rows=("y", "size"), said_share=("p", "mean"), seen_share=("y", "mean")).reset_index(drop=True)
    low, high = stats.wilson(table["n_rows"] * table["seen_share"], table["n_rows"])
    return table.assign(seen_share_low=low, seen_share_high=high)


def judged(y: ArrayLike, p: ArrayLike) -> dict[str, float]:
    """Return every figure of this module for the probabilities `p`: what a model is accepted or refused by."""
    return {
        "auc": auc(y, p), "average_precision": average_precision(y, p), "brier": brier(y, p), "log_loss": log_loss(y, p),
        "lift_10": lift(y, p, 0.1), "lift_20": lift(y, p, 0.2), "calibration_error": calibration_error(y, p),
    }  # fmt: skip


def _arrays(y: ArrayLike, score: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(y, float), np.asarray(score, float)
