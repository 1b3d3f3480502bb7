"""Forecasts of a monthly series: baselines that are always printed, models that have to beat them, and the backtest that
decides.

Every model is a function `(y, horizon) → array`: `y` the past, oldest first, without gaps; the result the next values.
Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

SEASON = 12
CYCLES = 2 * SEASON
"""A season is told from a trend only with two years."""
LONG = 5 * SEASON
"""From five years on the airline model is tried as well."""
LEAST_ORIGINS, MOST_ORIGINS = 6, 18
"""Fewer rolling origins decide nothing (Tashman 2000); of a long past the last eighteen are used."""

Model = Callable[[np.ndarray, int], np.ndarray]


def naive(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return the last value, again and again."""
    return np.full(horizon, y[-1], float)


def mean(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return the mean of the last year."""
    return np.full(horizon, np.mean(y[-SEASON:]), float)


def seasonal_naive(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return the value of the same month a year before; without a whole year, the mean."""
    return np.resize(y[-SEASON:], horizon).astype(float) if len(y) >= SEASON else mean(y, horizon)


def trend_season(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return a robust trend, the median rise between equal months of the year (seasonal Kendall slope: Hirsch, Slack and
    Smith 1982), and the median of each month around it."""
    later, earlier = np.triu_indices(len(y), 1)[::-1]
    same = (later - earlier) % SEASON == 0
    slope = np.median((y[later] - y[earlier])[same] / (later - earlier)[same])
    x = np.arange(len(y) + horizon)
    rest = y - slope * x[: len(y)]
    usual = np.array([np.median(rest[x[: len(y)] % SEASON == month]) for month in range(SEASON)])
    return slope * x[len(y) :] + usual[x[len(y) :] % SEASON]


def holt_winters(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return Holt–Winters exponential smoothing with additive trend; the season is multiplicative where all is positive."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    season = "mul" if (y > 0).all() else "add"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is judged by the backtest
        model = ExponentialSmoothing(y, trend="add", seasonal=season, seasonal_periods=SEASON)
        return np.asarray(model.fit().forecast(horizon), float)


def damped(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return exponential smoothing with a damped additive trend and an additive season."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ExponentialSmoothing(y, trend="add", damped_trend=True, seasonal="add", seasonal_periods=SEASON)
        return np.asarray(model.fit().forecast(horizon), float)


def theta(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return the Theta method (Assimakopoulos and Nikolopoulos 2000) on the seasonally adjusted series."""
    from statsmodels.tsa.forecasting.theta import ThetaModel

    model = ThetaModel(y, period=SEASON, deseasonalize=True, use_test=False, method="auto" if (y > 0).all() else "add")
    return np.asarray(model.fit().forecast(horizon), float)


def airline(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return the airline model, ARIMA(0,1,1)(0,1,1) of the logarithms (Box and Jenkins 1970)."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = SARIMAX(np.log(y), order=(0, 1, 1), seasonal_order=(0, 1, 1, SEASON)).fit(disp=False)
    return np.exp(np.asarray(fit.forecast(horizon), float))


BASELINES: dict[str, Model] = {"naive": naive, "mean": mean, "seasonal_naive": seasonal_naive}
SEASONAL: dict[str, Model] = {
    "trend_season": trend_season,
    "holt_winters": holt_winters,
    "damped": damped,
    "theta": theta,
}


def candidates(y: np.ndarray) -> dict[str, Model]:
    """Return the models that a series of this length and sign can carry: below two years the baselines only."""
    models = dict(BASELINES)
    if len(y) >= CYCLES:
        models |= SEASONAL
    if len(y) >= LONG and (y > 0).all():
        models["airline"] = airline
    return models


def origins(n: int, horizon: int, least: int = CYCLES) -> range:
    """Return the lengths of the past from which `horizon` values are forecast and known: expanding windows.

    Where two years and `horizon` leave too few of them, the past begins at one year.
    """
    first = least if n - horizon - least + 1 >= LEAST_ORIGINS else SEASON
    return range(max(first, n - horizon + 1 - MOST_ORIGINS), n - horizon + 1)


def backtest(y: np.ndarray, horizon: int, models: dict[str, Model]) -> pd.DataFrame:
    """Forecast `y` from every origin with what was known there (rolling origin, Tashman 2000).

    One row per model, origin and step: model, origin (length of the past), step (1 to horizon), forecast, actual.
    Empty when there is no origin. `y` may be a function's own transformation only if that looks at the past alone.
    """
    rows = [
        pd.DataFrame({
            "model": name, "origin": n, "step": np.arange(1, horizon + 1),
            "forecast": model(y[:n], horizon), "actual": y[n : n + horizon],
        })
        for n in origins(len(y), horizon)
        for name, model in models.items()
    ]  # fmt: skip
    columns = ["model", "origin", "step", "forecast", "actual"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def scale(y: np.ndarray) -> float:
    """Return the mean absolute error of the seasonal naive forecast inside `y`: what MASE divides by.

    Below a year and a month that of the naive forecast; NaN when nothing ever changes.
    """
    lag = SEASON if len(y) > SEASON else 1
    error = np.abs(y[lag:] - y[:-lag]).mean() if len(y) > lag else np.nan
    return float(error) if error > 0 else np.nan


def accuracy(tested: pd.DataFrame, y: np.ndarray) -> pd.DataFrame:
    """Return for each model of a `backtest` how wrong it was, the best first.

    model, n_origins, n (forecasts), mase (mean absolute error ÷ that of the seasonal naive forecast in the past of each
    origin: Hyndman and Koehler 2006), mae, bias (mean of forecast − actual).
    """
    scales = {n: scale(y[:n]) for n in tested["origin"].unique()}
    error = tested["forecast"] - tested["actual"]
    rows = tested.assign(
        mae=error.abs().astype(float), bias=error.astype(float), mase=error.abs() / tested["origin"].map(scales)
    )
    table = rows.groupby("model", sort=False).agg(
        n_origins=("origin", "nunique"), n=("origin", "size"), mase=("mase", "mean"), mae=("mae", "mean"),
        bias=("bias", "mean"),
    )  # fmt: skip
    return table.sort_values(["mae"], kind="stable").reset_index()


def choose(table: pd.DataFrame) -> str:
    """Return the model to forecast with: the best of an `accuracy` table, "seasonal_naive" unless that is beaten.

    With fewer than six origins the backtest decides nothing, and the seasonal naive forecast stays.
    """
    if table.empty or table["n_origins"].max() < LEAST_ORIGINS:
        return "seasonal_naive"
    own = table.loc[table["model"] == "seasonal_naive", "mae"].min()
    return str(table.loc[0, "model"]) if table.loc[0, "mae"] < own else "seasonal_naive"


def conformal(errors: Sequence[float], level: float = 0.8) -> tuple[float, float]:
    """Return (low, high), to be added to a forecast: the quantiles of past errors (actual − forecast).

    Split conformal with the finite-sample correction, each tail by itself: the rank ⌈(n + 1)(1 + level) ÷ 2⌉ (Vovk,
    Gammerman and Shafer 2005). NaN when there are too few errors for that level: 9 are needed for 80 %.
    """
    errors = np.sort(np.asarray(errors, float)[np.isfinite(errors)])
    rank = int(np.ceil((len(errors) + 1) * (1 + level) / 2))
    if rank > len(errors):
        return np.nan, np.nan
    return float(errors[-rank]), float(errors[rank - 1])
