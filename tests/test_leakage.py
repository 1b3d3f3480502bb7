"""Leakage: rows after the cut-off are refused by their dates, and too good a feature is named where there are none."""

import numpy as np
import pandas as pd
import pytest

from kamlib.errors import InputError
from kamlib.models import leakage, scored

CUT = pd.Timestamp("2024-06-30")


@pytest.fixture(scope="module")
def orders():
    """Two hundred accounts that order every 20 days or so; some fall silent after the cut-off, at random."""
    random = np.random.default_rng(0)
    rows = []
    for account in range(200):
        end = 545 + random.integers(0, 15) if account % 4 == 0 else 730
        days = np.cumsum(random.integers(10, 30, 80))
        rows += [(f"n{account}", pd.Timestamp("2023-01-01") + pd.Timedelta(days=int(day))) for day in days[days < end]]
    return pd.DataFrame(rows, columns=["account_id", "day"])


def recency(orders, day):
    last = orders[orders["day"] <= day].groupby("account_id")["day"].max()
    return pd.DataFrame({"recency": (day - last).dt.days, "newest": last})


def test_recency_computed_after_the_cutoff_reaches_an_auc_of_one_and_is_refused_and_flagged(orders):
    """D.11-13: look-ahead in early warning. The column that tells the future tells it perfectly, and does not pass."""
    after = orders[orders["day"] > CUT + pd.Timedelta(days=60)]["account_id"].unique()
    leaked, honest = recency(orders, orders["day"].max()), recency(orders, CUT)
    y = (~leaked.index.isin(after)).astype(int)
    assert scored.auc(y, leaked["recency"]) == 1.0
    assert scored.auc(y, honest["recency"]) < 0.7
    with pytest.raises(InputError, match="Look-ahead.*recency"):
        leakage.refuse_later(leaked[["newest"]].set_axis(["recency"], axis=1), CUT)
    leakage.refuse_later(honest[["newest"]].set_axis(["recency"], axis=1), CUT)
    found = leakage.suspects(y, pd.DataFrame({"leaked": leaked["recency"], "honest": honest["recency"]}))
    assert found.to_dict() == {"leaked": 1.0}


def test_a_date_on_the_cutoff_passes_whatever_its_hour_and_each_row_has_its_own():
    newest = pd.DataFrame({"orders": pd.to_datetime(["2024-06-30 23:59", "2024-03-01", None], format="ISO8601")})
    leakage.refuse_later(newest, CUT)
    leakage.refuse_later(newest, [CUT, CUT - pd.Timedelta(days=90), CUT])
    with pytest.raises(InputError, match="2024-03-01"):
        leakage.refuse_later(newest, [CUT, pd.Timestamp("2024-02-29"), CUT])


def test_a_constant_or_reversed_feature():
    features = pd.DataFrame({"same": [1, 1, 1, 1], "reversed": [4, 3, 2, 1]})
    assert leakage.suspects([0, 0, 1, 1], features).index.tolist() == ["reversed"]


def test_better_than_anything_published_is_a_leak_until_shown_otherwise():
    assert leakage.too_good(0.93, 0.87)
    assert not leakage.too_good(0.845, 0.87)
