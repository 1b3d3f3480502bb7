"""Cycle and velocity: open deals censored, four factors that multiply, the public CRM set to the printed digit."""

import numpy as np
import pandas as pd
import pytest
from deal_frames import AS_OF, frame, frames, random_book, story
from hypothesis import given, settings
from hypothesis import strategies as st

from kamlib import funnel
from kamlib.funnel import cycle

seeds = st.integers(0, 10_000)
NEEDS = "needs"


def deal(number: int, created: str, status: str = "open", closed: str | None = None, **more):
    return story(f"D{number}", [(NEEDS, created)], status, closed, **more)


def test_quartiles_keep_won_and_lost_apart():
    rows = [
        deal(1, "2025-01-01", "won", "2025-01-11"),
        deal(2, "2025-01-01", "won", "2025-01-31"),
        deal(3, "2025-01-01", "lost", "2025-01-06"),
    ]
    table = cycle.cycle_quartiles(cycle.cycle_table(frames(rows)[0], AS_OF)).set_index("status")
    assert table.loc["won", ["n_deals", "q1_days", "median_days", "q3_days", "longest_days"]].tolist() == [
        2,
        15,
        20,
        25,
        30,
    ]
    assert table.loc["lost", ["n_deals", "median_days"]].tolist() == [1, 5]


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_cycle_counts_every_dated_deal_once(seed):
    deals = funnel.population(random_book(seed, 50)[0])
    table = cycle.cycle_table(deals, AS_OF)
    assert table[["n_won", "n_lost", "n_censored"]].sum().sum() == len(deals)
    assert np.abs(table[["won_share", "lost_share", "open_share"]].sum(axis=1) - 1).max() < 1e-12


def test_no_deal_closed():
    table = cycle.cycle_table(frames([deal(1, "2025-12-01")])[0], AS_OF)
    assert cycle.cycle_claim(table) == "Not enough data: 0 of 1 deals are won."
    assert cycle.plot_cycle(table).get_xlim() == (0, 1)


def test_no_deal_at_all_gives_empty_tables():
    assert cycle.cycle_table(frame("deals"), AS_OF).empty
    assert cycle.velocity_table(frame("deals"), AS_OF).empty


# --- velocity -----------------------------------------------------------------------------------------------------


def test_velocity_by_hand():
    rows = [
        deal(1, "2025-01-01", "won", "2025-01-11", amount=100.0),
        deal(2, "2025-01-01", "won", "2025-01-31", amount=300.0),
        deal(3, "2025-01-01", "lost", "2025-02-01"),
        deal(4, "2025-01-01", "lost", "2025-02-01"),
        deal(5, "2025-06-01"),
        deal(6, "2024-01-01", "won", "2024-01-21", amount=50.0),
        deal(7, "2024-06-01", "lost", "2025-02-01"),
    ]
    before, now = cycle.velocity_table(frames(rows)[0], AS_OF).to_dict("records")
    assert now["velocity"] == pytest.approx(1 * 2 / 5 * 200 / 20)
    assert before["velocity"] == pytest.approx(1 * 1 * 50 / 20)  # D7 was open then
    effects = [now[f"{name}_effect_rate"] for name in cycle.FACTORS]
    assert effects == pytest.approx([0, np.log(0.4), np.log(4), 0])


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_the_four_logarithms_add_up_to_the_change(seed):
    table = cycle.velocity_table(random_book(seed, 120)[0], AS_OF)
    now = table.iloc[1]
    effects = [now[f"{name}_effect_rate"] for name in cycle.FACTORS]
    if np.isfinite(effects).all():
        assert sum(effects) == pytest.approx(now["velocity_effect_rate"])
        assert np.exp(sum(effects)) == pytest.approx(now["velocity"] / table["velocity"].iloc[0])
        assert now["win_effect_rate_low"] < now["win_effect_rate"] < now["win_effect_rate_high"]


def test_intervals_of_the_effects_cover_a_change_that_is_known():
    """Win rate from 50 to 40 %, size from 100 to 150, cycle 100 days in both: ln 0.8, ln 1.5, 0; 200 companies."""
    random, inside = np.random.default_rng(5), np.zeros(4)
    for _ in range(200):
        windows = []
        for share, size in ((0.5, 100), (0.4, 150)):
            n = 120
            days = pd.to_timedelta(np.round(random.gamma(4, 25, n)).clip(1), unit="D")
            windows.append(frame("deals", pd.DataFrame({
                "deal_id": [f"D{i}" for i in range(n)], "status": np.where(random.random(n) < share, "won", "lost"),
                "amount": size * random.gamma(2, 0.5, n), "created_at": pd.Timestamp("2025-06-30") - days,
                "closed_at": pd.Timestamp("2025-06-30"),
            })))  # fmt: skip
        factors = [cycle._factors(closed, 50, AS_OF, 12) for closed in windows]
        found = cycle._log_effects(pd.DataFrame(factors))
        half = 1.96 * np.sqrt(sum(cycle._log_variance(closed) for closed in windows))
        truth = {"win": np.log(0.8), "size": np.log(1.5), "cycle": 0.0, "velocity": np.log(1.2)}
        inside += [abs(found[name] - value) <= half[name] for name, value in truth.items()]
    assert ((inside / 200 >= 0.91) & (inside / 200 <= 0.99)).all(), inside / 200


def test_velocity_before_is_what_was_known_then():
    deals = random_book(11, 300)[0]
    table = cycle.velocity_table(deals, AS_OF)
    then = pd.Timestamp(AS_OF) - pd.DateOffset(months=12)
    cut = deals[deals["created_at"] <= then].copy()
    late = cut["closed_at"] > then
    cut.loc[late, ["status", "closed_at"]] = ["open", pd.NaT]
    assert cycle.velocity_table(cut, then.date()).iloc[1]["velocity"] == pytest.approx(table.iloc[0]["velocity"])


def test_without_an_earlier_window_the_factors_stand_alone():
    table = cycle.velocity_table(frames([deal(1, "2025-01-01", "won", "2025-01-11"), deal(2, "2025-06-01")])[0], AS_OF)
    assert cycle.velocity_claim(table) == "The pipeline yields CNY 10 a day (1 × 100 % × CNY 100 ÷ 10 days)."
    texts = [text.get_text() for text in cycle.plot_velocity(table).texts]
    assert texts[0::4] == ["1", "100 %", "CNY 100", "10", "CNY 10"]


def test_sample_velocity_says_what_changed(sample):
    table = cycle.velocity_table(sample.frame("deals"), sample.as_of)
    assert table["velocity"].notna().all()
    assert "The pipeline yields CNY" in cycle.velocity_claim(table, "en")
    assert "销售速度为每天" in cycle.velocity_claim(table, "zh")
    assert len(cycle.plot_velocity(table).patches) == 5
