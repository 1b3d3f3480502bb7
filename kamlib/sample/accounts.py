"""Who the customers are: size, region, type, owner and what will become of each; the accounts table."""

from __future__ import annotations

import datetime as dt

from kamlib.sample import names, stories
from kamlib.sample.catalog import (
    ABROAD_DEPARTMENT,
    CATEGORIES,
    DEPARTMENTS,
    FIRST_DAY,
    INDUSTRIES,
    LAST_DAY,
    PRODUCTS,
    REGIONS,
    REPS,
)  # fmt: skip
from kamlib.sample.stream import Stream
from kamlib.sample.world import Profile, World

N_ACCOUNTS = 150
N_OLD = 118
"""Accounts numbered up to here existed before the first month."""
N_KEY = 30

# rank: yearly revenue in CNY thousand; straight lines between
SIZES = (
    (1, 56000),
    (2, 45000),
    (3, 39500),
    (5, 30000),
    (10, 16500),
    (20, 8800),
    (30, 5400),
    (50, 2500),
    (80, 1150),
    (120, 430),
    (150, 120),
)
ORDERS = ((10, 40, 60), (30, 20, 36), (60, 12, 20), (100, 6, 12), (150, 3, 6))
DISCOUNTS = ((10, 110, 180), (30, 80, 140), (80, 50, 110), (150, 15, 80))

FIXED_RANKS = {
    "A0003": 1, "A0006": 2,
    stories.COSTLY_ACCOUNT: 4, stories.CHAMPION_ACCOUNT: 9, stories.GROWING_ACCOUNT: 52,
    **dict(zip(stories.LATE_ACCOUNTS, (14, 22, 27, 33, 40, 47, 55, 63, 70, 78, 88, 95, 105, 115), strict=True)),
    **dict(zip(stories.DUPLICATE_ACCOUNTS, (45, 121), strict=True)),
}  # fmt: skip
FIXED_REGIONS = {
    "A0003": "East China", "A0006": "South China",
    stories.COSTLY_ACCOUNT: "East China", stories.CHAMPION_ACCOUNT: "East China", stories.GROWING_ACCOUNT: "Central China",
    **dict.fromkeys(stories.DUPLICATE_ACCOUNTS, "East China"),
}  # fmt: skip
FATES = {"lost": 15, "won_back": 6, "dormant": 7, "prospect": 2}
YOUNG_FATES = {"new": 20, "prospect": 8, "once": 3}


def build(world: World) -> None:
    """Make the profiles and the accounts table."""
    ranks, regions = _ranks(world), _regions(world)
    draw = world.draw("profiles")
    for number in range(1, N_ACCOUNTS + 1):
        key = f"A{number:04d}"
        kind = draw.weighted({"OEM": 46, "End user": 30, "Distributor": 16, "Project contractor": 8})
        world.profiles.append(Profile(number, regions[key], kind, draw.pick(INDUSTRIES), ranks[key]))
    _owners(world)
    _fates(world)
    for profile in world.profiles:
        _habits(profile, world.draw("habits", profile.id))
        _story(profile)
    _key_accounts(world)
    _write(world)


def _ranks(world: World) -> dict[str, int]:
    """Give every account a size rank; young accounts are not among the largest."""
    draw = world.draw("ranks")
    free = [rank for rank in range(1, N_ACCOUNTS + 1) if rank not in FIXED_RANKS.values()]
    young = [f"A{n:04d}" for n in range(N_OLD + 1, N_ACCOUNTS + 1) if f"A{n:04d}" not in FIXED_RANKS]
    small = draw.some([rank for rank in free if rank > 18], len(young))
    rest = draw.shuffled([rank for rank in free if rank not in small])
    old = [f"A{n:04d}" for n in range(1, N_OLD + 1) if f"A{n:04d}" not in FIXED_RANKS]
    return FIXED_RANKS | dict(zip(young, small, strict=True)) | dict(zip(old, rest, strict=True))


def _regions(world: World) -> dict[str, str]:
    """Give every account a region, so that each region has its number of accounts."""
    deck = [region for region, n in REGIONS.items() for _ in range(n)]
    for region in FIXED_REGIONS.values():
        deck.remove(region)
    deck = world.draw("regions").shuffled(deck)
    keys = [f"A{n:04d}" for n in range(1, N_ACCOUNTS + 1)]
    free = [key for key in keys if key not in FIXED_REGIONS]
    home_first = sorted(deck, key=lambda region: region not in DEPARTMENTS)
    late = [key for key in free if key in stories.LATE_ACCOUNTS]  # the moved plant serves customers in China
    regions = FIXED_REGIONS | dict(zip(late, home_first[: len(late)], strict=True))
    for region in home_first[: len(late)]:
        deck.remove(region)
    return regions | dict(zip([key for key in free if key not in late], deck, strict=True))


def _owners(world: World) -> None:
    """Share the accounts among the region's people; the contractors of the north all belong to one of them."""
    draw = world.draw("owners")
    turn: dict[str, int] = {}
    north = [p for p in world.profiles if stories.MIX_REP in REPS[p.region]]
    hard = [p for p in north if p.id not in FIXED_RANKS][:11]
    for profile in hard:
        profile.kind = stories.MIX_HARD
    for profile in world.profiles:
        people = REPS[profile.region]
        turn[profile.region] = turn.get(profile.region, -1) + 1
        profile.owner = people[turn[profile.region] % len(people)]
    others = sorted((p for p in north if p not in hard), key=lambda p: p.rank)[1:]
    for profile in north:
        profile.owner = stories.MIX_REP if profile in hard else REPS["North China"][1]
    for kind, profile in zip(("OEM", "End user", "OEM", "End user"), others, strict=False):
        profile.owner, profile.kind = stories.MIX_REP, kind
    changed = draw.some([p for p in world.profiles if len(REPS[p.region]) > 1 and p not in north], 14)
    for profile in changed:
        profile.former_owner = next(name for name in REPS[profile.region] if name != profile.owner)
        profile.handover = FIRST_DAY + dt.timedelta(days=draw.between(120, 900))


def _fates(world: World) -> None:
    """Decide who leaves, pauses, starts, or never buys; the ten largest stay."""
    draw = world.draw("fates")
    by_id = {p.id: p for p in world.profiles}
    free = [p for p in world.profiles if p.id not in FIXED_RANKS]
    old = draw.shuffled([p for p in free if p.number <= N_OLD and p.rank > 10])
    young = draw.shuffled([p for p in free if p.number > N_OLD])
    for pool, fates in ((old, FATES), (young, YOUNG_FATES)):
        for fate in (fate for fate, n in fates.items() for _ in range(n)):
            pool.pop().fate = fate
    for key in stories.LATE_LOST:
        by_id[key].fate = "late_lost"
    by_id[stories.DUPLICATE_ACCOUNTS[1]].fate = "new"
    for profile in world.profiles:
        _dates(profile, draw)


def _dates(profile: Profile, draw: Stream) -> None:
    def day(low: int, high: int) -> dt.date:
        return FIRST_DAY + dt.timedelta(days=draw.between(low, high))

    if profile.fate in ("new", "once", "prospect") and profile.number > N_OLD:
        span = 1000 // (N_ACCOUNTS - N_OLD)
        profile.start = day((profile.number - N_OLD - 1) * span, (profile.number - N_OLD) * span)
    if profile.fate == "lost":
        profile.stop = day(70, 860)
    elif profile.fate == "late_lost":
        profile.fate, profile.stop = "lost", day(560, 800)
    elif profile.fate == "dormant":
        profile.stop = day(870, 960)
    elif profile.fate == "won_back":
        profile.stop = day(60, 400)
        profile.back = profile.stop + dt.timedelta(days=draw.between(260, 420))


def _habits(profile: Profile, draw: Stream) -> None:
    """Draw how much, how often, what and on which terms the account buys."""
    profile.size = _between(SIZES, profile.rank) * 100_000
    low, high = next((low, high) for top, low, high in ORDERS if profile.rank <= top)
    profile.orders_per_year = draw.between(low, high)
    low, high = next((low, high) for top, low, high in DISCOUNTS if profile.rank <= top)
    profile.discount = draw.between(low, high)
    profile.regularity = draw.between(1, 5)
    profile.growth = draw.bell(260) + 60
    profile.late = draw.between(70, 150)
    profile.mood = draw.bell(400)
    profile.terms = draw.pick((30, 30, 45, 60, 60, 90) if profile.rank < 60 else (30, 30, 30, 45, 60))
    profile.pay_delay = draw.pick((-4, -2, 0, 2, 4, 6, 9, 14, 28)) if profile.rank > 3 else 3
    profile.wallet_share = draw.between(180, 850)
    profile.engineering_hours = max(0, (70 - profile.rank) * draw.between(8, 34) // 12)
    if profile.rank > 10 and draw.chance(290):  # hard bargainers who want much engineering
        profile.discount += draw.between(70, 150)
        profile.engineering_hours = profile.engineering_hours * draw.between(20, 40) // 10 + draw.between(2, 10)
    main = draw.weighted(dict(zip(CATEGORIES, (30, 24, 7, 18, 12, 9), strict=True)))
    for product, (_, category, *_) in PRODUCTS.items():
        if category == main or draw.chance(260):
            profile.products[product] = draw.between(3, 12) * (4 if category == main else 1)


def _story(profile: Profile) -> None:
    """Bend the habits of the accounts that a story is told about."""
    if profile.id in stories.LATE_ACCOUNTS:
        profile.products = {
            product: weight * (5 if PRODUCTS[product][1] == stories.LATE_CATEGORY else 1)
            for product, weight in (profile.products | {"P301": 12, "P302": 12, "P303": 12, "P304": 6}).items()
            if PRODUCTS[product][1] in (stories.LATE_CATEGORY, "Pneumatics", "Spare parts")
        }
        profile.mood, profile.orders_per_year = profile.mood // 3, max(profile.orders_per_year, 9)
    elif profile.id == stories.COSTLY_ACCOUNT:
        profile.discount, profile.orders_per_year, profile.engineering_hours = 284, 112, 430
        profile.growth, profile.kind, profile.terms, profile.pay_delay = 60, "OEM", 90, 22
        profile.products = {"P101": 10, "P102": 12, "P104": 6, "P202": 4, "P401": 8, "P403": 5, "P602": 3}
    elif profile.id == stories.CHAMPION_ACCOUNT:
        profile.growth, profile.mood, profile.kind = 80, 150, "OEM"
    elif profile.id == stories.GROWING_ACCOUNT:
        profile.size, profile.orders_per_year, profile.growth = 300_000_000, 20, 60
        profile.mood, profile.kind, profile.regularity, profile.wallet_share = 100, "OEM", 4, 420


def _key_accounts(world: World) -> None:
    """Flag the largest, and a few smaller ones that sales thinks strategic; not the account that grew."""
    could = [p for p in world.profiles if p.fate not in ("prospect", "once") and p.id != stories.GROWING_ACCOUNT]
    could.sort(key=lambda p: p.rank)
    for profile in could[:24] + world.draw("key").some(could[24:50], N_KEY - 24):
        profile.key = True


def _between(knots: tuple[tuple[int, int], ...], x: int) -> int:
    """Return the value at `x` on the broken line through `knots`."""
    for (x0, y0), (x1, y1) in zip(knots, knots[1:], strict=False):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) // (x1 - x0)
    return knots[-1][1]


def _write(world: World) -> None:
    taken: set[str] = set()
    brands = {region: world.draw("brands", region).shuffled(there["brands"]) for region, there in names.ABROAD.items()}
    parents: dict[str, Profile] = {}
    for profile in world.profiles:
        draw = world.draw("account", profile.id)
        row = _identity(profile, draw, taken, brands)
        employees = max(8, draw.skewed(profile.size // 9_000_000, 600))
        sales = draw.skewed(employees * 60_000_000, 400) // 100_000_000 * 100_000_000
        row |= {
            "employees": None if draw.chance(80) else employees,
            "annual_revenue": None if draw.chance(120) else sales,
            "market_share": None if draw.chance(400) else f"0.{draw.between(5, 320):03d}",
            "wallet": None
            if draw.chance(220)
            else profile.size * 1350 // profile.wallet_share // 1_000_000 * 1_000_000,
            "influence": None if draw.chance(60) else _influence(profile, draw),
        }
        parent = parents.get(profile.region) if draw.chance(90) and profile.domestic else None
        row["parent_account_id"] = parent.id if parent else None
        if profile.rank <= 25 and profile.number <= N_OLD:
            parents.setdefault(profile.region, profile)
        world.rows["accounts"].append(row)
    first, twin = (next(r for r in world.rows["accounts"] if r["account_id"] == i) for i in stories.DUPLICATE_ACCOUNTS)
    stem = first["account_name"].split("有限")[0].split("股份")[0].split("集团")[0]
    first["account_name"], twin["account_name"] = f"{stem}有限公司", f"{stem[:2]}市{stem[2:]}有限公司"
    twin |= {name: first[name] for name in ("industry", "country", "credit_code")}
    first["parent_account_id"] = twin["parent_account_id"] = None


def _identity(profile: Profile, draw: Stream, taken: set[str], brands: dict[str, list[str]]) -> dict:
    if profile.domestic:
        city, division = draw.pick(tuple(names.CITIES[profile.region].items()))
        name = names.chinese_company(draw, city, profile.industry, profile.kind, taken)
        country, code, phone = "China", names.credit_code(draw, division), f"+86 400 5550 {draw.below(10000):04d}"
    else:
        country, (form, dial) = draw.pick(tuple(names.ABROAD[profile.region]["countries"].items()))
        name, code, phone = form.format(brands[profile.region].pop()), None, f"+{dial} 555 01{draw.below(100):02d}"
    if profile.number > N_OLD:
        created = profile.start - dt.timedelta(days=draw.between(0, 60))
        created = max(created, FIRST_DAY + dt.timedelta(days=profile.number - N_OLD))
    else:
        created = dt.date(2014, 3, 3) + dt.timedelta(days=profile.number * 3100 // N_OLD + draw.between(-20, 20))
    return {
        "account_id": profile.id, "account_name": name, "account_no": f"{profile.number:03d}",
        "region": None if profile.number in (101, 133) else profile.region, "country": country,
        "industry": None if profile.number in (41, 87, 126) else profile.industry, "account_type": profile.kind,
        "account_tier": None, "is_key_account": profile.key, "owner": profile.owner,
        "department": DEPARTMENTS.get(profile.region, ABROAD_DEPARTMENT), "credit_code": code, "phone": phone,
        "created_at": min(created, LAST_DAY),
    }  # fmt: skip


def _influence(profile: Profile, draw: Stream) -> int:
    if profile.id == stories.GROWING_ACCOUNT:
        return 60
    base = 80 if profile.rank <= 20 else 60 if profile.rank <= 60 else 40
    return max(20, min(100, base + 20 * draw.between(-1, 1)))
