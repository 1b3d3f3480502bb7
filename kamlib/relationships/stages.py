"""Stages: how far has the relationship with each account come, from who talks to whom? (Part of relationships.)"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamlib import words

STAGES = ("exploratory", "basic", "cooperative", "interdependent", "integrated")


def stage_table(
    people: pd.DataFrame, coverage: pd.DataFrame, team: pd.DataFrame, accounts: pd.DataFrame
) -> pd.DataFrame:
    """The relationship stage of each account by evidence, most revenue first.

    `coverage` is a `coverage_table`, `team` an `account_team.team_table`, `accounts` has account_id, account_name, owner, revenue,
    n_orders_ever. One row per account: account_id, account_name, owner, n_active, n_functions_theirs (departments in touch),
    n_functions_active (of ours), covered_share, relationship_stage: exploratory (no order yet, or nobody in touch), basic (one
    department or one of our functions: the bow tie), cooperative (two of each), interdependent (three of theirs, two of ours,
    the decision maker covered: the diamond), integrated (all required roles covered and three of ours as well). The stages are
    those of Millman and Wilson (1995) and McDonald; the thresholds are our convention.
    """
    active = people[people.is_active]
    table = accounts.sort_values(["revenue", "account_id"], ascending=[False, True], kind="stable")
    table = table[["account_id", "account_name", "owner", "n_orders_ever"]].reset_index(drop=True)
    ours = team.drop_duplicates("account_id").set_index("account_id").n_functions_active
    known = coverage.set_index("account_id")
    counts = {
        "n_active": active.groupby("account_id").size(),
        "n_functions_theirs": active.groupby("account_id").department.nunique(), "n_functions_active": ours,
    }  # fmt: skip
    for name, values in counts.items():
        table[name] = table.account_id.map(values).fillna(0).astype(int)
    table["covered_share"] = table.account_id.map(known.covered_share).astype(float)
    decides = table.account_id.map(known.decision_maker).eq("covered")
    theirs, us = table.n_functions_theirs, table.n_functions_active
    diamond = (theirs >= 3) & (us >= 2) & decides
    rules = [
        (table.n_active == 0) | ~(table.n_orders_ever > 0), (theirs <= 1) | (us <= 1),
        diamond & (us >= 3) & (table.covered_share == 1), diamond,
    ]  # fmt: skip
    found = np.select(rules, ["exploratory", "basic", "integrated", "interdependent"], "cooperative")
    table["relationship_stage"] = [f"stage_{name}" for name in found]
    return table.drop(columns="n_orders_ever")


def stage_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Count the accounts per stage, in their order."""
    counts = table.relationship_stage.value_counts()
    parts = {
        to: [f"{words.word(f'stage_{name}', to)} {counts.get(f'stage_{name}', 0)}" for name in STAGES]
        for to in words.LANGUAGES
    }
    return words.say(
        lang,
        en=f"Stage of {len(table)} relationships by evidence: {', '.join(parts['en'])}.",
        zh=f"按互动判断 {len(table)} 个客户的关系阶段：{'、'.join(parts['zh'])}。",
    )
