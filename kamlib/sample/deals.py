"""Deals and their way through the stages, decided stage by stage so that every cause has its place."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from kamlib.sample import stories
from kamlib.sample.catalog import CATEGORIES, DAY, DAYS, FIRST_DAY, LAST_DAY, PRODUCTS, REPS, festival_offset, workday
from kamlib.sample.sentences import SENTENCES, say
from kamlib.sample.stream import Stream
from kamlib.sample.world import Profile, World

STAGES = ("qualification", "needs", "proposal", "negotiation")
# account type: chance in thousandths of passing qualification, needs and negotiation
PASS = {
    "Distributor": (965, 965, 950), "OEM": (960, 955, 940), "End user": (890, 900, 870), "Project contractor": (700, 750, 650),
}  # fmt: skip
DWELL = {"qualification": (4, 24), "needs": (8, 30), "proposal": (7, 18), "negotiation": (7, 28)}
PROBABILITY = {"qualification": 10, "needs": 30, "proposal": 60, "negotiation": 80}
LOSS_REASONS = {"price": 27, "product": 22, "service": 12, "competitor": 19, "other": 11, "unknown": 9}
SOURCES = {
    "online": {"Website": 6, "Webinar": 3, "E-mail campaign": 2}, "partner": {"Partner": 8, "Referral": 2},
    "offline": {"Trade fair": 4, "Key account plan": 5, "Referral": 2, "Tender": 3, "Cold call": 2},
}  # fmt: skip
NEXT_STEPS = {
    "qualification": ("Call back", "Clarify budget"), "needs": ("Technical workshop", "Send sample"),
    "proposal": ("Follow up on quote", "Revise quote"), "negotiation": ("Agree on terms", "Get approval from management"),
}  # fmt: skip


@dataclass
class _Fate:
    """What is decided before a deal begins."""

    rival: str | None
    stuck: int
    """Stage number in which it stays open for ever; -1 for none."""
    invalid: int
    """Stage number in which it proves to be no deal; -1 for none."""
    delay: int
    """Days until the proposal is followed up."""
    wins: bool | None = None
    """Whether it is won, if that is not left to chance."""


class _Quota:
    """One rep wins exactly his share of each type of customer: with few deals, luck would hide the story."""

    def __init__(self) -> None:
        self.saved: dict[str, int] = defaultdict(lambda: 600)

    def wins(self, deal: dict, profile: Profile, fate: _Fate) -> bool | None:
        if deal["owner"] != stories.MIX_REP or max(fate.stuck, fate.invalid) >= 0:
            return None
        self.saved[profile.kind] += stories.MIX_WINS[profile.kind]
        won = self.saved[profile.kind] >= 1000
        self.saved[profile.kind] -= 1000 * won
        return won


def build(world: World) -> None:
    """Write deals and deal_stage_history."""
    quota, starts = _Quota(), []
    for profile in world.profiles:
        draw = world.draw("deals", profile.id)
        starts += [(day, profile) for day in _created(world, profile, draw)]
    starts.sort(key=lambda start: (start[0], start[1].number))
    for number, (day, profile) in enumerate(starts, start=1):
        draw = world.draw("deal", number, profile.id)
        deal = _new(f"D{number:05d}", profile, day, draw)
        world.rows["deals"].append(deal)
        _run(world, deal, profile, quota, draw)
    _orphans(world, len(starts))


def _created(world: World, profile: Profile, draw: Stream) -> list[dt.date]:
    """Return the creation dates of the account's deals: while it is a customer, or while it might become one."""
    low, high = next(r[1:] for r in ((30, 13, 22), (60, 8, 13), (100, 4, 9), (150, 2, 6)) if profile.rank <= r[0])
    n = draw.between(low, high) * (17 if profile.kind == stories.MIX_HARD else 10) // 10
    if profile.fate == "prospect":
        n = draw.between(2, 5)
    first = next(row["created_at"] for row in world.rows["accounts"] if row["account_id"] == profile.id)
    days = []
    for _ in range(n):
        day = FIRST_DAY + DAY * draw.below(DAYS)
        day = workday(day)
        quiet = profile.domestic and -5 <= festival_offset(day) <= 7
        if (
            first <= day <= LAST_DAY
            and not quiet
            and (profile.buys(day) or day < profile.start or profile.fate == "prospect")
        ):
            days.append(day)
    return days


def _new(deal_id: str, profile: Profile, day: dt.date, draw: Stream) -> dict:
    product = draw.weighted(profile.products)
    category = PRODUCTS[product][1]
    channel = draw.weighted({"online": 18, "offline": 57, "partner": 25})
    size = profile.size // (34 if channel == "online" else 24)
    amount = max(2_000_000, draw.skewed(size, 650)) // 10_000 * 10_000
    project, goods = (
        say(pair, profile.domestic) for pair in (draw.pick(SENTENCES["projects"]), SENTENCES["deal_names"][category])
    )
    name = f"{project}{goods}" if profile.domestic else f"{project.capitalize()}: {goods}"
    return {
        "deal_id": deal_id, "account_id": profile.id, "deal_name": name, "stage": "qualification", "status": "open",
        "amount": amount, "probability": None, "created_at": day, "expected_close": day + DAY * draw.between(60, 130),
        "closed_at": None, "channel": channel, "lead_source": draw.weighted(SOURCES[channel]), "product_category": category,
        "owner": profile.owner_on(day), "loss_reason": None, "competitor": None, "next_step": None, "next_step_due": None,
        "currency": "CNY",
    }  # fmt: skip


def _run(world: World, deal: dict, profile: Profile, quota: _Quota, draw: Stream) -> None:
    """Lead one deal through its stages until it is closed, gets stuck, or the data end."""
    path, fate = _path(draw), _fate(deal, profile, quota, draw)
    deal["_delay"] = fate.delay  # for the activities; no column of the table
    day = deal["created_at"]
    for step, stage in enumerate(path):
        _enter(world, deal, stage, day, step, draw)
        leave = day + DAY * _dwell(deal, stage, fate.delay, draw)
        if leave > LAST_DAY or _stuck(profile, stage, fate, leave):
            _leave_open(deal, day, draw)
            return
        day = leave
        if fate.invalid == STAGES.index(stage):
            deal |= {"status": "invalid", "closed_at": day}
            return
        last = step + 1 == len(path)
        if not last and STAGES.index(path[step + 1]) < STAGES.index(stage):
            continue
        if not _passes(profile, stage, fate, day, last, draw):
            _lose(deal, profile, fate.rival, day, draw)
            return
    deal |= {"status": "won", "closed_at": day, "competitor": fate.rival if draw.chance(800) else None}


def _fate(deal: dict, profile: Profile, quota: _Quota, draw: Stream) -> _Fate:
    fate = _Fate(
        rival=_rival(profile, deal, draw), stuck=draw.between(0, 3) if draw.chance(35) else -1,
        invalid=draw.between(0, 1) if draw.chance(62) else -1, delay=0,
    )  # fmt: skip
    fate.wins = quota.wins(deal, profile, fate)
    fate.delay = _delay({None: 330, True: 200, False: 380}[fate.wins], draw)
    return fate


def _passes(profile: Profile, stage: str, fate: _Fate, day: dt.date, last: bool, draw: Stream) -> bool:
    """Return whether the deal leaves the stage forwards, or, from the last one, is won."""
    if last and not _can_win(profile, day):
        return False
    if fate.wins is not None and (fate.wins or last):
        return fate.wins
    return draw.chance(_chance(profile, stage, fate, day))


def _can_win(profile: Profile, day: dt.date) -> bool:
    """Return whether the account could order on `day`: not if it never buys, bought once only, or has gone."""
    gone = profile.stop is not None and day + DAY * 16 > profile.stop and not (profile.back and day >= profile.back)
    return profile.fate not in ("prospect", "once") and not gone


def _path(draw: Stream) -> list[str]:
    """Return the stages in order: mostly all four, some skipped, a few stepped back."""
    kind = draw.weighted({"all": 82, "no qualification": 5, "no needs": 7, "back": 6})
    if kind == "back":
        return ["qualification", "needs", "proposal", "negotiation", "proposal", "negotiation"]
    skipped = {"no qualification": "qualification", "no needs": "needs"}.get(kind)
    return [stage for stage in STAGES if stage != skipped]


def _delay(slow: int, draw: Stream) -> int:
    """Return the days until the proposal is followed up; `slow` is the chance of more than two weeks."""
    if draw.chance(slow):
        return draw.between(stories.SLOW_FOLLOW_UP_DAYS + 1, 46)
    return draw.between(1, 6) if draw.chance(690) else draw.between(7, stories.SLOW_FOLLOW_UP_DAYS)


def _dwell(deal: dict, stage: str, delay: int, draw: Stream) -> int:
    low, high = DWELL[stage]
    days = draw.between(low, high) + draw.between(0, high) * draw.below(2)
    if stage == stories.BOTTLENECK_STAGE:
        days += delay * 13 // 10
    return (
        days * {"online": 8, "offline": 10, "partner": 12}[deal["channel"]] // 10
        + (delay if stage == "proposal" else 0) // 5
        + 1
    )


def _chance(profile: Profile, stage: str, fate: _Fate, day: dt.date) -> int:
    if stage == stories.BOTTLENECK_STAGE:
        delay = fate.delay
        chance = stories.PASS_FAST if delay <= 6 else stories.PASS_MIDDLE if delay <= 14 else stories.PASS_SLOW
    else:
        chance = PASS[profile.kind][{"qualification": 0, "needs": 1, "negotiation": 2}[stage]]
    if fate.rival == stories.RIVAL and profile.region == stories.RIVAL_REGION and day >= stories.RIVAL_FROM:
        chance = chance * {"proposal": 560, "negotiation": 400}.get(stage, 1000) // 1000
    return chance


def _rival(profile: Profile, deal: dict, draw: Stream) -> str | None:
    if not draw.chance(620):
        return None
    near = profile.region == stories.RIVAL_REGION and deal["created_at"] >= stories.RIVAL_FROM
    return draw.weighted({stories.RIVAL: 70 if near else 24, **dict.fromkeys(stories.OTHER_RIVALS, 10 if near else 19)})


def _stuck(profile: Profile, stage: str, fate: _Fate, leave: dt.date) -> bool:
    orphaned = profile.id == stories.CHAMPION_ACCOUNT and leave > stories.CHAMPION_LEFT
    gone = (
        profile.stop is not None
        and leave > profile.stop + DAY * 60
        and profile.back is None
        and profile.fate == "dormant"
    )
    return STAGES.index(stage) == fate.stuck or orphaned or gone


def _enter(world: World, deal: dict, stage: str, day: dt.date, step: int, draw: Stream) -> None:
    if step and draw.chance(400):
        deal["amount"] = max(1_000_000, deal["amount"] * draw.between(860, 1110) // 1000 // 10_000 * 10_000)
    while deal["expected_close"] < day + DAY * 7:
        deal["expected_close"] += DAY * draw.between(20, 45)
    deal["stage"] = stage
    world.add(
        "deal_stage_history", deal_id=deal["deal_id"], stage=stage, entered_at=day, amount=deal["amount"],
        expected_close=deal["expected_close"],
    )  # fmt: skip
    crm = PROBABILITY[stage] + 5 * draw.weighted({-2: 1, -1: 2, 0: 8, 1: 3, 2: 2, 4: 1})
    deal["probability"] = f"{min(max(crm, 5), 95) / 100:.2f}"


def _leave_open(deal: dict, entered: dt.date, draw: Stream) -> None:
    if draw.chance(860):
        deal["next_step"] = draw.pick(NEXT_STEPS[deal["stage"]])
        deal["next_step_due"] = (
            max(entered + DAY * 7, LAST_DAY - DAY * 75) if draw.chance(300) else LAST_DAY + DAY * draw.between(3, 40)
        )


def _lose(deal: dict, profile: Profile, rival: str | None, day: dt.date, draw: Stream) -> None:
    reasons = LOSS_REASONS
    if rival == stories.RIVAL and profile.region == stories.RIVAL_REGION and day >= stories.RIVAL_FROM:
        reasons = {"price": 78, "competitor": 12, "product": 6, "unknown": 4}
    named = rival is not None and draw.chance(800)
    deal |= {
        "status": "lost",
        "closed_at": day,
        "loss_reason": draw.weighted(reasons),
        "competitor": rival if named else None,
    }


def _orphans(world: World, n: int) -> None:
    """Add a few enquiries that nobody has assigned to an account yet."""
    draw = world.draw("orphans")
    for number in range(n + 1, n + 7):
        day = LAST_DAY - DAY * draw.between(3, 60)
        category = draw.pick(CATEGORIES)
        deal = {
            "deal_id": f"D{number:05d}", "account_id": None, "deal_name": "官网询价：" + SENTENCES["deal_names"][category][0],
            "stage": "qualification", "status": "open", "amount": draw.between(30, 400) * 100_000, "created_at": day, "channel": "online",
            "expected_close": day + DAY * 90, "lead_source": "Website", "product_category": category,
            "owner": draw.pick(REPS["East China"]), "currency": "CNY",
        }  # fmt: skip
        world.rows["deals"].append(deal)
        _enter(world, deal, "qualification", day, 0, draw)
