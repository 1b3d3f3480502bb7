"""Maximum likelihood with a diagnosis: positive parameters, sought on the log scale from several starts.

What a climb is worth is part of its answer: whether it converged, and how the likelihood curves where it ended. A
parameter on the edge of its range, or a likelihood that is flat there, has not been learned from the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

LogLikelihood = Callable[[np.ndarray], "float | tuple[float, np.ndarray]"]
EDGE = 14.0
"""Parameters stay between exp(−14) and exp(14), about one in a million and a million."""


@dataclass(frozen=True)
class Fit:
    """Where the climb ended: `values`, the plain sum `log_likelihood`, and `covariance` of the logs of the values (NaN
    where the likelihood is flat). `converged` is false where the slope was not zero or the top lies on an edge."""

    values: np.ndarray
    log_likelihood: float
    converged: bool
    covariance: np.ndarray

    @property
    def standard_errors(self) -> np.ndarray:
        """Those of the values themselves, by the delta method."""
        return self.values * np.sqrt(np.diag(self.covariance))

    def draws(self, n: int, seed: int = 0) -> np.ndarray:
        """Return `n` parameter sets, one a row, from the normal approximation on the log scale: the uncertainty of the fit.

        Without a usable covariance every row is the fit itself.
        """
        if not np.isfinite(self.covariance).all():
            return np.tile(self.values, (n, 1))
        random = np.random.default_rng(seed)
        root = np.linalg.cholesky(self.covariance)
        logs = np.log(self.values) + random.standard_normal((n, len(self.values))) @ root.T
        return np.exp(np.clip(logs, -EDGE, EDGE))


def maximise(
    log_likelihood: LogLikelihood,
    starts: Iterable[np.ndarray],
    *,
    gradient: bool = False,
    turn: np.ndarray | None = None,
) -> Fit:
    """Climb from each of `starts` (positive values) and return the best.

    `log_likelihood` takes the values; with `gradient` it returns its derivative by each of them too. A ridge that lies
    askew to the axes is climbed faster when `turn` lays it along one: the logs of the values are turn @ (what is climbed).
    Source: L-BFGS-B, Byrd, Lu, Nocedal and Zhu (1995), as in scipy.
    """
    starts = [np.log(start) for start in starts]
    turn = np.eye(len(starts[0])) if turn is None else turn
    back = np.linalg.inv(turn)

    def misfit(at: np.ndarray) -> float | tuple[float, np.ndarray]:
        values = np.exp(turn @ at)
        if not gradient:
            return _finite(-log_likelihood(values))
        height, slope = log_likelihood(values)
        return _finite(-height), np.nan_to_num(-slope * values) @ turn

    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7}
    with np.errstate(all="ignore"):  # a step may lead where the likelihood overflows; `_finite` makes a wall of that
        climbs = [
            optimize.minimize(
                misfit, np.clip(back @ start, 1 - EDGE, EDGE - 1), jac=gradient, method="L-BFGS-B",
                bounds=[(-EDGE, EDGE)] * len(start), options=options,
            )
            for start in starts
        ]  # fmt: skip
        best = min(climbs, key=lambda climb: climb.fun)
        inside = bool(np.all(np.abs(best.x) < EDGE - 1e-6))
        height = (lambda at: misfit(at)[0]) if gradient else misfit
        covariance = _inverse(_curvature(height, best.x)) if inside else np.full((len(best.x),) * 2, np.nan)
    level = float(np.abs(best.jac).max()) < 1e-3 * max(1.0, abs(best.fun))
    return Fit(np.exp(turn @ best.x), -float(best.fun), inside and level, turn @ covariance @ turn.T)


def _finite(height: float) -> float:
    return float(height) if np.isfinite(height) else 1e15


def _curvature(height: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Return the matrix of second derivatives of `height` by central differences."""
    n = len(at)
    steps = np.eye(n) * step
    found = np.empty((n, n))
    for i in range(n):
        for j in range(i, n):
            corners = ((1, 1), (1, -1), (-1, 1), (-1, -1))
            total = sum(a * b * height(at + a * steps[i] + b * steps[j]) for a, b in corners)
            found[i, j] = found[j, i] = total / (4 * step**2)
    return found


def _inverse(curvature: np.ndarray) -> np.ndarray:
    """Return the inverse, or NaN where the likelihood does not fall off in every direction."""
    falls = np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature).min() > 1e-6
    return np.linalg.inv(curvature) if falls else np.full_like(curvature, np.nan)
