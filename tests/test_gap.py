"""The gap to target: its parts sum to it, whatever the numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_appraisal import book_of, deals_of, targets_of

from kamlib import words
from kamlib.appraisal import gap

money = st.floats(0, 1e8).map(lambda x: round(x, 2))


@given(
    money,
    st.lists(st.tuples(st.booleans(), money), max_size=30),
    st.integers(0, 20),
    st.floats(0.01, 1),
    st.floats(1, 1e7),
)
def test_the_parts_sum_to_the_gap(target, deals, n_slipped, rate, size):
    closed = pd.DataFrame([("won" if won else "lost", amount) for won, amount in deals], columns=["status", "amount"])
    won = closed.loc[closed["status"] == "won", "amount"].sum()
    assert sum(gap.split(target, closed, n_slipped, rate, size)) == pytest.approx(target - won, abs=0.005, rel=1e-12)


def test_by_hand():
    past = [("Ann", "x", s, 100.0, "2024-06-01", None) for s in ["won"] * 5 + ["lost"] * 5]
    now = [("Ann", "x", s, 200.0, "2025-06-01", None) for s in ["won", "won", "lost", "lost", "lost"]]
    slipped = [("Ann", "x", "open", 100.0, None, "2025-09-01"), ("Ann", "x", "open", 100.0, None, "2026-09-01")]
    table = gap.gap_table(
        book_of(deals=deals_of(past + now + slipped), targets=targets_of(("2025-01-01", 12, "Ann", "won_amount", 1000)))
    )
    row = table.iloc[0]
    # at ½ and 100 a deal is worth 50: 20 deals make 1,000
    assert row["n_slipped"] == 1
    assert row[["volume_amount", "timing_amount", "win_rate_amount", "size_amount"]].tolist() == pytest.approx(
        [700, 50, 50, -200]
    )
    assert row["to_target_amount"] == 600
    assert row["reference"] == "own"


def test_little_of_ones_own_takes_the_teams_reference():
    past = [("Ann", "x", "won", 100.0, "2024-06-01", None)] * 4 + [("Bo", "x", "won", 300.0, "2024-06-01", None)] * 6
    targets = targets_of(("2025-01-01", 12, "Ann", "won_amount", 1000), ("2025-01-01", 12, "Bo", "won_amount", 1000))
    table = gap.gap_table(book_of(deals=deals_of(past), targets=targets)).set_index("owner")
    assert table["reference"].to_dict() == {"Ann": "team", "Bo": "own"}
    assert table["n_closed_deals"].tolist() == [0, 0]


def test_without_target_or_past_there_is_nothing_to_take_apart():
    now = [("Ann", "x", "won", 200.0, "2025-06-01", None)]
    assert gap.gap_table(book_of(deals=deals_of(now))).empty
    assert gap.gap_table(
        book_of(deals=deals_of(now), targets=targets_of(("2025-01-01", 12, "Ann", "won_amount", 1000)))
    ).empty


def test_claim_and_chart():
    words.speak("en", "CNY")
    table = pd.DataFrame({
        "owner": ["Ann", "Bo"], "target": [100.0, 100], "won_amount": [60.0, 120], "to_target_amount": [40.0, -20],
        "volume_amount": [50.0, 0], "timing_amount": [0.0, 10], "win_rate_amount": [0.0, -30], "size_amount": [-10.0, 0],
        "n_closed_deals": 5, "n_slipped": 0, "reference": "own",
    })  # fmt: skip
    assert (
        gap.gap_claim(table, "en")
        == "The team is CNY 20 short of its targets; what costs most is too few deals (CNY 50)."
    )
    assert "超出目标" in gap.gap_claim(table.assign(to_target_amount=[-40.0, -20]), "zh")
    ax = gap.plot_gap(table)
    ends = [patch.get_x() + min(patch.get_width(), 0) for patch in ax.patches]
    assert np.isclose(min(ends), -50)  # what costs lies to the left, stacked from zero
