"""Relationships: evidence fades and counts once, roles and threads are counted right, charts survive odd org trees."""

import datetime as dt
from random import Random

import numpy as np
import pandas as pd
import pytest
import small_company
from hypothesis import given
from hypothesis import strategies as st

import kamlib as kam
from kamlib import relationships, words
from kamlib.practice import Practice
from kamlib.relationships import account_team, contact_map, decision_path, departures, dialogues, judgement, map_quality
from kamlib.settings import Settings

AS_OF = dt.date(2025, 12, 31)


def contacts(*rows):
    """Build contacts from (contact_id, account_id, reports_to, left_at)."""
    table = pd.DataFrame(rows, columns=["contact_id", "account_id", "reports_to", "left_at"])
    table["left_at"] = pd.to_datetime(table.left_at)
    return table.assign(contact_name="Mr " + table.contact_id, title="Buyer", department="Purchasing")


def activities(*rows):
    """Build activities from (account_id, contact_id, happened_at, type, two_way[, person])."""
    table = pd.DataFrame(
        [(*row, "Li")[:6] for row in rows],
        columns=["account_id", "contact_id", "happened_at", "type", "two_way", "person"],
    )
    table["happened_at"] = pd.to_datetime(table.happened_at)
    return table


def assessed(*rows):
    """Build relationships from (contact_id, role, stance, assessed_at)."""
    table = pd.DataFrame(rows, columns=["contact_id", "role", "stance", "assessed_at"])
    table["assessed_at"] = pd.to_datetime(table.assessed_at)
    return table.assign(deal_id=None, influence=3, authority="advise", relationship=3, contact_state="once")


ACCOUNTS = pd.DataFrame(
    {
        "account_id": ["a", "b"],
        "account_name": ["A", "B"],
        "owner": ["Li", "Wu"],
        "revenue": [100.0, 50.0],
        "weighted_pipeline": [10.0, np.nan],
    }
)


def people(who, ties, deeds):
    return relationships.contact_table(who, ties, deeds, ACCOUNTS, AS_OF)


def test_evidence_weighs_kind_direction_and_age():
    deeds = activities(
        ("a", "1", "2025-12-31 09:00", "visit", True),
        ("a", "2", "2025-12-31 09:00", "visit", False),
        ("a", "3", "2025-10-02 09:00", "visit", True),
    )
    rows = relationships.weigh(deeds, AS_OF).set_index("contact_id").weight
    assert rows["1"] == 3
    assert rows["2"] == 1.5
    assert rows["3"] == pytest.approx(1.5)  # 90 days: one half-life


def test_one_meeting_is_not_five_rows():
    deeds = activities(*[("a", "1", f"2025-12-01 {hour}:00", "meeting", hour == 11) for hour in range(9, 14)])
    rows = relationships.weigh(deeds, AS_OF)
    assert len(rows) == 1
    assert rows.two_way.all()


def test_people_who_left_are_gone_and_the_latest_assessment_holds():
    who = contacts(("1", "a", None, None), ("2", "a", "1", "2025-06-01"))
    ties = assessed(("1", "user", 0, "2024-01-01"), ("1", "champion", 2, "2025-01-01"))
    table = people(who, ties, activities(("a", "1", "2025-12-01", "call", True)))
    assert table.contact_id.tolist() == ["1"]
    assert table.role.tolist() == ["champion"]
    assert table.is_active.tolist() == [True]
    assert table.strength_score.tolist() == [100]


def test_of_one_day_the_assessment_of_the_account_counts_before_that_of_a_deal():
    ties = assessed(("1", "user", 0, "2025-01-01"), ("1", "champion", 2, "2025-01-01"), ("2", "user", 0, "2025-01-01"))
    ties["deal_id"] = [None, "d1", "d2"]
    assert relationships.latest_assessment(ties).set_index("contact_id").role.to_dict() == {"1": "user", "2": "user"}
    ties.loc[1, "assessed_at"] += pd.Timedelta(days=1)
    assert relationships.latest_assessment(ties).set_index("contact_id").role["1"] == "champion"


def test_goals_may_ask_for_more_than_one():
    who = contacts(("1", "a", None, None), ("2", "b", None, None), ("3", "b", None, None))
    ties = assessed(*[(str(i), "user", 1, "2025-01-01") for i in (1, 2, 3)])
    deeds = activities(*[("ab"[i > 1], str(i), "2025-12-01", "visit", True) for i in (1, 2, 3)])
    table = relationships.coverage_table(people(who, ties, deeds), ACCOUNTS, {"user": 2}).set_index("account_id")
    assert table.user.to_dict() == {"a": "silent", "b": "covered"}
    goals = Settings().goals.model_dump()
    assert set(goals) == set(relationships.REQUIRED_ROLES)
    assert set(goals.values()) == {1}


def test_coverage_tells_covered_silent_and_unknown():
    who = contacts(*[(str(i), "a", None, None) for i in range(4)])
    ties = assessed(
        ("0", "decision_maker", 1, "2025-01-01"), ("1", "champion", -1, "2025-01-01"), ("2", "user", 0, "2025-01-01")
    )
    deeds = activities(
        *[("a", str(i), "2025-12-01", "visit", True) for i in range(2)], ("a", "2", "2025-12-01", "mail", False)
    )
    table = relationships.coverage_table(people(who, ties, deeds), ACCOUNTS).set_index("account_id")
    assert table.loc["a", list(relationships.REQUIRED_ROLES)].tolist() == ["covered", "silent", "silent", "unknown"]
    assert table.covered_share.tolist() == [0.25, 0]


def test_threads_and_concentration():
    who = contacts(("1", "a", None, None), ("2", "a", "1", None), ("3", "b", None, None))
    deeds = activities(("a", "1", "2025-12-31", "visit", True), ("a", "2", "2025-12-31", "mail", True, "Wu"))
    table = relationships.threads_table(people(who, assessed(), deeds), deeds, ACCOUNTS, AS_OF).set_index("account_id")
    assert table.n_active.to_dict() == {"a": 2, "b": 0}
    assert table.top_contact_share["a"] == 0.75
    assert table.concentration_index["a"] == pytest.approx(0.75**2 + 0.25**2)
    assert table.own_top_share["a"] == 0.75
    assert table.own_concentration_index["a"] == pytest.approx(0.75**2 + 0.25**2)
    assert table.n_ours.to_dict() == {"a": 2, "b": 0}
    assert table.single_owner.to_dict() == {"a": False, "b": True}
    assert table.single_threaded.tolist() == [True, True]
    assert table.at_stake.to_dict() == {"a": 110, "b": 50}


def test_the_worst_departure_is_the_only_holder_of_a_role():
    who = contacts(*[(str(i), "a", None, None) for i in range(3)])
    ties = assessed(("0", "user", 1, "2025-01-01"), ("1", "user", 1, "2025-01-01"), ("2", "champion", 1, "2025-01-01"))
    deeds = activities(*[("a", str(i), "2025-12-31", kind, True) for i, kind in enumerate(["visit", "visit", "mail"])])
    everybody = people(who, ties, deeds)
    table = departures.departure_table(everybody, relationships.threads_table(everybody, deeds, ACCOUNTS, AS_OF))
    assert table.contact_id.tolist() == ["2"]
    assert table.roles_lost.tolist() == ["champion"]
    assert table.n_active_after.tolist() == [2]
    assert table.strength_share.iloc[0] == pytest.approx(1 / 7)


def test_an_org_chart_survives_cycles_several_roots_and_unknown_managers():
    who = contacts(
        ("1", "a", None, None),
        ("2", "a", "1", None),
        ("3", "a", "1", None),
        ("4", "a", "5", None),
        ("5", "a", "4", None),
        ("6", "a", "99", None),
        ("7", "a", "7", None),
    )
    table = contact_map.org_chart_table(people(who, assessed(), activities())).set_index("contact_id")
    assert table.in_cycle[table.in_cycle].index.tolist() == ["4", "5", "7"]
    assert table.place_level.to_dict() == {"1": 0, "2": 1, "3": 1, "4": 0, "5": 0, "6": 0, "7": 0}
    assert table.place_row["1"] == (table.place_row["2"] + table.place_row["3"]) / 2
    leaves = table[table.index != "1"].place_row
    assert leaves.is_unique
    assert "runs in a circle" in contact_map.org_chart_claim(table.reset_index())


@given(st.lists(st.integers(0, 11), min_size=1, max_size=12))
def test_every_contact_has_a_place_whatever_the_reporting_lines(bosses):
    who = contacts(*[(str(i), "a", str(boss), None) for i, boss in enumerate(bosses)])
    table = contact_map.org_chart_table(people(who, assessed(), activities()))
    assert len(table) == len(bosses)
    assert table[["place_level", "place_row"]].notna().all().all()
    assert not table.duplicated(["place_level", "place_row"]).any()


def test_dialogue_shares_sum_to_one_and_the_silent_stay_on_the_map():
    who = contacts(("1", "a", None, None), ("2", "a", "1", None))
    deeds = activities(("a", "1", "2025-12-31", "visit", True), ("a", "1", "2025-12-31", "call", True, "Wu"))
    table = contact_map.dialogue_table(people(who, assessed(), deeds), deeds, AS_OF)
    assert table.strength_share.sum() == pytest.approx(1)
    assert table.person.isna().sum() == 1
    assert "none of us talks to 1 of the contacts" in contact_map.dialogue_claim(table)


def test_who_left_is_listed_with_what_remains():
    who = contacts(("1", "a", None, "2025-11-01"), ("2", "a", None, "2023-01-01"), ("3", "a", None, None))
    ties = assessed(("1", "champion", 2, "2025-01-01"))
    deeds = activities(("a", "3", "2025-12-01", "visit", True))
    everybody = people(who, ties, deeds)
    threads = relationships.threads_table(everybody, deeds, ACCOUNTS, AS_OF)
    table = departures.left_table(who, ties, threads, AS_OF)
    assert table[["contact_name", "role", "n_active", "single_threaded"]].to_numpy().tolist() == [
        ["Mr 1", "champion", 1, True]
    ]
    assert "lost its champion" in departures.left_claim(table)
    unknown = table.assign(role="unknown")
    assert "lost a contact and" in departures.left_claim(unknown)
    assert "失去一位联系人，" in departures.left_claim(unknown, "zh")


def test_an_unknown_account_is_refused_with_a_suggestion():
    assert contact_map.pick_account(ACCOUNTS).account_id == "a"
    assert contact_map.pick_account(ACCOUNTS, "B").account_id == "b"
    with pytest.raises(kam.InputError, match="Leave it empty for the largest"):
        contact_map.pick_account(ACCOUNTS, "Z")


def test_order_of_rows_does_not_matter():
    who = contacts(*[(str(i), "ab"[i % 2], None, None) for i in range(8)])
    deeds = activities(*[("ab"[i % 2], str(i), f"2025-1{i % 3}-1{i}", "call", i % 3 > 0) for i in range(8)])
    one, two = (
        people(who, assessed(), deeds),
        people(who.sample(frac=1, random_state=2), assessed(), deeds.sample(frac=1, random_state=3)),
    )
    pd.testing.assert_frame_equal(one, two)


def test_the_sample_hides_a_single_threaded_account_whose_champion_left(sample):
    from kamlib.sample import stories

    mart = sample.mart[sample.mart.is_key_account]
    frames = sample.frame("contacts"), sample.frame("relationships"), sample.frame("activities")
    everybody = relationships.contact_table(*frames, mart, sample.as_of)
    threads = relationships.threads_table(everybody, frames[2], mart, sample.as_of).set_index("account_id")
    assert stories is not None
    left = departures.left_table(*frames[:2], threads.reset_index(), sample.as_of)
    assert (left.single_threaded & (left.role == "champion")).any()


def test_practice_accepts_the_right_answer_and_hints_at_the_likely_wrong_one(sample):
    check = Practice(sample, "02")
    for question in check.questions.values():
        assert check(question.id, None).right is None
        assert check(question.id, question.answer(sample)).right is True
        for trap, hint in question.traps:
            verdict = check(question.id, trap(sample))
            assert verdict.right is False
            assert hint[0] in verdict.text


@pytest.mark.parametrize("seed", range(12))
def test_every_table_and_picture_survives_odd_companies_and_absent_tables(seed):
    random = Random(seed)
    frames = small_company.make(random, AS_OF)
    kept = {name: frame for name, frame in frames.items() if seed % 3 and random.random() < 0.7}
    data = small_company.data(kept | {name: frames[name] for name in ("accounts", "orders")}, AS_OF)
    words.speak("en")
    who, ties, deeds = (data.frame(name) for name in ("contacts", "relationships", "activities"))
    everybody = relationships.contact_table(who, ties, deeds, data.mart, AS_OF)
    threads = relationships.threads_table(everybody, deeds, data.mart, AS_OF)
    coverage = relationships.coverage_table(everybody, data.mart)
    assert len(threads) == len(coverage) == len(data.mart)
    mine = everybody[everybody.account_id == contact_map.pick_account(data.mart).account_id]
    for table, plot, claim in (
        (coverage, relationships.plot_coverage, relationships.coverage_claim),
        (threads, relationships.plot_threads, relationships.threads_claim),
        (contact_map.org_chart_table(mine), contact_map.plot_org_chart, contact_map.org_chart_claim),
        (contact_map.dialogue_table(mine, deeds, AS_OF), contact_map.plot_dialogue, contact_map.dialogue_claim),
        (departures.departure_table(everybody, threads), departures.plot_departure, departures.departure_claim),
        (departures.left_table(who, ties, threads, AS_OF), departures.plot_left, departures.left_claim),
        (
            judgement.contradictions_table(everybody, threads),
            judgement.plot_contradictions,
            judgement.contradictions_claim,
        ),
        (
            judgement.power_table(mine, judgement.people_before(who, ties, deeds, data.mart, AS_OF)),
            judgement.plot_power,
            judgement.power_claim,
        ),
        (decision_path.path_table(everybody, data.mart), decision_path.plot_path, decision_path.path_claim),
        (
            account_team.stress_table(everybody, deeds, data.mart, AS_OF),
            account_team.plot_stress,
            account_team.stress_claim,
        ),
        (
            account_team.team_table(data.frame("account_team"), deeds, data.mart, AS_OF),
            account_team.plot_team,
            account_team.team_claim,
        ),
        (map_quality.quality_table(everybody, data.mart, AS_OF), map_quality.plot_quality, map_quality.quality_claim),
        (decision_path.functions_table(everybody), decision_path.plot_functions, decision_path.functions_claim),
        (
            dialogues.early_contacts_table(data.frame("deals"), deeds, AS_OF),
            dialogues.plot_early_contacts,
            dialogues.early_contacts_claim,
        ),
    ):
        if len(table):
            plot(table)
            assert claim(table, "en") != claim(table, "zh")
    talk = map_quality.dialogue_quality_table(everybody, deeds, data.mart, AS_OF)
    assert map_quality.dialogue_quality_claim(talk) != map_quality.dialogue_quality_claim(talk, "zh")
    links = dialogues.network_table(dialogues.dialogue_ties(deeds, everybody))
    assert dialogues.network_claim(links) != dialogues.network_claim(links, "zh")
    assert len(departures.widening_table(threads, coverage, AS_OF)) <= 5
