"""Waves: the same accounts against everybody who answered, and no false alarms among several measures."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sp
from test_satisfaction import surveys

from kamlib import words
from kamlib.satisfaction import waves


def test_panel_and_everybody_are_the_paired_and_the_welch_interval():
    random = np.random.default_rng(2)
    answers = [
        (wave, f"a{i}", int(random.integers(1, 6)), 8, 4, 4, 4, 4) for wave in ("2024", "2025") for i in range(30)
    ]
    answers += [("2025", f"new{i}", 5, 10, 5, 5, 5, 5) for i in range(15)]
    rows = surveys(answers)
    row = waves.comparison_table(rows).set_index("measure").loc["overall"]
    before, now = (rows[rows.wave == wave].set_index("account_id").overall for wave in ("2024", "2025"))
    same = (now - before).dropna()
    assert (row.n_before, row.n_now, row.n_panel) == (30, 45, 30)
    assert row.panel_change_index == pytest.approx(same.mean())
    assert (row.panel_change_index_low, row.panel_change_index_high) == pytest.approx(
        tuple(sp.ttest_1samp(same, 0).confidence_interval())
    )
    assert row.p_rate == pytest.approx(sp.ttest_rel(now[before.index], before).pvalue)
    assert (row.all_change_index_low, row.all_change_index_high) == pytest.approx(
        tuple(sp.ttest_ind(now, before, equal_var=False).confidence_interval())
    )
    assert row.holm_rate >= row.p_rate


def test_respondents_who_changed_are_not_a_change():
    words.speak("en")
    random = np.random.default_rng(4)
    old = [("2024", f"a{i}", 3 + i % 2, 8, 4, 4, 4, 4) for i in range(24)]
    same = [("2025", f"a{i}", 3 + (i + int(random.integers(0, 2))) % 2, 8, 4, 4, 4, 4) for i in range(24)]
    rows = surveys(old + same + [("2025", f"new{i}", 5, 10, 5, 5, 5, 5) for i in range(40)])
    table = waves.comparison_table(rows).set_index("measure")
    assert table.all_change_index_low["overall"] > 0
    assert table.panel_change_index_low["overall"] < 0 < table.panel_change_index_high["overall"]
    assert "no measure changed clearly" in waves.comparison_claim(table.reset_index())


def test_where_nothing_changes_few_companies_hear_of_change():
    """At 5 % in one comparison of six, adjusted: at most about one company in twenty."""
    random, alarms = np.random.default_rng(9), 0
    for _ in range(120):
        scores = np.clip(random.normal(3.8, 0.9, (60, 5)).round(), 1, 5).astype(int)
        wave = np.repeat(["2024", "2025"], 30)
        rows = surveys([(wave[i], f"a{i % 30}", scores[i, 0], 8 + i % 3, *scores[i, 1:]) for i in range(60)])
        alarms += (waves.comparison_table(rows).holm_rate < 0.05).any()
    assert alarms / 120 <= 0.08


def test_one_wave_or_few_accounts_say_that_change_cannot_be_said():
    words.speak("en")
    assert waves.comparison_table(surveys([("2025", "a", 4, 8)])).empty
    rows = surveys([(wave, f"a{i}", 3 + i % 2, 8) for wave in ("2024", "2025") for i in range(9)])
    assert "cannot be said: 9 accounts" in waves.comparison_claim(waves.comparison_table(rows))


def test_a_planted_change_is_named_in_both_languages():
    rows = [("2024", f"a{i}", 4, 9, 4, 4, 4, 4) for i in range(20)]
    rows += [("2025", f"a{i}", 4, 9, 4, 4, 2 + i % 2, 4) for i in range(20)]
    table = waves.comparison_table(surveys(rows))
    assert "Delivery speed −1.5" in waves.comparison_claim(table)
    assert "交货速度 −1.5" in waves.comparison_claim(table, "zh")
    assert "Delivery speed moved most: −1.5" in waves.trend_claim(waves.trend_table(surveys(rows)))
    assert pd.isna(table.set_index("measure").p_rate["overall"])
