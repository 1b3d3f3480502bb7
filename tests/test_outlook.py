"""Who will bring more and who less: what may be said of it."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from kamlib import words
from kamlib.forecast import outlook


def rows(**columns):
    n = len(next(iter(columns.values())))
    base = {
        "segment": list("ABCDEFG"[:n]), "account_id": list("ABCDEFG"[:n]), "account_name": [f"Co {c}" for c in "ABCDEFG"[:n]],
        "owner": "Li", "n_ahead": 6, "regular": True,
    }  # fmt: skip
    table = pd.DataFrame(base | columns)
    return table.assign(change_amount=table["expected_revenue"] - table["before_revenue"])


THREE = rows(
    expected_revenue=[100.0, 50, 80], expected_revenue_low=[90.0, 40, 60], expected_revenue_high=[110.0, 60, 100],
    before_revenue=[80.0, 70, 90],
)  # fmt: skip


@pytest.fixture(autouse=True)
def english():
    words.speak("en", "CNY")


def test_only_segments_that_leave_their_interval_are_ranked():
    said = outlook.segments_claim(THREE, "en")
    assert said == "Of 3 segments, surely above last year: A; below: B (80 %)."
    level = THREE.assign(before_revenue=THREE["expected_revenue"])
    assert "None of 3 segments" in outlook.segments_claim(level, "en")
    unknown = THREE.assign(expected_revenue_low=np.nan, expected_revenue_high=np.nan)
    assert "too short a past" in outlook.segments_claim(unknown, "en")


def test_accounts_claim_counts_what_is_more_than_noise():
    said = outlook.accounts_claim(THREE, "en")
    assert "Co B −CNY 20" in said
    assert "Co A +CNY 20" in said
    assert "2 of 3 accounts leave" in said


def test_actions_put_sure_falls_first():
    table = outlook.action_table(THREE, dt.date(2025, 12, 31), "en")
    assert table["account_name"].tolist() == ["Co B", "Co C"]
    assert table["sure"].tolist() == [True, False]
    assert set(table["due"]) == {pd.Timestamp("2026-01-30")}


def test_the_pipeline_stands_beside_and_counts_only_what_is_due():
    fan = pd.DataFrame({"month": pd.to_datetime(["2026-01-01", "2026-02-01"]), "expected_revenue": [100.0, 100.0]})
    deals = pd.DataFrame({
        "status": ["open", "open", "won"], "amount": [50.0, 70, 90], "probability": [0.4, 0.5, 1.0],
        "expected_close": pd.to_datetime(["2026-02-28", "2026-03-01", "2026-01-05"]),
    })  # fmt: skip
    row = outlook.pipeline_table(deals, fan).iloc[0]
    assert (row["n_deals"], row["amount"], row["weighted_amount"], row["weighted_share"]) == (1, 50, 20, 0.1)


def test_charts_are_drawn():
    ways = pd.DataFrame(
        [(level, way, way == "ols", 3, 30, 0.9, 0.8, 0.0) for level in outlook.LEVELS for way in outlook.WAYS],
        columns=["forecast_level", "way", "chosen", "n_nodes", "n_forecasts", "mase_ratio", "held_share", "gap_amount"],
    )
    for plot, table in ((outlook.plot_segments, THREE), (outlook.plot_accounts, THREE), (outlook.plot_ways, ways)):
        axes = plot(table)
        assert axes.get_xlim()[0] <= 0, "bars and dots start at zero"
        axes.figure.canvas.draw()
