"""People on both sides: contacts with their bosses, our account teams, and how the relationship was judged."""

from __future__ import annotations

import datetime as dt

from kamlib.sample import names, stories
from kamlib.sample.catalog import COLLEAGUES, FIRST_DAY, LAST_DAY
from kamlib.sample.stream import Stream
from kamlib.sample.world import Profile, World

# position: department, title in Chinese and English, position of the boss
POSITIONS = (
    ("purchasing", "采购经理", "Purchasing Manager", 6),
    ("engineering", "研发经理", "R&D Manager", 3),
    ("engineering", "技术总监", "Engineering Director", 4),
    ("management", "总经理", "General Manager", 0),
    ("finance", "财务总监", "Finance Director", 4),
    ("purchasing", "采购总监", "Procurement Director", 4),
    ("production", "设备经理", "Maintenance Manager", 8),
    ("production", "生产总监", "Operations Director", 4),
    ("production", "车间主任", "Shift Supervisor", 7),
    ("purchasing", "采购专员", "Buyer", 1),
)
# position: likely buying roles, and the authority that goes with it
ROLES = (
    ({"buyer": 7, "gatekeeper": 3}, "execute"), ({"influencer": 5, "champion": 3, "initiator": 2}, "advise"),
    ({"technical_buyer": 6, "champion": 3, "coach": 1}, "veto"), ({"decision_maker": 8, "approver": 2}, "approve"),
    ({"approver": 8, "blocker": 2}, "veto"), ({"decision_maker": 4, "buyer": 4, "gatekeeper": 2}, "approve"),
    ({"user": 7, "initiator": 2, "coach": 1}, "advise"), ({"influencer": 5, "user": 3, "decision_maker": 2}, "advise"),
    ({"user": 10}, "advise"), ({"buyer": 8, "gatekeeper": 2}, "execute"),
)  # fmt: skip
ASSESSED = (
    dt.date(2023, 6, 20), dt.date(2023, 12, 18), dt.date(2024, 6, 18), dt.date(2024, 12, 16), dt.date(2025, 6, 17), dt.date(2025, 12, 15),
)  # fmt: skip


def build(world: World) -> None:
    """Write contacts and account_team."""
    created = {row["account_id"]: row["created_at"] for row in world.rows["accounts"]}
    for profile in world.profiles:
        _contacts(world, profile, created[profile.id])
        _team(world, profile, created[profile.id])


def _contacts(world: World, profile: Profile, created: dt.date) -> None:
    draw = world.draw("contacts", profile.id)
    n = draw.between(6, 10) if profile.key else draw.between(3, 6) if profile.rank <= 70 else draw.between(1, 3)
    if profile.id == stories.CHAMPION_ACCOUNT:
        n = 6
    used: set[str] = set()
    for position in range(1, n + 1):
        department, chinese, english, boss = POSITIONS[position - 1]
        name, mailbox = names.person(draw, profile.region)
        while mailbox in used:
            name, mailbox = names.person(draw, profile.region)
        used.add(mailbox)
        while boss > n:
            boss = POSITIONS[boss - 1][3]
        known = max(created, FIRST_DAY - dt.timedelta(days=700)) + dt.timedelta(
            days=draw.between(0, 500) * (position - 1) // 4
        )
        known = min(known, LAST_DAY) if position > 1 else created
        world.add(
            "contacts", contact_id=_contact_id(profile, position), account_id=profile.id, contact_name=name,
            title=chinese if profile.domestic else english, department=department,
            reports_to=_contact_id(profile, boss) if boss and not draw.chance(60) else None,
            email=f"{mailbox}@{profile.id.lower()}.example.com", phone=_phone(draw, profile), created_at=known,
            left_at=_leaving(profile, position, known, draw),
        )  # fmt: skip


def _contact_id(profile: Profile, position: int) -> str:
    return f"C{profile.number:04d}{position % 10}"


def _phone(draw: Stream, profile: Profile) -> str | None:
    if draw.chance(150):
        return None
    return f"+86 100 5550 {draw.below(10000):04d}" if profile.domestic else f"+00 555 01{draw.below(100):02d}"


def _leaving(profile: Profile, position: int, known: dt.date, draw: Stream) -> dt.date | None:
    day = known + dt.timedelta(days=draw.between(200, 2400))
    if profile.id == stories.CHAMPION_ACCOUNT:
        return stories.CHAMPION_LEFT if _contact_id(profile, position) == stories.CHAMPION_CONTACT else None
    return day if FIRST_DAY <= day <= LAST_DAY and draw.chance(220) else None


def _team(world: World, profile: Profile, created: dt.date) -> None:
    draw = world.draw("team", profile.id)
    if profile.former_owner and created < profile.handover:
        world.add(
            "account_team",
            account_id=profile.id,
            person=profile.former_owner,
            team_role="sales",
            since=created,
            until=profile.handover,
        )
    since = max(created, profile.handover) if profile.handover else created
    world.add("account_team", account_id=profile.id, person=profile.owner, team_role="sales", since=since, until=None)
    chances = (
        {"service": 900, "technical": 800, "executive": 650, "marketing": 350}
        if profile.key
        else {"service": 350, "technical": 200}
    )
    for role, chance in chances.items():
        if draw.chance(chance):
            joined = min(
                max(created, FIRST_DAY - dt.timedelta(days=400)) + dt.timedelta(days=draw.between(0, 500)), LAST_DAY
            )
            world.add(
                "account_team", account_id=profile.id, person=draw.pick(COLLEAGUES[role]), team_role=role, since=joined, until=None
            )  # fmt: skip


def assess(world: World) -> None:
    """Write relationships: key accounts every half-year, middling ones once a year, and the big open deals."""
    contacts = world.by_account("contacts")
    deals = world.by_account("deals")
    for profile in world.profiles:
        if not profile.key and profile.rank > 70:
            continue
        draw = world.draw("relationships", profile.id)
        people = [_Standing(profile, row, draw) for row in contacts[profile.id]]
        for day in ASSESSED if profile.key else ASSESSED[1::2]:
            for person in people:
                if person.row["created_at"] <= day and (person.row["left_at"] is None or day < person.row["left_at"]):
                    person.assess(world, day, None, draw)
        recent = [
            d
            for d in deals[profile.id]
            if d["status"] == "open" and d["created_at"] < ASSESSED[-1] and d["stage"] in ("proposal", "negotiation")
        ]
        for deal in recent[:2] if profile.key else []:
            for person in people[:4]:
                if person.row["left_at"] is None and person.row["created_at"] <= ASSESSED[-1]:
                    person.assess(world, ASSESSED[-1], deal["deal_id"], draw)


class _Standing:
    """One contact's role and stance; stance drifts from one assessment to the next."""

    def __init__(self, profile: Profile, row: dict, draw: Stream) -> None:
        self.profile, self.row = profile, row
        position = int(row["contact_id"][-1]) or 10
        roles, self.authority = ROLES[position - 1]
        self.role = draw.weighted(roles)
        if profile.id == stories.CHAMPION_ACCOUNT and self.role == "champion":
            self.role = "influencer"
        if row["contact_id"] == stories.CHAMPION_CONTACT:
            self.role = "champion"
        self.influence = max(1, min(5, {4: 5, 5: 4, 6: 4, 3: 4, 8: 4}.get(position, 3) + draw.between(-1, 0)))
        lean = {"champion": 1700, "coach": 1300, "blocker": -1400}.get(self.role, 300)
        self.lean = lean + profile.mood + draw.bell(500)

    def assess(self, world: World, day: dt.date, deal_id: str | None, draw: Stream) -> None:
        self.lean += draw.bell(250)
        falling = self.profile.stop and self.profile.stop < day + dt.timedelta(days=120) and not self.profile.back
        lean = self.lean - (900 if falling else 0)
        champion = self.row["contact_id"] == stories.CHAMPION_CONTACT
        stance = 2 if champion else max(-2, min(2, (lean + 500) // 1000))
        often = champion or (self.profile.id != stories.CHAMPION_ACCOUNT and draw.chance(450))
        world.add(
            "relationships", account_id=self.profile.id, contact_id=self.row["contact_id"], deal_id=deal_id, role=self.role,
            stance=stance, influence=self.influence, relationship=max(1, min(5, 3 + stance + draw.between(-1, 0))),
            authority=self.authority, contact_state="often" if often else draw.pick(("once", "once", "none")), assessed_at=day,
        )  # fmt: skip
