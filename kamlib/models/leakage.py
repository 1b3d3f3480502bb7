"""Leakage: does a model see what nobody knew on its cut-off date?

Two guards. The dates of the rows behind each feature are compared with the cut-off, and one later row refuses the
feature. Where no dates are at hand, a feature that alone tells the outcome nearly without error, or a model that ranks
better than anything published on such data, is named as suspect: a leak until shown otherwise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from kamlib.errors import InputError
from kamlib.models import scored

TOO_GOOD = 0.98
"""A single feature whose AUC reaches this, in either direction, is suspect."""


def refuse_later(newest: pd.DataFrame, cutoff: ArrayLike) -> None:
    """Raise an InputError when a feature rests on a row dated after its cut-off.

    `newest` has one column per feature: the date of the newest row it was computed from, missing where it had none;
    `cutoff` is one date, or one per row.
    """
    days = pd.Series(cutoff, index=newest.index) if np.ndim(cutoff) else pd.Series(pd.Timestamp(cutoff), newest.index)
    late = {name: newest[name][newest[name] >= days + pd.Timedelta(days=1)] for name in newest}
    late = {name: dates.max() for name, dates in late.items() if len(dates)}
    if late:
        en = ", ".join(f"{name} (a row of {day:%Y-%m-%d})" for name, day in late.items())
        zh = "、".join(f"{name}（含 {day:%Y-%m-%d} 的记录）" for name, day in late.items())
        raise InputError(
            f"Look-ahead: computed from rows after the cut-off date: {en}. Cut the tables at that date first.",
            f"数据泄漏：以下特征用到了截止日之后的记录：{zh}。请先按截止日截断数据。",
        )


def suspects(y: ArrayLike, features: pd.DataFrame, too_good: float = TOO_GOOD) -> pd.Series:
    """Return the features that alone rank the outcome nearly without error: their AUC, 0.5 to 1, the highest first."""
    alone = {name: scored.auc(y, column.to_numpy(float)) for name, column in features.items()}
    found = pd.Series({name: max(area, 1 - area) for name, area in alone.items()}, dtype=float)
    return found[found >= too_good].sort_values(ascending=False, kind="stable")


def too_good(auc: float, known_best: float) -> bool:
    """Return whether a model ranks better than the best that is known on such data: a leak until shown otherwise."""
    return bool(auc > known_best)
