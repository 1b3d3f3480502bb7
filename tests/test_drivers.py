"""Drivers: rules side by side, penalty and reward on answers whose asymmetry is planted."""

import numpy as np
from test_satisfaction import surveys

from kamlib import words
from kamlib.satisfaction import drivers
from kamlib.tables import TOPICS


def company(random, n=160):
    """Delivery punishes only, service thrills only, product does both, after-sales nothing."""
    scores = random.integers(2, 6, (n, 4))
    quality, service, delivery, _ = scores.T
    felt = 3.6 - 1.2 * (delivery <= 3) + 0.9 * (service == 5) - 0.4 * (quality <= 3) + 0.4 * (quality == 5)
    overall = np.clip(np.round(felt + random.normal(0, 0.4, n)), 1, 5)
    return surveys([("2025", f"a{i}", overall[i], 8, *scores[i]) for i in range(n)])


def test_the_planted_kinds_are_found():
    table = drivers.asymmetry_table(company(np.random.default_rng(1)), draws=400).set_index("topic")
    assert table.factor.to_dict() == {
        "product_quality": "performance", "service_attitude": "excitement", "delivery_speed": "basic", "after_sales": "unclear",
    }  # fmt: skip
    words.speak("en")
    assert "Delivery speed punishes more than it rewards" in drivers.asymmetry_claim(table.reset_index())


def test_without_asymmetry_hardly_any_topic_gets_a_name():
    random, named = np.random.default_rng(2), []
    for _ in range(40):
        scores = random.integers(2, 6, (120, 4))
        centred = (scores >= 5).astype(float) - (scores <= 3)
        overall = np.clip(np.round(3 + 0.35 * centred.sum(axis=1) + random.normal(0, 0.4, 120)), 1, 5)
        rows = surveys([("2025", f"a{i}", overall[i], 8, *scores[i]) for i in range(120)])
        named += list(drivers.asymmetry_table(rows, draws=200).factor.isin(["basic", "excitement"]))
    assert np.mean(named) <= 0.12


def test_few_low_answers_are_told_and_few_accounts_give_nothing():
    random = np.random.default_rng(3)
    rows = company(random)
    assert drivers.asymmetry_table(rows.head(39)).empty
    assert drivers.rules_table(rows.head(39)).empty
    rows["delivery_speed"] = np.where(np.arange(len(rows)) < 5, 3, 4 + np.arange(len(rows)) % 2)
    table = drivers.asymmetry_table(rows, draws=50).set_index("topic")
    assert table.factor["delivery_speed"] == "insufficient_data"


def test_rules_share_out_the_same_whole_and_the_claim_says_when_they_disagree():
    table = drivers.rules_table(company(np.random.default_rng(4)), draws=50)
    for rule in drivers.RULES:
        assert np.isclose(table[f"{rule}_share"].sum(), 1)
    assert set(table.topic) == set(TOPICS)
    words.speak("en")
    assert "All four rules put" in drivers.rules_claim(table)
    other = table.assign(betasq_share=table.betasq_share.to_numpy()[::-1])
    assert "other than raw beta" in drivers.rules_claim(other)
    assert "原始标准化系数" in drivers.rules_claim(other, "zh")
