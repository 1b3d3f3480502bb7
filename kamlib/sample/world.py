"""The company while it is being made: what is true of each account (`Profile`) and the rows written so far (`World`)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

from kamlib.sample.catalog import FIRST_DAY, home
from kamlib.sample.stream import Stream


@dataclass
class Profile:
    """One account's hidden truth. Money is in fen, chances and factors in thousandths."""

    number: int
    region: str
    kind: str
    industry: str
    rank: int
    """1 is the largest buyer."""
    size: int = 0
    orders_per_year: int = 0
    key: bool = False
    fate: str = "steady"
    """steady, new, prospect, once, lost, won_back or dormant."""
    start: dt.date = FIRST_DAY
    stop: dt.date | None = None
    back: dt.date | None = None
    owner: str = ""
    former_owner: str = ""
    handover: dt.date | None = None
    growth: int = 0
    regularity: int = 3
    discount: int = 60
    late: int = 110
    mood: int = 0
    products: dict[str, int] = field(default_factory=dict)
    terms: int = 30
    pay_delay: int = 0
    wallet_share: int = 500
    engineering_hours: int = 0
    """Application engineering per month."""

    @property
    def id(self) -> str:
        return f"A{self.number:04d}"

    @property
    def domestic(self) -> bool:
        return home(self.region)

    def owner_on(self, day: dt.date) -> str:
        """Return who owned the account on `day`."""
        return self.former_owner if self.handover and day < self.handover else self.owner

    def buys(self, day: dt.date) -> bool:
        """Return whether the account is a customer in business with us on `day`."""
        if self.fate == "prospect" or day < self.start:
            return False
        return self.stop is None or day <= self.stop or (self.back is not None and day >= self.back)


class World:
    """Rows by table, each a dict of column → value (money in fen), and the profiles they come from."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.profiles: list[Profile] = []
        self.rows: dict[str, list[dict]] = defaultdict(list)

    def draw(self, *labels: object) -> Stream:
        """Return the stream of random numbers that belongs to these labels."""
        return Stream(self.seed, *labels)

    def add(self, table: str, **row) -> dict:
        """Append one row and return it."""
        self.rows[table].append(row)
        return row

    def by_account(self, table: str) -> dict[str, list[dict]]:
        """Return the rows of a table, grouped by account, in the order written."""
        groups: dict[str, list[dict]] = defaultdict(list)
        for row in self.rows[table]:
            groups[row["account_id"]].append(row)
        return groups
