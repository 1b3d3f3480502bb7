"""Effort against entitlement: beyond chance only, and against an independent query on the sample."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats as sp

from kamlib import segmentation
from kamlib.mart import key_accounts
from kamlib.segmentation import effort


def verdict(visits: float, standard: float, late: int = 0, answered: int = 0) -> str:
    row = {
        "n_visits": [visits],
        "standard_visits_mean": [standard],
        "n_answered_late": [late],
        "n_answered": [answered],
    }
    return effort._verdicts(pd.DataFrame(row))[0]


@pytest.mark.parametrize(
    ("visits", "standard", "expected"),
    [(12, 12, "as_agreed"), (8, 12, "as_agreed"), (5, 12, "under_served"), (0, 4, "under_served"), (0, 1, "as_agreed"),
     (3, 1, "as_agreed"), (4, 1, "over_served"), (12, 6, "over_served"), (9, 6, "as_agreed"), (3, np.nan, "unknown")],
)  # fmt: skip
def test_only_what_chance_does_not_explain_is_called_under_or_over(visits, standard, expected):
    assert verdict(visits, standard) == expected


def test_the_interval_is_the_exact_one_of_a_poisson_count():
    """4 visits where 1 is due: as many or more come by chance in 1.9 % of years; 3 in 8.0 %."""
    assert sp.poisson.sf(3, 1) == pytest.approx(0.019, abs=5e-4)
    assert sp.poisson.sf(2, 1) == pytest.approx(0.0803, abs=5e-4)


def test_late_answers_count_when_most_are_late_beyond_chance():
    assert verdict(12, 12, late=3, answered=5) == "as_agreed"
    assert verdict(12, 12, late=5, answered=5) == "under_served"


def test_accounts_served_at_random_by_their_standard_raise_few_alarms():
    visits = np.random.default_rng(0).poisson(6, 2000)
    table = pd.DataFrame({"n_visits": visits, "standard_visits_mean": 6.0, "n_answered_late": 0, "n_answered": 0})
    assert (effort._verdicts(table) != "as_agreed").mean() <= 0.10


def test_on_the_sample_it_agrees_with_plain_sql(sample):
    chosen = key_accounts(segmentation.account_table(sample))
    table = effort.effort_table(sample, chosen).set_index("account_id")
    assert table["effort_share"].sum() == pytest.approx(1)
    assert table["value_share"].sum() == pytest.approx(1)
    rows = duckdb.sql(
        "SELECT account_id, median(epoch(first_response_at) - epoch(opened_at)) / 3600, count(*) FROM 'data/sample/cases.csv' "
        "WHERE opened_at BETWEEN '2025-01-01' AND '2025-12-31 23:59:59' AND first_response_at IS NOT NULL "
        "AND first_response_at < '2026-01-01' GROUP BY 1 HAVING count(*) >= 3"
    ).fetchall()
    hours = {account: (median, n) for account, median, n in rows if account in table.index}
    assert len(hours) >= 10
    for account, (median, n) in hours.items():
        assert table.loc[account, "response_mean"] == pytest.approx(median)
        assert table.loc[account, "n_answered"] == n
    by_tier = effort.service_table(table.reset_index()).set_index("tier")
    assert by_tier["n_accounts"].sum() == len(chosen)
    assert by_tier["n_under"].sum() == (table["service_verdict"] == "under_served").sum()
