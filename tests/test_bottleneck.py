"""Bottleneck: ranked by money lost, with follow-up compared fairly; the planted story is found."""

import numpy as np
import pandas as pd
import pytest
from deal_frames import AS_OF, STAGES, frame, frames, random_book, story
from hypothesis import given, settings
from hypothesis import strategies as st

from kamlib import funnel
from kamlib.funnel import bottleneck


def table_of(deals, history, activities, **options):
    entries = funnel.stage_entries(funnel.population(deals), history, STAGES)
    return bottleneck.bottleneck_table(entries, activities, AS_OF, **options)


def test_rank_is_by_money_not_by_rate():
    small = [story(f"S{i}", [("qualification", "2025-01-01")], "lost", "2025-01-09", amount=1.0) for i in range(5)]
    large = [story(f"L{i}", [("negotiation", "2025-01-01")], "won", "2025-01-09", amount=900.0) for i in range(5)]
    large += [story("L9", [("negotiation", "2025-01-01")], "lost", "2025-01-09", amount=900.0)]
    table = table_of(*frames(small + large), frame("activities"))
    assert table["stage"].tolist() == ["negotiation", "qualification"]
    assert table["lost_amount"].tolist() == [900, 5]
    assert table["loss_rate"].tolist() == pytest.approx([1 / 6, 1])
    mean_lost = 900
    assert table["lost_amount"].iloc[0] == pytest.approx(6 * table["loss_rate"].iloc[0] * mean_lost)


def test_amount_is_that_of_the_stage_when_the_deal_was_written_down_to_zero():
    deals, history = frames([story("D1", [("needs", "2025-01-01")], "lost", "2025-02-01", amount=0.0)])
    history["amount"] = 70.0
    assert table_of(deals, history, frame("activities"))["lost_amount"].tolist() == [70]


def test_follow_up_starts_the_day_after_and_ends_with_the_stage():
    deals, history = frames([
        story("D1", [("needs", "2025-01-01"), ("proposal", "2025-01-20")], "won", "2025-03-01"),
        story("D2", [("needs", "2025-01-01")], "lost", "2025-01-05"),
    ])  # fmt: skip
    touched = [
        ("D1", "2025-01-01 15:00"),
        ("D1", "2025-01-09 08:00"),
        ("D1", "2025-01-25 08:00"),
        ("D2", "2025-01-08 08:00"),
    ]
    activities = frame("activities", [{"deal_id": d, "happened_at": pd.Timestamp(t)} for d, t in touched])
    rows = table_of(deals, history, activities, prompt_days=10).set_index("stage")
    # D2 leaves on day 4, before its call; D1 is followed up on day 8 of needs and on day 5 of proposal
    assert rows.loc["needs", ["n_prompt", "n_late", "follow_up_days"]].tolist() == [1, 0, 8]
    assert rows.loc["proposal", "follow_up_days"] == 5


def test_without_activities_nothing_is_said_of_follow_up():
    deals, history, _ = random_book(1)
    table = table_of(deals, history, frame("activities"))
    assert table[["n_prompt", "n_late"]].eq(0).all(axis=None)
    assert table["follow_up_days"].isna().all()
    assert bottleneck.follow_up_claim(table) == "Not enough data on follow-up (n = 0 / 0)."
    assert "follow up" not in bottleneck.bottleneck_claim(table)
    bottleneck.plot_bottleneck(table)


def test_no_deal_at_all_gives_an_empty_table():
    for activities in (frame("activities"), random_book(1, 20)[2]):
        table = table_of(frame("deals"), frame("deal_stage_history"), activities)
        assert table.empty
        assert table.columns.tolist() == bottleneck.BOTTLENECK


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_losses_agree_with_the_conversion_table(seed):
    deals, history, activities = random_book(seed, 80)
    entries = funnel.stage_entries(funnel.population(deals), history, STAGES)
    flow = funnel.conversion_table(entries, AS_OF).set_index("stage")
    table = bottleneck.bottleneck_table(entries, activities, AS_OF).set_index("stage")
    assert table["n_lost"].to_dict() == flow["n_lost"].to_dict()
    assert (table["n_prompt"] + table["n_late"] <= table["n_entered"]).all()


def test_row_order_does_not_matter():
    deals, history, activities = random_book(4)
    mixed = [part.sample(frac=1, random_state=1) for part in (deals, history, activities)]
    pd.testing.assert_frame_equal(table_of(deals, history, activities), table_of(*mixed))


def test_a_book_without_the_story_raises_no_alarm():
    """Follow-up at random, independent of the outcome: the two intervals overlap in nearly every book."""
    alarms = 0
    for seed in range(20):
        deals, history, activities = random_book(seed, 250)
        rows = table_of(deals, history, activities, prompt_days=10)
        top = rows.iloc[0]
        alarms += top["prompt_rate_low"] > top["late_rate_high"] or top["late_rate_low"] > top["prompt_rate_high"]
    assert alarms <= 1


def test_the_planted_bottleneck_is_found_and_slow_follow_up_with_it(sample):
    from kamlib.sample import stories

    deals = funnel.population(sample.frame("deals"))
    entries = funnel.stage_entries(deals, sample.frame("deal_stage_history"), sample.settings.stages)
    table = bottleneck.bottleneck_table(
        entries, sample.frame("activities"), sample.as_of, prompt_days=stories.SLOW_FOLLOW_UP_DAYS
    )
    top, rest = table.iloc[0], table.iloc[1:]
    assert top["stage"] == stories.BOTTLENECK_STAGE
    assert top["follow_up_days"] > 2 * rest["follow_up_days"].max()
    assert top["prompt_rate_low"] > top["late_rate_high"]
    assert top["late_rate_low"] <= stories.PASS_SLOW / 1000 <= top["late_rate_high"]
    assert np.isfinite(top["stage_days"])
    assert bottleneck.bottleneck_claim(table, "zh").startswith("方案报价损失最大")
