"""Judgement: contradictions between declared and evidence, and the power–interest grid, on people that can be checked by hand."""

import numpy as np
import pandas as pd
import pytest
from test_relationships import ACCOUNTS, AS_OF, activities, assessed, contacts, people

from kamlib import relationships, words
from kamlib.relationships import judgement


def company():
    who = contacts(*[(str(i), "a", None, None) for i in range(6)])
    ties = assessed(
        ("0", "champion", 1, "2025-01-01"),  # no contact
        ("1", "user", 0, "2025-01-01"),  # called close, no contact
        ("2", "user", 0, "2025-01-01"),  # called distant, visited most
        ("3", "blocker", 1, "2025-01-01"),
        ("4", "champion", -1, "2025-01-01"),
        ("5", "user", 0, "2025-01-01"),
    )
    ties["relationship"] = [3, 5, 1, 3, 3, 4]
    deeds = activities(
        *[("a", "2", f"2025-12-{day}", "visit", True) for day in (1, 5, 9)],
        *[("a", str(i), "2025-12-20", "mail", True) for i in (3, 4, 5)],
    )
    return who, ties, deeds


def test_each_kind_of_contradiction_is_found_and_agreement_is_left_alone():
    who, ties, deeds = company()
    everybody = people(who, ties, deeds)
    threads = relationships.threads_table(everybody, deeds, ACCOUNTS, AS_OF)
    table = judgement.contradictions_table(everybody, threads).set_index("contact_id")
    assert table.contradiction.dropna().to_dict() == {
        "0": "champion_silent", "1": "close_silent", "2": "distant_active", "3": "blocker_friendly", "4": "champion_against",
    }  # fmt: skip
    assert table.contradiction.isna().tolist()[-1]
    words.speak("en")
    assert "5 of 6 judged contacts" in judgement.contradictions_claim(table.reset_index())


def test_one_way_mail_does_not_make_a_friend_talk():
    who, ties, _ = company()
    deeds = activities(("a", "1", "2025-12-20", "mail", False))
    everybody = people(who, ties, deeds)
    table = judgement.contradictions_table(everybody, relationships.threads_table(everybody, deeds, ACCOUNTS, AS_OF))
    assert table.set_index("contact_id").contradiction["1"] == "close_silent"


def test_power_is_influence_times_authority_and_never_guessed():
    who, ties, deeds = company()
    ties["influence"] = [5, 4, 3, 2, np.nan, 5]
    ties["authority"] = ["approve", "veto", "advise", "execute", "approve", None]
    table = judgement.power_table(people(who, ties, deeds), people(who, ties, deeds)).set_index("contact_id")
    assert table.power_score.dropna().to_dict() == pytest.approx({"0": 100, "1": 64, "2": 30, "3": 10})
    assert table.grid[["4", "5"]].tolist() == ["unknown_power"] * 2
    assert table.interest_score["2"] == pytest.approx(50)  # the strongest, neutral
    assert table.interest_score["0"] == pytest.approx(25)  # silent, supportive
    assert table.grid.to_dict() | {"4": "", "5": ""} == {
        "0": "keep_satisfied", "1": "keep_satisfied", "2": "keep_informed", "3": "monitor", "4": "", "5": "",
    }  # fmt: skip
    assert (table.earlier_power_score.dropna() == table.power_score.dropna()).all()


def test_the_earlier_place_knows_nothing_of_later():
    who, ties, deeds = company()
    late = activities(("a", "0", "2025-12-01", "visit", True))
    before = judgement.people_before(who, ties, deeds, ACCOUNTS, AS_OF, days=60)
    again = judgement.people_before(
        who,
        pd.concat([ties, assessed(("0", "user", -2, "2025-12-01"))]),
        pd.concat([deeds, late]),
        ACCOUNTS,
        AS_OF,
        days=60,
    )
    pd.testing.assert_frame_equal(before, again)
