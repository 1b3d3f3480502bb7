"""What the models of purchases need to know of each customer: how often it came back, when last, and how long it was seen."""

from __future__ import annotations

import datetime as dt

import pandas as pd

WEEK = 7.0


def history(order_days: pd.DataFrame, until: dt.date, *, unit_days: float = WEEK) -> pd.DataFrame:
    """Return one row per account with an order up to `until`: account_id, x (repeat purchases), t_x and T (from its first
    order to its last and to `until`, in units of `unit_days`), repeat_value (mean amount of the repeat purchases, 0 without).

    `order_days` has account_id, order_date and amount; several rows of one account on one day are one purchase.
    """
    day = pd.Timestamp(until)
    known = order_days[order_days["order_date"] <= day]
    days = known.groupby(["account_id", "order_date"], as_index=False)["amount"].sum()
    first = days.groupby("account_id")["order_date"].transform("min")
    found = days.groupby("account_id")["order_date"].agg(["min", "max", "size"])
    repeat = days[days["order_date"] > first].groupby("account_id")["amount"].mean()
    return pd.DataFrame(
        {
            "x": found["size"] - 1,
            "t_x": (found["max"] - found["min"]).dt.days / unit_days,
            "T": (day - found["min"]).dt.days / unit_days,
            "repeat_value": repeat.reindex(found.index).fillna(0.0),
        }
    ).reset_index()


def bought_between(order_days: pd.DataFrame, after: dt.date, until: dt.date) -> pd.Series:
    """Return on how many days after `after` and up to `until` each account ordered, indexed by account_id; none is missing."""
    inside = order_days["order_date"].gt(pd.Timestamp(after)) & order_days["order_date"].le(pd.Timestamp(until))
    return order_days[inside].groupby("account_id")["order_date"].nunique()
