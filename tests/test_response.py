"""Response: rates per group, clusters, reweighting and bounds on frames that can be checked by hand."""

import numpy as np
import pandas as pd
import pytest
from test_satisfaction import surveys

from kamlib import stats, words
from kamlib.satisfaction import response

NOBODY = pd.DataFrame({"contact_id": pd.Series(dtype=str), "stance": pd.Series(dtype=float), "assessed_at": pd.Series(dtype="datetime64[us]")})  # fmt: skip


def mart(accounts, key):
    return pd.DataFrame({"account_id": accounts, "is_key_account": key})


def invited(random, rate_key, rate_other, n=60):
    """Half of the accounts are key accounts; satisfied are all of those that answer there, half of the others."""
    rows = []
    for i in range(n):
        key = i < n // 2
        for _ in range(2):
            answers = random.random() < (rate_key if key else rate_other)
            rows.append(("2025", f"a{i}", (5 if key else 3 + random.integers(0, 2)) if answers else np.nan, np.nan))
    return surveys(rows).assign(channel="phone"), mart([f"a{i}" for i in range(n)], [i < n // 2 for i in range(n)])


def test_reweighting_and_bounds_by_hand():
    words.speak("en")
    rows, accounts = invited(np.random.default_rng(1), 0.9, 0.2)
    table = response.response_table(rows, accounts, NOBODY)
    table = table[table.trait == "is_key_account"].set_index("group_name")
    key, other = (rows[rows.account_id.isin([f"a{i}" for i in some])] for some in (range(30), range(30, 60)))
    assert table.response_rate["key_account"] == pytest.approx(key.overall.notna().mean())
    satisfied = [(some.overall >= 4).sum() / some.overall.notna().sum() for some in (key, other)]
    assert table.weighted_t2b_rate.iloc[0] == pytest.approx(np.mean(satisfied))
    assert table.all_t2b_rate.iloc[0] == pytest.approx((rows.overall >= 4).sum() / rows.overall.notna().sum())
    assert table.lowest_rate.iloc[0] == pytest.approx((rows.overall >= 4).sum() / 120)
    assert table.highest_rate.iloc[0] == pytest.approx(((rows.overall >= 4) | rows.overall.isna()).sum() / 120)
    assert table.p_rate.iloc[0] < 0.001
    assert "response differs by key accounts" in response.response_claim(
        response.response_table(rows, accounts, NOBODY)
    )


def test_equal_response_raises_no_more_alarms_than_stated():
    random, alarms = np.random.default_rng(2), []
    for _ in range(80):
        table = response.response_table(*invited(random, 0.5, 0.5), NOBODY)
        alarms.append(table[table.trait == "is_key_account"].p_rate.iloc[0] < 0.05)
    assert np.mean(alarms) <= 0.11


def test_accounts_that_answer_alike_count_for_less():
    alike = stats.effective_trials([1, 1, 0, 0, 1, 1, 0, 0], list("aabbccdd"))
    assert alike == pytest.approx(3)  # four accounts, one degree of freedom spent
    assert stats.effective_trials([1, 0, 1, 0], list("abcd")) == pytest.approx(3)
    assert stats.effective_trials([], []) == 0
    assert stats.effective_trials([1, 1], ["a", "a"]) == 1


def test_what_was_said_before_is_known_before():
    """The answer of the same wave must not explain whether it was given."""
    rows = surveys([("2024", "a", 1, 2), ("2025", "a", 5, 9)])
    rows["contact_id"], rows["channel"] = "p", "phone"
    found = response._groups(rows, mart(["a"], [True]), NOBODY)["answer_before"]
    assert found.tolist() == ["never_answered", "was_dissatisfied"]
