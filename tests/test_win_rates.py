"""A fair comparison of win rates: expected chances, the exact tail, ranks."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sp
from test_appraisal import book_of, deals_of

from kamlib import appraisal, words
from kamlib.appraisal import win_rates
from kamlib.sample import stories


def closed(random, chances, people, n=40, lift=None):
    """Deals of `people`; each segment is won with its chance, by each person times `lift`."""
    lift = lift or {}
    rows = []
    for person, mix in people.items():
        for kind in random.choice(list(chances), n, p=mix):
            won = random.random() < min(chances[kind] * lift.get(person, 1), 1)
            rows.append((person, kind, "won" if won else "lost", 100.0, "2025-06-01", "2025-06-01"))
    return book_of(deals=deals_of(rows))


HARD = {"easy": 0.6, "hard": 0.15}


def test_a_deal_is_expected_as_others_win_it():
    rows = (
        [("Ann", "x", "won", 1, "2025-06-01", None)] * 3
        + [("Bo", "x", "won", 1, "2025-06-01", None)]
        + [("Bo", "x", "lost", 1, "2025-06-01", None)]
    )
    chances = win_rates.expected_chances(deals_of(rows), "account_type")
    assert chances.iloc[0] == pytest.approx((1 + 2 * 0.5) / 4)  # Ann's: 1 of Bo's 2, and 2 of all others'
    assert chances.iloc[4] == pytest.approx((3 + 2 * 1.0) / 5)


def test_the_tail_is_the_binomial_one_when_chances_are_equal():
    for won in (0, 3, 10, 20):
        lower, here = sp.binom.cdf(won - 1, 20, 0.3), sp.binom.pmf(won, 20, 0.3)
        expected = min(1, 2 * min(lower + here / 2, 1 - lower - here / 2))
        assert win_rates.tail(won, np.full(20, 0.3)) == pytest.approx(expected, abs=1e-12)


def test_hard_customers_are_no_fault():
    """D.11-14: ranking reps on few deals and on their portfolio."""
    random = np.random.default_rng(1)
    people = {"Ann": (0.05, 0.95), **{f"P{i}": (0.8, 0.2) for i in range(8)}}
    alarms, raw, fair = 0, [], []
    for _ in range(60):
        table = win_rates.fair_table(closed(random, HARD, people), "account_type").set_index("owner")
        alarms += table.loc["Ann", "verdict"] == "below"
        raw.append(table.loc["Ann", "win_rate"])
        fair.append(table.loc["Ann", "fair_rate"] / (table["n_won"].sum() / table["n_closed_deals"].sum()))
    assert np.mean(raw) < 0.25
    assert np.mean(fair) == pytest.approx(1, abs=0.2)
    assert alarms <= 6


def test_without_differences_one_verdict_in_twenty_is_chance():
    random = np.random.default_rng(2)
    people = {f"P{i}": (0.5, 0.5) for i in range(12)}
    verdicts = []
    for _ in range(60):
        verdicts += win_rates.fair_table(closed(random, HARD, people), "account_type")["verdict"].tolist()
    assert np.mean([v in ("above", "below") for v in verdicts]) <= 0.07


def test_somebody_better_is_found():
    random = np.random.default_rng(3)
    people = {f"P{i}": (0.5, 0.5) for i in range(8)}
    found = [
        win_rates.fair_table(closed(random, HARD, people, n=80, lift={"P0": 1.8}), "account_type")
        .set_index("owner")
        .loc["P0", "verdict"]
        for _ in range(20)
    ]
    assert np.mean([v == "above" for v in found]) >= 0.8


def test_below_ten_deals_nothing_is_said():
    table = win_rates.fair_table(
        closed(np.random.default_rng(4), HARD, {"Ann": (0.5, 0.5), "Bo": (0.5, 0.5)}, n=9), "account_type"
    )
    assert set(table["verdict"]) == {"few"}
    assert win_rates.rank_table(closed(np.random.default_rng(4), HARD, {"Ann": (0.5, 0.5)}, n=30), "account_type").empty


def test_shrinking_pulls_the_few_most():
    won, expected = np.array([9.0, 60, 30]), np.array([4.0, 30, 60])
    shrunk = win_rates.shrunk_ratio(won, expected, expected * 0.6)
    raw, mean = won / expected, won.sum() / expected.sum()
    assert (abs(shrunk - mean) < abs(raw - mean)).all()
    assert abs(shrunk - mean)[0] / abs(raw - mean)[0] < abs(shrunk - mean)[1] / abs(raw - mean)[1]
    assert win_rates.shrunk_ratio(np.array([5.0, 5]), np.array([5.0, 5]), np.array([3.0, 3])).tolist() == [1, 1]


def test_the_rep_of_the_sample_is_cleared(sample):
    """Story 8 of the sample: poor only because of his portfolio."""
    table = win_rates.fair_table(appraisal.book(sample, 36), "account_type").set_index("owner")
    him, team = table.loc[stories.MIX_REP], table["n_won"].sum() / table["n_closed_deals"].sum()
    assert him["win_rate"] < team
    assert him["fair_rate"] > team
    assert him["verdict"] != "below"


def test_ranks_cover_the_true_one():
    random = np.random.default_rng(5)
    people = {f"P{i}": (0.5, 0.5) for i in range(6)}
    lift = {f"P{i}": 1.5 - 0.2 * i for i in range(6)}
    hits = []
    for _ in range(25):
        table = win_rates.rank_table(closed(random, HARD, people, n=60, lift=lift), "account_type").set_index("owner")
        hits += [table.loc[f"P{i}", "n_rank_low"] <= i + 1 <= table.loc[f"P{i}", "n_rank_high"] for i in range(6)]
    assert np.mean(hits) >= 0.85  # 90 % by construction, 150 ranks


def test_claims_and_charts():
    words.speak("en", "CNY")
    book = closed(np.random.default_rng(6), HARD, {f"P{i}": (0.5, 0.5) for i in range(6)}, lift={"P0": 1.9})
    fair, ranks = win_rates.fair_table(book, "account_type"), win_rates.rank_table(book, "account_type")
    for claim, table in ((win_rates.fair_claim, fair), (win_rates.ranks_claim, ranks)):
        assert claim(table, "en") != claim(table, "zh")
    assert "P0 wins more than the team's" in win_rates.fair_claim(
        fair.assign(verdict=["above" if o == "P0" else "chance" for o in fair["owner"]]), "en"
    )
    win_rates.plot_fair(fair).figure.canvas.draw()
    win_rates.plot_ranks(ranks).figure.canvas.draw()
    assert isinstance(fair["p"].iloc[0], float)
    assert pd.api.types.is_integer_dtype(ranks["n_rank"])
