"""The future poisoned: rows dated after the as-of date, and facts that rows learn after it, change no number."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from random import Random

import pandas as pd
import pytest
import small_company

from kamlib.tables import TABLES, TOPICS, Table
from kamlib.workspace import Data, load

AS_OF = dt.date(2025, 6, 30)
LATER = dt.timedelta(days=1), dt.timedelta(days=40), dt.timedelta(days=700)
DATED = [table for table in TABLES.values() if table.dated]
LEARNT = {
    ("contacts", "left_at"): {},
    ("account_team", "until"): {},
    ("deals", "closed_at"): {"status": "won", "loss_reason": "price", "competitor": "Rival"},
    ("orders", "delivered_at"): {},
    ("cases", "closed_at"): {},
    ("cases", "first_response_at"): {},
    ("surveys", "answered_at"): {"overall": 1, "recommend": 1, **dict.fromkeys(TOPICS, 1), "comment": "late"},
}
"""What a row learns on a date, and the facts that come with it; said here again, so that a rule dropped is noticed."""


def poison(frames: small_company.Frames, random: Random) -> small_company.Frames:
    """Return the company as exported some time after the as-of date: old rows have learnt, new rows have come."""
    after = {name: frame.astype(object) for name, frame in frames.items()}
    for (name, date_column), facts in LEARNT.items():
        _learn(after[name], date_column, facts, random)
    history = frames["deal_stage_history"]
    moved = after["deals"].deal_id.isin(history[_by_then(history.entered_at)].deal_id)
    after["deals"].loc[moved, "stage"] = "a later stage"
    for table in DATED:
        after[table.name] = pd.concat([after[table.name], _new_rows(frames[table.name].astype(object), table, random)])
    new = frames["order_lines"].assign(order_id=lambda lines: "later " + lines.order_id)
    after["order_lines"] = pd.concat([frames["order_lines"], new])
    return after


def _learn(rows: pd.DataFrame, date_column: str, facts: dict, random: Random) -> None:
    """What was not known on the day becomes known after it; what was known stays."""
    for i in rows.index[~_by_then(rows[date_column])]:
        if "status" in facts and rows.loc[i, "status"] != "open" and pd.isna(rows.loc[i, date_column]):
            continue  # closed on a day that nobody wrote down
        rows.loc[i, date_column] = str(AS_OF + random.choice(LATER))
        rows.loc[i, list(facts)] = list(facts.values())


def _new_rows(rows: pd.DataFrame, table: Table, random: Random) -> pd.DataFrame:
    rows[table.dated] = [str(AS_OF + random.choice(LATER)) for _ in range(len(rows))]
    for key in table.key:
        column = table.column(key)
        if column.type == "text" and not (column.ref and len(table.key) > 1):
            rows[key] = "later " + rows[key].astype(str)
    return rows


def _by_then(dates: pd.Series) -> pd.Series:
    return pd.to_datetime(dates, format="mixed") < pd.Timestamp(AS_OF) + pd.Timedelta(days=1)


def _new_rows(rows: pd.DataFrame, table, random: Random) -> pd.DataFrame:
    new = rows.copy()
    new[table.dated] = [str(AS_OF + random.choice(LATER)) for _ in range(len(new))]
    for key in table.key:
        if TABLES[table.name].column(key).type == "text" and not (table.column(key).ref and len(table.key) > 1):
            new[key] = "later " + new[key].astype(str)
    return new


def everything(data: Data) -> dict[str, pd.DataFrame]:
    frames = {name: data.frame(name) for name in TABLES}
    return frames | {"mart": data.mart, "months": data.months, "order_days": data.order_days}


@pytest.mark.parametrize("seed", range(3))
def test_nothing_after_the_as_of_date_changes_anything(seed: int):
    random = Random(seed)
    frames = small_company.make(random, AS_OF)
    poisoned = poison(frames, random)
    before = everything(small_company.data(frames, AS_OF))
    after = everything(small_company.data(poisoned, AS_OF))
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name], obj=name, check_dtype=False)


def test_the_poison_reaches_every_dated_table_and_every_later_fact():
    reached = set()
    for seed in range(4):
        frames = small_company.make(Random(seed), AS_OF)
        poisoned = poison(frames, Random(seed))
        reached |= {table.name for table in DATED if len(poisoned[table.name]) > len(frames[table.name])}
        reached |= {
            (name, column)
            for name, column in LEARNT
            if not _by_then(poisoned[name][column].iloc[: len(frames[name])].dropna()).all()
        }
    assert reached == {table.name for table in DATED} | set(LEARNT)
    assert set(LEARNT) == {(table.name, column) for table in TABLES.values() for column in table.later}


def test_the_same_day_counts_and_the_next_does_not(tmp_path: Path):
    days = [AS_OF - dt.timedelta(days=1), AS_OF, AS_OF + dt.timedelta(days=1)]
    frames = {
        "accounts": pd.DataFrame({"account_id": ["a"], "account_name": ["Ada"]}),
        "orders": pd.DataFrame({"order_id": ["1", "2", "3"], "account_id": "a", "order_date": days, "amount": 10}),
        "activities": pd.DataFrame({"activity_id": ["1", "2", "3"], "account_id": "a", "happened_at": [f"{day} 23:59:59" for day in days], "type": "call"}),
    }  # fmt: skip
    for name, frame in frames.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    mart = load(tmp_path, as_of=AS_OF).mart
    assert mart.n_orders.tolist() == mart.n_activities.tolist() == [2]
