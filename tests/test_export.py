"""The rule to take along: the query gives the tier of the record, whatever the rule."""

import pytest
from test_segmentation import book, data_of, prospect

from kamlib import segmentation
from kamlib.segmentation import export, scoring

RULES = {
    "as it stands": {},
    "percentiles": {"scale": "percentile"},
    "three indicators": {"weights": {"purchasing_power": 40, "frequency": 20, "history": 20}},
    "pinned bands": {"bands": {"revenue": (1e5, 4e5, 9e5, 2e6, 5e6)}},
    "other cuts": {"cuts": {"A": 75, "B": 60.5, "C": 40}},
}


@pytest.mark.parametrize("name", RULES)
def test_the_query_gives_the_tier_of_the_record(name):
    for seed in range(3):
        data = data_of(prospect(book(80, seed)), **RULES[name])
        rule = data.settings.tiers
        assert export.agreement(data.mart, segmentation.account_table(data), rule) >= 0.95


def test_on_the_sample_it_does_for_all(sample):
    rule = sample.settings.tiers
    part = export.agreement(scoring.comparable(sample), segmentation.account_table(sample), rule)
    assert part == 1
    assert "100 % of 150 accounts" in export.agreement_claim(part, 150)


def test_the_sentences_name_every_band_indicator_weight_and_cut(sample):
    rule = sample.settings.tiers
    lines = export.rule_sentences(scoring.comparable(sample), rule, "en")
    assert lines["rule_step"].is_monotonic_increasing
    text = "\n".join(lines["rule_if"] + " → " + lines["rule_then"])
    assert "≥ 280,000 / 1,400,000 / 4,500,000 / 12,000,000 / 23,000,000 → 20 / 40 / 60 / 80 / 100 points" in text
    assert "40 % Purchasing power + 20 % Transaction frequency" in text
    for cut in ("≥ 85 → A", "≥ 70 → B", "≥ 60 → C"):
        assert cut in text
    assert "under 70 %" in text
