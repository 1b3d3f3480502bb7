"""Relationship stages: one account per stage, by hand."""

import pandas as pd

from kamlib import words
from kamlib.relationships import REQUIRED_ROLES, stages


def company():
    """a: nobody in touch; b: bow tie; c: two and two; d: three, two and the decision maker; e: everything; f: never ordered."""
    departments = {"b": 1, "c": 2, "d": 3, "e": 4, "f": 3}
    people = pd.DataFrame(
        [(account, f"dept{i}", True) for account, n in departments.items() for i in range(n)] + [("a", "dept0", False)],
        columns=["account_id", "department", "is_active"],
    )
    accounts = pd.DataFrame({"account_id": list("abcdef"), "account_name": list("ABCDEF"), "owner": "Li", "revenue": range(6, 0, -1), "n_orders_ever": [5] * 5 + [0]})  # fmt: skip
    coverage = pd.DataFrame("unknown", index=range(6), columns=REQUIRED_ROLES).assign(
        account_id=list("abcdef"), covered_share=0.0
    )
    coverage.loc[3, ["decision_maker", "covered_share"]] = ["covered", 0.25]
    coverage.loc[4, [*REQUIRED_ROLES, "covered_share"]] = ["covered"] * 4 + [1.0]
    team = pd.DataFrame({"account_id": list("bcdef"), "n_functions_active": [1, 2, 2, 3, 3]})
    return stages.stage_table(people, coverage, team, accounts)


def test_one_account_in_each_stage():
    table = company().set_index("account_id")
    assert table.relationship_stage.to_dict() == {
        "a": "stage_exploratory", "b": "stage_basic", "c": "stage_cooperative", "d": "stage_interdependent", "e": "stage_integrated",
        "f": "stage_exploratory",
    }  # fmt: skip
    assert table.n_functions_theirs.to_dict() == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 3}


def test_the_claim_counts_all_stages_in_both_languages():
    words.speak("en")
    assert "exploratory 2, basic 1, cooperative 1, interdependent 1, integrated 1" in stages.stage_claim(company())
    assert "探索期 2" in stages.stage_claim(company(), "zh")
    assert "of 0 relationships" in stages.stage_claim(company().head(0))
