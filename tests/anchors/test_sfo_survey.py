"""San Francisco Airport's customer survey of May 2017 (2,831 travellers): NPS, top-2-box and drivers on answers nobody here made.

The airport prints no interval, so counts come from plain SQL, intervals from the formulas written out, and the division of R²
from its definition over all orders of entry. One traveller is one account.
"""

from __future__ import annotations

from itertools import permutations

import duckdb
import numpy as np
import pandas as pd
import pytest

from kamlib import satisfaction, words
from kamlib.models import importance
from kamlib.satisfaction import drivers, topics
from kamlib.tables import TOPICS

FILE = "sfo_survey/2017_SFO_Customer_Survey.csv.gz"
ITEMS = dict(zip(TOPICS, ("Q7SIGN", "Q7WALKWAYS", "Q7SCREENS", "Q7FOOD"), strict=True))
"""Signs, walkways, screens and restaurants in the places of our four topics; the arithmetic does not know their names."""


@pytest.fixture(scope="module")
def raw(public_data):
    path = public_data / FILE
    if not path.is_file():
        pytest.skip("the airport's survey is not here")
    return pd.read_csv(path, low_memory=False, encoding="latin-1")


@pytest.fixture(scope="module")
def surveys(raw):
    def answer(column: str, most: int) -> pd.Series:
        values = pd.to_numeric(raw[column], errors="coerce")
        return values.where(values.between(1 if most == 5 else 0, most))

    table = pd.DataFrame(
        {"response_id": raw.RESPNUM.astype(str), "account_id": raw.RESPNUM.astype(str), "wave": "2017"}
    )
    table["overall"], table["recommend"] = answer("Q7ALL", 5), answer("NETPRO", 10)
    for topic, item in ITEMS.items():
        table[topic] = answer(item, 5)
    day = pd.Timestamp("2017-05-15")
    return table.assign(contact_id=table.account_id, invited_at=day, answered_at=day, comment=None)


def test_nps_is_that_of_plain_sql_with_its_interval(surveys, public_data):
    n, promoters, detractors = duckdb.sql(
        f"""SELECT count(*), count(*) FILTER (NETPRO >= 9), count(*) FILTER (NETPRO <= 6)
        FROM (SELECT try_cast(NETPRO AS INTEGER) NETPRO, try_cast(Q7ALL AS INTEGER) Q7ALL
              FROM read_csv('{public_data / FILE}', all_varchar = true, encoding = 'latin-1'))
        WHERE NETPRO BETWEEN 0 AND 10"""
    ).fetchone()
    row = satisfaction.nps_table(surveys).iloc[0]
    assert (row.n_accounts, row.n_answers) == (n, n)
    assert row.nps == pytest.approx(100 * (promoters - detractors) / n)
    p, d = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    half = 1.959964 * np.sqrt((p + d - (p - d) ** 2) / (n + 3))
    assert (row.nps_low, row.nps_high) == pytest.approx((100 * (p - d - half), 100 * (p - d + half)), abs=1e-4)
    assert f"n = {n}" in satisfaction.nps_claim(row.to_frame().T)


def test_top_2_box_counts_who_answered(surveys):
    row = satisfaction.levels_table(surveys).iloc[0]
    valid = surveys.overall.dropna()
    assert row.n_accounts == len(valid)
    assert row.t2b_rate == pytest.approx((valid >= 4).mean())
    assert row.response_rate == pytest.approx(len(valid) / len(surveys))
    assert 0 < row.t2b_rate_high - row.t2b_rate_low < 0.05


def test_drivers_divide_the_r2_of_a_regression(surveys):
    table = topics.topics_table(surveys, draws=100).set_index("topic")
    rows = surveys.dropna(subset=["overall", *TOPICS])
    assert table.n_accounts.iloc[0] == len(rows)
    y, x = rows.overall.to_numpy(), rows[list(TOPICS)].to_numpy(float)

    def r2(columns):
        design = np.column_stack([np.ones(len(y)), x[:, list(columns)]])
        left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        return 1 - left @ left / ((y - y.mean()) ** 2).sum()

    gains = np.zeros(4)
    for order in permutations(range(4)):
        for place, driver in enumerate(order):
            gains[driver] += (r2(order[: place + 1]) - r2(order[:place])) / 24
    assert table.r2_index.iloc[0] == pytest.approx(r2(range(4)), abs=1e-10)
    assert table.importance_share[list(TOPICS)].to_numpy() == pytest.approx(gains / gains.sum(), abs=1e-10)
    assert (table.importance_share_low < table.importance_share).all()
    words.speak("en")
    assert "carries" in topics.topics_claim(table.reset_index())


def test_all_services_at_once(raw):
    """All services that at least half of the travellers rated, complete answers only; LMG and Johnson agree closely."""
    services = [c for c in raw.columns if c.startswith("Q7") and c != "Q7ALL"]
    x = raw[services].apply(pd.to_numeric, errors="coerce").where(lambda v: (v >= 1) & (v <= 5))
    x = x[[c for c in services if x[c].notna().mean() >= 0.5]]
    y = pd.to_numeric(raw.Q7ALL, errors="coerce").where(lambda v: v.between(1, 5))
    found = importance.measures(y, x)
    assert len(found) >= 5
    assert (found.lmg > 0).all()
    assert found.lmg.sum() == pytest.approx(found.johnson.sum()) == pytest.approx(found.car.sum())
    assert (found.lmg - found.johnson).abs().max() < 0.01
    assert found.vif["Q7INFODOWN"] > 10  # the two kinds of information desk repeat each other
    assert found.pratt["Q7INFODOWN"] < 0 < found.lmg["Q7INFODOWN"]
    assert (found.vif >= 1).all()


def test_penalty_and_reward_run(surveys):
    table = drivers.asymmetry_table(surveys, draws=100)
    assert set(table.factor) <= {"basic", "excitement", "performance", "unclear", "insufficient_data"}
    assert (table.penalty_index < table.reward_index).all()
