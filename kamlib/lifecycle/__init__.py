"""Lifecycle: in which state is each account, since when, and how do accounts move from state to state?

Seven states, exactly one per account and day: prospect (no order), first purchase (one order day), repeat, loyal,
dormant (silent longer than τ1), lost (`churned`: silent longer than τ2, or its contract ended without renewal) and won back (the
first order after a loss). τ1 is the 90th percentile of the account's own gaps between order days and τ2 twice that,
never below the floors of `settings.lifecycle`; an account with fewer than three order days borrows the gaps of its
segment. The thresholds of a silence are fixed on the day of the order that precedes it, from what was known then: so a
state never changes in retrospect, and what is said of a past day is what would have been said on that day.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from kamlib.settings import Settings

STATES = ("prospect", "first_purchase", "repeat", "loyal", "won_back", "dormant", "churned")
BUYING = ("first_purchase", "repeat", "loyal", "won_back")
CUSTOMERS = (*BUYING, "dormant")
"""States in which an account counts as a customer: it has bought and is not lost."""
OWN_ORDERS = 3
"""From so many order days on an account has a rhythm of its own."""
BORROWED_GAPS = 3
"""So many first gaps of each account enter its segment's distribution: frequent buyers must not outvote the others."""
SEGMENT_GAPS = 20
"""A segment with fewer known gaps lends the distribution of all accounts; with fewer still the floors decide."""
QUANTILE = 0.9
DAY = pd.Timedelta(days=1)


# --- The definition engine: one silence after each order day, one spell per state -----------------------------------


def states(
    order_days: pd.DataFrame,
    as_of: dt.date,
    settings: Settings,
    accounts: pd.DataFrame,
    contracts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the state of every account on `as_of`: account_id, state, since, tau1_days, tau2_days.

    `order_days` needs account_id and order_date, `accounts` account_id, created_at and industry; nothing dated after
    `as_of` is read. `since` is the first day of the state; the thresholds are those of the present silence, missing
    for prospects. With `contracts` (account_id, start_date, end_date) an account that fell silent is lost when its contract has ended.
    """
    return current_states(silences(order_days, as_of, settings, accounts, contracts), as_of, settings, accounts)


def current_states(known: pd.DataFrame, as_of: dt.date, settings: Settings, accounts: pd.DataFrame) -> pd.DataFrame:
    """Return what `states` returns, from `silences` that are already there."""
    latest = known.groupby("account_id", sort=False).tail(1)[["account_id", "tau1_days", "tau2_days"]]
    now = spells(known, as_of, settings, accounts)
    now = now[now["end"].isna()].rename(columns={"start": "since"})
    return now.drop(columns="end").merge(latest, on="account_id", how="left")


def silences(
    order_days: pd.DataFrame,
    as_of: dt.date,
    settings: Settings,
    accounts: pd.DataFrame,
    contracts: pd.DataFrame | None = None,
    *,
    tau2_scale: float = 1.0,
) -> pd.DataFrame:
    """Describe the silence that follows each order day, with the thresholds known on that day.

    One row per account and order day, in order: account_id, order_date, next_order (missing: none yet), n_order_days
    (so far), gap_days (before this order), tau1_days, tau2_days, dormant_from and lost_from (first days on which the
    silence counts as dormant and as lost, reached or not), first_order, gap_variation_ratio (of the gaps so far). A
    silence beyond τ1 is lost as soon as the contract that ran in it has ended. `tau2_scale` stretches τ2.
    """
    rows = _order_rows(order_days, as_of, accounts)
    p90 = _own_p90(rows).fillna(_borrowed_p90(rows))
    floors = settings.lifecycle
    rows["tau1_days"] = p90.clip(lower=floors.dormant_floor_days).fillna(floors.dormant_floor_days)
    tau2 = (2 * p90).clip(lower=floors.lost_floor_days).fillna(floors.lost_floor_days)
    rows["tau2_days"] = np.maximum(tau2 * tau2_scale, rows["tau1_days"])
    rows["dormant_from"] = _first_day_after(rows["order_date"], rows["tau1_days"])
    rows["lost_from"] = _first_day_after(rows["order_date"], rows["tau2_days"])
    ended = np.maximum(rows["dormant_from"], _contract_end(rows, contracts, as_of) + DAY)
    rows["lost_from"] = np.fmin(rows["lost_from"], ended)
    return rows.drop(columns="segment")


def spells(known: pd.DataFrame, as_of: dt.date, settings: Settings, accounts: pd.DataFrame) -> pd.DataFrame:
    """Turn `silences` into spells, one row per account and state it was in: account_id, state, start, end.

    `end` is the first day of the next state, missing for the state on `as_of`. The spells of an account follow each
    other without gap or overlap from the day it was on file, or from its first order if that came earlier.
    """
    pieces = pd.concat(
        [
            _prospect_pieces(known, as_of, accounts),
            _buying_pieces(known, settings),
            _pieces(known, "dormant", "dormant_from"),
            _pieces(known, "churned", "lost_from"),
        ]
    )
    happened = ~(pieces["start"] >= pieces["next_order"]) & (pieces["start"] <= _stamp(as_of))
    pieces = pieces[happened].assign(rank=lambda p: p["state"].map({name: i for i, name in enumerate(STATES)}))
    pieces = pieces.sort_values(["account_id", "start", "rank"]).drop_duplicates(["account_id", "start"], keep="last")
    return _merged(pieces[["account_id", "state", "start"]])


def _merged(pieces: pd.DataFrame) -> pd.DataFrame:
    """Join neighbouring pieces of one state; a piece ends where the next one of its account starts."""
    repeated = (pieces["state"] == pieces["state"].shift()) & (pieces["account_id"] == pieces["account_id"].shift())
    merged = pieces[~repeated].reset_index(drop=True)
    return merged.assign(end=merged.groupby("account_id")["start"].shift(-1))


def fold_to_five(spells: pd.DataFrame) -> pd.DataFrame:
    """Fold seven states into five: a dormant account stays what it was before, one won back is a repeat buyer."""
    earlier = spells["state"].where(spells["state"] != "dormant").groupby(spells["account_id"]).ffill()
    return _merged(spells.assign(state=earlier.replace("won_back", "repeat")).drop(columns="end"))


def states_on(spells: pd.DataFrame, day: dt.date) -> pd.Series:
    """Return the state on `day` of every account on file then, indexed by account_id."""
    day = _stamp(day)
    there = (spells["start"] <= day) & (spells["end"].isna() | (spells["end"] > day))
    return spells[there].set_index("account_id")["state"]


def loss_events(known: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return the losses confirmed by `as_of`, one row each: account_id, last_order, churn_date, confirmed_on, returned.

    `churn_date` is the day the account is held to have left: the day on which its silence passed τ1. `confirmed_on` is
    the day on which that was known, `returned` the day of the order that won it back, if any.
    """
    lost = known[~(known["lost_from"] >= known["next_order"]) & (known["lost_from"] <= _stamp(as_of))]
    names = {
        "order_date": "last_order", "dormant_from": "churn_date", "lost_from": "confirmed_on", "next_order": "returned",
    }  # fmt: skip
    columns = ["account_id", "last_order", "churn_date", "confirmed_on", "returned"]
    return lost.rename(columns=names)[columns].reset_index(drop=True)


def _order_rows(order_days: pd.DataFrame, as_of: dt.date, accounts: pd.DataFrame) -> pd.DataFrame:
    segment = accounts.set_index("account_id")["industry"].fillna("unknown")
    rows = order_days.loc[order_days["order_date"] <= _stamp(as_of), ["account_id", "order_date"]].drop_duplicates()
    rows = rows[rows["account_id"].isin(segment.index)].sort_values(["account_id", "order_date"], ignore_index=True)
    rows["segment"] = rows["account_id"].map(segment)
    by_account = rows.groupby("account_id", sort=False)
    rows["next_order"] = by_account["order_date"].shift(-1)
    rows["n_order_days"] = by_account.cumcount() + 1
    rows["gap_days"] = by_account["order_date"].diff().dt.days
    rows["first_order"] = by_account["order_date"].transform("first")
    gaps = rows.groupby("account_id", sort=False)["gap_days"].expanding(min_periods=2)
    rows["gap_variation_ratio"] = (gaps.std() / gaps.mean()).droplevel(0)
    return rows


def _own_p90(rows: pd.DataFrame) -> pd.Series:
    gaps = rows.groupby("account_id", sort=False)["gap_days"]
    return gaps.expanding(min_periods=OWN_ORDERS - 1).quantile(QUANTILE).droplevel(0)


def _borrowed_p90(rows: pd.DataFrame) -> pd.Series:
    """Return the 90th percentile of the gaps known on each order day in the account's segment, else in all segments."""
    pool = rows[rows["n_order_days"].between(2, 1 + BORROWED_GAPS)].sort_values("order_date", kind="stable")
    of_all = _expanding_p90(pool.assign(segment="")).drop(columns="segment")
    dated = rows.sort_values("order_date", kind="stable").reset_index()
    by_segment = pd.merge_asof(dated, _expanding_p90(pool), on="order_date", by="segment").set_index("index")["p90"]
    by_all = pd.merge_asof(dated, of_all, on="order_date").set_index("index")["p90"]
    return by_segment.fillna(by_all).reindex(rows.index)


def _expanding_p90(pool: pd.DataFrame) -> pd.DataFrame:
    p90 = pool.groupby("segment")["gap_days"].expanding(min_periods=SEGMENT_GAPS).quantile(QUANTILE).droplevel(0)
    known = pool[["segment", "order_date"]].assign(p90=p90)
    return known.drop_duplicates(["segment", "order_date"], keep="last")


def _contract_end(rows: pd.DataFrame, contracts: pd.DataFrame | None, as_of: dt.date) -> pd.Series:
    """Return the end of the contract, with its renewals, that ran in each silence; missing where none did."""
    none = pd.Series(pd.NaT, index=rows.index, dtype=rows["order_date"].dtype)
    if contracts is None or contracts.empty or rows.empty:
        return none
    known = contracts[contracts["start_date"] <= _stamp(as_of)].sort_values(["account_id", "start_date"])
    latest_end = known.groupby("account_id")["end_date"].cummax()
    renewed = known["start_date"] <= latest_end.groupby(known["account_id"]).shift() + DAY
    chains = known.assign(chain=(~renewed).cumsum()).groupby("chain")
    chains = chains.agg(account_id=("account_id", "first"), start=("start_date", "first"), end=("end_date", "max"))
    dated = rows.reset_index().sort_values("dormant_from")
    found = pd.merge_asof(dated, chains.sort_values("start"), left_on="dormant_from", right_on="start", by="account_id")
    ends = found["end"].where(found["end"] >= found["order_date"])
    return none.fillna(ends.set_axis(found["index"]))


def _pieces(rows: pd.DataFrame, state: str | pd.Series, start: str) -> pd.DataFrame:
    return rows[["account_id", "next_order"]].assign(state=state, start=rows[start])


def _buying_pieces(known: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return what each order makes of the account, and from when on a regular buyer counts as loyal.

    Loyal: enough orders over a long enough time, gaps no more irregular than chance would make them (their standard
    deviation does not exceed their mean), and no silence beyond τ1 that ended within the same length of time.
    """
    rules, before = settings.lifecycle, known.groupby("account_id")
    first = known["n_order_days"] == 1
    returned = ~first & (known["order_date"] >= before["lost_from"].shift())
    base = np.select([first, returned], ["first_purchase", "won_back"], "repeat")
    disturbed = known["order_date"].where(~first & (known["order_date"] >= before["dormant_from"].shift()))
    calm = known["first_order"].where(disturbed.isna(), disturbed)
    calm = disturbed.groupby(known["account_id"]).ffill().fillna(calm)
    loyal_from = np.maximum(known["order_date"], calm + pd.Timedelta(days=rules.loyal_tenure_days))
    regular = (known["n_order_days"] >= rules.loyal_orders) & ~(known["gap_variation_ratio"] > 1)
    loyal = known.assign(loyal_from=loyal_from)[regular & (loyal_from < known["dormant_from"])]
    return pd.concat([_pieces(known, base, "order_date"), _pieces(loyal, "loyal", "loyal_from")])


def _prospect_pieces(known: pd.DataFrame, as_of: dt.date, accounts: pd.DataFrame) -> pd.DataFrame:
    """Return the time on file before the first order; an undated account counts from the first day of the data."""
    opening = known["order_date"].min() if len(known) else _stamp(as_of)
    first = known.groupby("account_id")["order_date"].first().reindex(accounts["account_id"]).to_numpy()
    rows = accounts[["account_id"]].assign(created=accounts["created_at"], next_order=first)
    rows["start"] = rows["created"].fillna(opening)
    undated_customer = rows["created"].isna() & rows["next_order"].notna()
    return _pieces(rows[~undated_customer & ~(rows["start"] >= rows["next_order"])], "prospect", "start")


def _first_day_after(day: pd.Series, length: pd.Series) -> pd.Series:
    return day + pd.to_timedelta(np.floor(length) + 1, unit="D")


def _stamp(day: dt.date | pd.Timestamp) -> pd.Timestamp:
    return pd.Timestamp(day)
