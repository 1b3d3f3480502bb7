"""What was done with the customer and what the customer did: activities and behaviours."""

from __future__ import annotations

import datetime as dt

from kamlib.sample import stories
from kamlib.sample.catalog import COLLEAGUES, DAY, DAYS, FIRST_DAY, LAST_DAY, festival_offset, workday
from kamlib.sample.sentences import SENTENCES, say
from kamlib.sample.stream import Stream
from kamlib.sample.world import Profile, World

TWO_WAY = {"visit": 1000, "meeting": 1000, "call": 780, "mail": 420, "chat": 600}
MIX = {"visit": 16, "meeting": 12, "call": 30, "mail": 28, "chat": 14}


def build(world: World) -> None:
    """Write activities and behaviours, each in order of time."""
    contacts, deals = world.by_account("contacts"), world.by_account("deals")
    history = {}
    for row in world.rows["deal_stage_history"]:
        history.setdefault(row["deal_id"], []).append(row)
    for profile in world.profiles:
        if people := contacts[profile.id]:
            _routine(world, profile, people)
            for deal in deals[profile.id]:
                _deal(world, profile, people, deal, history[deal["deal_id"]])
    _behaviours(world)
    for table, key, letter in (("activities", "activity_id", "V"), ("behaviours", "behaviour_id", "B")):
        world.rows[table].sort(key=lambda row: (row["happened_at"], row["account_id"]))
        for number, row in enumerate(world.rows[table], start=1):
            row[key] = f"{letter}{number:06d}"


def _routine(world: World, profile: Profile, people: list[dict]) -> None:
    """Write the regular touches; they thin out when the account goes."""
    draw = world.draw("activities", profile.id)
    low, high = (34, 62) if profile.key else (12, 24) if profile.rank <= 70 else (3, 9)
    yearly = draw.between(low, high)
    weights = _openness(profile, people, draw)
    for _ in range(yearly * 3):
        day = _working_day(FIRST_DAY + DAY * draw.below(DAYS), profile)
        if day is None or not draw.chance(_interest(profile, day)):
            continue
        there = {row["contact_id"]: w for row, w in zip(people, weights, strict=True) if _there(row, day)}
        if not there:
            continue
        contact, kind = draw.weighted(there), draw.weighted(MIX)
        two_way = draw.chance(TWO_WAY[kind])
        if profile.id == stories.CHAMPION_ACCOUNT and contact != stories.CHAMPION_CONTACT:
            kind, two_way = "mail", False
        _add(
            world,
            profile,
            day,
            kind,
            two_way,
            say(draw.pick(SENTENCES["activities"][kind]), profile.domestic),
            draw,
            contact,
        )


def _openness(profile: Profile, people: list[dict], draw: Stream) -> list[int]:
    """Return how much each contact talks to us; a few accounts hang on one person."""
    if profile.id == stories.CHAMPION_ACCOUNT:
        return [100 if row["contact_id"] == stories.CHAMPION_CONTACT else 3 for row in people]
    narrow = draw.chance(130)
    weights = [draw.between(2, 10) * (1 if draw.chance(700) else 0) for _ in people]
    weights[draw.below(len(people))] += 60 if narrow else 8
    return [weight + 1 for weight in weights]


def _interest(profile: Profile, day: dt.date) -> int:
    if profile.fate == "prospect":
        return 800 if day >= profile.start else 0
    if day < profile.start - DAY * 90:
        return 0
    if profile.id == stories.CHAMPION_ACCOUNT and day > stories.CHAMPION_LEFT:
        return 250
    if profile.stop and day > profile.stop - DAY * 120 and (profile.back is None or day < profile.back):
        left = (profile.stop - day).days
        return 300 + 4 * left if left > 0 else 120 if left > -200 else 30
    return 850


def _there(row: dict, day: dt.date) -> bool:
    return row["created_at"] <= day and (row["left_at"] is None or day < row["left_at"])


def _working_day(day: dt.date, profile: Profile) -> dt.date | None:
    """Move a weekend to Monday; none in the holidays and after the last day."""
    day = workday(day)
    if day > LAST_DAY or (profile.domestic and -4 <= festival_offset(day) <= 6):
        return None
    return day


def _deal(world: World, profile: Profile, people: list[dict], deal: dict, history: list[dict]) -> None:
    """Write the touches about a deal: one soon after each stage begins, but the quote is followed up when it is."""
    draw = world.draw("deal activities", deal["deal_id"])
    ends = [row["entered_at"] for row in history[1:]] + [deal["closed_at"] or LAST_DAY]
    for row, end in zip(history, ends, strict=True):
        wait = deal["_delay"] if row["stage"] == stories.BOTTLENECK_STAGE else draw.between(1, 3)
        for day in (row["entered_at"] + DAY * wait, row["entered_at"] + DAY * (wait + draw.between(3, 9))):
            there = [p["contact_id"] for p in people if _there(p, day)]
            if day > min(end, LAST_DAY) or not there:
                break
            contact = there[min(draw.below(len(there)), draw.below(len(there)))]
            kind = draw.weighted({"visit": 15, "meeting": 20, "call": 40, "mail": 25})
            two_way = kind != "mail" or draw.chance(600)
            if profile.id == stories.CHAMPION_ACCOUNT:
                contact = stories.CHAMPION_CONTACT if day < stories.CHAMPION_LEFT else there[0]
                two_way = two_way and day < stories.CHAMPION_LEFT
            subject = say(SENTENCES["deal_activities"][row["stage"]], profile.domestic)
            _add(world, profile, day, kind, two_way, subject, draw, contact, deal["deal_id"], deal["owner"])
            if draw.chance(600):
                break


def _add(world, profile, day, kind, two_way, subject, draw, contact, deal_id=None, person=None) -> None:
    helper = COLLEAGUES[draw.pick(("technical", "service"))]
    who = person or (draw.pick(helper) if draw.chance(180 if profile.key else 60) else profile.owner_on(day))
    world.add(
        "activities", activity_id="", account_id=profile.id, contact_id=contact, deal_id=deal_id, happened_at=_moment(day, draw),
        type=kind, two_way=two_way, person=who, subject=subject,
    )  # fmt: skip


def _moment(day: dt.date, draw: Stream) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, draw.between(8, 17), draw.between(0, 11) * 5)


def _behaviours(world: World) -> None:
    """Write browsing, enquiries, purchases, feedback and referrals, each from where it would be recorded."""
    by_id = {p.id: p for p in world.profiles}
    for profile in world.profiles:
        _browse(world, profile)
    for deal in world.rows["deals"]:
        draw = world.draw("enquire", deal["deal_id"])
        if deal["account_id"] and draw.chance(620):
            _behave(world, by_id[deal["account_id"]], deal["created_at"], "enquire", deal["lead_source"], draw)
    for order in world.rows["orders"]:
        draw = world.draw("buy", order["order_id"])
        source = {"online": "Web shop", "offline": "Sales", "partner": "Partner"}[order["channel"]]
        _behave(world, by_id[order["account_id"]], order["order_date"], "buy", source, draw)
    for answer in world.rows["surveys"]:
        if answer["answered_at"]:
            _feedback(world, by_id[answer["account_id"]], answer)


def _browse(world: World, profile: Profile) -> None:
    draw = world.draw("browse", profile.id)
    for _ in range(draw.between(4, 26)):
        day = FIRST_DAY + DAY * draw.below(DAYS)
        if day >= profile.start - DAY * 40 and draw.chance(max(_interest(profile, day), 150)):
            source = draw.weighted({"Website": 7, "E-mail campaign": 2, "Trade fair": 1})
            _behave(world, profile, day, "browse", source, draw)


def _feedback(world: World, profile: Profile, answer: dict) -> None:
    """Write the answer as feedback; some of those who would recommend us do."""
    draw = world.draw("feedback", answer["response_id"])
    _behave(world, profile, answer["answered_at"], "feedback", "Survey", draw)
    later = answer["answered_at"] + DAY * draw.between(5, 90)
    if answer["recommend"] >= 9 and draw.chance(350) and later <= LAST_DAY:
        _behave(world, profile, later, "recommend", "Referral", draw)


def _behave(world: World, profile: Profile, day: dt.date, stage: str, source: str, draw: Stream) -> None:
    world.add(
        "behaviours", behaviour_id="", account_id=profile.id, happened_at=_moment(day, draw), stage=stage, source=source
    )
