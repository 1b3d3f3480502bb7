"""Separation: tiers of a year ago against what came since; by hand, without difference, and too few."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from kamlib.segmentation import separation
from kamlib.settings import Tiers


def outcomes(*tiers: tuple[str, int, float], seed=0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    rows = [(tier, draw.normal(mean, 1)) for tier, n, mean in tiers for _ in range(n)]
    table = pd.DataFrame(rows, columns=["then_tier", "since_amount"])
    return table.assign(account_id=[f"{i}" for i in table.index], then_composite_score=50.0, measure="contribution")


def test_a_staircase_is_seen_and_a_flat_row_is_not_called_one():
    table = separation.separation_table(outcomes(("A", 12, 9), ("B", 12, 6), ("C", 12, 3), ("D", 12, 3)))
    assert table["better_share"].tolist()[:2] == pytest.approx([1, 1], abs=0.05)
    assert table["better_share_low"].iloc[0] > 0.75
    assert table["better_share_low"].iloc[2] < 0.5 < table["better_share_high"].iloc[2]
    claim = separation.separation_claim(outcomes(("A", 12, 9), ("B", 12, 6), ("C", 12, 3), ("D", 12, 3)))
    assert claim.endswith("not told apart: C/D")


def test_random_tiers_are_called_different_no_more_often_than_stated():
    alarms = sum(
        separation.separation_table(outcomes(("A", 8, 0), ("B", 8, 0), seed=seed))["better_share_low"].iloc[0] > 0.5
        for seed in range(200)
    )
    assert alarms <= 12, "2.5 % of 200 are 5"


def test_below_five_accounts_nothing_is_said():
    few = outcomes(("A", 4, 9), ("B", 4, 1))
    assert separation.separation_table(few)["better_share"].isna().all()
    assert "Cannot be said" in separation.separation_claim(few)
    separation.plot_separation(few).figure.canvas.draw()


def test_the_outcome_is_what_came_after_the_grade(sample):
    assert separation.year_before(sample) == dt.date(2024, 12, 31)
    then = pd.DataFrame({"account_id": ["A0001", "A0002"], "tier": ["B", None], "composite_score": [75.0, np.nan]})
    table = separation.outcome_table(sample.mart, then)
    assert table["account_id"].tolist() == ["A0001"]
    assert table["since_amount"].iloc[0] == sample.mart.set_index("account_id")["contribution"]["A0001"]


def test_crowds_at_the_cuts_are_told():
    crowd = pd.DataFrame({"composite_score": [84.5, 85.5, 69.0, 71.0, 30.0]})
    assert "too many" in separation.spread_claim(crowd, Tiers())
    assert "few enough" in separation.spread_claim(pd.DataFrame({"composite_score": [95.0, 78, 65, 30]}), Tiers())
