"""Survival compared: do groups leave at different rates, and how much does each fact change the rate?

Every case is under observation from `entry` (exclusive) to `days`, where it left or was last seen (right censoring); who
was already old when the data begin enters late (left truncation) and stands in no risk set before. The curve itself is
`kamlib.models.competing_risks.cumulative_incidence` with one cause. Nothing here is read where events are few: the
minimum is `EVENTS` per group and per covariate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats as sp

EVENTS = 10
"""Fewest events per group of a log-rank test and per covariate of a Cox model. Source: Peduzzi et al. (1995)."""
STEPS = 50


def log_rank(days: ArrayLike, left: ArrayLike, groups: ArrayLike, entry: ArrayLike | None = None) -> dict[str, float]:
    """Return {"chi2", "dof", "p"} of the log-rank test that all groups leave at the same rate at every age.

    NaN with fewer than two groups or no event. Sources: Mantel (1966); delayed entry: Klein and Moeschberger (2003), 7.3.
    """
    days, left = np.asarray(days, float), np.asarray(left, bool)
    start = np.full(len(days), -np.inf) if entry is None else np.asarray(entry, float)
    names = np.unique(np.asarray(groups, object).astype(str))
    member = np.asarray(groups, object).astype(str)[:, None] == names
    if len(names) < 2 or not left.any():
        return {"chi2": np.nan, "dof": np.nan, "p": np.nan}
    at = np.unique(days[left])
    risk = _at_risk(at, days, start, member.astype(float))
    died = np.array([member[left & (days == day)].sum(axis=0) for day in at], float)
    all_risk, all_died = risk.sum(axis=1), died.sum(axis=1)
    share = risk / all_risk[:, None]
    excess = (died - share * all_died[:, None]).sum(axis=0)[:-1]
    weight = all_died * (all_risk - all_died) / np.maximum(all_risk - 1, 1)
    spread = np.diag((weight[:, None] * share).sum(axis=0)) - np.einsum("t,ti,tj->ij", weight, share, share)
    chi2 = float(excess @ np.linalg.pinv(spread[:-1, :-1]) @ excess)
    return {"chi2": chi2, "dof": len(names) - 1, "p": float(sp.chi2.sf(chi2, len(names) - 1))}


def _at_risk(at: np.ndarray, days: np.ndarray, start: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum the rows of `values` over those under observation just before each of the ages `at`."""
    total = np.zeros((len(at), values.shape[1]))
    for moment, sign in ((days, 1), (start, -1)):  # still there, less not yet there
        order = np.argsort(moment)
        later = np.vstack([values[order][::-1].cumsum(axis=0)[::-1], np.zeros(values.shape[1])])
        total += sign * later[np.searchsorted(moment[order], at, side="left")]
    return total


@dataclass(frozen=True)
class Cox:
    """A fitted model. `table` has one row per covariate: coef, coef_se, hazard_ratio with its interval, p, and the test
    that the ratio is the same at every age: ph_chi2, ph_p."""

    table: pd.DataFrame
    log_likelihood: float
    log_likelihood_ratio: float
    """Twice the gain over the model without covariates: chi-squared with as many degrees of freedom as covariates."""
    n_events: int


def cox(
    days: ArrayLike, left: ArrayLike, x: pd.DataFrame, entry: ArrayLike | None = None, strata: ArrayLike | None = None,
    level: float = 0.95,
) -> Cox:  # fmt: skip
    """Fit the proportional hazards model by partial likelihood, ties after Efron; `strata` share the coefficients only.

    The proportionality test correlates scaled Schoenfeld residuals with the rank of the event time.
    Sources: Cox (1972); Efron (1977); Grambsch and Therneau (1994).
    """
    days, left, rows = np.asarray(days, float), np.asarray(left, bool), x.to_numpy(float)
    rows = rows - rows.mean(axis=0)
    start = np.full(len(days), -np.inf) if entry is None else np.asarray(entry, float)
    stratum = np.zeros(len(days), int) if strata is None else pd.factorize(np.asarray(strata))[0]
    members = [np.flatnonzero(stratum == one) for one in np.unique(stratum)]
    parts = [(days[m], left[m], rows[m], start[m]) for m in members if left[m].any()]
    beta, null = np.zeros(rows.shape[1]), None
    for _ in range(STEPS):
        likelihood, slope, information, *_ = _sums(parts, beta)
        null = likelihood if null is None else null
        step = np.linalg.solve(information, slope)
        beta = beta + step * min(1.0, 2 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-10:
            break
    likelihood, _, information, residuals, times = _sums(parts, beta)
    table = _coefficients(x.columns, beta, np.linalg.inv(information), level)
    table["ph_chi2"] = _proportionality(residuals, times, np.linalg.inv(information))
    table["ph_p"] = sp.chi2.sf(table["ph_chi2"], 1)
    return Cox(table, float(likelihood), float(2 * (likelihood - null)), int(left.sum()))


def _sums(parts: list, beta: np.ndarray) -> tuple:
    """Add up the partial likelihood, its slope and information over strata; residuals and times event by event."""
    done = [_stratum(*part, beta) for part in parts]
    return *(sum(piece[i] for piece in done) for i in range(3)), *(np.concatenate([d[i] for d in done]) for i in (3, 4))


def _stratum(days: np.ndarray, left: np.ndarray, x: np.ndarray, start: np.ndarray, beta: np.ndarray) -> tuple:
    k = x.shape[1]
    weight = np.exp(x @ beta)
    values = np.column_stack([weight, weight[:, None] * x, weight[:, None] * _squares(x)])
    at, place, ties = np.unique(days[left], return_inverse=True, return_counts=True)
    risk = _at_risk(at, days, start, values)
    tied = np.zeros_like(risk)
    np.add.at(tied, place, values[left])
    order = np.argsort(place, kind="stable")
    place = place[order]
    fraction = (np.arange(len(place)) - np.concatenate([[0], ties.cumsum()[:-1]])[place]) / ties[place]
    sums = risk[place] - fraction[:, None] * tied[place]  # Efron: each of the tied has left a little
    mean, second = sums[:, 1 : k + 1] / sums[:, :1], sums[:, k + 1 :] / sums[:, :1]
    events = x[left][order]
    information = (second - _squares(mean)).sum(axis=0).reshape(k, k)
    of_time = np.zeros((len(at), k))
    np.add.at(of_time, place, mean)
    residuals = events - (of_time / ties[:, None])[place]
    likelihood = (events @ beta).sum() - np.log(sums[:, 0]).sum()
    return likelihood, (events - mean).sum(axis=0), information, residuals, at[place]


def _squares(x: np.ndarray) -> np.ndarray:
    return (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)


def _coefficients(names: pd.Index, beta: np.ndarray, covariance: np.ndarray, level: float) -> pd.DataFrame:
    error, z = np.sqrt(np.diag(covariance)), sp.norm.ppf((1 + level) / 2)
    return pd.DataFrame({
        "covariate": names, "coef": beta, "coef_se": error, "hazard_ratio": np.exp(beta),
        "hazard_ratio_low": np.exp(beta - z * error), "hazard_ratio_high": np.exp(beta + z * error),
        "p": 2 * sp.norm.sf(np.abs(beta) / error),
    })  # fmt: skip


def _proportionality(residuals: np.ndarray, times: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return chi-squared with one degree of freedom per covariate."""
    rank = sp.rankdata(times)
    centred = rank - rank.mean()
    scaled = len(times) * residuals @ covariance
    return (centred @ scaled) ** 2 / (len(times) * np.diag(covariance) * (centred**2).sum())
