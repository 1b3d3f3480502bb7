"""Won and lost compared: equal time for all, so that length alone makes no difference."""

import numpy as np
import pandas as pd
import pytest
from deal_frames import AS_OF, frame, frames, story

from kamlib.funnel import comparison


def busy(random: np.random.Generator, n: int, extra: float = 0.0):
    """Deals touched at a rate of one in ten days until they close; winners live longer, and are touched `extra` more."""
    stories, touches = [], []
    for i in range(n):
        won = random.random() < 0.5
        life = int(random.integers(90, 180) if won else random.integers(20, 120))
        start = pd.Timestamp("2025-01-01") + pd.Timedelta(days=int(random.integers(0, 150)))
        end = start + pd.Timedelta(days=life)
        stories.append(story(f"D{i}", [("needs", str(start.date()))], "won" if won else "lost", str(end.date())))
        for _ in range(random.poisson(life / 10 * (1 + extra * won))):
            touches.append({"deal_id": f"D{i}", "happened_at": start + pd.Timedelta(days=int(random.integers(0, life))),
                            "type": "visit", "contact_id": f"C{random.integers(0, 5)}", "person": "Wu"})  # fmt: skip
    return frames(stories)[0], frame("activities", touches)


def rows(table, period, trait="n_touches"):
    return table[(table["period"] == period) & (table["deal_trait"] == trait)].iloc[0]


def test_length_alone_makes_no_difference_early_on_but_does_over_the_whole_life():
    alarms, biased = 0, 0
    for seed in range(20):
        table = comparison.comparison_table(*busy(np.random.default_rng(seed), 150), AS_OF)
        early, whole = rows(table, "early"), rows(table, "whole")
        alarms += not early["higher_share_low"] <= 0.5 <= early["higher_share_high"]
        biased += whole["higher_share_low"] > 0.5
    assert alarms <= 3
    assert biased == 20


def test_a_true_difference_is_found():
    table = comparison.comparison_table(*busy(np.random.default_rng(1), 300, extra=0.6), AS_OF)
    assert rows(table, "early")["higher_share_low"] > 0.5
    assert comparison.comparison_claim(table).startswith("Early on, won deals differ most in")


def test_by_hand():
    deals, _ = frames([
        story("D1", [("needs", "2025-01-01")], "won", "2025-05-01"),
        story("D2", [("needs", "2025-01-01")], "lost", "2025-05-01"),
        story("D3", [("needs", "2025-01-01")], "lost", "2025-01-20"),  # decided too soon to compare
    ])  # fmt: skip
    touched = [("D1", "2025-01-05 09:00", "call", "C1"), ("D1", "2025-02-01 09:00", "visit", "C2"),
               ("D1", "2025-04-01 09:00", "visit", "C3"), ("D2", "2025-04-01 09:00", "visit", "C4")]  # fmt: skip
    activities = frame("activities", [
        {"deal_id": d, "happened_at": pd.Timestamp(t), "type": kind, "contact_id": c, "person": "Wu"} for d, t, kind, c in touched
    ])  # fmt: skip
    table = comparison.comparison_table(deals, activities, AS_OF, early_days=60)
    early = table[table["period"] == "early"].set_index("deal_trait")
    assert early.loc["n_contacts", ["n_won", "n_lost", "won_mean", "lost_mean"]].tolist() == [1, 1, 2, 0]
    assert early.loc["n_meetings", "won_mean"] == 1
    assert early.loc["first_touch_days", "won_mean"] == 4
    assert early.loc["first_touch_days", "n_lost"] == 0
    whole = table[table["period"] == "whole"].set_index("deal_trait")
    assert whole.loc["n_contacts", ["n_lost", "won_mean", "lost_mean"]].tolist() == pytest.approx([2, 3, 0.5])
    assert comparison.comparison_claim(table) == "Not enough data to compare won and lost deals (n = 2)."


def test_nothing_recorded_says_nothing():
    deals, _ = busy(np.random.default_rng(1), 20)
    assert comparison.comparison_table(deals, frame("activities"), AS_OF).empty
    assert comparison.comparison_table(frame("deals"), frame("activities"), AS_OF).empty


def test_the_sample_in_both_languages(sample):
    from kamlib import funnel

    table = comparison.comparison_table(
        funnel.population(sample.frame("deals")), sample.frame("activities"), sample.as_of
    )
    assert len(table) == 2 * len(comparison.TRAITS)
    early, whole = rows(table, "early"), rows(table, "whole")
    assert abs(early["higher_share"] - 0.5) < abs(whole["higher_share"] - 0.5)
    assert "visits and meetings" in comparison.comparison_claim(table)
    assert "早期差异最大" in comparison.comparison_claim(table, "zh")
    assert len(comparison.plot_comparison(table).containers) == 2
