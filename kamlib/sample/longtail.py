"""Small accounts by the million: blocks of numpy arrays drawn from counters, nothing kept from one block to the next.

Account n, order g and line l are functions of their own numbers, so a larger company begins with the smaller one. All
arithmetic is on whole numbers; money is in fen. Measured with `/usr/bin/time -v kam sample --accounts N --into DIR`: a million
accounts with 102 million order lines take 70 s of processor time and 0.73 GB of memory, and 2.1 GB of Parquet.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kamlib.sample import names
from kamlib.sample.catalog import (
    ABROAD_DEPARTMENT,
    COST_INDEX,
    DAYS,
    DEPARTMENTS,
    FIRST_DAY,
    INDUSTRIES,
    LAST_DAY,
    LEAD_DAYS,
    PRICE_INDEX,
    PRODUCTS,
    REGIONS,
    REPS,
    TYPES,
    day_speed,
    home,
)  # fmt: skip
from kamlib.sample.stream import STEP, grow, key_of, mix

BLOCK = 8_000
"""Accounts per block: about 300,000 orders and 800,000 lines."""
FIRST_ORDER = 1_000_000
"""The core company's order numbers have six digits; these have seven and more."""
SLOTS = DAYS * 32
EPOCH = dt.date(1970, 1, 1)
BEGIN, END = (FIRST_DAY - EPOCH).days, (LAST_DAY - EPOCH).days


def blocks(seed: int, first: int, last: int) -> Iterator[dict[str, pa.Table]]:
    """Yield accounts, orders, order_lines, invoices and payments of the accounts numbered `first` to `last`."""
    order, line, payment = FIRST_ORDER, 0, FIRST_ORDER
    for start in range(first, last + 1, BLOCK):
        block = _Block(seed, np.arange(start, min(start + BLOCK, last + 1)), order, line, payment)
        yield block.tables()
        order, line, payment = order + block.n_orders, line + block.n_lines, payment + block.n_payments


def draws(seed: int, label: str, numbers: np.ndarray) -> np.ndarray:
    """Return 64 random bits for each of `numbers`: the same as the stream's draw of that count."""
    return mix(np.uint64(key_of(seed, label)) + numbers.astype(np.uint64) * np.uint64(STEP))


def field(bits: np.ndarray, at: int, n: int) -> np.ndarray:
    """Return whole numbers 0 … n-1 from the sixteen bits that begin at bit `at`."""
    return (((bits >> at) & 0xFFFF) * n >> 16).astype(np.int64)


@cache
def _skewed(middle: int, spread: int, most: int) -> np.ndarray:
    """Return 1024 quantiles of a log-normal distribution, capped; the bell is the sum of many even steps."""
    counts = np.ones(1, dtype=object)
    for _ in range(12):  # exact distribution of twelve draws from 0 … 15, as Python integers
        counts = np.convolve(counts, np.ones(16, dtype=object))
    total, below, at = sum(counts), counts[0], 0
    values = []
    for i in range(1024):
        while below * 1024 <= total * i + total // 2:
            at += 1
            below += counts[at]
        sigmas = (at - 90) * 1000 // 16  # standard deviation of the sum is 15.97
        values.append(max(1, min(most, grow(middle, sigmas * spread // 1000))))
    return np.array(values)


@cache
def _calendar(domestic: bool) -> np.ndarray:
    """Return the day of each slot: busy days own more slots than quiet ones."""
    speeds = np.array([day_speed(FIRST_DAY + dt.timedelta(days=i), domestic) for i in range(DAYS)])
    ends = np.cumsum(speeds)
    return np.searchsorted(ends, np.arange(SLOTS) * ends[-1] // SLOTS, side="right")


_LINES_PER_ORDER = np.repeat(np.arange(1, 7), (14, 16, 15, 10, 6, 3))
_PRICE = np.array([price * 100 for *_, price, _ in PRODUCTS.values()])
_COST = np.array([cost * 100 for *_, cost in PRODUCTS.values()])
_LEAD = np.array([LEAD_DAYS[category] for _, category, *_ in PRODUCTS.values()])
_PRICE_INDEX, _COST_INDEX = (np.array([index[y] for y in (2023, 2024, 2025)]) for index in (PRICE_INDEX, COST_INDEX))


def _places() -> list[tuple[str, str, str, str, str]]:
    """Return region, city, country, department and owner of every place, as often as it has customers."""
    places = []
    for region, weight in REGIONS.items():
        domestic = home(region)
        for name in names.CITIES[region] if domestic else names.ABROAD[region]["countries"]:
            country, department = ("China", DEPARTMENTS[region]) if domestic else (name, ABROAD_DEPARTMENT)
            places += [(region, name, country, department, REPS[region][0])] * max(weight // 4, 1)
    return places


_PLACES = _places()
_HOME = np.array([home(place[0]) for place in _PLACES])
_FIRST, _SECOND = names.CHINESE["brand_first"], names.CHINESE["brand_second"]
_OWNERS = [place[4] for place in _PLACES]


class _Block:
    def __init__(self, seed: int, numbers: np.ndarray, order: int, line: int, payment: int) -> None:
        self.seed, self.numbers, self.first_payment = seed, numbers, payment
        bits, more = draws(seed, "tail account", numbers), draws(seed, "tail habits", numbers)
        self.place, self.bits, self.more = field(bits, 0, len(_PLACES)), bits, more
        self.category, self.discount = field(bits, 16, 6), 10 + field(bits, 32, 90)
        self.bulk, self.terms = 4 + field(bits, 48, 28), np.array([30, 30, 45, 60])[field(more, 0, 4)]
        self.counts = _skewed(29, 900, 400)[field(more, 16, 1024)]
        begin = np.where(field(more, 32, 5) == 0, field(more, 48, SLOTS * 3 // 4), 0)
        end = np.where(field(more, 40, 8) == 0, begin + (SLOTS - begin) * (1 + field(more, 24, 6)) // 8, SLOTS)
        self.counts = np.maximum(self.counts * (end - begin) // SLOTS, 1)
        self.begin, self.end = begin, end
        self.n_orders = int(self.counts.sum())
        self.orders = np.arange(order, order + self.n_orders)
        self._order_columns()
        self.n_lines = int(self.lines.sum())
        self._line_columns(line)
        self.n_payments = int(self.paid.sum())

    def _order_columns(self) -> None:
        who = np.repeat(np.arange(len(self.numbers)), self.counts)
        nth = np.arange(self.n_orders) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        bits = draws(self.seed, "tail order", self.orders)
        span = (self.end - self.begin)[who]
        slot = self.begin[who] + (nth * 1024 + field(bits, 0, 1024)) * span // (self.counts[who] * 1024)
        day = np.where(_HOME[self.place[who]], _calendar(True)[slot], _calendar(False)[slot])
        self.who, self.order_bits, self.day = who, bits, day + BEGIN
        self.lines = _LINES_PER_ORDER[field(bits, 16, 64)]
        self.year = np.searchsorted([(dt.date(y, 1, 1) - EPOCH).days for y in (2024, 2025)], self.day, side="right")

    def _line_columns(self, first: int) -> None:
        order = np.repeat(np.arange(self.n_orders), self.lines)
        self.starts = np.cumsum(self.lines) - self.lines
        self.line_no = np.arange(self.n_lines) - self.starts[order] + 1
        bits = draws(self.seed, "tail line", np.arange(first, first + self.n_lines))
        who, year = self.who[order], self.year[order]
        usual = self.category[who] * 4 + field(bits, 0, 4)
        self.product = np.where(field(bits, 16, 10) < 7, usual, field(bits, 32, len(PRODUCTS)))
        self.quantity = np.maximum(_skewed(3, 900, 80)[field(bits, 48, 1024)] * self.bulk[who] // 16, 1)
        self.listed = self.quantity * (_PRICE[self.product] * _PRICE_INDEX[year] // 1000)
        self.net = (self.listed * (1000 - self.discount[who]) + 500) // 1000
        self.cost = self.quantity * _COST[self.product] * _COST_INDEX[year] // 1000
        self.order_of_line = order
        self.sums = [np.add.reduceat(column, self.starts) for column in (self.listed, self.net, self.cost)]
        self.promised = self.day + _LEAD[self.product[self.starts]] + field(self.order_bits, 32, 7)
        late = field(self.order_bits, 40, 8) == 0
        self.delivered = np.where(
            late, self.promised + 2 + field(self.order_bits, 48, 12), np.maximum(self.promised - 1, self.day + 1)
        )
        self.here = self.delivered <= END
        pay = draws(self.seed, "tail payment", self.orders)
        self.due = self.delivered + self.terms[self.who]
        self.paid_at = self.due - 5 + field(pay, 0, 24)
        self.paid = self.here & (self.paid_at <= END) & (field(pay, 16, 200) > 0)

    def tables(self) -> dict[str, pa.Table]:
        """Return the block as Arrow tables with the canonical columns that the long tail has."""
        accounts = _account_ids(self.numbers)
        orders = _ids("O", self.orders)
        account_of_order = accounts.take(pa.array(self.who))
        return {
            "accounts": self._accounts(accounts), "orders": self._orders(orders, account_of_order),
            "order_lines": self._lines(orders), **self._books(orders, account_of_order),
        }  # fmt: skip

    def _accounts(self, ids: pa.Array) -> pa.Table:
        place = pa.array(self.place)
        region, city, country, department, owner = (pa.array(part).take(place) for part in zip(*_PLACES, strict=True))
        industry = field(self.more, 8, len(INDUSTRIES))
        industries = pa.array(INDUSTRIES).take(pa.array(industry))
        fields = pa.array([names.FIELDS[name][0] for name in INDUSTRIES]).take(pa.array(industry))
        one = pa.array(list(_FIRST)).take(pa.array(field(self.bits, 8, len(_FIRST))))
        two = pa.array(list(_SECOND)).take(pa.array(field(self.bits, 40, len(_SECOND))))
        number = pc.cast(pa.array(self.numbers), pa.string())
        chinese = pc.binary_join_element_wise(city, one, two, fields, "有限公司（", number, "）", "")
        foreign = pc.binary_join_element_wise(industries, " ", number, ", ", country, "")
        employees = _skewed(60, 900, 5000)[field(self.bits, 24, 1024)]
        return pa.table(
            {
                "account_id": ids, "account_name": pc.if_else(pa.array(_HOME[self.place]), chinese, foreign), "account_no": number,
                "region": region, "country": country, "industry": industries,
                "account_type": pa.array(TYPES).take(pa.array(field(self.bits, 56, 4) % 3)),
                "is_key_account": pa.array(np.zeros(len(ids), dtype=bool)), "employees": employees,
                "annual_revenue": money(employees * 60_000_000), "owner": owner, "department": department,
                "created_at": _dates(_calendar(True)[self.begin] + BEGIN - 20 - field(self.more, 20, 900)),
            }
        )  # fmt: skip

    def _orders(self, ids: pa.Array, accounts: pa.Array) -> pa.Table:
        listed, net, cost = self.sums
        channel = np.array([0, 0, 0, 1, 1, 2])[field(self.order_bits, 24, 6)]
        return pa.table(
            {
                "order_id": ids, "account_id": accounts, "order_date": _dates(self.day), "list_amount": money(listed),
                "amount": money(net), "cogs": money(cost), "channel": pa.array(("online", "offline", "partner")).take(pa.array(channel)),
                "booked_by": pa.array(_OWNERS).take(pa.array(self.place[self.who])), "promised_at": _dates(self.promised),
                "delivered_at": _dates(self.delivered, self.here), "currency": _currency(self.n_orders),
            }
        )  # fmt: skip

    def _lines(self, orders: pa.Array) -> pa.Table:
        return pa.table(
            {
                "order_id": orders.take(pa.array(self.order_of_line)), "line_no": self.line_no,
                "product_id": pa.array(tuple(PRODUCTS)).take(pa.array(self.product)), "quantity": self.quantity.astype(float),
                "list_amount": money(self.listed), "amount": money(self.net), "cogs": money(self.cost),
            }
        )  # fmt: skip

    def _books(self, orders: pa.Array, accounts: pa.Array) -> dict[str, pa.Table]:
        here, paid = np.flatnonzero(self.here), np.flatnonzero(self.paid)
        net = self.sums[1]
        vat = np.where(_HOME[self.place[self.who]], (net * 13 + 50) // 100, 0)
        invoices = pa.table(
            {
                "invoice_id": _ids("I", self.orders[here]), "account_id": accounts.take(pa.array(here)),
                "order_id": orders.take(pa.array(here)), "invoice_date": _dates(self.delivered[here]), "due_date": _dates(self.due[here]),
                "amount": money((net + vat)[here]), "vat": money(vat[here]), "currency": _currency(len(here)),
            }
        )  # fmt: skip
        payments = pa.table(
            {
                "payment_id": _ids("Y", np.arange(self.first_payment, self.first_payment + len(paid))),
                "account_id": accounts.take(pa.array(paid)), "invoice_id": _ids("I", self.orders[paid]),
                "paid_at": _dates(self.paid_at[paid]), "amount": money((net + vat)[paid]), "currency": _currency(len(paid)),
            }
        )  # fmt: skip
        return {"invoices": invoices, "payments": payments}


def money(fen: np.ndarray) -> pa.Array:
    """Return whole fen as decimal(18, 2) without a detour over text or floats: two little-endian words each."""
    words = np.empty((len(fen), 2), dtype="<i8")
    words[:, 0], words[:, 1] = fen, -(fen < 0).astype(np.int64)
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(fen), [None, pa.py_buffer(words)])


def _dates(days: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    return pa.array(days.astype(np.int32), mask=None if known is None else ~known).cast(pa.date32())


def _ids(letter: str, numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(letter, pc.cast(pa.array(numbers), pa.string()), "")


def _account_ids(numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise("A", pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), 4, "0"), "")


def _currency(n: int) -> pa.Array:
    return pa.repeat(pa.scalar("CNY"), n)
