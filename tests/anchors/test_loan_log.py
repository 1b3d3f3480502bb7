"""Loan applications at a Dutch bank (BPI Challenge 2012, DOI 10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f):
stage conversions from 13,087 real histories against an SQL query that shares no code with the kit."""

import datetime as dt

import duckdb
import pandas as pd
import pytest
from deal_frames import frame

from kamlib import funnel
from kamlib.settings import Stage

LADDER = ("A_SUBMITTED", "A_PREACCEPTED", "A_ACCEPTED", "A_FINALIZED", "O_SENT", "O_SENT_BACK")
STAGES = [Stage(name=name, probability=0.5) for name in LADDER]
HORIZON = 30
SQL = """
WITH log AS (
    SELECT case_id, activity, timestamp::DATE AS day FROM '{file}'
    WHERE lifecycle = 'COMPLETE' AND timestamp::DATE <= DATE '{as_of}'
), ends AS (
    SELECT case_id, min(day) FILTER (activity = 'A_ACTIVATED') AS won,
        min(day) FILTER (activity IN ('A_DECLINED', 'A_CANCELLED')) AS lost
    FROM log GROUP BY ALL
), steps AS (
    SELECT case_id, place, min(day) AS day
    FROM log JOIN (VALUES {ladder}) AS ladder (activity, place) USING (activity) JOIN ends USING (case_id)
    WHERE day <= coalesce(won, lost, DATE '9999-12-31') GROUP BY ALL
), entries AS (  -- entered before it was any further; a later stage on the same day comes after it
    SELECT s.case_id, s.place, s.day, least(min(f.day), any_value(won)) AS onwards, any_value(lost) AS lost
    FROM steps s JOIN ends USING (case_id) LEFT JOIN steps f ON f.case_id = s.case_id AND f.place > s.place
    GROUP BY ALL HAVING min(f.day) IS NULL OR min(f.day) >= s.day
)
SELECT place, count(*) AS n_entered, count(*) FILTER (onwards - day <= {horizon}) AS n_moved_on,
    count(*) FILTER (onwards IS NULL AND lost - day <= {horizon}) AS n_lost
FROM entries WHERE day <= DATE '{as_of}' - {horizon} GROUP BY ALL ORDER BY place
"""


@pytest.fixture(scope="module")
def log(public_data):
    return public_data / "loan_application_log/bpic2012_events.parquet"


def as_deals(log, as_of: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    events = pd.read_parquet(log).query("lifecycle == 'COMPLETE'")
    events["day"] = events["timestamp"].dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    events = events[events["day"] <= pd.Timestamp(as_of)]
    first = events.groupby(["case_id", "activity"])["day"].min().unstack()
    lost = first[["A_DECLINED", "A_CANCELLED"]].min(axis=1)
    won = first["A_ACTIVATED"]
    status = won.notna().map({True: "won", False: None}).fillna(lost.notna().map({True: "lost", False: "open"}))
    deals = pd.DataFrame({
        "deal_id": first.index, "status": status.to_numpy(), "closed_at": won.fillna(lost).to_numpy(),
        "created_at": first["A_SUBMITTED"].to_numpy(),
    })  # fmt: skip
    history = events[events["activity"].isin(LADDER)].rename(
        columns={"case_id": "deal_id", "activity": "stage", "day": "entered_at"}
    )
    return frame("deals", deals), frame("deal_stage_history", history[["deal_id", "stage", "entered_at"]])


@pytest.mark.parametrize("as_of", [dt.date(2012, 3, 14), dt.date(2012, 1, 15)])
def test_stage_conversions_equal_an_independent_query(log, as_of):
    deals, history = as_deals(log, as_of)
    entries = funnel.stage_entries(funnel.population(deals), history, STAGES)
    table = funnel.conversion_table(entries, as_of, months=24, horizon_days=HORIZON)
    ladder = ", ".join(f"('{name}', {place})" for place, name in enumerate(LADDER))
    theirs = duckdb.sql(SQL.format(file=log, as_of=as_of, horizon=HORIZON, ladder=ladder)).df()
    assert table["stage"].tolist() == list(LADDER)
    for column in ("n_entered", "n_moved_on", "n_lost"):
        assert table[column].tolist() == theirs[column].tolist(), column
    assert table["n_entered"].iloc[0] > 5_000


def test_the_log_as_published(log):
    """13,087 applications, of which 2,246 were activated; the others were declined, cancelled, or still run."""
    deals, _ = as_deals(log, dt.date(2012, 3, 14))
    assert (len(deals), (deals["status"] == "won").sum()) == (13_087, 2_246)


def test_stock_ratios_are_no_conversion(log):
    """D.11-3: a ratio of what lies in two stages today is far from what becomes of those that enter one."""
    as_of = dt.date(2012, 1, 15)
    deals, history = as_deals(log, as_of)
    entries = funnel.stage_entries(funnel.population(deals), history, STAGES)
    flow = funnel.conversion_table(entries, as_of, months=24, horizon_days=HORIZON).set_index("stage")[
        "conversion_rate"
    ]
    last = funnel.stage_visits(deals[deals["status"] == "open"], history, STAGES).drop_duplicates(
        "deal_id", keep="last"
    )
    stock = last["stage"].value_counts()
    assert stock["O_SENT"] / stock["A_ACCEPTED"] > 1 > flow["A_ACCEPTED"]
