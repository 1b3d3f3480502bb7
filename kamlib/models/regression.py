"""Least squares with what a reader needs to judge it: robust intervals, prediction intervals, and diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats as sp


@dataclass(frozen=True)
class Fit:
    """A fitted line. `table` has term ("intercept", then the columns), coefficient, low, high (95 %, HC3); `r2`, and `q2`:
    R² of each row predicted without it; `spread_p` small: the residuals do not scatter alike (Breusch–Pagan, Koenker's
    form); `inflation`: the largest variance inflation factor."""

    table: pd.DataFrame
    n: int
    r2: float
    q2: float
    spread_p: float
    inflation: float
    _inverse: np.ndarray
    _residual: float
    _freedom: int

    def predict(self, x: pd.DataFrame, level: float = 0.8) -> pd.DataFrame:
        """Return expected, and low and high of the prediction interval of a new row; NaN where a predictor is missing."""
        rows = _design(x)
        expected = rows @ self.table["coefficient"].to_numpy(float)
        width = np.sqrt(self._residual * (1 + np.einsum("ij,jk,ik->i", rows, self._inverse, rows)))
        half = sp.t.ppf((1 + level) / 2, self._freedom) * width
        return pd.DataFrame({"expected": expected, "low": expected - half, "high": expected + half}, index=x.index)


def least_squares(y: ArrayLike, x: pd.DataFrame, level: float = 0.95) -> Fit | None:
    """Fit y = a + Σ b·x on the rows without missing values; None when a coefficient would rest on fewer than ten rows, or a
    predictor says nothing of its own.

    Intervals allow for unequal scatter (HC3: MacKinnon and White 1985; Long and Ervin 2000 for small n).
    """
    rows, target = _design(x), np.asarray(y, float)
    known = np.isfinite(rows).all(axis=1) & np.isfinite(target)
    rows, target = rows[known], target[known]
    n, terms = rows.shape
    if n < LEAST_ROWS * (terms - 1) or n <= terms + 1 or np.linalg.matrix_rank(rows) < terms or not np.ptp(target):
        return None
    inverse = np.linalg.inv(rows.T @ rows)
    coefficients = inverse @ rows.T @ target
    residuals, leverage = target - rows @ coefficients, np.einsum("ij,jk,ik->i", rows, inverse, rows)
    without = residuals / np.clip(1 - leverage, 1e-9, None)
    covariance = inverse @ (rows.T * without**2) @ rows @ inverse
    half = sp.t.ppf((1 + level) / 2, n - terms) * np.sqrt(np.diag(covariance))
    total = ((target - target.mean()) ** 2).sum()
    table = pd.DataFrame(
        {"term": ["intercept", *x.columns], "coefficient": coefficients, "low": coefficients - half, "high": coefficients + half}
    )  # fmt: skip
    return Fit(
        table, n, 1 - (residuals**2).sum() / total, 1 - (without**2).sum() / total, _unequal_scatter(rows, residuals),
        _inflation(rows), inverse, (residuals**2).sum() / (n - terms), n - terms,
    )  # fmt: skip


LEAST_ROWS = 10
"""Rows per predictor below which nothing is fitted. Source: Harrell (2015), Regression Modeling Strategies, 4.4."""


def _design(x: pd.DataFrame) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x.to_numpy(float)])


def _unequal_scatter(rows: np.ndarray, residuals: np.ndarray) -> float:
    """Return p of the test of Breusch and Pagan (1979) in Koenker's form (1981)."""
    squares = residuals**2
    fitted = rows @ np.linalg.lstsq(rows, squares, rcond=None)[0]
    spread = ((squares - squares.mean()) ** 2).sum()
    explained = 1 - ((squares - fitted) ** 2).sum() / spread if spread > 0 else 0.0
    return float(sp.chi2.sf(len(rows) * explained, rows.shape[1] - 1))


def _inflation(rows: np.ndarray) -> float:
    """Return the largest variance inflation factor of the predictors."""
    correlations = np.atleast_2d(np.corrcoef(rows[:, 1:], rowvar=False))
    return float(np.diag(np.linalg.inv(correlations)).max())
