"""Many accounts at once: who buys now and then, and what is expected of them."""

import numpy as np
import pytest

from kamlib.models import intermittent as it


def test_who_buys_now_and_then():
    panel = np.zeros((12, 4))
    panel[:, 0] = 5
    panel[::2, 1] = 5
    panel[6:, 2] = 5  # late, but every month since
    assert it.is_intermittent(panel).tolist() == [False, True, False, False]


def test_models_by_hand():
    panel = np.column_stack([np.arange(1.0, 13), np.full(12, 6.0)])
    assert it.mean(panel, 2).tolist() == [[6.5, 6], [6.5, 6]]
    assert it.seasonal_naive(panel, 13)[:, 0].tolist() == [*range(1, 13), 1]
    assert it.smoothed(panel, 1)[0, 1] == 6


def test_tsb_by_hand():
    panel = np.r_[np.full(12, 10.0), 0.0, 20.0][:, None]
    chance = 1 - 0.1 * 1  # a month without
    chance += 0.1 * (1 - chance)
    assert it.tsb(panel, 1)[0, 0] == pytest.approx(chance * (10 + 0.2 * 10))


def test_a_customer_who_left_fades_away():
    panel = np.r_[np.full(24, 10.0), np.zeros(24)][:, None]
    assert it.tsb(panel, 1)[0, 0] == pytest.approx(10 * 0.9**24)
    assert it.tsb(np.zeros((24, 1)), 1)[0, 0] == 0


def test_tsb_is_unbiased_for_steady_chances():
    random = np.random.default_rng(2)
    panel = (random.random((120, 800)) < 0.3) * random.gamma(4, 25, (120, 800))
    assert it.tsb(panel, 1).mean() == pytest.approx(30, rel=0.05)
