"""Where the weights come from and what hangs on them: shares, judgements, gaps, and the grade under other weights."""

import numpy as np
import pytest
from test_segmentation import book, data_of

from kamlib import segmentation
from kamlib.errors import InputError
from kamlib.segmentation import scoring, weighing
from kamlib.settings import Settings, Tiers, read_settings

RULE = Tiers()


def accounts(n=40, **rule):
    return segmentation.account_table(data_of(book(n), **rule))


def test_every_source_gives_shares_and_the_blend_lies_between():
    table = weighing.weights_table(accounts(), RULE)
    for name in ("weight_share", "ahp_share", "entropy_share", "blend_share"):
        assert table[name].sum() == pytest.approx(1)
    assert table["blend_share"].to_numpy() == pytest.approx(0.7 * table["weight_share"] + 0.3 * table["entropy_share"])
    assert (table["entropy_share_low"] <= table["entropy_share_high"]).all()
    assert 0 < table["consistency_ratio"].iloc[0] <= 0.1, "the kit's own judgements are consistent"


def test_contradictory_judgements_are_called_so_and_the_triad_named():
    turned = RULE.model_copy(update={"pairwise": RULE.pairwise | {"purchasing_power:influence": 1 / 4}})
    claim = weighing.weights_claim(weighing.weights_table(accounts(), turned))
    assert "contradictory" in claim
    assert "Purchasing power" in claim.split("worst triad")[1]
    assert "Market influence" in claim.split("worst triad")[1]


def test_a_pair_that_nobody_judged_leaves_ahp_out():
    table = weighing.weights_table(accounts(), RULE.model_copy(update={"pairwise": {"purchasing_power:history": 2}}))
    assert table["ahp_share"].isna().all()
    assert "not every pair was judged" in weighing.weights_claim(table)
    two = Tiers(weights={"purchasing_power": 60, "history": 40}, pairwise={"history:purchasing_power": 0.5})
    assert weighing.weights_table(accounts(), two)["ahp_share"].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_judgements_are_checked_when_the_rules_are_read(tmp_path):
    for wrong in (
        '"purchasing_power:fame" = 2',
        '"history:history" = 1',
        '"history:loyalty" = 12',
        '"history:loyalty" = 2\n"loyalty:history" = 2',
    ):
        (tmp_path / "kam.toml").write_text(f"[tiers.pairwise]\n{wrong}\n", encoding="utf-8")
        with pytest.raises(InputError):
            read_settings(tmp_path)


def test_grades_under_other_weights_equal_those_of_the_engine():
    book_ = accounts(60)
    weights = weighing.weights_table(book_, RULE)
    table = weighing.stability_table(book_, RULE, weights).set_index("account_id")
    shares = weights.set_index("indicator")
    for source in ("ahp", "blend"):
        other = Tiers(weights=shares[f"{source}_share"].to_dict())
        graded = scoring.composite(book_, other).set_index("account_id")["tier"]
        assert (table[f"{source}_tier"] == graded[table.index]).mean() >= 0.98, "a rounding may differ"
    assert table[list(weighing.KEPT)].sum(axis=1).to_numpy() == pytest.approx(1)
    assert (table["rank_low"] <= table["rank"]).all()
    assert (table["rank"] <= table["rank_high"]).all()


def test_far_from_the_cuts_a_tier_is_firm_and_at_them_it_is_not():
    book_ = accounts(60)
    table = weighing.stability_table(book_, RULE, weighing.weights_table(book_, RULE))
    distance = np.abs(table["composite_score"].to_numpy()[:, None] - np.array(list(RULE.cuts.values()))).min(axis=1)
    assert table["kept_share"][distance > 12].min() == 1
    assert table["kept_share"][distance < 0.3].max() < 0.95 or not (distance < 0.3).any()
    again = weighing.stability_table(book_, RULE, weighing.weights_table(book_, RULE))
    assert table.equals(again)


def test_three_indicators_that_rise_together_are_told_to_be_one_story():
    book_ = accounts(40)
    for name in scoring.SCORES:
        book_[name] = book_["composite_score"]
    assert "tell about 1.0 stories" in weighing.overlap_claim(book_)
    assert Settings().tiers.pairwise == RULE.pairwise


def test_topsis_gives_nearly_the_same_order_or_says_that_too_few_can_be_compared():
    book_ = accounts(60)
    table = weighing.stability_table(book_, RULE, weighing.weights_table(book_, RULE))
    known = table.dropna(subset="topsis_rank")
    assert known["rank"].corr(known["topsis_rank"], method="spearman") > 0.9
    assert "Rank correlation with TOPSIS" in weighing.topsis_claim(table)
    assert "needs 10 accounts" in weighing.topsis_claim(table.head(3))
