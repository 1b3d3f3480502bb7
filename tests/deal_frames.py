"""Deals by hand, at random, and from the public CRM set: frames as `Data.frame` gives them."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

from kamlib.settings import Settings, Stage
from kamlib.tables import TABLES

STAGES = Settings().stages
NAMES = [stage.name for stage in STAGES]
AS_OF = dt.date(2025, 12, 31)
KINDS = {
    "text": "str", "date": "datetime64[us]", "time": "datetime64[us]", "money": "float64", "number": "float64",
    "integer": "Int64", "flag": "boolean",
}  # fmt: skip
CRM_AS_OF = dt.date(2017, 12, 31)
CRM_STAGES = (
    Stage(name="prospecting", probability=0.1, group="prospect"),
    Stage(name="engaging", probability=0.4, group="negotiation"),
)


def frame(table: str, rows: list[dict] | pd.DataFrame = ()) -> pd.DataFrame:
    """Return `rows` as the canonical `table`, columns not given empty."""
    given = pd.DataFrame(rows)
    kinds = {column.name: KINDS[column.type] for column in TABLES[table].columns}
    return pd.DataFrame({name: given.get(name, pd.Series(None, given.index)) for name in kinds}).astype(kinds)


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def story(deal_id: str, path: list[tuple[str, str]], status: str = "open", closed: str | None = None, **more):
    """Return one deal and its history: `path` is (stage, date entered) in the order recorded."""
    deal = {
        "deal_id": deal_id, "deal_name": f"Deal {deal_id}", "account_id": "A1", "owner": "Wu", "status": status, "amount": 100.0,
        "stage": path[-1][0], "created_at": day(path[0][1]), "closed_at": day(closed) if closed else None,
    }  # fmt: skip
    return deal | more, [{"deal_id": deal_id, "stage": s, "entered_at": day(d)} for s, d in path]


def frames(stories: list) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return deals and deal_stage_history of several `story`."""
    history = [row for _, rows in stories for row in rows]
    return frame("deals", [deal for deal, _ in stories]), frame("deal_stage_history", history)


def random_book(seed: int, n: int = 200, as_of: dt.date = AS_OF) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return deals, history and activities of a random book: skips, returns, invalid ones, deals cut at `as_of`."""
    random, today = np.random.default_rng(seed), pd.Timestamp(as_of)
    stories, activities = [], []
    for number in range(n):
        at = today - pd.Timedelta(days=int(random.integers(0, 900)))
        place, path = int(random.integers(0, 2)), []
        status, closed = "open", None
        while at <= today:
            path.append((NAMES[place], str(at.date())))
            activities.append(
                {"deal_id": f"D{number}", "happened_at": at + pd.Timedelta(days=int(random.integers(1, 30)), hours=9)}
            )
            at += pd.Timedelta(days=int(random.integers(0, 60)))
            if at > today:
                break
            place += int(random.choice([-1, 1, 1, 1, 2]))
            status = (
                "won" if place >= len(NAMES) else str(random.choice(["open", "lost", "invalid"], p=[0.7, 0.25, 0.05]))
            )
            if status != "open":
                closed = str(at.date())
                break
            place = max(place, 0)
        amount = [None, 0.0, float(random.integers(1, 500)) * 1000][int(random.choice(3, p=[0.05, 0.05, 0.9]))]
        channel = [None, "online", "offline", "partner"][int(random.integers(0, 4))]
        stories.append(story(f"D{number}", path, status, closed, amount=amount, channel=channel))
    deals, history = frames(stories)
    touched = pd.DataFrame(activities)
    return deals, history, frame("activities", touched[touched["happened_at"] <= today + pd.Timedelta(hours=23)])


def crm_deals(public_data: Path) -> pd.DataFrame:
    """Return the public CRM set (8,800 deals without stage history) as deals."""
    raw = pd.read_csv(
        public_data / "crm_sales_opportunities/sales_pipeline.csv.gz", parse_dates=["engage_date", "close_date"]
    )
    stage = raw["deal_stage"].str.lower()
    closed = stage.isin(["won", "lost"])
    return frame(
        "deals",
        pd.DataFrame({
            "deal_id": raw["opportunity_id"], "account_id": raw["account"], "deal_name": raw["product"],
            "stage": stage.mask(closed), "status": stage.where(closed, "open"), "amount": raw["close_value"],
            "created_at": raw["engage_date"], "closed_at": raw["close_date"], "owner": raw["sales_agent"],
            "product_category": raw["product"],
        }),
    )  # fmt: skip


def simulated(random: np.random.Generator, n: int, *, as_of: dt.date = AS_OF, days: int = 900) -> pd.DataFrame:
    """Return `n` whole stories of one stage as a frame: created, end, status and amount. Each deal wins with probability
    0.4 after 60 to 120 days, else it is lost after 1 to 60; amounts vary tenfold. `cut` shows it as known on a day."""
    created = pd.Timestamp(as_of) + pd.to_timedelta(random.integers(-days, 120, n), unit="D")
    won = random.random(n) < 0.4
    life = np.where(won, random.integers(60, 121, n), random.integers(1, 61, n))
    return pd.DataFrame({
        "deal_id": [f"D{i:05}" for i in range(n)], "created_at": created, "end": created + pd.to_timedelta(life, unit="D"),
        "status": np.where(won, "won", "lost"), "amount": np.round(np.exp(random.normal(11, 1, n))),
    })  # fmt: skip


def cut(stories: pd.DataFrame, as_of: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `simulated` stories as deals and stage history known on `as_of`: all in the stage "needs"."""
    rows = stories[stories["created_at"] <= pd.Timestamp(as_of)]
    over = rows["end"] <= pd.Timestamp(as_of)
    rows = rows.assign(status=rows["status"].where(over, "open"), closed_at=rows["end"].where(over), stage="needs")
    history = rows[["deal_id", "stage", "amount"]].assign(entered_at=rows["created_at"])
    return frame("deals", rows.drop(columns="end")), frame("deal_stage_history", history)
