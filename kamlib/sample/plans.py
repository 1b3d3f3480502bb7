"""Judgement and planning: recorded losses, half-yearly score snapshots with the CRM's tier, and targets."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from kamlib.sample import stories
from kamlib.sample.catalog import DAY, LAST_DAY
from kamlib.sample.sentences import SENTENCES, say
from kamlib.sample.stream import Stream
from kamlib.sample.world import Profile, World

SNAPSHOTS = (
    dt.date(2023, 6, 30), dt.date(2023, 12, 31), dt.date(2024, 6, 30), dt.date(2024, 12, 31), dt.date(2025, 6, 30), dt.date(2025, 12, 31),
)  # fmt: skip
CRM_TIER_DATE = dt.date(2024, 6, 30)
"""The CRM's tier was last kept up on this day."""
WEIGHTS = {"purchasing_power": 40, "frequency": 20, "history": 20, "influence": 10, "loyalty": 10}
CUTS = (("A", 850), ("B", 700), ("C", 600))
REASONS = {"price": 28, "product": 14, "service": 16, "competitor": 20, "other": 11, "unknown": 11}


def build(world: World) -> None:
    """Write losses, score_snapshots, targets, and the tier in accounts."""
    for profile in world.profiles:
        if profile.fate in ("lost", "won_back"):
            _loss(world, profile, world.draw("loss", profile.id))
    for day in SNAPSHOTS:
        _snapshot(world, day)
    tiers = {r["account_id"]: r["tier"] for r in world.rows["score_snapshots"] if r["scored_at"] == CRM_TIER_DATE}
    for row in world.rows["accounts"]:
        row["account_tier"] = tiers.get(row["account_id"])
    _targets(world)


def _loss(world: World, profile: Profile, draw: Stream) -> None:
    day = min(profile.stop + DAY * draw.between(95, 160), LAST_DAY - DAY * 5)
    rival = draw.pick((stories.RIVAL, *stories.OTHER_RIVALS))
    if profile.id in stories.LATE_LOST:
        reasons = ["service", "competitor"] if draw.chance(500) else ["service"]
    elif profile.region == stories.RIVAL_REGION and day >= stories.RIVAL_FROM and draw.chance(700):
        reasons, rival = ["price", "competitor"], stories.RIVAL
    else:
        reasons = [draw.weighted(REASONS)]
        second = draw.weighted(REASONS)
        if second not in (reasons[0], "unknown") and reasons[0] != "unknown" and draw.chance(350):
            reasons.append(second)
    for reason, weight in zip(reasons, ("0.6", "0.4") if len(reasons) == 2 else ("1.0",), strict=True):
        world.add(
            "losses", account_id=profile.id, lost_at=day, reason=reason, weight=weight,
            competitor=rival if reason in ("competitor", "price") and reason != "other" else None,
            note=say(SENTENCES["loss_notes"][reason], profile.domestic),
        )  # fmt: skip


def _snapshot(world: World, day: dt.date) -> None:
    """Score every account that has bought, by percentile among them; what is not known drops out of the weights."""
    begin = day.replace(year=day.year - 1)
    orders = {k: [o for o in rows if o["order_date"] <= day] for k, rows in world.by_account("orders").items()}
    recent = {k: [o for o in rows if o["order_date"] > begin] for k, rows in orders.items()}
    there = {row["account_id"]: row for row in world.rows["accounts"] if orders.get(row["account_id"])}
    first = {k: min(row["created_at"], orders[k][0]["order_date"]) for k, row in there.items()}
    power = _percentiles({k: sum(o["amount"] for o in recent[k]) for k in there})
    often = _percentiles({k: len(recent[k]) for k in there})
    tenure = _percentiles({k: (day - first[k]).days for k in there})
    loyalty = _loyalty(world, begin, day)
    for k, row in there.items():
        active = _active(recent[k], orders[k][0]["order_date"], begin, day)
        scores = {
            "purchasing_power": power[k], "frequency": often[k], "history": (tenure[k] + active) // 2,
            "influence": None if row["influence"] is None else row["influence"] * 10, "loyalty": loyalty.get(k),
        }  # fmt: skip
        known = {name: value for name, value in scores.items() if value is not None}
        composite = sum(WEIGHTS[name] * value for name, value in known.items()) // sum(WEIGHTS[name] for name in known)
        world.add(
            "score_snapshots", account_id=k, scored_at=day, composite=_tenths(composite),
            tier=next((tier for tier, cut in CUTS if composite >= cut), "D"),
            **{name: None if value is None else _tenths(value) for name, value in scores.items()},
        )  # fmt: skip


def _loyalty(world: World, begin: dt.date, day: dt.date) -> dict[str, int]:
    """Return the mean satisfaction of each account that answered, stretched to 0 … 1000."""
    answers: dict[str, list[int]] = defaultdict(list)
    for row in world.rows["surveys"]:
        if row["answered_at"] and begin < row["answered_at"] <= day:
            answers[row["account_id"]].append(row["overall"])
    return {k: (sum(marks) * 1000 // len(marks) - 1000) // 4 for k, marks in answers.items()}


def _active(recent: list[dict], first: dt.date, begin: dt.date, day: dt.date) -> int:
    """Return the share (thousandths) of the months since the first order, at most twelve, that have an order."""
    start = max(first, begin + DAY)
    span = (day.year - start.year) * 12 + day.month - start.month + 1
    return len({(o["order_date"].year, o["order_date"].month) for o in recent}) * 1000 // max(span, 1)


def _percentiles(values: dict[str, int]) -> dict[str, int]:
    """Return 1000 · (mean rank - 0.5) / n for each key; ties share their rank."""
    ordered = sorted(values.values())
    first: dict[int, int] = {}
    for i, value in enumerate(ordered):
        first.setdefault(value, i)
    count = {value: ordered.count(value) for value in first}
    return {k: 1000 * (2 * first[v] + count[v]) // (2 * len(ordered)) for k, v in values.items()}


def _tenths(thousandths: int) -> str:
    return f"{min(thousandths, 1000) // 10}.{min(thousandths, 1000) % 10}"


def _targets(world: World) -> None:
    """Set each person's quarterly targets near what was reached, and yearly ones for satisfaction and retention."""
    by_id = {p.id: p for p in world.profiles}
    sums: dict[tuple[str, dt.date, str], int] = defaultdict(int)
    for row in world.rows["orders"]:
        sums[by_id[row["account_id"]].owner_on(row["order_date"]), _quarter(row["order_date"]), "revenue"] += row[
            "amount"
        ]
    for row in world.rows["deals"]:
        if row["status"] == "won":
            sums[row["owner"], _quarter(row["closed_at"]), "won_amount"] += row["amount"]
    owners = sorted({owner for owner, *_ in sums})
    quarters = sorted({quarter for _, quarter, _ in sums})
    for owner in owners:
        for metric in ("revenue", "won_amount"):
            yearly = {
                y: sum(sums[owner, q, metric] for q in quarters if q.year == y) // 4 for y in {q.year for q in quarters}
            }
            for quarter in quarters:
                draw = world.draw("target", owner, metric, quarter)
                base = (sums[owner, quarter, metric] + 2 * yearly[quarter.year]) // 3
                world.add(
                    "targets", period=quarter, months=3, owner=owner, metric=metric,
                    target=base * draw.between(900, 1180) // 1000 // 5_000_000 * 50_000,
                )  # fmt: skip
        for year in sorted({q.year for q in quarters}):
            for metric, target in (("satisfaction", "4.2"), ("retention", "0.92")):
                world.add("targets", period=dt.date(year, 1, 1), months=12, owner=owner, metric=metric, target=target)


def _quarter(day: dt.date) -> dt.date:
    return dt.date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
