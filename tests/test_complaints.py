"""Complaints: censored resolution times, complaints against revenue, and effort per case."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sp

from kamlib import words
from kamlib.satisfaction import complaints

AS_OF = dt.date(2025, 12, 31)


def cases(rows):
    """Build a case frame from (account_id, opened, days until closed or None[, effort])."""
    table = pd.DataFrame(
        [(f"k{i}", a, pd.Timestamp(o), d, *e) for i, (a, o, d, *e) in enumerate(rows)],
        columns=["case_id", "account_id", "opened_at", "days", *(["effort"] if len(rows[0]) > 3 else [])],
    )
    table["closed_at"] = table.opened_at + pd.to_timedelta(pd.to_numeric(table.days), unit="D")
    return table.assign(type="complaint", topic="delivery_speed", severity="low", reopened=0.0)


def test_open_complaints_count_as_not_yet_closed():
    """Closed after 1, 2 and 3 days, four still open: the closed ones alone would say 2 days, but half are not closed."""
    rows = cases([("a", "2025-06-01", d) for d in (1, 2, 3, None, None, None, None)])
    row = complaints.complaints_table(rows, AS_OF).iloc[0]
    assert (row.n_closed, row.n_open) == (3, 4)
    assert np.isnan(row.resolution_days)
    row = complaints.complaints_table(rows.iloc[:5], AS_OF).iloc[0]
    assert row.resolution_days == 3


def test_complaints_per_revenue_have_the_exact_poisson_interval():
    mart = pd.DataFrame(
        {"account_id": list("abc"), "account_name": list("ABC"), "owner": "Li", "revenue": [1e6, 9e6, 0.0]}
    )
    rows = cases([("a", "2025-06-01", 1)] * 6 + [("b", "2025-06-01", 1)] * 2 + [("b", "2024-06-01", 1)])
    table = complaints.per_revenue_table(rows, mart, AS_OF).set_index("account_id")
    assert table.n_complaints.to_dict() == {"a": 6, "b": 2}
    assert table.n_expected.to_dict() == pytest.approx({"a": 0.8, "b": 7.2})
    assert table.per_million_ratio["a"] == 6
    assert (table.per_million_ratio_low["a"], table.per_million_ratio_high["a"]) == pytest.approx(
        (2.20, 13.06), abs=0.005
    )
    assert table.holm_rate["a"] == pytest.approx(2 * sp.poisson.sf(5, 0.8))
    assert table.is_above.to_dict() == {"a": True, "b": False}
    assert "A" in complaints.per_revenue_claim(table.reset_index())


def test_where_all_complain_at_one_rate_hardly_anybody_is_named():
    random, alarms = np.random.default_rng(3), 0
    for _ in range(200):
        revenue = random.lognormal(14, 1.5, 80)
        mart = pd.DataFrame(
            {"account_id": [f"a{i}" for i in range(80)], "account_name": "A", "owner": "Li", "revenue": revenue}
        )
        k = random.poisson(revenue / revenue.sum() * 60)
        rows = cases([("a0", "2025-06-01", 1)] + [(f"a{i}", "2025-06-01", 1) for i in range(80) for _ in range(k[i])])
        alarms += complaints.per_revenue_table(rows.iloc[1:], mart, AS_OF).is_above.any()
    assert alarms / 200 <= 0.08


def test_effort_counts_cases_and_says_when_nobody_was_asked():
    words.speak("en")
    asked = cases([(f"a{i}", "2025-06-01", 1, 7 if i < 9 else 2) for i in range(12)])
    table = complaints.effort_table(asked, AS_OF).set_index("type")
    assert table.loc["all_cases", ["n_cases", "n_answers"]].tolist() == [12, 12]
    assert table.t3b_rate["all_cases"] == 0.75
    assert table.effort_mean["all_cases"] == pytest.approx((9 * 7 + 3 * 2) / 12)
    assert "75 %" in complaints.effort_claim(table.reset_index())
    assert "10 needed" in complaints.effort_claim(complaints.effort_table(asked.head(4), AS_OF))
    nobody = complaints.effort_table(asked.assign(effort=np.nan), AS_OF)
    assert "not measured" in complaints.effort_claim(nobody)
    assert "未测量" in complaints.effort_claim(nobody, "zh")
