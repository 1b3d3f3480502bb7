"""Renewals: chains of contracts on hand-made days, rates by renewal, and when no curve may be drawn."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from drawn import drawn_in_both_languages

from kamlib.lifecycle import renewals

AS_OF = dt.date(2025, 6, 30)


def contracts(*rows):
    frame = pd.DataFrame(rows, columns=["account_id", "start_date", "end_date"])
    return frame.assign(start_date=pd.to_datetime(frame["start_date"]), end_date=pd.to_datetime(frame["end_date"]))


def test_contracts_are_joined_into_chains():
    table = contracts(
        ("a", "2022-01-01", "2022-12-31"), ("a", "2023-01-01", "2023-12-31"), ("a", "2024-01-31", "2025-12-31"),  # 31 days late
        ("b", "2022-01-01", "2022-12-31"), ("b", "2023-03-01", "2024-02-29"),  # two months without: a new one
        ("c", "2024-06-11", "2025-06-10"),  # ended 20 days ago: may still renew
        ("d", "2026-01-01", "2026-12-31"),  # not known yet
    )  # fmt: skip
    chains = renewals.renewal_chains(table, AS_OF)
    assert chains["account_id"].tolist() == ["a", "b", "b", "c"]
    assert chains["n_renewed"].tolist() == [2, 0, 0, 0]
    assert chains["ended"].tolist() == [False, True, True, False]


def test_each_renewal_counts_those_that_came_to_it():
    table = contracts(
        *[(f"n{i}", f"{2020 + y}-01-01", f"{2020 + y}-12-31") for i in range(6) for y in range(6) if y <= i],
    )
    found = renewals.renewals_table(table, AS_OF).set_index("n_renewal")
    # n5 still runs after 5 renewals; n0 … n4 ended after 0 … 4
    assert found["n_contracts_due"].dropna().tolist() == [6, 5, 4, 3, 2]
    assert found["n_contracts_renewed"].dropna().tolist() == [5, 4, 3, 2, 1]
    assert found["under_contract_share"].iloc[-1] == pytest.approx(1 / 6)
    assert found["sbg_share"].isna().all()  # five losses draw no curve
    assert "at least 10 needed" in renewals.renewals_claim(found.reset_index())


def simulated(seed, n=300):
    """Accounts with a chance of their own not to renew, contracts of a year since 2018."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        first, left = random.integers(2018, 2024), random.geometric(max(random.beta(0.6, 2.4), 1e-6))
        rows += [(f"n{i}", f"{first + y}-01-01", f"{first + y}-12-31") for y in range(left) if first + y <= 2025]
    return contracts(*rows)


def test_the_curve_finds_the_survival_of_accounts_that_differ():
    off, flat = [], []
    truth = [np.prod([(2.4 + t) / (3.0 + t) for t in range(8)])]
    for seed in range(8):
        found = renewals.renewals_table(simulated(seed), AS_OF).set_index("n_renewal")
        off.append(found["sbg_share"][8] - truth[0])
        flat.append(found["constant_share"][8] - truth[0])
    assert abs(np.mean(off)) < 0.03
    assert np.mean(flat) < -0.05  # one rate for all underestimates who stays
    drawn_in_both_languages(
        renewals.renewals_table(simulated(1), AS_OF), renewals.plot_renewals, renewals.renewals_claim
    )


def test_without_contracts_or_renewals_due_nothing_is_said():
    assert renewals.renewals_table(contracts(), AS_OF).empty
    assert renewals.renewals_table(contracts(("a", "2025-01-01", "2025-12-31")), AS_OF).empty


def test_the_sample_renews_most_contracts(sample):
    found = renewals.renewals_table(sample.frame("contracts"), sample.as_of)
    assert found["n_contracts_renewed"].sum() / found["n_contracts_due"].sum() > 0.7
    drawn_in_both_languages(found, renewals.plot_renewals, renewals.renewals_claim)
