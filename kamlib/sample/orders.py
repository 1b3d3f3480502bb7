"""Orders, their lines and returns: each account's clock runs faster or slower by season, festival, promotion and fate."""

from __future__ import annotations

import datetime as dt

from kamlib.sample import stories
from kamlib.sample.catalog import (
    COST_INDEX,
    DAY,
    DAYS,
    FIRST_DAY,
    LAST_DAY,
    LEAD_DAYS,
    PRICE_INDEX,
    PRODUCTS,
    REPS,
    day_speed,
    workday,
)
from kamlib.sample.stream import Stream
from kamlib.sample.world import Profile, World

RETURN_REASONS = {"Quality defect": 45, "Transport damage": 20, "Wrong item": 20, "Over-ordered": 15}


def build(world: World) -> None:
    """Write products, orders, order_lines and returns, orders by date."""
    for product, (name, category, unit, price, cost) in PRODUCTS.items():
        world.add(
            "products", product_id=product, product_name=name, product_category=category, unit=unit, list_price=price * 100,
            unit_cost=cost * 100,
        )  # fmt: skip
    plans = []
    for profile in world.profiles:
        plans += _running(profile, world.draw("orders", profile.id))
    plans += _from_deals(world)
    plans.sort(key=lambda plan: (plan["day"], plan["profile"].number))
    for number, plan in enumerate(plans, start=1):
        _write(world, f"O{number:06d}", plan)


def pace(profile: Profile, day: dt.date) -> int:
    """Return how fast the account buys on `day` compared with its average, in thousandths, season apart."""
    if not profile.buys(day):
        return 0
    passed = (day - FIRST_DAY).days
    speed = 1000 + profile.growth * (2 * passed - DAYS) // (2 * DAYS)
    if profile.id == stories.GROWING_ACCOUNT:
        speed = 620 + 960 * passed * passed // DAYS**2
    if profile.id == stories.CHAMPION_ACCOUNT and day > stories.CHAMPION_LEFT:
        speed = speed * 420 // 1000
    if profile.stop and profile.fate != "dormant" and 0 <= (left := (profile.stop - day).days) < 180:
        speed = speed * (400 + 600 * left // 180) // 1000
    return max(speed, 100)


def _running(profile: Profile, draw: Stream) -> list[dict]:
    """Return the account's run-rate orders: one whenever its clock has passed the next waiting time."""
    if profile.fate == "prospect":
        return []
    if profile.fate == "once":
        return [_plan(profile, profile.start + DAY * draw.between(5, 40), draw)]
    days = [FIRST_DAY + DAY * i for i in range(DAYS)]
    speeds = [day_speed(day, profile.domestic) * pace(profile, day) // 1000 for day in days]
    _promote(profile, days, speeds)
    plans, mean = [], 365_000 * 1000 // profile.orders_per_year
    clock, due = 0, mean * draw.below(1000) // 1000
    for day, speed in zip(days, speeds, strict=True):
        clock += speed * 1000
        while speed and clock >= due:
            due += max(mean * draw.wait(profile.regularity) // 1000, 1)
            plans.append(_plan(profile, day, draw))
    if profile.start > FIRST_DAY and not plans:
        plans.append(_plan(profile, min(profile.start + DAY * 20, LAST_DAY), draw))
    return plans


def _promote(profile: Profile, days: list[dt.date], speeds: list[int]) -> None:
    """Let customers buy earlier in the one promotion (the sum stays the same), and more in the other."""
    if profile.region in stories.PROMOTION_REGIONS:
        during = [i for i, day in enumerate(days) if stories.PROMOTION_FROM <= day <= stories.PROMOTION_UNTIL]
        after = [i for i, day in enumerate(days) if stories.PROMOTION_UNTIL < day <= stories.PAYBACK_UNTIL]
        extra, rest = sum(speeds[i] for i in during) * 1300 // 1000, sum(speeds[i] for i in after)
        for i in during:
            speeds[i] = speeds[i] * 2300 // 1000
        for i in after:
            speeds[i] = speeds[i] * max(rest - extra, 0) // rest if rest else 0
    if profile.region in stories.ADDING_REGIONS:
        for i, day in enumerate(days):
            if stories.ADDING_FROM <= day <= stories.ADDING_UNTIL:
                speeds[i] = speeds[i] * 2100 // 1000


def _plan(profile: Profile, day: dt.date, draw: Stream) -> dict:
    value = draw.skewed(profile.size * 780 // 1000 // profile.orders_per_year, 520) * 875 // 1000
    if profile.id == stories.GROWING_ACCOUNT:
        value = value * (850 + 400 * (day - FIRST_DAY).days // DAYS) // 1000
    channel = draw.weighted(
        {"online": 55, "offline": 30, "partner": 15}
        if profile.rank > 90
        else {"online": 20, "offline": 65, "partner": 15}
    )
    return {
        "profile": profile,
        "day": day,
        "value": max(value, 40_000),
        "channel": channel,
        "deal_id": None,
        "extra": 0,
    }


def _from_deals(world: World) -> list[dict]:
    """Return one order for every deal won, a few days later."""
    by_id = {p.id: p for p in world.profiles}
    plans = []
    for deal in world.rows["deals"]:
        if deal["status"] != "won":
            continue
        draw = world.draw("deal order", deal["deal_id"])
        day = deal["closed_at"] + DAY * draw.between(2, 16)
        if day > LAST_DAY:
            continue
        value = deal["amount"] * draw.between(950, 1030) // 1000
        plans.append(
            {"profile": by_id[deal["account_id"]], "day": day, "value": value, "channel": deal["channel"],
             "deal_id": deal["deal_id"], "extra": draw.between(10, 35)}
        )  # fmt: skip
    return plans


def _write(world: World, order_id: str, plan: dict) -> None:
    profile, day = plan["profile"], plan["day"]
    draw = world.draw("order", order_id, profile.id)
    promotion = _promotion(profile, plan, draw)
    discount = profile.discount + plan["extra"] + draw.between(-14, 14) + (40 if promotion else 0)
    lines = _lines(profile, plan["value"], max(discount, 0), day, draw)
    main = max(lines, key=lambda line: line["amount"])["product_id"]
    promised = workday(day + DAY * (LEAD_DAYS[PRODUCTS[main][1]] + draw.between(-4, 8)))
    delivered = _delivered(profile, main, day, promised, draw)
    owner = profile.owner_on(day)
    stranger = [name for name in REPS[profile.region] if name != owner]
    world.add(
        "orders", order_id=order_id, account_id=profile.id, order_date=day,
        list_amount=sum(line["list_amount"] for line in lines), amount=sum(line["amount"] for line in lines),
        cogs=sum(line["cogs"] for line in lines), channel=plan["channel"], deal_id=plan["deal_id"],
        booked_by=stranger[0] if stranger and draw.chance(30) else owner, promotion=promotion, promised_at=promised,
        delivered_at=delivered if delivered <= LAST_DAY else None, currency="CNY",
    )  # fmt: skip
    for number, line in enumerate(lines, start=1):
        world.add("order_lines", order_id=order_id, line_no=number, **line)
        if delivered <= LAST_DAY:
            _return(world, profile, order_id, line, delivered, draw)


def _promotion(profile: Profile, plan: dict, draw: Stream) -> str | None:
    if plan["deal_id"] is None and draw.chance(850):
        if (
            profile.region in stories.PROMOTION_REGIONS
            and stories.PROMOTION_FROM <= plan["day"] <= stories.PROMOTION_UNTIL
        ):
            return stories.PROMOTION
        if profile.region in stories.ADDING_REGIONS and stories.ADDING_FROM <= plan["day"] <= stories.ADDING_UNTIL:
            return stories.ADDING_PROMOTION
    return None


def _lines(profile: Profile, value: int, discount: int, day: dt.date, draw: Stream) -> list[dict]:
    """Split `value` (fen, after discount) over one to six products at the list price of the year."""
    wanted = min(draw.weighted({1: 22, 2: 26, 3: 24, 4: 15, 5: 8, 6: 5}), len(profile.products))
    chosen: list[str] = []
    while len(chosen) < wanted:
        product = draw.weighted(profile.products)
        if product not in chosen:
            chosen.append(product)
    parts = [draw.between(20, 100) for _ in chosen]
    lines = []
    for product, part in zip(chosen, parts, strict=True):
        price = PRODUCTS[product][3] * 100 * PRICE_INDEX[day.year] // 1000
        quantity = max(1, value * part * 1000 // (sum(parts) * price * (1000 - discount)))
        if quantity > 60:
            quantity = (quantity + 5) // 10 * 10
        listed = quantity * price
        cost = quantity * PRODUCTS[product][4] * 100 * COST_INDEX[day.year] // 1000
        lines.append(
            {"product_id": product, "quantity": quantity, "list_amount": listed,
             "amount": (listed * (1000 - discount) + 500) // 1000, "cogs": cost}
        )  # fmt: skip
    return lines


def _delivered(profile: Profile, product: str, day: dt.date, promised: dt.date, draw: Stream) -> dt.date:
    moved = PRODUCTS[product][1] == stories.LATE_CATEGORY and stories.LATE_FROM <= day <= stories.LATE_UNTIL
    if draw.chance(670 if moved else profile.late):
        return workday(promised + DAY * (draw.between(7, 38) if moved else draw.between(2, 13)))
    return max(day + DAY, promised - DAY * draw.between(0, 4))


def _return(world: World, profile: Profile, order_id: str, line: dict, delivered: dt.date, draw: Stream) -> None:
    if not draw.chance(60 if profile.id == stories.COSTLY_ACCOUNT else 24):
        return
    day, quantity = delivered + DAY * draw.between(4, 45), max(1, line["quantity"] * draw.between(100, 700) // 1000)
    if day <= LAST_DAY:
        world.add(
            "returns", return_id="", account_id=profile.id, order_id=order_id, product_id=line["product_id"],
            return_date=day, quantity=quantity, amount=line["amount"] * quantity // line["quantity"],
            reason=draw.weighted(RETURN_REASONS), currency="CNY",
        )  # fmt: skip
