"""Competing risks: by hand, against lifelines, under ties and row order, and on the public CRM set."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamlib.models.competing_risks import cumulative_incidence, incidence_by, share_at, time_until

cases = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["won", "lost", "open"])), min_size=1, max_size=60)


def course(rows):
    return cumulative_incidence([days for days, _ in rows], [end for _, end in rows])


def test_by_hand():
    table = course([(1, "won"), (2, "lost"), (2, "open"), (3, "won"), (5, "open")])
    assert table["day"].tolist() == [1, 2, 3, 5]
    assert table["n_at_risk"].tolist() == [5, 4, 2, 1]
    # day 1: 1/5 won; day 2: 4/5 × 1/4 lost; day 3: 3/5 × 1/2 won; the last case stays open
    assert table["won_share"].tolist() == pytest.approx([0.2, 0.2, 0.5, 0.5])
    assert table["lost_share"].tolist() == pytest.approx([0, 0.2, 0.2, 0.2])
    assert table["open_share"].tolist() == pytest.approx([0.8, 0.6, 0.3, 0.3])
    assert share_at(table, "won_share", 2.5) == pytest.approx(0.2)
    assert share_at(table, "won_share", 0) == 0
    assert share_at(table, "open_share", 0) == 1
    assert time_until(table) == 3
    assert np.isnan(time_until(table, 0.8))


@given(cases)
def test_shares_sum_to_one_rise_and_keep_the_cases(rows):
    table = course(rows)
    total = table["open_share"] + table["won_share"] + table["lost_share"]
    assert np.abs(total - 1).max() < 1e-12
    for name in ("won_share", "lost_share"):
        assert (table[name].diff().dropna() >= 0).all()
        assert (table[f"{name}_low"] <= table[name] + 1e-12).all()
        assert (table[f"{name}_high"] >= table[name] - 1e-12).all()
    assert table[["n_won", "n_lost", "n_censored"]].sum().sum() == len(rows)


@given(cases, st.integers(0, 45))
def test_one_figure_alone_is_that_of_the_table(rows, day):
    days, ends = zip(*rows, strict=True)
    assert incidence_by(days, ends, day) == pytest.approx(share_at(course(rows), "won_share", day), abs=1e-12)


@given(cases, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, shuffle):
    other = list(rows)
    shuffle.shuffle(other)
    pd.testing.assert_frame_equal(course(rows), course(other), check_exact=True)


@given(cases)
def test_without_open_cases_it_is_plain_counting(rows):
    closed = [(days, end) for days, end in rows if end != "open"]
    if not closed:
        return
    last = course(closed).iloc[-1]
    assert last["won_share"] == pytest.approx(sum(end == "won" for _, end in closed) / len(closed))
    assert last["open_share"] == pytest.approx(0)


def test_nobody_at_all():
    table = cumulative_incidence([], [])
    assert table.empty
    assert np.isnan(time_until(table))


def test_agrees_with_lifelines_without_ties():
    from lifelines import AalenJohansenFitter

    random = np.random.default_rng(1)
    times = random.exponential([[10], [15], [20]], (3, 250))
    first, days = times.argmin(axis=0), times.min(axis=0)
    fit = AalenJohansenFitter().fit(days, (first + 1) % 3, event_of_interest=1)
    table = cumulative_incidence(days, np.array(["won", "lost", "open"], object)[first])
    assert table["won_share"].to_numpy() == pytest.approx(fit.cumulative_density_.to_numpy()[1:, 0], abs=1e-12)
    bounds = fit.confidence_interval_.to_numpy()[1:]
    inner = slice(5, -5)
    assert table["won_share_low"].to_numpy()[inner] == pytest.approx(bounds.min(axis=1)[inner], abs=1e-9)
    assert table["won_share_high"].to_numpy()[inner] == pytest.approx(bounds.max(axis=1)[inner], abs=1e-9)


def test_agrees_with_lifelines_on_kaplan_meier():
    from lifelines import KaplanMeierFitter
    from lifelines.datasets import load_waltons

    waltons = load_waltons()
    ends = np.where(waltons["E"] == 1, "ended", "open")
    table = cumulative_incidence(waltons["T"], ends, ("ended",))
    fit = KaplanMeierFitter().fit(waltons["T"], waltons["E"])
    assert time_until(table) == fit.median_survival_time_ == 56
    assert share_at(table, "open_share", 50) == pytest.approx(0.6168, abs=5e-5)
    bounds = fit.confidence_interval_.loc[table["day"]].to_numpy()
    assert table[["open_share_low", "open_share_high"]].to_numpy() == pytest.approx(bounds, abs=1e-9)


def test_intervals_cover_the_truth():
    """Exponential times to won, lost and censoring: the share won by day 20 is known; 95 % of intervals hold it."""
    random, inside = np.random.default_rng(7), 0
    truth = 30 / (30 + 20) * (1 - np.exp(-20 * (1 / 20 + 1 / 30)))
    for _ in range(400):
        times = np.ceil(random.exponential([[20], [30], [60]], (3, 150)))  # ties by day
        first = times.argmin(axis=0)
        table = cumulative_incidence(times.min(axis=0), np.array(["won", "lost", "open"], object)[first])
        low, high = (share_at(table, f"won_share_{end}", 20) for end in ("low", "high"))
        inside += low <= truth <= high
    assert 0.92 <= inside / 400 <= 0.98
