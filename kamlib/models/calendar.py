"""Spring Festival, which moves between January and February: how much of a month it takes, and how much that costs.

A month is divided by the share of it that is left for business, forecast, and multiplied by the share of the month to
come (calendar adjustment: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 3.1; moving
holidays: Findley, Monsell, Bell, Otto and Chen 1998).
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import stats as sp

from kamlib.models.forecasting import Model

DAYS_BEFORE, DAYS_AFTER = 7, 9
"""Orders stop from a week before the first day of the lunar year to nine days after it."""
LEAST_YEARS, CHANCE = 2, 0.05
"""An effect is estimated from two years on, and taken to be none when its F test does not reject at this level."""
STRENGTHS = np.arange(0.05, 1.0, 0.05)
_DAY = (
    "2000-02-05 2001-01-24 2002-02-12 2003-02-01 2004-01-22 2005-02-09 2006-01-29 2007-02-18 2008-02-07 2009-01-26 "
    "2010-02-14 2011-02-03 2012-01-23 2013-02-10 2014-01-31 2015-02-19 2016-02-08 2017-01-28 2018-02-16 2019-02-05 "
    "2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06 2028-01-26 2029-02-13 "
    "2030-02-03 2031-01-23 2032-02-11 2033-01-31 2034-02-19 2035-02-08 2036-01-28 2037-02-15 2038-02-04 2039-01-24 "
    "2040-02-12"
)
FESTIVALS = {day.year: day for day in map(dt.date.fromisoformat, _DAY.split())}
"""The first day of the lunar year, by calendar year."""


def festival_share(months: pd.DatetimeIndex) -> np.ndarray:
    """Return which share of each month (given by its first day), 0 to 1, lies in the days around Spring Festival.

    0 for years outside `FESTIVALS`.
    """
    shares = []
    for month in months:
        day = FESTIVALS.get(month.year)
        days = {day + dt.timedelta(days=k) for k in range(-DAYS_BEFORE, DAYS_AFTER + 1)} if day else set()
        shares.append(sum(d.month == month.month for d in days) / month.days_in_month)
    return np.array(shares)


def festival_strength(y: np.ndarray, months: pd.DatetimeIndex) -> float:
    """Return which share of its business, 0 to 0.95, a series loses on the days around Spring Festival; 0: none seen.

    log y = month of the year + year + log(1 − strength · share), by least squares over a grid of strengths; an effect
    that an F test does not see is none. 0 with fewer than two years, or where a value is not positive.
    """
    if len(y) < 12 * LEAST_YEARS or (y <= 0).any():
        return 0.0
    rest, free = _unexplained(months[0], len(y))
    share = festival_share(months)
    values = np.log(y)[:, None] - np.log(1 - np.outer(share, np.r_[0, STRENGTHS]))
    misfits = ((rest @ values) ** 2).sum(axis=0)
    best = misfits[1:].argmin()
    if free < 1 or misfits[1 + best] <= 0:
        return 0.0
    f = (misfits[0] - misfits[1 + best]) / (misfits[1 + best] / free)
    return float(STRENGTHS[best]) if sp.f.sf(f, 1, free) < CHANCE else 0.0


@lru_cache(maxsize=256)
def _unexplained(start: pd.Timestamp, n: int) -> tuple[np.ndarray, int]:
    """Return the matrix that takes month of the year and year out of a series, and the degrees of freedom left."""
    months = pd.date_range(start, periods=n, freq="MS")
    levels = pd.get_dummies(pd.DataFrame({"month": months.month, "year": months.year}).astype(str)).to_numpy(float)
    basis = np.linalg.svd(levels, full_matrices=False)[0][:, : np.linalg.matrix_rank(levels)]
    return np.eye(n) - basis @ basis.T, n - basis.shape[1] - 1


def strength_of(monthly: pd.DataFrame) -> float:
    """Return `festival_strength` of a frame of month and revenue."""
    return festival_strength(monthly["revenue"].to_numpy(float), pd.DatetimeIndex(monthly["month"]))


def months_after(day: dt.date, n: int) -> pd.DatetimeIndex:
    """Return the first days of the `n` months after the month of `day`."""
    return pd.date_range(pd.Timestamp(day).replace(day=1), periods=n + 1, freq="MS")[1:]


def adjusted(model: Model, start: pd.Timestamp) -> Model:
    """Return `model` working on months freed of Spring Festival, for a series whose first month is `start`.

    The strength of the effect is estimated anew from the past that each call brings, so that a backtest stays one.
    """

    def forecast(y: np.ndarray, horizon: int) -> np.ndarray:
        months = pd.date_range(start, periods=len(y) + horizon, freq="MS")
        left = 1 - festival_strength(y, months[: len(y)]) * festival_share(months)
        return model(y / left[: len(y)], horizon) * left[len(y) :]

    return forecast
