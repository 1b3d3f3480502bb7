"""Waiting: open deals against the quartiles of won stays, with bounds where snapshots know no better."""

from deal_frames import AS_OF, STAGES, frame, frames, story

from kamlib import funnel
from kamlib.funnel import pipeline, waiting


def table_of(rows):
    deals, history = frames(rows)
    ageing = pipeline.ageing_table(deals, history, frame("activities"), STAGES, AS_OF)
    return waiting.waiting_table(ageing, funnel.stage_visits(deals, history, STAGES))


def won(days: int, number: int):
    closed = f"2025-{1 + days // 30:02}-{1 + days % 30:02}"
    return story(f"W{number}", [("needs", "2025-01-01")], "won", closed)


PAST = [won(days, number) for number, days in enumerate((10, 11, 12, 13, 14))]


def test_quartiles_are_those_of_won_deals_in_the_stage():
    table = table_of([*PAST, story("D1", [("needs", "2025-12-11")]), story("D2", [("needs", "2025-12-21")])])
    assert table["deal_id"].tolist() == ["D2", "D1"]
    assert table[["won_q1_days", "won_median_days", "won_q3_days"]].iloc[0].tolist() == [11, 12, 13]
    assert table["is_slow"].tolist() == [False, True]
    claim = waiting.waiting_claim(table)
    assert (
        claim
        == "Most deals overstay in Needs confirmed: 1 of 2 (50 %) wait longer than 13 days; one in four won deals did."
    )


def test_nobody_overstays():
    table = table_of([*PAST, story("D1", [("needs", "2025-12-25")])])
    assert waiting.waiting_claim(table).startswith("None of 1 open deals waits longer")
    assert waiting.waiting_claim(table, "zh").startswith("1 个进行中商机")


def test_stages_without_five_won_stays_are_not_judged():
    assert table_of([*PAST[:4], story("D1", [("needs", "2025-12-11")])]).empty
    assert table_of([*PAST, story("D1", [("proposal", "2025-12-11")])]).empty


def test_bounds_are_drawn_as_whiskers():
    table = table_of([*PAST, story("D1", [("needs", "2025-12-11")])])
    assert not waiting.plot_waiting(table).containers[1:]
    vague = table.assign(wait_days_high=table["wait_days"] + 9)
    assert len(waiting.plot_waiting(vague).containers) == 2


def test_every_open_deal_of_the_sample_is_a_dot(sample):
    deals, history = funnel.population(sample.frame("deals")), sample.frame("deal_stage_history")
    ageing = pipeline.ageing_table(deals, history, sample.frame("activities"), sample.settings.stages, sample.as_of)
    table = waiting.waiting_table(ageing, funnel.stage_visits(deals, history, sample.settings.stages))
    assert len(table) == (deals["status"] == "open").sum()
    dots = sum(len(points.get_offsets()) for points in waiting.plot_waiting(table).collections)
    assert dots == len(table)
