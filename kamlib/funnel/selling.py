"""Selling: does giving way on the amount win deals, and for what reason and to whom is each stage lost?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from kamlib.funnel import UNKNOWN, closed_within
from kamlib.funnel.win_loss import NOBODY
from kamlib.stats import wilson

BANDS = (-np.inf, -0.01, 0.01, 0.05, 0.1, np.inf)
NAMES = ("raised", "kept_amount", "up_to_5", "up_to_10", "above_10")
"""How far the amount of a deal came down from the first to the last recorded; within 1 % counts as kept."""
CONCESSIONS = "concession n_won n_lost win_rate win_rate_low win_rate_high given_amount".split()
STAGE_LOSSES = "stage loss_reason n_lost lost_amount competitor".split()


def concession_table(deals: pd.DataFrame, history: pd.DataFrame, as_of: dt.date, *, months: int = 24) -> pd.DataFrame:
    """Compare win rates by how far the amount came down: concession, n_won, n_lost, win_rate with its Wilson interval,
    given_amount (first less last amount, of the won deals).

    Closed deals in the last `months` with at least two recorded amounts, so that each had a chance to move; the last one
    is that of the deal, unless it was written down to 0. An association: who is close to winning gives way more often.
    """
    told = (
        history[history["amount"] > 0]
        .sort_values(["deal_id", "entered_at"], kind="stable")
        .groupby("deal_id")["amount"]
    )
    amounts = pd.DataFrame({"first": told.first(), "last": told.last(), "n": told.size()})
    rows = closed_within(deals, as_of, months).merge(amounts[amounts["n"] > 1], left_on="deal_id", right_index=True)
    rows["last"] = rows["amount"].where(rows["amount"] > 0, rows["last"])
    rows["concession"] = pd.cut(1 - rows["last"] / rows["first"], BANDS, labels=NAMES)
    won = rows["status"] == "won"
    rows = rows.assign(won=won, lost=~won, given=(rows["first"] - rows["last"]).where(won, 0.0))
    table = rows.groupby("concession", observed=True).agg(
        n_won=("won", "sum"), n_lost=("lost", "sum"), given_amount=("given", "sum")
    )
    table["win_rate"] = table["n_won"] / (table["n_won"] + table["n_lost"])
    table["win_rate_low"], table["win_rate_high"] = wilson(table["n_won"], table["n_won"] + table["n_lost"])
    return table.reset_index().astype({"concession": object})[CONCESSIONS]


def stage_loss_table(entries: pd.DataFrame, deals: pd.DataFrame, as_of: dt.date, *, months: int = 24) -> pd.DataFrame:
    """Count the deals lost in the last `months` by the stage they were lost from and the reason: stage, loss_reason,
    n_lost, lost_amount, competitor (named most often there), the costliest reason of a stage first."""
    lost = entries[entries["lost_at"].notna()][["deal_id", "stage", "position", "amount"]]
    facts = closed_within(deals, as_of, months)[["deal_id", "loss_reason", "competitor"]]
    rows = lost.merge(facts, on="deal_id")
    rows["loss_reason"] = rows["loss_reason"].astype(object).fillna(UNKNOWN)
    table = rows.groupby(["position", "stage", "loss_reason"], as_index=False).agg(
        n_lost=("deal_id", "size"), lost_amount=("amount", "sum"),
        competitor=("competitor", lambda names: next(iter(sorted(names.dropna().mode())), NOBODY)),
    )  # fmt: skip
    order = table.sort_values(["position", "lost_amount", "loss_reason"], ascending=[True, False, True])
    return order[STAGE_LOSSES].reset_index(drop=True)
