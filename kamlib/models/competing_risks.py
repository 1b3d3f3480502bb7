"""Competing risks: how long until one of several ends comes, when some cases have not ended yet?

A deal ends won or lost, whichever comes first; an open deal has ended in neither way and is censored at the as-of date.
Taking lost deals as censored ("they might still be won") or leaving open deals out both give wrong shares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats as sp


def cumulative_incidence(
    days: ArrayLike, ends: ArrayLike, causes: Sequence[str] = ("won", "lost"), level: float = 0.95,
    *, entry: ArrayLike | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the share of cases that ended by each cause within so many days (Aalen–Johansen), censoring respected.

    `days` is the time each case was seen (0 or more), `ends` its end: one of `causes`, or anything else when it has not
    ended. One row per distinct day, whatever the order of the cases: `day`, `n_at_risk`, `n_<cause>` …, `n_censored` (last
    seen on that day without an end), `open_share` (Kaplan–Meier: not ended by any cause) and `<cause>_share` …, each
    with `_low` and `_high` (complementary log–log). Ends precede censorings on the same day. The shares sum to 1.
    With `entry` a case is at risk only after that day (left truncation).
    Sources: Kaplan and Meier (1958); Aalen and Johansen (1978); variance: Marubini and Valsecchi (1995), ch. 10.
    """
    days, ends = np.asarray(days, float), np.asarray(ends, object)
    day, place = np.unique(days, return_inverse=True)
    died = {cause: np.bincount(place[ends == cause], minlength=len(day)) for cause in causes}
    gone = np.bincount(place, minlength=len(day))
    risk = gone[::-1].cumsum()[::-1]
    if entry is not None:
        risk = risk - (len(days) - np.searchsorted(np.sort(np.asarray(entry, float)), day, side="left"))
    all_died = sum(died.values(), np.zeros(len(day), int))
    survived = np.cumprod(1 - all_died / np.maximum(risk, 1))
    before = np.concatenate([[1.0], survived[:-1]])[: len(day)]
    table = {"day": day.astype(int) if np.all(day == np.floor(day)) else day, "n_at_risk": risk}
    table |= {f"n_{cause}": count for cause, count in died.items()} | {"n_censored": gone - all_died}
    greenwood = _ratio(all_died, risk * (risk - all_died))
    table |= _with_interval("open_share", survived, survived**2 * greenwood.cumsum(), level)
    for cause, count in died.items():
        share = np.cumsum(before * count / np.maximum(risk, 1))
        table |= _with_interval(f"{cause}_share", share, _variance(share, before, count, risk, greenwood), level)
    return pd.DataFrame(table)


def _steps(days: ArrayLike, ends: ArrayLike, causes: Sequence[str]) -> tuple:
    """Return per distinct day: the day, ends by cause, all that were last seen, those at risk, and the share of cases not
    ended after it and before it."""
    days, ends = np.asarray(days, float), np.asarray(ends, object)
    day, place = np.unique(days, return_inverse=True)
    died = {cause: np.bincount(place[ends == cause], minlength=len(day)) for cause in causes}
    gone = np.bincount(place, minlength=len(day))
    risk = gone[::-1].cumsum()[::-1]
    survived = np.cumprod(1 - sum(died.values(), np.zeros(len(day), int)) / np.maximum(risk, 1))
    return day, died, gone, risk, survived, np.concatenate([[1.0], survived[:-1]])[: len(day)]


def incidence_by(
    days: ArrayLike, ends: ArrayLike, day: float, cause: str = "won", causes: Sequence[str] = ("won", "lost")
) -> float:
    """Return the share of cases that ended by `cause` until `day`: one figure of `cumulative_incidence`, many times faster."""
    known, died, _, risk, _, before = _steps(days, ends, causes)
    return float((before * died[cause] / np.maximum(risk, 1))[known <= day].sum())


def _variance(
    share: np.ndarray, before: np.ndarray, count: np.ndarray, risk: np.ndarray, greenwood: np.ndarray
) -> np.ndarray:
    """Return the delta-method variance of a cumulative incidence; sums over earlier days as running sums."""
    own = before**2 * _ratio(count * (risk - count), risk.astype(float) ** 3)
    cross = before * _ratio(count, risk.astype(float) ** 2)
    spread = share**2 * greenwood.cumsum() - 2 * share * (share * greenwood).cumsum() + (share**2 * greenwood).cumsum()
    return np.clip(spread + own.cumsum() - 2 * (share * cross.cumsum() - (share * cross).cumsum()), 0, None)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Divide, giving 0 where nothing is left: the last case has ended and no later share can change."""
    return np.divide(above, below, out=np.zeros(len(above)), where=np.asarray(below) > 0)


def _with_interval(name: str, share: np.ndarray, variance: np.ndarray, level: float) -> dict[str, np.ndarray]:
    z = sp.norm.ppf((1 + level) / 2)
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    width = np.exp(np.minimum(z * np.sqrt(variance) / np.abs(safe * np.log(safe)), 500))
    low, high = np.where(inside, safe**width, share), np.where(inside, safe ** (1 / width), share)
    return {name: share, f"{name}_low": low, f"{name}_high": high}


def share_at(table: pd.DataFrame, column: str, day: float) -> float:
    """Return a share of `cumulative_incidence` on `day`; before its first row nothing has ended yet."""
    row = np.searchsorted(table["day"], day, side="right") - 1
    return float(table[column].iloc[row]) if row >= 0 else float(column.startswith("open"))


def time_until(table: pd.DataFrame, share: float = 0.5) -> float:
    """Return the first day by which at least `share` of all cases has ended by any cause; NaN when that is not seen.

    With one half it is the Kaplan–Meier median.
    """
    ended = table["open_share"] <= 1 - share + 1e-12
    return float(table["day"][ended].iloc[0]) if ended.any() else np.nan
