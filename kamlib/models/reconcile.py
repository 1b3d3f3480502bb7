"""Forecasts of accounts, segments and the total that agree: reconciliation of a hierarchy.

Source: Wickramasuriya, Athanasopoulos and Hyndman (2019), Optimal forecast reconciliation for hierarchical and grouped
time series through trace minimization, JASA 114; Hyndman and Athanasopoulos, FPP3, ch. 11.
"""

from __future__ import annotations

import numpy as np

METHODS = ("bottom_up", "ols", "structural", "variance")


def summing_matrix(segments: np.ndarray) -> np.ndarray:
    """Return S, (1 + segments + accounts) × accounts: the total, each segment in order of its code, each account.

    `segments` holds the code, 0 … k − 1, of each account.
    """
    n = len(segments)
    return np.vstack([np.ones((1, n)), np.arange(segments.max() + 1)[:, None] == segments, np.eye(n)])


def reconcile(base: np.ndarray, summing: np.ndarray, method: str, variance: np.ndarray | None = None) -> np.ndarray:
    """Return forecasts that add up, nodes × steps, from `base` forecasts that do not.

    "bottom_up" sums the accounts; "ols" moves all nodes alike; "structural" moves a node in proportion to the accounts
    in it; "variance" in proportion to `variance`, its past squared error. Whatever the method, the forecasts of the
    accounts are cut at 0 before they are summed. ValueError for an unknown method.
    """
    n_nodes, n = summing.shape
    if method == "bottom_up":
        accounts = base[n_nodes - n :]
    elif method in METHODS:
        spread = {"ols": np.ones(n_nodes), "structural": summing.sum(axis=1)}.get(method, variance)
        weighted = summing / np.maximum(spread, np.nanmax(spread) * 1e-9)[:, None]
        accounts = np.linalg.solve(summing.T @ weighted, weighted.T @ base)
    else:
        raise ValueError(f"'{method}' is not a method of reconciliation; methods: {', '.join(METHODS)}")
    return summing @ np.clip(accounts, 0, None)
