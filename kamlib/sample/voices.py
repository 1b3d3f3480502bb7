"""What customers say: half-yearly surveys and service cases, both following how we delivered and served."""

from __future__ import annotations

import datetime as dt

from kamlib.sample import stories
from kamlib.sample.catalog import DAY, DAYS, FIRST_DAY, LAST_DAY, workday
from kamlib.sample.sentences import SENTENCES, comment, say
from kamlib.sample.stream import Stream
from kamlib.sample.world import Profile, World
from kamlib.tables import TOPICS

WAVES = {
    "2023-H1": dt.date(2023, 5, 15), "2023-H2": dt.date(2023, 11, 13), "2024-H1": dt.date(2024, 5, 13),
    "2024-H2": dt.date(2024, 11, 11), "2025-H1": dt.date(2025, 5, 12), "2025-H2": dt.date(2025, 11, 10),
}  # fmt: skip
BASE = {"product_quality": 4230, "service_attitude": 4300, "delivery_speed": 4600, "after_sales": 4020}
SPREAD = {"product_quality": 560, "service_attitude": 500, "delivery_speed": 520, "after_sales": 620}
LATE_EFFECT = 4600
"""Points (thousandths) of delivery speed lost when every delivery is late."""


def build(world: World) -> None:
    """Write cases, then surveys, which know the cases."""
    orders, returns = world.by_account("orders"), world.by_account("returns")
    contacts = world.by_account("contacts")
    for profile in world.profiles:
        _cases(world, profile, orders[profile.id], returns[profile.id], contacts[profile.id])
    world.rows["cases"].sort(key=lambda row: (row["opened_at"], row["account_id"]))
    for number, row in enumerate(world.rows["cases"], start=1):
        row["case_id"] = f"T{number:05d}"
    cases = world.by_account("cases")
    number = 0
    for wave, first in WAVES.items():
        for profile in world.profiles:
            draw = world.draw("survey", wave, profile.id)
            for row in _invited(profile, contacts[profile.id], first, draw):
                number += 1
                _survey(world, f"Q{number:05d}", wave, profile, row, orders[profile.id], cases[profile.id], draw)


def _invited(profile: Profile, people: list[dict], first: dt.date, draw: Stream) -> list[dict]:
    ours = profile.buys(first) or profile.buys(first - DAY * 120)
    if not ours or not draw.chance(940 if profile.key else 820 if profile.rank <= 70 else 560):
        return []
    known = [
        p for p in people if p["created_at"] <= first and (p["left_at"] is None or p["left_at"] > first + DAY * 30)
    ]
    return draw.some(known, 3 if profile.key else 2 if profile.rank <= 70 else 1)


def _survey(world, response_id, wave, profile, person, orders, cases, draw) -> None:
    invited = WAVES[wave] + DAY * draw.between(0, 4)
    answered = invited + DAY * draw.between(1, 24)
    row = world.add(
        "surveys", response_id=response_id, account_id=profile.id, contact_id=person["contact_id"], wave=wave,
        channel=draw.weighted({"online": 60, "phone": 25, "questionnaire": 15}), invited_at=invited, answered_at=None,
        overall=None, recommend=None, **dict.fromkeys(TOPICS), comment=None,
    )  # fmt: skip
    if not draw.chance(500 if profile.key else 430) or answered > LAST_DAY:
        return
    felt = _felt(profile, invited, orders, cases, draw)
    overall = sum(felt[topic] * weight for topic, weight in stories.DRIVER_WEIGHTS.items()) // 1000 + draw.bell(380)
    overall -= max(0, 2600 - felt["delivery_speed"]) // 2  # being kept waiting weighs more than being served fast
    scores = {topic: _point(felt[topic]) for topic in TOPICS}
    row |= scores | {
        "answered_at": answered, "overall": _point(overall),
        "recommend": max(0, min(10, ((overall - 1000) * 10 + draw.bell(4200) + 2000) // 4000)),
    }  # fmt: skip
    for topic in TOPICS:
        if draw.chance(40):
            row[topic] = None
    if draw.chance(480):
        row["comment"] = comment({t: row[t] for t in TOPICS if row[t]}, profile.domestic, draw)


def _felt(profile: Profile, day: dt.date, orders: list[dict], cases: list[dict], draw: Stream) -> dict[str, int]:
    """Return each topic as felt, in thousandths of a point: lateness and open complaints of the last half-year count."""
    due = [o for o in orders if day - DAY * 200 <= o["promised_at"] < day and o["delivered_at"]]
    late = sum(o["delivered_at"] > o["promised_at"] for o in due)
    complaints = sum(c["type"] == "complaint" and day - DAY * 200 <= c["opened_at"].date() < day for c in cases)
    share = late * 1000 // len(due) if len(due) >= 2 else profile.late
    person = draw.bell(540)
    felt = {topic: BASE[topic] + profile.mood * 6 // 10 + person + draw.bell(SPREAD[topic]) for topic in TOPICS}
    felt["delivery_speed"] -= LATE_EFFECT * share // 1000
    felt["after_sales"] -= min(90 * complaints, 900)
    return felt


def _point(felt: int) -> int:
    return max(1, min(5, (felt + 500) // 1000))


def _cases(world: World, profile: Profile, orders: list[dict], returns: list[dict], people: list[dict]) -> None:
    """Write complaints that follow late orders and defects, and the everyday cases of an account."""
    draw = world.draw("cases", profile.id)
    for order in orders:
        if order["delivered_at"] and order["delivered_at"] > order["promised_at"] and draw.chance(260):
            day = order["promised_at"] + DAY * draw.between(1, 6)
            _case(world, profile, day, "complaint", "delivery_speed", people, draw)
    for back in returns:
        if back["reason"] == "Quality defect" and draw.chance(550):
            day = back["return_date"] - DAY * draw.between(1, 4)
            _case(world, profile, day, "complaint", "product_quality", people, draw)
    for _ in range(_everyday(profile, draw)):
        day = FIRST_DAY + DAY * draw.below(DAYS)
        if profile.buys(day):
            kind = draw.weighted({"question": 55, "request": 30, "complaint": 15})
            attitude = 2 if kind == "complaint" else 1
            topic = draw.weighted({"after_sales": 5, "product_quality": 3, "service_attitude": attitude})
            _case(world, profile, day, kind, topic, people, draw)


def _everyday(profile: Profile, draw: Stream) -> int:
    n = draw.between(4, 12) if profile.key else draw.between(1, 5) if profile.rank <= 80 else draw.between(0, 2)
    return 120 if profile.id == stories.COSTLY_ACCOUNT else n


def _case(
    world: World, profile: Profile, day: dt.date, kind: str, topic: str, people: list[dict], draw: Stream
) -> None:
    day = workday(day)
    known = [p["contact_id"] for p in people if p["created_at"] <= day and (p["left_at"] is None or p["left_at"] > day)]
    if not FIRST_DAY <= day <= LAST_DAY:
        return
    opened = dt.datetime(day.year, day.month, day.day, draw.between(8, 17), draw.between(0, 59))
    severity = draw.weighted(
        {"low": 40, "medium": 45, "high": 15} if kind == "complaint" else {"low": 70, "medium": 28, "high": 2}
    )
    answered = opened + dt.timedelta(minutes=draw.skewed(200 if profile.key else 420, 900))
    closed = answered + dt.timedelta(minutes=draw.skewed({"low": 1500, "medium": 4300, "high": 9000}[severity], 800))
    end = dt.datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 18)
    world.add(
        "cases", case_id="", account_id=profile.id, contact_id=draw.pick(known) if known else None, opened_at=opened,
        first_response_at=answered if answered <= end else None,
        closed_at=closed if closed <= end and not draw.chance(12) else None, type=kind, topic=topic, severity=severity,
        reopened=draw.weighted({0: 86, 1: 11, 2: 3}) if kind == "complaint" else draw.weighted({0: 96, 1: 4}),
        subject=say(draw.pick(SENTENCES["cases"][kind][topic]), profile.domestic),
    )  # fmt: skip
