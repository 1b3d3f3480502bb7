"""What follows an order in the books: invoices, payments, contracts and the cost of serving the customer."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from kamlib.sample import stories
from kamlib.sample.catalog import DAY, FIRST_DAY, LAST_DAY
from kamlib.sample.stream import Stream
from kamlib.sample.world import Profile, World

VAT = 13
"""Per cent on domestic sales; exports are zero-rated."""
# activity: cost in fen of one unit of its driver
RATES = {"order": 290_000, "delivery": 140_000, "visit": 340_000, "case": 220_000, "engineering": 52_000}
FREIGHT = 7
"""Delivery cost in thousandths of the order value, besides the fixed part."""


def build(world: World) -> None:
    """Write invoices, payments and contracts."""
    by_id = {p.id: p for p in world.profiles}
    for order in world.rows["orders"]:
        if order["delivered_at"] is not None:
            _invoice(world, by_id[order["account_id"]], order)
    for table, key, letter in (("payments", "paid_at", "Y"), ("returns", "return_date", "R")):
        world.rows[table].sort(key=lambda row: (row[key], row["account_id"], row.get("order_id") or row["invoice_id"]))
        for number, row in enumerate(world.rows[table], start=1):
            row["payment_id" if table == "payments" else "return_id"] = f"{letter}{number:06d}"
    for profile in world.profiles:
        _contracts(world, profile)


def _invoice(world: World, profile: Profile, order: dict) -> None:
    """Write the invoice of a delivered order, and what was paid of it until the last day."""
    draw = world.draw("invoice", order["order_id"])
    day = order["delivered_at"] + DAY * draw.between(0, 4)
    if day > LAST_DAY:
        return
    vat = (order["amount"] * VAT + 50) // 100 if profile.domestic else 0
    invoice = world.add(
        "invoices", invoice_id="I" + order["order_id"][1:], account_id=profile.id, order_id=order["order_id"], invoice_date=day,
        due_date=day + DAY * profile.terms, amount=order["amount"] + vat, vat=vat, currency="CNY",
    )  # fmt: skip
    gone = profile.stop is not None and profile.back is None and day > profile.stop - DAY * 45
    if not draw.chance(250 if gone else 4):
        _pay(world, profile, invoice, draw)


def _pay(world: World, profile: Profile, invoice: dict, draw: Stream) -> None:
    """Write one payment, or now and then two, around the day the account usually pays."""
    usual = invoice["due_date"] + DAY * (profile.pay_delay + draw.between(-6, 6))
    first = usual + DAY * draw.between(15, 80) if draw.chance(70) else usual
    parts = [invoice["amount"]]
    if not draw.chance(910):
        part = invoice["amount"] * draw.between(300, 700) // 1000
        parts = [part, invoice["amount"] - part]
    for at, amount in enumerate(parts):
        day = max(first + DAY * (at * draw.between(20, 50)), invoice["invoice_date"] + DAY)
        if day <= LAST_DAY:
            world.add(
                "payments", payment_id="", account_id=profile.id, invoice_id=invoice["invoice_id"], paid_at=day,
                amount=amount, currency="CNY",
            )  # fmt: skip


def _contracts(world: World, profile: Profile) -> None:
    """Write frame contracts of key accounts and some others, renewed while the account buys."""
    draw = world.draw("contracts", profile.id)
    if profile.fate in ("prospect", "once") or not draw.chance(830 if profile.key else 260):
        return
    years = draw.pick((1, 1, 2))
    start = max(
        FIRST_DAY - DAY * draw.between(0, 330), profile.start if profile.start > FIRST_DAY else FIRST_DAY - DAY * 400
    )
    number = 1
    while start <= LAST_DAY and profile.buys(max(start, profile.start, FIRST_DAY)):
        end = start.replace(year=start.year + years, day=min(start.day, 28)) - DAY
        value = profile.size * draw.between(650, 950) // 1000 // 10_000_000 * 10_000_000
        world.add(
            "contracts", contract_id=f"K{profile.number:04d}-{number}", account_id=profile.id, start_date=start, end_date=end,
            annual_value=max(value, 10_000_000), currency="CNY",
        )  # fmt: skip
        start, number = end + DAY, number + 1


def serve(world: World) -> None:
    """Write service_costs: one row per account, month and driver, and what nobody allocated."""
    rows = []
    freight = _freight(world)
    for (account, month, activity), quantity in _drivers(world).items():
        amount = quantity * RATES[activity] * world.draw("cost", account, month, activity).between(880, 1130) // 1000
        if account == stories.COSTLY_ACCOUNT:
            amount = amount * 1450 // 1000
        if activity == "delivery":
            amount += freight[account, month]
        rows.append((_last_of(month), account, activity, quantity, amount))
    rows += _unallocated(world, rows)
    rows.sort(key=lambda row: (row[0], row[1] or "", row[2]))
    for number, (day, account, activity, quantity, amount) in enumerate(rows, start=1):
        world.add(
            "service_costs", cost_id=f"S{number:06d}", account_id=account, cost_date=day, activity=activity, quantity=quantity,
            amount=amount, currency="CNY",
        )  # fmt: skip


def _drivers(world: World) -> dict[tuple[str, dt.date, str], int]:
    """Count the orders, deliveries, visits, cases and engineering hours of each account and month."""
    drivers: dict[tuple[str, dt.date, str], int] = defaultdict(int)
    visits = [row for row in world.rows["activities"] if row["type"] == "visit"]
    for activity, rows, moment in (
        ("order", world.rows["orders"], "order_date"), ("delivery", world.rows["orders"], "delivered_at"),
        ("visit", visits, "happened_at"), ("case", world.rows["cases"], "opened_at"),
    ):  # fmt: skip
        for row in rows:
            if row[moment] is not None:
                drivers[row["account_id"], _month(row[moment]), activity] += 1
    for profile in world.profiles:
        _engineering(profile, drivers, world.draw("engineering", profile.id))
    return drivers


def _freight(world: World) -> dict[tuple[str, dt.date], int]:
    freight: dict[tuple[str, dt.date], int] = defaultdict(int)
    for order in world.rows["orders"]:
        if order["delivered_at"] is not None:
            freight[order["account_id"], _month(order["delivered_at"])] += order["amount"] * FREIGHT // 1000
    return freight


def _engineering(profile: Profile, drivers: dict, draw: Stream) -> None:
    for month in months():
        if profile.engineering_hours and profile.buys(month + DAY * 14):
            hours = draw.skewed(profile.engineering_hours, 350)
            if hours:
                drivers[profile.id, month, "engineering"] = hours


def _unallocated(world: World, rows: list[tuple]) -> list[tuple]:
    """Return about a ninth of each month's cost again, as cost that belongs to no account."""
    draw, out = world.draw("unallocated"), []
    for month in months():
        day = _last_of(month)
        total = sum(row[4] for row in rows if row[0] == day)
        out.append((day, None, "other", None, total * draw.between(95, 130) // 1000))
    return out


def months() -> list[dt.date]:
    """Return the first day of each month of the data."""
    return [dt.date(year, month, 1) for year in range(FIRST_DAY.year, LAST_DAY.year + 1) for month in range(1, 13)]


def _month(moment: dt.date) -> dt.date:
    return dt.date(moment.year, moment.month, 1)


def _last_of(month: dt.date) -> dt.date:
    return (month + DAY * 31).replace(day=1) - DAY
