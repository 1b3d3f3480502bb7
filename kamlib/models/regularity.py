"""Regularity: do purchases come at random moments, or at the pace of a clock?

With gaps that are Erlang of order k, the first of two gaps takes the share M of the two, and Var M = 1 ÷ (4·(2k + 1)), whatever
the customer's own rate. k = 1 is pure chance (the assumption of BG/NBD and Pareto/NBD); the larger k, the more regular, and the more
an overdue order means; k < 1 is bursts.

Source: Wheat and Morrison (1990), Estimating purchase regularity with two interpurchase times, Journal of Marketing Research 27(1).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamlib.stats import bootstrap_interval

LEAST_PAIRS = 30
"""With fewer pairs of gaps k is not said."""


def pairs(order_days: pd.DataFrame) -> pd.DataFrame:
    """Return account_id and the share of the first gap in each pair of neighbouring gaps; pairs do not overlap, the last gaps first."""
    days = order_days[["account_id", "order_date"]].drop_duplicates().sort_values(["account_id", "order_date"])
    gap = days.groupby("account_id")["order_date"].diff().dt.days
    gaps = days.assign(gap=gap).dropna(subset=["gap"])
    back = gaps.groupby("account_id").cumcount(ascending=False)
    earlier = gaps.groupby("account_id")["gap"].shift()
    found = gaps.assign(first_share=earlier / (earlier + gaps["gap"]))[(back % 2 == 0) & earlier.notna()]
    return found[["account_id", "first_share"]].reset_index(drop=True)


def regularity(order_days: pd.DataFrame) -> dict[str, float]:
    """Return {"n" (pairs of gaps), "k", "low", "high"}, the 95 % bootstrap interval over accounts; NaN with fewer than 30 pairs."""
    found = pairs(order_days)
    if len(found) < LEAST_PAIRS:
        return {"n": len(found), "k": np.nan, "low": np.nan, "high": np.nan}
    squares = found.assign(square=(found["first_share"] - 0.5) ** 2)
    sums = squares.groupby("account_id")["square"].agg(["sum", "count"]).sort_values(["count", "sum"]).to_numpy(float)
    low, high = bootstrap_interval(sums, _order)
    return {"n": len(found), "k": _order(sums), "low": low, "high": high}


def _order(sums: np.ndarray) -> float:
    """Return k from the sums of squares and the counts of accounts; gaps that are all equal give the ceiling of 1,250."""
    spread = max(sums[:, 0].sum() / sums[:, 1].sum(), 1e-4)
    return float((1 - 4 * spread) / (8 * spread))
