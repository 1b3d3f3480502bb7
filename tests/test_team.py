"""One page per person: the figures, what is strong, and no composite."""

import pandas as pd
import pytest
from test_appraisal import DAY, accounts_of, book_of, deals_of, targets_of

from kamlib import appraisal, words
from kamlib.appraisal import team


@pytest.fixture
def table():
    words.speak("en", "CNY")
    deals = [("Ann", "x", "won", 100.0, "2025-06-01", None)] * 6 + [("Bo", "x", "lost", 100.0, "2025-06-01", None)] * 6
    deals += [("Bo", "x", "open", 400.0, None, "2026-02-01"), ("Bo", "x", "open", None, None, "2025-02-01")]
    activities = pd.DataFrame(
        {"account_id": ["A", "B"], "happened_at": [DAY("2025-12-01"), DAY("2025-06-01")], "type": ["visit", "visit"]}
    )
    targets = targets_of(
        ("2025-01-01", 12, "Bo", "won_amount", 800),
        ("2025-01-01", 12, "Ann", "revenue", 100),
        ("2025-01-01", 12, "Bo", "revenue", 100),
    )
    revenue = pd.DataFrame({"account_id": ["A", "B"], "day": DAY("2025-05-01"), "amount": [150.0, 50.0]})
    return team.team_table(
        book_of(
            deals=deals_of(deals),
            activities=activities,
            targets=targets,
            revenue=revenue,
            accounts=accounts_of(A="Ann", B="Bo"),
        ),
        "account_type",
    )


def test_figures_by_hand(table):
    rows = table.set_index("owner")
    assert list(rows.index) == ["Ann", "Bo", "team"]
    assert rows.loc["Bo", "pipeline_ratio"] == 400 / 200
    assert rows.loc["Bo", "hygiene_share"] == 0.5  # one lacks its amount, and its day is past
    assert rows["visited_share"].tolist()[:2] == [1, 0]
    assert rows["revenue_attainment_rate"].tolist() == [1.5, 0.5, 1.0]
    assert rows.loc["Ann", "cycle_days"] == 365


def test_the_win_rate_is_weak_only_beyond_chance(table):
    some = table.assign(fair_rate=[0.5, 0.2, 0.35], verdict=["chance", "chance", "few"])
    sheet = team.sheet_table(some, "Bo").set_index("measure")
    assert sheet.loc["fair_rate", "standing"] == "as_team"
    beyond = team.sheet_table(some.assign(verdict=["above", "below", "few"]), "Bo").set_index("measure")
    assert beyond.loc["fair_rate", "standing"] == "weak"


def test_what_is_weak_brings_a_next_step_in_words(table):
    sheet = team.sheet_table(table, team.pick(table, ""))
    assert sheet["owner"].iloc[0] == "Bo", "furthest from the target"
    steps = team.steps_table(sheet, "2025-12-31", "en")
    assert len(steps) == (sheet["standing"] == "weak").sum() > 0
    assert not steps["next_step"].str.startswith("step.").any()
    assert set(steps["due"]) == {DAY("2026-01-30")}


def test_there_is_no_composite(table):
    assert not [name for name in table.columns if "score" in name or "composite" in name or "rank" in name]


def test_an_unknown_person_has_no_sheet(table):
    assert team.sheet_table(table, "Zoe").empty
    assert team.pick(table.head(0), "") == ""


def test_claims_and_charts(table, sample):
    real = team.team_table(appraisal.book(sample, 12), "account_type")
    assert len(real) == 13
    for some in (table, real):
        assert team.team_claim(some, "en") != team.team_claim(some, "zh")
        team.plot_team(some).figure.canvas.draw()
        sheet = team.sheet_table(some, team.pick(some, ""))
        assert "nan" not in team.sheet_claim(sheet, "en")
        team.plot_person(some).figure.canvas.draw()
