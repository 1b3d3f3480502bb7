"""Signals: on many past days they equal those computed from files that end on each; each rule speaks when it should."""

import datetime as dt

import pandas as pd
import pytest

import kamlib as kam
from kamlib.churn import signals

DAYS = [dt.date(2024, 4, 30), dt.date(2025, 3, 31), dt.date(2025, 8, 17)]


@pytest.fixture(scope="module")
def many(sample):
    return signals.signals_on(sample, DAYS)


@pytest.mark.parametrize("day", DAYS)
def test_a_past_day_does_not_know_what_came_after(sample, many, day):
    """D.11-13: signals of a past date, computed among many, equal those of a folder loaded as of that date."""
    alone = signals.signal_table(kam.load(sample.source, as_of=day))
    among = many[many["cutoff"] == pd.Timestamp(day)].drop(columns="cutoff").reset_index(drop=True)
    assert len(alone) > 50
    pd.testing.assert_frame_equal(among, alone)


def test_every_signal_speaks_somewhere_and_nowhere_for_all(many):
    for name in signals.POINTS:
        assert 0 < (many[name] > 0).mean() < 0.9, name


def test_what_was_not_delivered_is_not_measured(sample, many):
    from dataclasses import replace

    blind = replace(sample, measured=sample.measured - {"surveys", "cases"})
    table = signals.signals_on(blind, DAYS[:1])
    assert table[["dissatisfied", "complaints_up"]].isna().all(axis=None)
    assert (table["n_measured"] == len(signals.POINTS) - 2).all()
