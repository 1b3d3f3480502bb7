"""Funnel: who belongs to it, how deals move through stages, and what became of a mature cohort."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deal_frames import AS_OF, CRM_AS_OF, CRM_STAGES, STAGES, crm_deals, day, frame, frames, random_book, story
from hypothesis import given, settings
from hypothesis import strategies as st

from kamlib import funnel
from kamlib.practice import Practice, matches
from kamlib.stats import wilson

seeds = st.integers(0, 10_000)
NONE = frame("deal_stage_history")


# --- population ---------------------------------------------------------------------------------------------------


def test_population_leaves_out_what_cannot_be_used_and_counts_it():
    deals = frame("deals", [
        {"deal_id": "D5", "status": "open", "created_at": day("2025-01-01"), "amount": 10.0, "account_id": "A1"},
        {"deal_id": "D1", "status": "won", "created_at": day("2025-01-01"), "closed_at": day("2025-02-01"), "amount": 0.0},
        {"deal_id": "D2", "status": "invalid", "created_at": day("2025-01-01"), "amount": 7.0},
        {"deal_id": "D3", "status": "lost", "created_at": day("2025-01-01"), "amount": 5.0},
        {"deal_id": "D4", "status": "won", "created_at": day("2025-03-01"), "closed_at": day("2025-02-01"), "amount": 3.0},
    ])  # fmt: skip
    assert funnel.population(deals)["deal_id"].tolist() == ["D1", "D5"]
    table = funnel.population_table(deals).set_index("rule")
    assert table["n_deals"].to_dict() == {
        "read": 5, "invalid": 1, "closed_undated": 1, "closed_before_created": 1, "kept": 2, "of_them_no_amount": 1,
        "of_them_no_account": 1,
    }  # fmt: skip
    assert table["amount"].loc[["read", "kept"]].tolist() == [25, 10]


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_population_table_balances(seed):
    deals, _, _ = random_book(seed, 40)
    table = funnel.population_table(deals).set_index("rule")
    parts = ["invalid", "closed_undated", "closed_before_created", "kept"]
    assert table.loc[parts, "n_deals"].sum() == table.loc["read", "n_deals"] == 40
    assert table.loc[parts, "amount"].sum() == pytest.approx(table.loc["read", "amount"])


# --- stages -------------------------------------------------------------------------------------------------------


def entries_of(*stories, level="stage"):
    deals, history = frames(list(stories))
    return funnel.stage_entries(deals, history, STAGES, level).set_index("stage")


def test_a_straight_way_to_won():
    path = [
        ("qualification", "2025-01-01"),
        ("needs", "2025-01-11"),
        ("proposal", "2025-02-01"),
        ("negotiation", "2025-03-01"),
    ]
    rows = entries_of(story("D1", path, "won", "2025-03-20"))
    assert rows["moved_on_at"].dt.strftime("%m-%d").tolist() == ["01-11", "02-01", "03-01", "03-20"]
    assert not rows[["is_skip", "is_return"]].any(axis=None)


def test_a_skipped_stage_has_no_entry_and_marks_the_stage_before():
    rows = entries_of(story("D1", [("qualification", "2025-01-01"), ("proposal", "2025-01-11")], "lost", "2025-02-01"))
    assert rows.index.tolist() == ["qualification", "proposal"]
    assert rows["is_skip"].tolist() == [True, False]
    assert rows["lost_at"].notna().tolist() == [False, True]


def test_going_back_undoes_nothing_and_the_loss_counts_once_at_the_furthest_stage():
    path = [
        ("needs", "2025-01-01"),
        ("proposal", "2025-01-11"),
        ("qualification", "2025-02-01"),
        ("needs", "2025-02-11"),
    ]
    rows = entries_of(story("D1", path, "lost", "2025-03-01"))
    assert rows.index.tolist() == ["needs", "proposal"]
    assert rows["is_return"].tolist() == [False, True]
    assert rows["lost_at"].notna().tolist() == [False, True]


def test_several_rows_in_a_stage_are_one_stay_and_two_stages_a_day_go_forwards():
    path = [
        ("needs", "2025-01-05"),
        ("qualification", "2025-01-05"),
        ("needs", "2025-01-09"),
        ("proposal", "2025-01-20"),
    ]
    deals, history = frames([story("D1", path)])
    stays = funnel.stage_visits(deals, history, STAGES)
    assert stays["stage"].tolist() == ["qualification", "needs", "proposal"]
    assert stays["until"].dt.day.tolist()[:2] == [5, 20]
    assert pd.isna(stays["until"].iloc[2])


def test_rows_after_closing_and_unknown_stages_are_left_out():
    path = [("qualification", "2025-01-01"), ("demo", "2025-01-05"), ("needs", "2025-03-01")]
    rows = entries_of(story("D1", path, "lost", "2025-02-01"))
    assert rows.index.tolist() == ["qualification"]


def test_groups_make_the_four_step_funnel():
    path = [("needs", "2025-01-01"), ("proposal", "2025-01-11"), ("negotiation", "2025-02-01")]
    rows = entries_of(story("D1", path, "won", "2025-03-01"), level="group")
    assert rows.index.tolist() == ["interested_customers", "negotiation_customers"]
    assert rows["moved_on_at"].dt.strftime("%m-%d").tolist() == ["01-11", "03-01"]


def test_follow_up_is_another_word_for_negotiation():
    stages = [stage.model_copy(update={"group": "follow_up"}) for stage in STAGES]
    assert set(funnel.ladder(stages, "group").values()) == {"negotiation_customers"}


def test_without_history_the_funnel_is_created_to_won():
    deals, _ = frames(
        [story("D1", [("needs", "2025-01-01")], "won", "2025-02-01"), story("D2", [("needs", "2025-01-01")])]
    )
    rows = funnel.stage_entries(deals, NONE, STAGES)
    assert rows["stage"].tolist() == ["created", "created"]
    assert rows["moved_on_at"].notna().tolist() == [True, False]


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_every_lost_deal_is_lost_from_exactly_one_stage(seed):
    deals, history, _ = random_book(seed, 60)
    deals = funnel.population(deals)
    rows = funnel.stage_entries(deals, history, STAGES)
    assert rows["lost_at"].notna().sum() == (deals["status"] == "lost").sum()
    assert rows.groupby("deal_id")["position"].is_monotonic_increasing.all()
    assert not (rows["moved_on_at"] < rows["entered_at"]).any()


# --- conversion ---------------------------------------------------------------------------------------------------


def test_conversion_by_hand_counts_open_deals_as_open():
    stories = [
        story("D1", [("needs", "2025-01-01"), ("proposal", "2025-01-11")]),
        story("D2", [("needs", "2025-01-01")], "lost", "2025-01-21"),
        story("D3", [("needs", "2025-01-01")]),
        story("D4", [("needs", "2025-01-01")], "won", "2025-12-20"),  # moved on, but later than the horizon
        story("D5", [("needs", "2025-12-01")]),  # too young to judge
    ]
    deals, history = frames(stories)
    table = funnel.conversion_table(funnel.stage_entries(deals, history, STAGES), AS_OF, horizon_days=100)
    needs, proposal = table.set_index("stage").loc["needs"], table.set_index("stage").loc["proposal"]
    assert needs[["n_entered", "n_moved_on", "n_lost", "n_still_open"]].tolist() == [4, 1, 1, 2]
    assert needs["conversion_rate"] == 0.25
    assert (needs["conversion_rate_low"], needs["conversion_rate_high"]) == pytest.approx(wilson(1, 4))
    assert proposal[["n_entered", "n_still_open"]].tolist() == [1, 1]


@given(seeds, st.integers(1, 36), st.integers(0, 400))
@settings(max_examples=12, deadline=None)
def test_entered_is_moved_on_plus_lost_plus_still_open(seed, months, horizon):
    deals, history, _ = random_book(seed, 80)
    for level in ("stage", "group"):
        entries = funnel.stage_entries(funnel.population(deals), history, STAGES, level)
        table = funnel.conversion_table(entries, AS_OF, months=months, horizon_days=horizon)
        assert (table["n_entered"] == table[["n_moved_on", "n_lost", "n_still_open"]].sum(axis=1)).all()
        assert table[["conversion_rate", "cumulative_rate"]].le(1).all(axis=None)
        assert (table["n_skipped"] <= table["n_moved_on"]).all()


def test_conversion_by_channel_adds_up_to_the_whole():
    deals, history, _ = random_book(12, 200)
    deals = funnel.population(deals)
    entries = funnel.stage_entries(deals, history, STAGES)
    parts, whole = funnel.conversion_by_table(entries, deals, AS_OF), funnel.conversion_table(entries, AS_OF)
    assert set(parts["channel"]) == {"online", "offline", "partner", "unknown"}
    for column in ("n_entered", "n_moved_on", "n_lost"):
        assert parts.groupby("stage")[column].sum().to_dict() == whole.set_index("stage")[column].to_dict()
    assert funnel.conversion_by_table(entries.head(0), deals, AS_OF).empty


def test_what_happens_after_the_horizon_moves_no_number():
    deals, history, _ = random_book(3)
    day_before = AS_OF - dt.timedelta(days=200)
    early = deals.assign(
        status=deals["status"].mask(deals["closed_at"] > pd.Timestamp(AS_OF) - pd.Timedelta(days=100), "open"),
        closed_at=deals["closed_at"].mask(deals["closed_at"] > pd.Timestamp(AS_OF) - pd.Timedelta(days=100)),
    )
    tables = [
        funnel.conversion_table(funnel.stage_entries(d, history, STAGES), day_before, horizon_days=100)
        for d in (deals, early)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_rows_in_any_order_give_the_same_table():
    deals, history, _ = random_book(5)
    tables = []
    for seed in (0, 1):
        mixed = deals.sample(frac=1, random_state=seed), history.sample(frac=1, random_state=seed)
        entries = funnel.stage_entries(funnel.population(mixed[0]), mixed[1], STAGES)
        tables.append(funnel.conversion_table(entries, AS_OF))
    pd.testing.assert_frame_equal(*tables)


def test_the_claim_singles_out_no_stage_on_few_deals():
    deals, history = frames([story("D1", [("needs", "2025-01-01")], "lost", "2025-01-21")])
    table = funnel.conversion_table(funnel.stage_entries(deals, history, STAGES), AS_OF)
    assert funnel.conversion_claim(table) == "Not enough data on conversion (n = 1)."


def test_nothing_delivered_gives_an_empty_table():
    entries = funnel.stage_entries(frame("deals"), NONE, STAGES)
    table = funnel.conversion_table(entries, AS_OF)
    assert table.empty
    assert table.columns.tolist() == funnel.CONVERSION


def test_history_of_other_deals_only():
    deals, _ = frames([story("D1", [("needs", "2025-01-01")])])
    _, history = frames([story("D9", [("needs", "2025-01-01")])])
    assert funnel.conversion_table(funnel.stage_entries(deals, history, STAGES), AS_OF).empty


def test_conversion_is_recovered_from_a_simulated_book():
    """70 % of 4,000 deals leave each stage forwards: the estimates and their intervals say so."""
    random, stories = np.random.default_rng(2), []
    for number in range(4000):
        at, path, status = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(random.integers(0, 300))), [], "won"
        for stage in STAGES:
            path.append((stage.name, str(at.date())))
            at += pd.Timedelta(days=int(random.integers(1, 30)))
            if random.random() > 0.7:
                status = "lost"
                break
        stories.append(story(f"D{number}", path, status, str(at.date())))
    table = funnel.conversion_table(funnel.stage_entries(*frames(stories), STAGES), AS_OF, months=36)
    assert table["conversion_rate"].to_numpy() == pytest.approx(0.7, abs=0.03)
    assert table["cumulative_rate"].iloc[-1] == pytest.approx(0.7**4, abs=0.02)
    assert table["n_still_open"].sum() == 0


# --- public data and the sample -----------------------------------------------------------------------------------


def test_crm_set_has_the_published_counts(public_data):
    deals = crm_deals(public_data)
    assert deals["status"].value_counts().to_dict() == {"won": 4238, "lost": 2473, "open": 2089}
    table = funnel.population_table(deals).set_index("rule")["n_deals"]
    assert table[["read", "kept", "of_them_no_account"]].tolist() == [8800, 8800, 1425]
    entries = funnel.stage_entries(funnel.population(deals), NONE, CRM_STAGES)
    assert len(entries) == 8300  # 500 in prospecting carry no date
    claim = funnel.conversion_claim(funnel.conversion_table(entries, CRM_AS_OF, horizon_days=138))
    assert "of 5,991 deals were won within 138 days of creation" in claim


def test_the_sample_loses_most_in_the_planted_stage(sample):
    from kamlib.sample.stories import BOTTLENECK_STAGE

    deals = funnel.population(sample.frame("deals"))
    entries = funnel.stage_entries(deals, sample.frame("deal_stage_history"), sample.settings.stages)
    table = funnel.conversion_table(entries, sample.as_of)
    assert table["stage"].tolist() == [stage.name for stage in sample.settings.stages]
    assert table.loc[table["conversion_rate"].idxmin(), "stage"] == BOTTLENECK_STAGE
    assert table["n_skipped"].sum() > 0
    assert table["n_returned"].sum() > 0


# --- practice -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def questions(sample):
    """The questions with answers and traps computed once: they do not change while we try wrong ones."""
    from kamlib.practice.funnel import QUESTIONS

    def fixed(compute):
        value = compute(sample)
        return lambda _: value

    return {
        q.id: replace(q, answer=fixed(q.answer), traps=tuple((fixed(trap), hint) for trap, hint in q.traps))
        for q in QUESTIONS
    }


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_practice_takes_the_right_answer_and_hints_at_the_likely_wrong_ones(sample, questions, lang):
    check = Practice(sample, "03", lang=lang)
    check.questions = questions
    for id, question in questions.items():
        right = question.answer(sample)
        assert check(id, None).right is None
        assert check(id, right).right is True
        for trap, hint in question.traps:
            if not matches(trap(sample), right, question.tolerance):
                assert check(id, trap(sample)).text.endswith(hint[lang == "zh"])
        for _ in question.hints:
            verdict = check(id, "?")
            assert verdict.right is False
            assert str(right) not in verdict.text


def test_the_likeliest_wrong_answer_differs_from_the_right_one(sample, questions):
    for question in questions.values():
        assert not matches(question.traps[0][0](sample), question.answer(sample), question.tolerance), question.id
