"""Why B, and what makes it A: the parts add up to the score, and the lever is the one that costs most."""

import pytest
from test_segmentation import book, data_of

from kamlib import segmentation
from kamlib.segmentation import reasons, tiering
from kamlib.settings import Tiers


def test_the_points_earned_add_up_to_the_score():
    accounts = segmentation.account_table(data_of(book(60)))
    table = reasons.reasons_table(accounts, Tiers())
    assert table[list(reasons.EARNED)].sum(axis=1).to_numpy() == pytest.approx(
        table["composite_score"], abs=0.05 + 1e-9
    )
    assert table["account_id"].tolist() == tiering.next_tier_table(accounts, Tiers())["account_id"].tolist()
    cuts = table["next_tier"].map(Tiers().cuts)
    assert (table["composite_score"] + table["gap_score"]).to_numpy() == pytest.approx(cuts)


def test_missing_indicators_earn_nothing_and_the_others_more():
    accounts = segmentation.account_table(data_of(book(60)))
    accounts["influence_score"] = float("nan")
    from kamlib.segmentation import scoring

    regraded = accounts.drop(columns=["composite_score", "tier", "coverage_share", "judged_share"])
    regraded = scoring.composite(regraded, Tiers())
    table = reasons.reasons_table(regraded, Tiers())
    assert (table["influence_earned_score"] == 0).all()
    assert table[list(reasons.EARNED)].sum(axis=1).to_numpy() == pytest.approx(
        table["composite_score"], abs=0.05 + 1e-9
    )


def test_what_rests_on_judgement_and_what_is_provisional_is_told():
    accounts = segmentation.account_table(data_of(book(4)))
    claim = reasons.evidence_claim(accounts, Tiers())
    assert "% of the weight is judged" in claim
    assert "4 of 4 tiers are provisional" in claim
    assert "暂定" in reasons.evidence_claim(accounts, Tiers(), "zh")
