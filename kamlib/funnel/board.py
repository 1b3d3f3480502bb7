"""Board: where does each account and each stage stand, who was asked for what next, and what to do where?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from kamlib.funnel import window_start
from kamlib.stats import wilson

PROGRESS = (
    "account_id account_name n_deals amount furthest_stage last_order quiet_days next_step_due n_overdue_steps"
).split()
PURSUIT = "stage n_deals quiet_days n_quiet n_without_step n_overdue_steps".split()
DEVELOPMENT = "milestone n_accounts reached_rate reached_rate_low reached_rate_high".split()


def progress_table(ageing: pd.DataFrame, mart: pd.DataFrame, visits: pd.DataFrame, *, top_n: int = 10) -> pd.DataFrame:
    """Return the `top_n` accounts with the most in the pipeline: open deals and their amount, the furthest stage any of
    them has reached, the last order, days since the last activity on a deal, the next step that is due first, and how
    many steps are overdue."""
    place = visits.groupby("stage")["position"].first()
    rows = ageing.dropna(subset="account_id").assign(place=lambda r: r["stage"].map(place).fillna(-1))
    rows = rows.sort_values(["place", "deal_id"])
    table = rows.groupby("account_id").agg(
        n_deals=("deal_id", "size"), amount=("amount", "sum"), furthest_stage=("stage", "last"),
        quiet_days=("quiet_days", "min"), next_step_due=("next_step_due", "min"), n_overdue_steps=("overdue_days", "count"),
    )  # fmt: skip
    table = table.join(mart.set_index("account_id")[["account_name", "last_order"]]).reset_index()
    return (
        table.sort_values(["amount", "account_id"], ascending=[False, True])
        .head(top_n)[PROGRESS]
        .reset_index(drop=True)
    )


def pursuit_table(ageing: pd.DataFrame, visits: pd.DataFrame, *, prompt_days: int = 14) -> pd.DataFrame:
    """Return by stage how the open deals are followed up: days since the last activity (median over deals with any),
    n_quiet (none within `prompt_days`), deals without a dated next step, and with an overdue one."""
    place = visits.groupby("stage")["position"].first()
    rows = ageing.assign(
        place=ageing["stage"].map(place).fillna(len(place)), quiet=~(ageing["quiet_days"] <= prompt_days),
        bare=ageing["next_step_due"].isna(),
    )  # fmt: skip
    table = rows.groupby(["place", "stage"]).agg(
        n_deals=("deal_id", "size"), quiet_days=("quiet_days", "median"), n_quiet=("quiet", "sum"),
        n_without_step=("bare", "sum"), n_overdue_steps=("overdue_days", "count"),
    )  # fmt: skip
    return table.reset_index()[PURSUIT]


def strategy_table(ageing: pd.DataFrame, quadrants: pd.DataFrame, groups: dict[str, str]) -> pd.DataFrame:
    """Return what to do with the open deals by quadrant of their account (`segmentation.matrix`) and group of their stage
    (`funnel.ladder`): quadrant, stage_group, n_deals, amount, approach (a word, `<quadrant>.<group>`), most money first.

    Deals without an account or of an account in no quadrant are left out.
    """
    known = quadrants.set_index("account_id")["quadrant"]
    rows = ageing.assign(quadrant=ageing["account_id"].map(known), stage_group=ageing["stage"].map(groups))
    table = rows.dropna(subset=["quadrant", "stage_group"]).groupby(["quadrant", "stage_group"], as_index=False).agg(
        n_deals=("deal_id", "size"), amount=("amount", "sum")
    )  # fmt: skip
    table["approach"] = table["quadrant"].astype(str) + "." + table["stage_group"].astype(str)
    order = table.sort_values(["amount", "approach"], ascending=[False, True])
    return order.reset_index(drop=True)


def development_table(mart: pd.DataFrame, deals: pd.DataFrame, as_of: dt.date, *, months: int = 12) -> pd.DataFrame:
    """Return how far new accounts came within a year: milestone ("account_new", "first_deal", "first_win", "first_order"),
    n_accounts, reached_rate with its Wilson interval.

    Accounts entered in the `months` that ended a year before `as_of`, so that each was watched for a whole year; those
    that had ordered or had a deal before they were entered are left out, since they were not new.
    """
    year = pd.Timedelta(days=365)
    end = pd.Timestamp(as_of) - year
    new = mart[(mart["created_at"] > window_start(end.date(), months)) & (mart["created_at"] <= end)].set_index(
        "account_id"
    )
    dates = {
        "first_deal": deals.groupby("account_id")["created_at"].min(),
        "first_win": deals[deals["status"] == "won"].groupby("account_id")["closed_at"].min(),
        "first_order": new["first_order"],
    }
    since = {name: pd.to_datetime(day.reindex(new.index)) - new["created_at"] for name, day in dates.items()}
    fresh = (
        ~np.logical_or.reduce([days < pd.Timedelta(0) for days in since.values()]) if len(new) else np.array([], bool)
    )
    counts = {"account_new": int(fresh.sum())} | {
        name: int((days[fresh] <= year).sum()) for name, days in since.items()
    }
    n = counts["account_new"]
    low, high = wilson(np.array(list(counts.values())), np.full(len(counts), n))
    rates = [k / n if n else np.nan for k in counts.values()]
    table = pd.DataFrame({"milestone": list(counts), "n_accounts": list(counts.values()), "reached_rate": rates})
    return table.assign(reached_rate_low=low, reached_rate_high=high)[DEVELOPMENT]
