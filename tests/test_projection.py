"""Projection: simulated Markov chains with known rates, a change that must be seen, accounts that must not be lost."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from drawn import drawn_in_both_languages

from kamlib.lifecycle import STATES, projection, states_on
from kamlib.lifecycle.journey import moves_made

AS_OF = dt.date(2025, 12, 31)
ENDS = [pd.Timestamp(AS_OF) - pd.offsets.MonthEnd(3 * step) for step in range(16, -1, -1)]
USED = ("repeat", "loyal", "dormant", "churned")
STEADY = np.array([[0.7, 0.15, 0.15, 0.0], [0.05, 0.85, 0.1, 0.0], [0.4, 0.05, 0.15, 0.4], [0.03, 0.0, 0.0, 0.97]])
WORSE = np.array([[0.5, 0.1, 0.4, 0.0], [0.05, 0.6, 0.35, 0.0], [0.15, 0.05, 0.2, 0.6], [0.01, 0.0, 0.0, 0.99]])


def chain(seed, accounts=150, matrices=(STEADY,) * 16):
    """Spells of accounts whose state is drawn anew on each quarter's end."""
    random = np.random.default_rng(seed)
    at = random.choice(4, accounts, p=[0.4, 0.3, 0.2, 0.1])
    rows = [(f"n{i:03d}", USED[s], ENDS[0]) for i, s in enumerate(at)]
    for end, matrix in zip(ENDS[1:], matrices, strict=True):
        at = np.array([random.choice(4, p=matrix[s]) for s in at])
        rows += [(f"n{i:03d}", USED[s], end) for i, s in enumerate(at)]
    spells = pd.DataFrame(rows, columns=["account_id", "state", "start"]).sort_values(
        ["account_id", "start"], ignore_index=True
    )
    return spells.assign(end=spells.groupby("account_id")["start"].shift(-1))


def test_a_steady_process_is_rarely_called_unsteady_and_a_change_is_seen():
    steady = [projection.stationarity(moves_made(chain(seed), AS_OF), permutations=99)["p"] for seed in range(24)]
    assert np.mean(np.array(steady) < 0.05) <= 0.14
    assert np.mean(steady) == pytest.approx(0.5, abs=0.2)
    changed = [
        projection.stationarity(
            moves_made(chain(seed, matrices=(STEADY,) * 12 + (WORSE,) * 4), AS_OF), permutations=99
        )["p"]
        for seed in range(6)
    ]
    assert max(changed) < 0.05


def test_the_statistic_is_the_likelihood_ratio_of_anderson_and_goodman():
    moves = pd.DataFrame(
        {
            "step": [1] * 10 + [2] * 10,
            "state_from": "repeat",
            "state_to": ["repeat"] * 8 + ["dormant"] * 2 + ["repeat"] * 4 + ["dormant"] * 6,
        }
    )
    observed = np.array([[8, 2], [4, 6]])
    expected = observed.sum(axis=1, keepdims=True) * observed.sum(axis=0) / observed.sum()
    found = projection.stationarity(moves)
    assert found["statistic"] == pytest.approx(2 * (observed * np.log(observed / expected)).sum())
    assert 0.05 < found["p"] < 0.3  # Fisher's exact test: 0.17


def test_a_projection_is_the_matrix_applied_again_and_again():
    table = projection.projection_table(chain(1), AS_OF)
    last = table[table["origin"] == pd.Timestamp(AS_OF)]
    moves = moves_made(chain(1), AS_OF)
    rates = pd.crosstab(moves["state_from"], moves["state_to"], normalize="index").reindex(
        index=USED, columns=USED, fill_value=0
    )
    held = last.drop_duplicates("state").set_index("state")["n_unchanged"].reindex(USED)
    for step in range(1, 5):
        held = held @ rates
        there = last[last["n_steps"] == step].set_index("state")["n_projected"]
        assert there.reindex(USED).to_numpy() == pytest.approx(held.to_numpy(), abs=1e-5)
        assert there.sum() == pytest.approx(150)
    assert table["n_steps"].max() == 4


def test_the_interval_holds_in_four_of_five_chains():
    inside = []
    for seed in range(40):
        full = chain(seed, accounts=100)
        past = full[full["start"].between(ENDS[6], ENDS[12])].assign(end=lambda s: s["end"].where(s["end"] <= ENDS[12]))
        moves = moves_made(past, ENDS[12].date())
        table = projection._from(states_on(past, ENDS[12]), moves, ENDS[12], ENDS[13:], projection.DRAWS)
        rows = table[table["n_steps"] == 4].iloc[0]
        came = full[(full["start"] == ENDS[16]) & full["state"].isin(["repeat", "loyal"])]
        inside.append(rows["n_buying_low"] <= len(came) <= rows["n_buying_high"])
    assert 0.65 <= np.mean(inside) <= 0.97


def test_past_projections_know_nothing_of_what_came_after():
    full = chain(7)
    cut = full[full["start"] <= ENDS[10]].assign(end=lambda s: s["end"].where(s["end"] <= ENDS[10]))
    then = projection.projection_table(cut, ENDS[10].date())
    now = projection.projection_table(full, AS_OF)
    columns = ["origin", "n_steps", "state", "n_projected", "n_unchanged"]
    at = lambda table: table.loc[table["origin"] == ENDS[10], columns].reset_index(drop=True)  # noqa: E731
    pd.testing.assert_frame_equal(at(then), at(now))


def test_steps_in_which_nobody_could_be_lost_yet_do_not_count():
    assert projection.projection_table(chain(1), AS_OF, warm_days=0)["origin"].min() == ENDS[4]
    assert projection.projection_table(chain(1), AS_OF, warm_days=180)["origin"].min() == ENDS[6]


def test_too_little_history_is_not_projected():
    assert projection.projection_table(chain(1, accounts=5), AS_OF).empty
    young = chain(1)
    assert projection.projection_table(young[young["start"] >= ENDS[14]], AS_OF).empty
    assert projection.projection_table(young.head(0), AS_OF).empty
    assert projection.buying_table(projection.projection_table(young.head(0), AS_OF)).empty


def test_the_claim_tells_whether_to_trust_it():
    said = drawn_in_both_languages(
        projection.buying_table(projection.projection_table(chain(2), AS_OF)),
        projection.plot_projection,
        projection.projection_claim,
    )
    assert "held between the two halves" in said["en"]
    worse = projection.projection_table(chain(2, matrices=(STEADY,) * 12 + (WORSE,) * 4), AS_OF)
    assert "did not hold" in projection.projection_claim(projection.buying_table(worse))
    assert set(worse["state"]) == set(STATES)
