"""Map quality: completeness and freshness by hand, and how the two sides talk."""

import numpy as np
import pytest
from test_relationships import ACCOUNTS, AS_OF, activities, assessed, contacts, people

from kamlib import stats, words
from kamlib.relationships import map_quality


def test_completeness_and_freshness_are_numbers_of_their_own():
    who = contacts(("1", "a", None, None), ("2", "a", "1", None), ("3", "a", "9", None))
    who.loc[2, "title"] = None
    ties = assessed(("1", "user", 0, "2025-12-01"), ("2", "champion", 1, "2024-01-01"))
    ties.loc[1, "authority"] = None
    table = map_quality.quality_table(people(who, ties, activities()), ACCOUNTS, AS_OF).set_index("account_id")
    row = table.loc["a"]
    assert row.completeness_share == pytest.approx((7 + 6 + 1) / 21)  # all; no authority; department only
    assert row.fresh_share == pytest.approx(1 / 3)
    assert row.n_no_authority == 2
    assert row.n_no_manager == 1  # two without a known manager, one of them the head
    assert (table.loc["b", "n_contacts"], table.loc["b", "fresh_share"]) == (0, 0)
    assert np.isnan(table.loc["b", "completeness_share"])
    words.speak("en")
    assert "67 % complete and 33 % fresh" in map_quality.quality_claim(table.reset_index())


def test_how_we_talk():
    who = contacts(("1", "a", None, None), ("2", "a", None, None), ("3", "b", None, None))
    ties = assessed(("1", "decision_maker", 0, "2025-12-01"), ("2", "user", 0, "2025-12-01"))
    deeds = activities(
        ("a", "1", "2025-12-01", "visit", True), ("a", "2", "2025-12-02", "mail", False), ("a", "2", "2025-12-02", "mail", False),
        ("b", "3", "2025-06-01", "call", True),
    )  # fmt: skip
    table = map_quality.dialogue_quality_table(people(who, ties, deeds), deeds, ACCOUNTS, AS_OF).set_index("account_id")
    a = table.loc["a"]
    assert (a.n_activities, a.two_way_rate, a.face_share, a.n_channels, a.senior_share) == (2, 0.5, 0.5, 2, 0.5)
    assert (a.two_way_rate_low, a.two_way_rate_high) == pytest.approx(stats.wilson(1, 2))
    assert table.is_silent.to_dict() == {"a": False, "b": True}
    assert table.index[0] == "b"
    words.speak("en")
    assert "1 of 2 accounts had no two-way contact" in map_quality.dialogue_quality_claim(table.reset_index())
