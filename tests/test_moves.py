"""Moves: every stay begins and ends in one row; steps, skips, returns and ends by hand; drawn for any pipeline."""

import pytest
from deal_frames import AS_OF, STAGES, frame, frames, random_book, story
from hypothesis import given, settings
from hypothesis import strategies as st

from kamlib import funnel
from kamlib.funnel import moves


def table_of(deals, history, **options):
    return moves.move_table(funnel.stage_visits(deals, history, STAGES), AS_OF, **options)


def test_by_hand():
    table = table_of(*frames([
        story("D1", [("qualification", "2025-01-01"), ("needs", "2025-02-01"), ("negotiation", "2025-03-01"), ("needs", "2025-03-10")], "lost", "2025-04-01"),
        story("D2", [("needs", "2025-01-01")], "won", "2025-02-01", amount=50.0),
        story("D3", [("needs", "2025-12-01")]),  # too young to judge
    ]))  # fmt: skip
    rows = {(r.from_stage, r.to_stage): (r.move, r.n_moves, r.amount) for r in table.itertuples()}
    assert rows == {
        ("created", "qualification"): ("new", 1, 100), ("created", "needs"): ("new", 1, 50),
        ("qualification", "needs"): ("step", 1, 100), ("needs", "negotiation"): ("skip", 1, 100),
        ("negotiation", "needs"): ("return", 1, 100), ("needs", "lost"): ("lost", 1, 100), ("needs", "won"): ("won", 1, 50),
    }  # fmt: skip
    assert table.loc[table["from_stage"] == "needs", "moves_share"].tolist() == pytest.approx([1 / 3] * 3)


@given(st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_every_stay_begins_and_ends_once(seed):
    deals, history, _ = random_book(seed, 80)
    deals = funnel.population(deals)
    visits = funnel.stage_visits(deals, history, STAGES)
    table = moves.move_table(visits, AS_OF, months=60, horizon_days=0)
    assert table.loc[table["move"] != "new", "n_moves"].sum() == len(visits)
    begun = table[table["move"].isin(["new", "step", "skip", "return"])].groupby("to_stage")["n_moves"].sum()
    ended = table[table["move"] != "new"].groupby("from_stage")["n_moves"].sum()
    assert begun.to_dict() == ended.to_dict()
    ends = table[table["move"].isin(["won", "lost", "open"])].groupby("move")["n_moves"].sum()
    assert ends.sum() == visits["deal_id"].nunique() == table.loc[table["move"] == "new", "n_deals"].sum()
    if len(table):
        moves.plot_moves(table)


def test_nothing_and_little():
    assert table_of(frame("deals"), frame("deal_stage_history")).empty
    table = table_of(*frames([story("D1", [("needs", "2025-01-01")])]))
    assert moves.moves_claim(table) == "Not enough data on moves (n = 1)."
    assert moves.plot_moves(table).patches


def test_the_sample_skips_falls_back_and_loses_most_in_the_planted_stage(sample):
    from kamlib.sample.stories import BOTTLENECK_STAGE
    from kamlib.words import word

    deals = funnel.population(sample.frame("deals"))
    visits = funnel.stage_visits(deals, sample.frame("deal_stage_history"), sample.settings.stages)
    claim = moves.moves_claim(moves.move_table(visits, sample.as_of))
    assert claim.endswith(f"losses come out of {word(BOTTLENECK_STAGE, 'en').lower()}.")
