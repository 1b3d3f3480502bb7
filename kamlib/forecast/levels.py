"""Accounts, segments and the total, forecast each by itself and then made to agree. Part of notebook 09.

The total and the segments have models of their own; accounts are forecast all at once, those that buy now and then
apart from the others (`kamlib.models.intermittent`). The method of reconciliation is the one that was least wrong at
past origins (`kamlib.models.reconcile`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kamlib.finance import growth
from kamlib.forecast import QUICK, Fit, fit
from kamlib.models import calendar, forecasting, intermittent
from kamlib.models.forecasting import Model
from kamlib.models.reconcile import METHODS, reconcile, summing_matrix

LEVELS = ("total", "segment", "account")
WAYS = ("seasonal_naive", "unreconciled", *METHODS)


@dataclass(frozen=True)
class Book:
    """Net revenue of complete months: `panel` is months × accounts, `codes` the place of each account's segment in
    `segments`, `summing` the matrix that makes all nodes (total, segments, accounts) of the accounts."""

    months: pd.DatetimeIndex
    accounts: pd.DataFrame
    panel: np.ndarray
    segments: list[str]
    codes: np.ndarray
    summing: np.ndarray

    @property
    def nodes(self) -> np.ndarray:
        """Revenue of every node, months × nodes."""
        return self.panel @ self.summing.T

    @property
    def level(self) -> np.ndarray:
        """The level of each node."""
        return np.repeat(LEVELS, [1, len(self.segments), len(self.accounts)])


def book_of(data_months: pd.DataFrame, mart: pd.DataFrame, as_of: dt.date, segment_by: str) -> Book | None:
    """Return the book of `data.months` and `data.mart`, accounts that ever bought only; None without any month.

    Returns may exceed purchases in a month: the account's value is then negative, as in the ledger.
    """
    monthly = growth.monthly_table(data_months, as_of)
    months = pd.DatetimeIndex(monthly.loc[~monthly["partial"].astype(bool), "month"])
    wide = data_months.pivot_table(index="month", columns="account_id", values="revenue", aggfunc="sum", observed=True)
    wide = wide.reindex(months).fillna(0.0)
    wide = wide.loc[:, (wide != 0).any()]
    if wide.empty:
        return None
    accounts = mart.set_index("account_id").loc[wide.columns, ["account_name", "owner", segment_by]].reset_index()
    named = accounts[segment_by].astype("string").fillna("not_filled")
    codes, segments = pd.factorize(named, sort=True)
    return Book(months, accounts, wide.to_numpy(float), list(segments), codes, summing_matrix(codes))


@dataclass(frozen=True)
class Forecasts:
    """The forecast of every node, nodes × steps, the `way` it was reconciled, and the backtest: `past` holds for each
    origin and way the forecasts, `came` what came, `scales` what MASE divides by."""

    book: Book
    way: str
    expected: np.ndarray
    regular: np.ndarray
    past: dict[int, dict[str, np.ndarray]]
    came: dict[int, np.ndarray]
    scales: dict[int, np.ndarray]

    def errors(self, node: int) -> np.ndarray:
        """Past errors (actual − forecast) of a node, month by month, each over the scale of its past, times today's."""
        now = forecasting.scale(self.book.nodes[:, node])
        found = [(self.came[n] - self.past[n][self.way])[node] / self.scales[n][node] * now for n in self.past]
        return np.concatenate(found) if found else np.array([])

    def sum_errors(self, node: int) -> np.ndarray:
        """Relative errors of the whole horizon at each past origin: Σ forecast ÷ Σ actual − 1."""
        sums = [(self.past[n][self.way][node].sum(), self.came[n][node].sum()) for n in self.past]
        return np.array([forecast / actual - 1 for forecast, actual in sums if actual > 0])


def forecast_all(book: Book, total: Fit, horizon: int) -> Forecasts:
    """Forecast every node of `book`; `total` is the fit of its total."""
    nodes, start = book.nodes, book.months[0]
    fits = [total, *(fit(nodes[:, 1 + i], start, horizon, QUICK) for i in range(len(book.segments)))]
    above = [_model(one) for one in fits]
    regular = ~intermittent.is_intermittent(book.panel)
    below = _chosen(book.panel, regular, horizon)
    origins = list(forecasting.origins(len(nodes), horizon))
    base = {n: _base(book, n, horizon, above, regular, below) for n in origins}
    came = {n: nodes[n : n + horizon].T for n in origins}
    scales = {n: np.array([forecasting.scale(y) for y in nodes[:n].T]) for n in origins}
    variance = _variance(base, came)
    past = {n: _ways(base[n], nodes[:n].T, book.summing, variance) for n in origins}
    way = _best(past, came, scales, book.level)
    now = _base(book, len(nodes), horizon, above, regular, below)
    return Forecasts(book, way, reconcile(now, book.summing, way, variance), regular, past, came, scales)


def _model(fitted: Fit) -> Model:
    """The chosen model of a fit, as a function of the past."""
    model = forecasting.candidates(fitted.y)[fitted.model]
    return model if fitted.model == "seasonal_naive" else calendar.adjusted(model, fitted.start)


def _chosen(panel: np.ndarray, regular: np.ndarray, horizon: int) -> dict[bool, intermittent.PanelModel]:
    """Choose one model for the accounts that buy regularly and one for the others, by the pooled scaled error."""
    chosen = {}
    for kind, models in ((True, intermittent.REGULAR), (False, intermittent.SPORADIC)):
        part = panel[:, regular == kind]
        errors = {name: [] for name in models}
        for n in forecasting.origins(len(part), horizon):
            scales = np.array([forecasting.scale(y) for y in part[:n].T])
            for name, model in models.items():
                errors[name].append(np.abs(model(part[:n], horizon) - part[n : n + horizon]).mean(axis=0) / scales)
        found = {name: np.nanmean(e) for name, e in errors.items() if e and np.isfinite(e).any()}
        chosen[kind] = models[min(found, key=found.get)] if found else intermittent.mean
    return chosen


def _base(
    book: Book, n: int, horizon: int, above: list[Model], regular: np.ndarray, below: dict[bool, intermittent.PanelModel]
) -> np.ndarray:  # fmt: skip
    """Forecast every node by itself from the first `n` months."""
    nodes = book.nodes[:n]
    upper = np.array([model(nodes[:, i], horizon) for i, model in enumerate(above)])
    lower = np.empty((len(book.accounts), horizon))
    for kind in (True, False):
        lower[regular == kind] = below[kind](book.panel[:n][:, regular == kind], horizon).T
    return np.clip(np.vstack([upper, lower]), 0, None)


def _variance(base: dict[int, np.ndarray], came: dict[int, np.ndarray]) -> np.ndarray | None:
    """The mean squared past error of each node; None without origins."""
    return np.mean([((base[n] - came[n]) ** 2).mean(axis=1) for n in base], axis=0) if base else None


def _ways(base: np.ndarray, past: np.ndarray, summing: np.ndarray, variance: np.ndarray) -> dict[str, np.ndarray]:
    """Return the forecasts of all ways at one origin; `past` is nodes × months."""
    naive = np.array([forecasting.seasonal_naive(y, base.shape[1]) for y in past])
    ways = {method: reconcile(base, summing, method, variance) for method in METHODS}
    return {"seasonal_naive": naive, "unreconciled": base, **ways}


def _best(past: dict, came: dict, scales: dict, level: np.ndarray) -> str:
    """Return the method with the lowest mean over the levels of its error relative to the unreconciled forecast."""
    if len(past) < forecasting.LEAST_ORIGINS:
        return "bottom_up"
    wrong = {way: [_mase(past, came, scales, way, level == one) for one in LEVELS] for way in WAYS}
    return min(METHODS, key=lambda way: np.nanmean(np.divide(wrong[way], wrong["unreconciled"])))


def _mase(past: dict, came: dict, scales: dict, way: str, where: np.ndarray) -> float:
    scaled = [np.abs(past[n][way] - came[n])[where].mean(axis=1) / scales[n][where] for n in past]
    return float(np.nanmean(scaled)) if np.isfinite(scaled).any() else np.nan


def ways_table(made: Forecasts | None, level: float = 0.8) -> pd.DataFrame:
    """Return how wrong each way was at each level.

    forecast_level, way, chosen, n_nodes, n_forecasts, mase_ratio, held_share (of intervals of `level` made of the other
    origins' errors only; missing below nine errors), gap_amount (the largest difference between a node and the sum of
    its accounts).
    """
    columns = ["forecast_level", "way", "chosen", "n_nodes", "n_forecasts", "mase_ratio", "held_share", "gap_amount"]
    if made is None or not made.past:
        return pd.DataFrame(columns=columns)
    book, rows = made.book, []
    for one in LEVELS:
        where = book.level == one
        for way in WAYS:
            gap = max(
                float(np.abs(f[way] - book.summing @ f[way][book.level == "account"]).max()) for f in made.past.values()
            )
            n = sum(came[where].size for came in made.came.values())
            mase = _mase(made.past, made.came, made.scales, way, where)
            rows.append([one, way, way == made.way, int(where.sum()), n, mase, coverage(made, way, where, level), gap])
    return pd.DataFrame(rows, columns=columns)


def coverage(made: Forecasts, way: str, where: np.ndarray, level: float) -> float:
    """Return the share of past months inside the interval made of the other origins' scaled errors."""
    scaled = {n: ((made.came[n] - made.past[n][way]) / made.scales[n][:, None])[where].ravel() for n in made.past}
    hits = []
    for n, errors in scaled.items():
        others = [e for m, e in scaled.items() if m != n]
        low, high = forecasting.conformal(np.concatenate(others), level) if others else (np.nan, np.nan)
        if np.isfinite(low):
            known = errors[np.isfinite(errors)]
            hits.append(((known >= low) & (known <= high)).mean())
    return float(np.mean(hits)) if hits else np.nan


def outlook_table(made: Forecasts | None, level: float = 0.8) -> pd.DataFrame:
    """Return what each node is expected to bring over the whole horizon, the largest first within its level.

    forecast_level, account_id (of accounts), name, owner, n_ahead, expected_revenue with _low and _high (conformal, from the
    past errors of the whole horizon at the node's level; regular and occasional buyers apart; missing below nine),
    before_revenue (of the same months a year before), change_amount, regular.
    """
    columns = ["forecast_level", "account_id", "name", "owner", "n_ahead", "expected_revenue", "expected_revenue_low",
               "expected_revenue_high", "before_revenue", "change_amount", "regular"]  # fmt: skip
    if made is None:
        return pd.DataFrame(columns=columns)
    book, horizon = made.book, made.expected.shape[1]
    blank = [None] * (1 + len(book.segments))
    table = pd.DataFrame({
        "forecast_level": book.level, "account_id": [*blank, *book.accounts["account_id"]],
        "name": ["total", *book.segments, *book.accounts["account_name"]], "owner": [*blank, *book.accounts["owner"]],
        "n_ahead": horizon, "expected_revenue": made.expected.sum(axis=1),
        "before_revenue": np.array([forecasting.seasonal_naive(y, horizon).sum() for y in book.nodes.T]),
        "regular": np.r_[np.ones(len(blank), bool), made.regular],
    })  # fmt: skip
    table["expected_revenue_low"], table["expected_revenue_high"] = np.nan, np.nan
    now = np.array([forecasting.scale(y) for y in book.nodes.T])
    for kind in ("segment", True, False):
        where = (
            (book.level == "segment") if kind == "segment" else (book.level == "account") & (table["regular"] == kind)
        )
        low, high = _sum_interval(made, np.asarray(where), level)
        table.loc[where, "expected_revenue_low"] = np.clip(table["expected_revenue"] + low * now, 0, None)[where]
        table.loc[where, "expected_revenue_high"] = (table["expected_revenue"] + high * now)[where]
    table["change_amount"] = table["expected_revenue"] - table["before_revenue"]
    order = table["forecast_level"].map(LEVELS.index), -table["expected_revenue"]
    return table[columns].iloc[np.lexsort(order[::-1])].reset_index(drop=True)


def _sum_interval(made: Forecasts, where: np.ndarray, level: float) -> tuple[float, float]:
    """Return the interval of the error of the whole horizon, in units of each node's scale."""
    scaled = [(made.came[n] - made.past[n][made.way])[where].sum(axis=1) / made.scales[n][where] for n in made.past]
    return forecasting.conformal(np.concatenate(scaled), level) if scaled else (np.nan, np.nan)
