"""Team: stress tests of both sides by hand, odds of leaving, the account team with its activity."""

import pandas as pd
import pytest
from test_relationships import ACCOUNTS, AS_OF, activities, assessed, contacts, people

from kamlib import words
from kamlib.relationships import account_team


def test_odds_of_leaving_as_published():
    """methods.md D.2: nine months at 20 % yearly turnover is about 15 %; a blog's "one in three" would need about 42 %."""
    assert account_team.leaving_odds(9, 0.20) == pytest.approx(0.154, abs=0.001)
    assert account_team.leaving_odds(9, 0.42) == pytest.approx(1 / 3, abs=0.005)
    assert account_team.leaving_odds(12) == pytest.approx(0.2)
    assert account_team.leaving_odds(0) == 0


@pytest.fixture
def stress():
    """At a, Li alone speaks to the champion and the user, Wu to the user as well; at b, Wu alone to the user."""
    who = contacts(("1", "a", None, None), ("2", "a", None, None), ("3", "a", None, None), ("4", "b", None, None))
    ties = assessed(
        *[(c, role, 1, "2025-01-01") for c, role in (("1", "champion"), ("2", "user"), ("3", "user"), ("4", "user"))]
    )
    deeds = activities(
        ("a", "1", "2025-12-01", "visit", True, "Li"), ("a", "2", "2025-12-01", "visit", True, "Li"),
        ("a", "2", "2025-12-02", "mail", True, "Wu"), ("a", "3", "2025-12-02", "mail", True, "Wu"), ("b", "4", "2025-12-02", "mail", True, "Wu"),
    )  # fmt: skip
    return account_team.stress_table(people(who, ties, deeds), deeds, ACCOUNTS, AS_OF)


def test_when_our_rep_leaves_only_contacts_of_others_stay(stress):
    row = stress[(stress.scenario == "our_rep") & (stress.account_id == "a")].iloc[0]
    assert (row.person, row.n_active_before, row.n_active_after, row.n_roles_lost) == ("Li", 3, 2, 1)
    assert row.falls
    assert row.at_risk == row.at_stake == 110
    other = stress[(stress.scenario == "our_rep") & (stress.account_id == "b")].iloc[0]
    assert (other.person, other.n_active_after, other.falls) == ("Wu", 0, True)


def test_when_their_champion_leaves_the_role_is_lost_and_accounts_without_one_are_left_out(stress):
    rows = stress[stress.scenario == "champion"]
    assert rows.account_id.tolist() == ["a"]
    row = rows.iloc[0]
    assert (row.person, row.n_roles_lost, row.covered_share_before, row.covered_share_after) == ("Mr 1", 1, 0.5, 0.25)
    words.speak("en")
    assert "if the champion left, 1 of 1" in account_team.stress_claim(stress)


def test_what_holds_is_not_at_risk():
    who = contacts(*[(str(i), "a", None, None) for i in range(4)])
    ties = assessed(*[(str(i), "champion", 1, "2025-01-01") for i in range(4)])
    deeds = activities(
        *[("a", str(i), "2025-12-01", "visit", True, person) for i in range(4) for person in ("Li", "Wu")]
    )
    table = account_team.stress_table(people(who, ties, deeds), deeds, ACCOUNTS, AS_OF)
    assert not table.falls.any()
    assert (table.at_risk == 0).all()


def test_the_team_of_the_day_with_its_activity():
    staff = pd.DataFrame(
        [
            ("a", "Li", "sales", "2020-01-01", None), ("a", "Wu", "service", "2020-01-01", "2025-06-01"),
            ("a", "Xu", "technical", None, None), ("b", "Wu", "sales", "2020-01-01", None),
        ],
        columns=["account_id", "person", "team_role", "since", "until"],
    ).astype({"since": "datetime64[us]", "until": "datetime64[us]"})  # fmt: skip
    deeds = activities(("a", "1", "2025-12-01", "visit", True, "Li"), ("a", "1", "2025-01-01", "visit", True, "Xu"))
    table = account_team.team_table(staff, deeds, ACCOUNTS, AS_OF)
    assert table[["account_id", "team_role", "person", "n_activities", "is_active"]].to_numpy().tolist() == [
        ["a", "sales", "Li", 1, True], ["a", "technical", "Xu", 0, False], ["b", "sales", "Wu", 0, False],
    ]  # fmt: skip
    assert table.n_functions.tolist() == [2, 2, 1]
    assert table.n_functions_active.tolist() == [1, 1, 0]
    words.speak("en")
    assert "2 of 2 accounts are touched by at most one" in account_team.team_claim(table)
