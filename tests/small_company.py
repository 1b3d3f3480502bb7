"""Small invented companies, full of edges: rows on the borders of the windows, gaps in every optional column.

`make(random, as_of)` returns the tables as data frames; nothing in them is cut at the as-of date, so about a tenth of
the rows, and of the facts that rows learn later, lie after it. `data` makes of them what `kam.load` returns.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from random import Random

import ibis
import pandas as pd
import pyarrow as pa

from kamlib.settings import Settings
from kamlib.sources.amounts import complete_orders
from kamlib.sources.ledger import Ledger
from kamlib.tables import SQL_TYPES, TABLES, Table
from kamlib.workspace import Data

ROWS = 25  # at most, per table
Frames = dict[str, pd.DataFrame]


def make(random: Random, as_of: dt.date, *, accounts: int = 6) -> Frames:
    """Return every canonical table, filled by `random`; the same random gives the same company."""
    maker = _Maker(random, as_of)
    rows: dict[str, list[dict]] = {"accounts": [maker.account(i) for i in range(accounts)]}
    maker.accounts = [row["account_id"] for row in rows["accounts"]]
    for name in ("products", "contacts", "deals", "orders", "invoices"):
        rows[name] = [getattr(maker, name[:-1])(i) for i in range(random.randint(0, ROWS))]
        maker.ids[name] = [row[TABLES[name].key[0]] for row in rows[name]]
    rows["deals"][:1] = [
        deal | {"stage": "needs", "status": "open", "closed_at": None, "loss_reason": None}
        for deal in rows["deals"][:1]
    ]
    rows["orders"][:1] = [maker.order(0) | {"order_date": as_of, "amount": maker.amount()}]  # some order has an amount
    maker.ids["orders"] = [row["order_id"] for row in rows["orders"]]
    rows["order_lines"] = [line for order in rows["orders"] for line in maker.lines(order)]
    for name, make_row in maker.others.items():
        rows[name] = [make_row(i) for i in range(random.randint(0, ROWS))]
    frames = {name: pd.DataFrame(found, columns=TABLES[name].names) for name, found in rows.items()}
    return {name: frame.drop_duplicates(list(TABLES[name].key)) for name, frame in frames.items()}


def data(frames: Frames, as_of: dt.date, settings: Settings | None = None) -> Data:
    """Return the company as `kam.load` would, without files and the checks at the border, which have tests of their own."""
    con = ibis.duckdb.connect()
    con.con.execute("CREATE SCHEMA staged")
    for table in TABLES.values():
        rows = frames.get(table.name, pd.DataFrame()).reindex(columns=table.names).astype(object)
        con.con.register("rows", pa.Table.from_pandas(rows.map(_text), schema=_schema(table), preserve_index=False))
        columns = ", ".join(f"CAST({c.name} AS {SQL_TYPES[c.type]}) AS {c.name}" for c in table.columns)
        con.con.execute(f"CREATE TABLE staged.{table.name} AS SELECT {columns}, 0 AS __row FROM rows")
        con.con.execute(f"CREATE VIEW {table.name} AS SELECT * EXCLUDE (__row) FROM staged.{table.name}")
    nowhere = Path("an invented company")
    complete_orders(con.con, nowhere, "orders.csv")
    return Data(con, as_of, settings or Settings(), Ledger(), frozenset(frames), nowhere)


def _schema(table: Table) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in table.names])


def _text(cell: object) -> str | None:
    return None if pd.isna(cell) else str(cell)


class _Maker:
    def __init__(self, random: Random, as_of: dt.date) -> None:
        self.random, self.as_of = random, as_of
        self.accounts: list[str] = []
        self.ids: dict[str, list[str]] = {}
        self.others = {
            "returns": self.return_, "payments": self.payment, "service_costs": self.service_cost,
            "contracts": self.contract, "losses": self.loss, "cases": self.case, "surveys": self.survey,
            "activities": self.activity, "deal_stage_history": self.stage, "account_team": self.member,
            "relationships": self.relationship, "behaviours": self.behaviour, "score_snapshots": self.score,
            "targets": self.target, "enrichment": self.record,
        }  # fmt: skip

    def maybe(self, value: object, chance: float = 0.75) -> object:
        return value if self.random.random() < chance else None

    def pick(self, *values: object) -> object:
        return self.random.choice(values)

    def day(self) -> dt.date:
        """A day near the borders of the windows, of months, or anywhere in three years; a tenth after the as-of date."""
        start = (pd.Timestamp(self.as_of) + pd.Timedelta(days=1) - pd.DateOffset(months=12)).date()
        border = self.pick(self.as_of, start, self.as_of.replace(day=1), self.as_of - dt.timedelta(days=90))
        if self.random.random() < 0.4:
            return border + dt.timedelta(days=self.random.randint(-2, 2))
        return self.as_of - dt.timedelta(days=self.random.randint(-100, 1000))

    def time(self) -> str:
        return f"{self.day()} {self.random.randint(0, 23):02}:{self.random.randint(0, 59):02}:00"

    def amount(self) -> float:
        return self.random.randint(0, 100_000) / 100

    def who(self) -> dict[str, object]:
        return {"account_id": self.pick(*self.accounts)}

    def ref(self, table: str, chance: float = 0.8) -> object:
        return self.maybe(self.pick(*self.ids[table]), chance) if self.ids[table] else None

    def account(self, i: int) -> dict:
        return {
            "account_id": f"a{i}", "account_name": f"Account {i}", "region": self.maybe("East"),
            "is_key_account": self.pick(True, False, None), "employees": self.maybe(10), "created_at": self.maybe(self.day(), 0.5),
        }  # fmt: skip

    def product(self, i: int) -> dict:
        return {
            "product_id": f"p{i}",
            "product_name": f"Product {i}",
            "product_category": self.pick("pumps", "valves", None),
        }

    def contact(self, i: int) -> dict:
        return self.who() | {"contact_id": f"c{i}", "contact_name": f"Contact {i}", "created_at": self.maybe(self.day()), "left_at": self.maybe(self.day(), 0.4)}  # fmt: skip

    def deal(self, i: int) -> dict:
        status = self.pick("open", "won", "lost", "invalid")
        closed = self.maybe(self.day(), 0.9) if status != "open" else None
        return {
            "deal_id": f"d{i}", "account_id": self.maybe(self.pick(*self.accounts), 0.9), "status": status, "closed_at": closed,
            "stage": self.pick("needs", "proposal", "elsewhere", None), "amount": self.maybe(self.amount()),
            "probability": self.maybe(self.random.randint(0, 100) / 100), "created_at": self.maybe(self.day()),
            "loss_reason": "price" if status == "lost" else None,
        }  # fmt: skip

    def stage(self, i: int) -> dict:
        return {"deal_id": self.ref("deals", 1), "stage": self.pick("qualification", "needs", "negotiation"), "entered_at": self.as_of - dt.timedelta(days=(i * 37) % 500 - 60)}  # fmt: skip

    def order(self, i: int) -> dict:
        return self.who() | {
            "order_id": f"o{i}", "order_date": self.day(), "amount": self.maybe(self.amount()),
            "list_amount": self.maybe(self.amount(), 0.5), "cogs": self.maybe(self.amount(), 0.6),
            "promised_at": self.maybe(self.day()), "delivered_at": self.maybe(self.day()),
        }  # fmt: skip

    def lines(self, order: dict) -> list[dict]:
        full = self.random.random() < 0.5
        return [
            {
                "order_id": order["order_id"], "line_no": n + 1, "product_id": self.ref("products"), "quantity": 1,
                "amount": self.amount(), "list_amount": self.maybe(self.amount(), 1 if full else 0.3),
                "cogs": self.maybe(self.amount(), 1 if full else 0.5),
            }
            for n in range(self.random.randint(0, 3))
        ]  # fmt: skip

    def invoice(self, i: int) -> dict:
        return self.who() | {"invoice_id": f"i{i}", "invoice_date": self.day(), "due_date": self.maybe(self.day()), "amount": self.amount()}  # fmt: skip

    def payment(self, i: int) -> dict:
        return self.who() | {"payment_id": f"y{i}", "invoice_id": self.ref("invoices"), "paid_at": self.day(), "amount": self.amount()}  # fmt: skip

    def return_(self, i: int) -> dict:
        return self.who() | {"return_id": f"r{i}", "order_id": self.ref("orders"), "return_date": self.day(), "amount": self.amount()}  # fmt: skip

    def service_cost(self, i: int) -> dict:
        return {"cost_id": f"s{i}", "account_id": self.maybe(self.pick(*self.accounts)), "cost_date": self.day(), "activity": "visit", "amount": self.amount()}  # fmt: skip

    def contract(self, i: int) -> dict:
        return self.who() | {"contract_id": f"t{i}", "start_date": self.day(), "end_date": self.day()}

    def loss(self, i: int) -> dict:
        return self.who() | {"lost_at": self.day(), "reason": self.pick("price", "service"), "weight": 0.5}

    def case(self, i: int) -> dict:
        return self.who() | {"case_id": f"k{i}", "opened_at": self.time(), "closed_at": self.maybe(self.time()), "first_response_at": self.maybe(self.time()), "type": self.pick("question", "complaint", None)}  # fmt: skip

    def survey(self, i: int) -> dict:
        answered = self.maybe(self.day(), 0.8)
        return self.who() | {
            "response_id": f"v{i}", "wave": "w", "invited_at": self.day(), "answered_at": answered,
            "overall": self.random.randint(1, 5) if answered else None,
            "recommend": self.maybe(self.random.randint(0, 10)) if answered else None,
            "comment": "fine" if answered else None,
        }  # fmt: skip

    def activity(self, i: int) -> dict:
        return self.who() | {"activity_id": f"x{i}", "contact_id": self.ref("contacts"), "happened_at": self.time(), "type": self.pick("visit", "meeting", "call", "mail"), "two_way": self.pick(True, False, None)}  # fmt: skip

    def member(self, i: int) -> dict:
        return self.who() | {"person": f"Person {i}", "team_role": "sales", "since": self.maybe(self.day()), "until": self.maybe(self.day(), 0.4)}  # fmt: skip

    def relationship(self, i: int) -> dict:
        return self.who() | {"contact_id": self.ref("contacts", 1), "stance": self.random.randint(-2, 2), "assessed_at": self.maybe(self.day())}  # fmt: skip

    def behaviour(self, i: int) -> dict:
        return self.who() | {
            "behaviour_id": f"b{i}",
            "happened_at": self.time(),
            "stage": self.pick("browse", "enquire"),
        }

    def score(self, i: int) -> dict:
        return self.who() | {"scored_at": self.day(), "composite": self.random.randint(0, 100)}

    def record(self, i: int) -> dict:
        return {
            "record_id": f"e{i}", "source": self.pick("D&B", "企查查"), "retrieved_at": self.day(),
            "account_id": self.maybe(self.pick(*self.accounts), 0.9), "region": self.maybe("West"),
            "industry": self.maybe(self.pick("Steel", "Food")), "employees": self.maybe(i),
        }  # fmt: skip

    def target(self, i: int) -> dict:
        return {
            "period": self.as_of.replace(day=1),
            "months": 12,
            "owner": f"Person {i}",
            "metric": "revenue",
            "target": 1,
        }
