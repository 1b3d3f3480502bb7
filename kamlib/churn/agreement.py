"""Agreement on reasons: does what sales wrote down at a loss match what the customer complained about before it?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamlib import stats
from kamlib.words import number, say, share

FEWEST = 10
"""Pairs below which agreement is not computed."""
DAYS = 365
TOPIC_REASON = {
    "product_quality": "product", "service_attitude": "service", "delivery_speed": "service", "after_sales": "service",
}  # fmt: skip
"""The reason that a topic of a case speaks for; price and rivals leave no case."""


def agreement_table(losses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Compare the recorded main reason of each loss with the topic of the last case in the year before it.

    `losses` as `reasons.loss_table` returns them. One row per loss with both, and a reason that a case can speak for:
    account_id, lost_at, churn_reason (the weightiest), topic, case_reason (what the topic speaks for), same.
    """
    noted = losses[losses["recorded"].astype(bool) & losses["churn_reason"].isin(set(TOPIC_REASON.values()))]
    noted = noted.sort_values(["reason_share", "churn_reason"], ascending=[False, True]).drop_duplicates(
        ["account_id", "lost_at"]
    )
    rows = cases.loc[cases["topic"].notna(), ["account_id", "opened_at", "topic"]]
    pairs = noted.merge(rows, on="account_id")
    age = (pairs["lost_at"] - pairs["opened_at"]).dt.days
    pairs = (
        pairs[(age >= 0) & (age <= DAYS)]
        .sort_values("opened_at")
        .drop_duplicates(["account_id", "lost_at"], keep="last")
    )
    case_reason = pairs["topic"].map(TOPIC_REASON)
    pairs = pairs.assign(case_reason=case_reason, same=case_reason == pairs["churn_reason"])
    columns = ["account_id", "lost_at", "churn_reason", "topic", "case_reason", "same"]
    return pairs[columns].sort_values(["lost_at", "account_id"], ignore_index=True)


def kappa(a: pd.Series, b: pd.Series) -> float:
    """Return Cohen's kappa: agreement beyond chance, 1 at best; NaN when both always say the same one thing.
    Source: Cohen (1960)."""
    seen = float((a.to_numpy() == b.to_numpy()).mean())
    shares = pd.concat([part.value_counts(normalize=True) for part in (a, b)], axis=1).fillna(0)
    chance = float(shares.prod(axis=1).sum())
    return (seen - chance) / (1 - chance) if chance < 1 else np.nan


def agreement_text(table: pd.DataFrame, lang: str | None = None) -> str:
    """Say how often record and case agree, or that too few losses have both."""
    n = len(table)
    if n < FEWEST:
        return say(
            lang,
            f"Whether recorded reasons agree with the cases before cannot be said: {n} losses have both, {FEWEST} are needed.",
            f"登记原因与此前工单是否一致尚无法判断：两者俱全的流失仅 {n} 个，至少需 {FEWEST} 个。",
        )
    same = int(table["same"].sum())
    low, high = stats.wilson(same, n)
    beyond = number(kappa(table["churn_reason"], table["case_reason"]), 2)
    return say(
        lang,
        f"Record and last case name the same reason in {same} of {n} losses ({share(low)} – {share(high)}; kappa {beyond}).",
        f"{n} 个流失中有 {same} 个登记原因与最近工单一致（{share(low)} – {share(high)}；kappa {beyond}）。",
    )
