"""Chances: landmarks by hand, against lifelines, without the CRM's defaults, and the truth of a simulated book."""

import numpy as np
import pandas as pd
import pytest
from deal_frames import AS_OF, STAGES, cut, frame, frames, random_book, simulated, story

from kamlib import funnel
from kamlib.funnel import chances

NEEDS = "needs"


def table_of(deals, history, days=np.inf, **options):
    return chances.chance_table(chances.all_entries(deals, history, STAGES), AS_OF, days, **options)


def test_by_hand():
    """Ten deals: four won on day 30, four lost on day 10, two still open: the landmark at 14 days has six left."""
    won = [story(f"W{i}", [(NEEDS, "2025-06-01")], "won", "2025-07-01") for i in range(4)]
    lost = [story(f"L{i}", [(NEEDS, "2025-06-01")], "lost", "2025-06-11") for i in range(4)]
    still = [story(f"O{i}", [(NEEDS, "2025-06-01")]) for i in range(2)]
    table = table_of(*frames(won + lost + still)).set_index("waited_days")
    assert table["n_waited"].loc[[0, 7, 14, 28, 42]].tolist() == [10, 10, 6, 6, 2]
    assert table.loc[0, "chance_rate"] == pytest.approx(0.4)  # one stage: the pooled rate is its own
    by_14 = table.loc[7, "chance_rate"]
    assert table.loc[14, "chance_rate"] == pytest.approx((4 * 4 / 6 + 10 * by_14) / 14)  # of two the end is unknown
    assert (table["chance_rate_low"] < table["chance_rate"]).all()
    assert (table["chance_rate"] < table["chance_rate_high"]).all()


def test_within_a_time_it_is_the_incidence_of_those_still_there():
    """The oracle is lifelines' Aalen–Johansen on the deals that are left, with times jittered by its own rule."""
    from lifelines import AalenJohansenFitter

    deals, history = cut(simulated(np.random.default_rng(5), 400), AS_OF)
    entries = chances.all_entries(deals, history, STAGES)
    entries = entries[entries["entered_at"] > funnel.window_start(AS_OF, 24)]
    days = (entries["closed_at"].fillna(pd.Timestamp(AS_OF)) - entries["entered_at"]).dt.days
    left = days > 42
    fit = AalenJohansenFitter(seed=1, calculate_variance=False)
    fit.fit(days[left] - 42, entries["status"][left].map({"won": 1, "lost": 2, "open": 0}), event_of_interest=1)
    theirs = fit.cumulative_density_.iloc[:, 0]
    ((n, _, ours),) = chances._won_within(chances._timed(entries, AS_OF), (42,), 45)
    assert n == left.sum()
    assert ours == pytest.approx(theirs[theirs.index <= 45.5].iloc[-1], abs=0.02)


def test_defaults_of_the_crm_are_not_in_it():
    """D.11-4: the CRM may assume what it likes, the chances stay the same."""
    deals, history, _ = random_book(2)
    deals = funnel.population(deals)
    rosy = [stage.model_copy(update={"probability": 0.99}) for stage in STAGES]
    tables = [
        chances.open_chances(deals.assign(probability=p), history, s, AS_OF, 90)
        for s, p in ((STAGES, 0.1), (rosy, 0.9))
    ]
    pd.testing.assert_frame_equal(*tables)


def test_every_dated_open_deal_has_one_chance_and_stale_ones_none():
    deals, history, _ = random_book(4)
    deals = funnel.population(deals)
    bare = story("B1", [(NEEDS, "2025-12-01")])[0]  # no history shows its stage
    old = story("S1", [(NEEDS, "2021-12-01")])
    deals = pd.concat([deals, frame("deals", [bare, old[0]])], ignore_index=True)
    history = pd.concat([history, frame("deal_stage_history", old[1])], ignore_index=True)
    rows = chances.open_chances(deals, history, STAGES, AS_OF, 90).set_index("deal_id")
    is_open = deals[deals["status"] == "open"].set_index("deal_id")
    assert rows.index.is_unique
    assert set(rows.index) == set(is_open.index)
    assert rows.loc["B1", "stage"] == "created"
    stale = (pd.Timestamp(AS_OF) - is_open["created_at"]).dt.days > funnel.longest_cycle(deals)
    assert stale["S1"]
    assert (rows["chance_rate"][stale[stale].index] == 0).all()
    assert rows["chance_rate"].between(0, 1).all()


def test_the_truth_of_a_simulated_book_is_recovered():
    """Deals left after 60 days are all winners, of fresh ones 40 % win: the landmarks say so."""
    table = table_of(*cut(simulated(np.random.default_rng(1), 4000), AS_OF)).set_index("waited_days")
    assert table.loc[0, "chance_rate"] == pytest.approx(0.4, abs=0.025)
    assert table.loc[77, "chance_rate"] > 0.97
    # of 0.6 lost evenly over 60 days a third is left after 42: 0.4 / (0.4 + 0.6 · 18/60)
    assert table.loc[42, "chance_rate"] == pytest.approx(0.4 / (0.4 + 0.6 * 18 / 60), abs=0.03)


def test_intervals_cover_the_truth():
    random, inside = np.random.default_rng(9), 0
    for _ in range(60):
        row = table_of(*cut(simulated(random, 150), AS_OF)).iloc[0]
        inside += row["chance_rate_low"] <= 0.4 <= row["chance_rate_high"]
    assert inside / 60 >= 0.88


def test_the_claim_tells_waiting_from_chance():
    """All alike: half of the deals win on day 100 however long they wait: no alarm in twelve books, nor where waiting is a good sign."""
    alarms = 0
    for seed in range(12):
        random, stories = np.random.default_rng(seed), []
        for i in range(60):
            status = "won" if random.random() < 0.5 else "lost"
            stories.append(story(f"D{i}", [(NEEDS, "2025-03-01")], status, "2025-06-09"))
        alarms += chances.chances_claim(table_of(*frames(stories))).startswith("Waiting tells")
    assert alarms == 0
    assert chances.chances_claim(table_of(*cut(simulated(np.random.default_rng(1), 900), AS_OF))).startswith(
        "In no stage"
    )


def test_deals_that_nobody_has_seen_end_say_nothing():
    """A stage that only open deals are known from keeps the rate of all stages: 0 of 30 censored deals is no rate of 0."""
    past_deals = [story(f"W{i}", [(NEEDS, "2025-03-01")], "won" if i < 10 else "lost", "2025-06-09") for i in range(20)]
    new = [story(f"O{i}", [("proposal", "2025-12-20")]) for i in range(30)]
    table = table_of(*frames(past_deals + new))
    row = table[(table["stage"] == "proposal") & (table["waited_days"] == 0)].iloc[0]
    assert row[["n_waited", "n_known"]].tolist() == [30, 0]
    assert row["chance_rate"] == pytest.approx(0.5)


def test_few_deals_and_none():
    table = table_of(*frames([story("D1", [(NEEDS, "2025-12-01")])]))
    assert chances.chances_claim(table) == "Not enough data on waiting and winning (n = 1)."
    assert table_of(frame("deals"), frame("deal_stage_history")).empty
    assert chances.open_chances(frame("deals"), frame("deal_stage_history"), STAGES, AS_OF, 90).empty


def test_the_sample_fades_in_the_planted_stage(sample):
    from kamlib.sample.stories import BOTTLENECK_STAGE

    deals, history = funnel.population(sample.frame("deals")), sample.frame("deal_stage_history")
    entries = chances.all_entries(deals, history, sample.settings.stages)
    table = chances.chance_table(entries, sample.as_of)
    rows = table[table["stage"] == BOTTLENECK_STAGE].set_index("waited_days")
    assert rows.loc[56, "chance_rate_high"] < rows.loc[0, "chance_rate_low"]
    assert chances.chances_claim(table).startswith("Waiting tells: in Proposal and quote")
    assert chances.chances_claim(table, "zh").startswith("停留越久赢率越低：方案报价阶段")
    assert len(chances.plot_chances(table).texts) == (table["n_waited"] >= 10).sum()
