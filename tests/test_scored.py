"""Scored models judged: by hand, against scikit-learn, and that no figure hangs on the order of the rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from kamlib.models import scored

Y = [1, 0, 1, 1, 0, 0, 0, 1]
P = [0.9, 0.8, 0.7, 0.7, 0.4, 0.3, 0.3, 0.1]


def test_figures_by_hand():
    """Of the 16 pairs of an event and a non-event, 10 are in order; the first two rows hold one of four events."""
    assert scored.auc(Y, P) == pytest.approx(10 / 16)
    assert scored.lift(Y, P, 0.25) == pytest.approx(1.0)
    assert scored.gains(Y, P, [0, 0.5, 1]).tolist() == pytest.approx([0, 0.75, 1])
    assert scored.brier([1, 0], [0.8, 0.4]) == pytest.approx((0.04 + 0.16) / 2)
    table = scored.calibration_table([1, 0, 1, 1], [0.2, 0.2, 0.9, 0.9], bins=5)
    assert table[["n_rows", "said_share", "seen_share"]].to_numpy().tolist() == [[2, 0.2, 0.5], [2, 0.9, 1.0]]
    assert scored.calibration_error([1, 0, 1, 1], [0.2, 0.2, 0.9, 0.9], bins=5) == pytest.approx(0.2)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9)), min_size=4, max_size=60))
def test_agrees_with_scikit_learn_under_ties(rows):
    y, p = np.array(rows).T
    p = p / 10
    if 0 < y.sum() < len(y):
        assert scored.auc(y, p) == pytest.approx(metrics.roc_auc_score(y, p))
        assert scored.average_precision(y, p) == pytest.approx(metrics.average_precision_score(y, p))
        assert scored.brier(y, p) == pytest.approx(metrics.brier_score_loss(y, p))
        assert scored.log_loss(y, p) == pytest.approx(metrics.log_loss(y, p, labels=[0, 1]))


def test_the_order_of_rows_is_no_information():
    order = np.random.default_rng(1).permutation(len(Y))
    shuffled = scored.judged(np.array(Y)[order], np.array(P)[order])
    assert shuffled == pytest.approx(scored.judged(Y, P))
    assert scored.lift(Y, np.zeros(8), 0.25) == pytest.approx(1.0)  # one score for all: as drawn at random
    assert scored.auc(Y, np.zeros(8)) == 0.5


def test_without_events_nothing_is_said():
    assert np.isnan(scored.auc([0, 0], [0.1, 0.2]))
    assert np.isnan(scored.average_precision([0, 0], [0.1, 0.2]))
    assert np.isnan(scored.lift([0, 0], [0.1, 0.2]))


def test_true_probabilities_are_calibrated_and_stretched_ones_are_not():
    random = np.random.default_rng(0)
    p = random.beta(2, 5, 20_000)
    y = random.random(20_000) < p
    assert scored.calibration_error(y, p) < 0.01
    assert scored.calibration_error(y, np.clip(1.5 * p, 0, 1)) > 0.1
    bins = scored.calibration_table(y, p, 8, equal_rows=True)
    assert bins["n_rows"].sum() == 20_000
    assert bins["n_rows"].max() - bins["n_rows"].min() <= 1
    assert (
        (bins["seen_share_low"] <= bins["said_share"]) & (bins["said_share"] <= bins["seen_share_high"])
    ).mean() > 0.8


def test_the_interval_of_the_auc_draws_whole_accounts():
    """Every account ten times is worth no more than once."""
    random = np.random.default_rng(2)
    y = (random.random(150) < 0.3).astype(int)
    score = y * 0.5 + random.normal(size=150)
    once = scored.auc_interval(y, score, np.arange(150))
    ten = scored.auc_interval(np.repeat(y, 10), np.repeat(score, 10), np.repeat(np.arange(150), 10))
    assert ten == pytest.approx(once)
    assert once[0] < scored.auc(y, score) < once[1]
    naive = scored.auc_interval(np.repeat(y, 10), np.repeat(score, 10), np.arange(1500))
    assert naive[1] - naive[0] < 0.5 * (once[1] - once[0])
    assert np.isnan(scored.auc_interval([0, 0], [1, 2], [1, 2])[0])
