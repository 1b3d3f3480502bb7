"""What changed between two snapshots: every line by hand on a small company, and opening + changes = closing always."""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path

import monthly
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import kamlib as kam
from kamlib.cli import app
from kamlib.errors import InputError
from kamlib.formulas import read_csv
from kamlib.tables import TABLES
from kamlib.workspace import diff as module
from kamlib.workspace.diff import diff
from kamlib.workspace.snapshots import Snapshot

JAN, FEB = dt.date(2025, 1, 31), dt.date(2025, 2, 28)


def accounts(**owners: str) -> pd.DataFrame:
    rows = [(name, name.upper(), owner) for name, owner in owners.items()]
    return pd.DataFrame(rows, columns=["account_id", "account_name", "owner"])


def orders(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["order_id", "account_id", "order_date", "amount"])


def deals(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(
        rows, columns=["deal_id", "account_id", "stage", "status", "amount", "expected_close", "closed_at"]
    )


@pytest.fixture
def workspace(tmp_path) -> Path:
    january = {
        "accounts": accounts(a="Ann", b="Bo", c="Cy"),
        "orders": orders(
            ("o1", "a", "2025-01-05", 100.10), ("o2", "b", "2025-01-06", 50), ("o3", "c", "2025-01-07", 7),
            ("o9", "a", "2025-02-03", 1000),
        ),
        "deals": deals(
            ("d1", "a", "needs", "open", 100, "2025-03-01", None), ("d2", "a", "needs", "open", 40, "2025-03-01", None),
            ("d3", "b", "proposal", "open", 30, "2025-03-01", None), ("d4", "b", "proposal", "lost", 20, None, "2025-01-20"),
            ("d5", "b", "needs", "open", 10, None, None),
        ),
    }  # fmt: skip
    february = {
        "accounts": accounts(a="Dee", b="Bo", d="=Eve"),
        "orders": orders(
            ("o1", "a", "2025-01-05", 90.05), ("o2", "b", "2025-01-06", 50), ("o4", "b", "2025-01-30", 3),
            ("o9", "a", "2025-02-03", 1000), ("o5", "d", "2025-02-10", 20),
        ),
        "deals": deals(
            ("d1", "a", "proposal", "open", 120, "2025-04-10", None), ("d2", "a", "needs", "won", 45, "2025-03-01", "2025-02-11"),
            ("d3", "b", "proposal", "lost", 30, "2025-03-01", "2025-02-12"), ("d4", "b", "proposal", "open", 20, None, None),
            ("d6", "d", "needs", "open", 5, None, None),
        ),
    }  # fmt: skip
    for day, frames in ((JAN, january), (FEB, february)):
        monthly.bring(monthly.write(frames, tmp_path / str(day)), tmp_path / "ws", day)
    return tmp_path / "ws"


def listed(frame: pd.DataFrame, *columns: str) -> list[list]:
    return frame[list(columns)].astype(object).where(frame[list(columns)].notna(), None).values.tolist()


def test_every_change_is_listed_with_its_money(workspace):
    found = diff(workspace, JAN, FEB)
    assert found.currency == "CNY"
    assert listed(found.frames["totals"], "stock", "line", "n_records", "n_change", "amount_change") == [
        ["accounts", "opening", 3, 3, None], ["accounts", "new", 1, 1, None], ["accounts", "gone", 1, -1, None],
        ["accounts", "closing", 3, 3, None],
        ["orders", "opening", 3, 3, 157.1], ["orders", "new", 2, 2, 1020], ["orders", "booked_late", 1, 1, 3],
        ["orders", "restated", 1, 0, -10.05], ["orders", "vanished", 1, -1, -7], ["orders", "closing", 5, 5, 1163.05],
        ["pipeline", "opening", 4, 4, 180], ["pipeline", "new", 1, 1, 5], ["pipeline", "reopened", 1, 1, 20],
        ["pipeline", "restated", 1, 0, 20], ["pipeline", "won", 1, -1, -40], ["pipeline", "lost", 1, -1, -30],
        ["pipeline", "gone", 1, -1, -10], ["pipeline", "closing", 3, 3, 145],
    ]  # fmt: skip
    assert listed(found.frames["accounts"], "account_id", "change", "revenue") == [["c", "gone", 7], ["d", "new", 20]]
    assert listed(found.frames["orders"], "order_id", "change", "amount_before", "amount_after", "amount_change") == [
        ["o1", "restated", 100.1, 90.05, -10.05], ["o3", "vanished", 7, None, -7], ["o4", "booked_late", None, 3, 3],
        ["o9", "new", None, 1000, 1000], ["o5", "new", None, 20, 20],
    ]  # fmt: skip
    assert listed(found.frames["deals"], "deal_id", "change", "from_value", "to_value") == [
        ["d2", "won", "needs", "needs"], ["d3", "lost", "proposal", "proposal"], ["d6", "new", None, "needs"],
        ["d5", "gone", "needs", None], ["d4", "reopened", "lost", "proposal"], ["d1", "moved", "needs", "proposal"],
        ["d1", "slipped", "2025-03-01", "2025-04-10"], ["d1", "restated", "100.00", "120.00"],
    ]  # fmt: skip
    assert listed(found.frames["owners"], "account_id", "from_owner", "to_owner", "revenue") == [
        ["a", "Ann", "Dee", 1090.05]
    ]


def test_tiers_are_compared_as_they_were_given(workspace, tmp_path):
    (workspace / "kam.toml").write_text('currency = "CNY"\n[tiers.cuts]\nA = 3\nB = 2\nC = 1\n')
    monthly.bring(tmp_path / str(FEB), workspace, FEB)
    tiers = diff(workspace, JAN, FEB).frames["tiers"]
    assert len(tiers)
    assert tiers.rules_changed.all()
    given = [pd.read_parquet(path / "scores.parquet").set_index("account_id").tier
             for path in (workspace / "snapshots/2025-01-31", workspace / "snapshots/2025-02-28.2")]  # fmt: skip
    for move in tiers.itertuples():
        assert (move.from_tier, move.to_tier) == (given[0][move.account_id], given[1][move.account_id])


def test_the_command_tells_it_in_both_languages_and_writes_csv(workspace, tmp_path):
    call = ["diff", str(workspace), "2025-01-31", "2025-03-15"]
    english = CliRunner().invoke(app, [*call, "--out", str(tmp_path / "out")])
    assert english.exit_code == 0, english.output
    assert "2025-01-31 → 2025-02-28" in english.output
    for said in ("Orders", "restated", "booked late", "-10.05", "1,163.05", "Opening", "Closing", "slipped"):
        assert said in english.output
    chinese = CliRunner().invoke(app, [*call, "--lang", "zh"]).output
    for said in ("期初", "期末", "重述", "补录", "推迟", "1,163.05"):
        assert said in chinese
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert names == {"totals", "accounts", "orders", "deals", "tiers", "owners"}
    text = (tmp_path / "out" / "accounts.csv").read_text(encoding="utf-8")
    assert "'=Eve" in text, "no formula for a spreadsheet"
    assert list(read_csv(text))[2][:4] == ["d", "D", "=Eve", "new"]


def test_what_cannot_be_compared_is_said(workspace, tmp_path):
    with pytest.raises(InputError, match="nothing between"):
        diff(workspace, FEB, FEB)
    with pytest.raises(InputError, match="nothing between"):
        diff(workspace, FEB, JAN)
    with pytest.raises(InputError, match="no snapshot of 2024-01-01 or before"):
        diff(workspace, dt.date(2024, 1, 1), FEB)
    with pytest.raises(InputError, match="is no workspace"):
        diff(tmp_path, JAN, FEB)
    (workspace / "kam.toml").write_text('currency = "EUR"\n')
    monthly.bring(tmp_path / str(FEB), workspace, FEB)
    with pytest.raises(InputError, match="is in CNY, 2025-02-28 in EUR"):
        diff(workspace, JAN, FEB)


CENTS = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents) / 100)
DAYS = st.dates(dt.date(2024, 11, 1), dt.date(2025, 4, 1))
ORDERS = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.sampled_from("xyz"), DAYS, CENTS), max_size=8)
DEALS = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.tuples(st.sampled_from(["open", "won", "lost", "invalid"]), st.one_of(st.none(), DAYS), CENTS.map(abs), st.one_of(st.none(), DAYS)),
    max_size=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(ORDERS, ORDERS, DEALS, DEALS)
def test_opening_and_changes_give_closing_to_the_cent(orders_a, orders_b, deals_a, deals_b):
    with tempfile.TemporaryDirectory() as folder:
        sides = []
        for day, some, others in ((JAN, orders_a, deals_a), (FEB, orders_b, deals_b)):
            place = Path(folder) / str(day)
            place.mkdir()
            write(
                place,
                "orders",
                [(i, *row) for i, row in some.items()],
                ["order_id", "account_id", "order_date", "amount"],
            )
            rows = [(i, *row) for i, row in others.items()]
            write(place, "deals", rows, ["deal_id", "status", "closed_at", "amount", "created_at"])
            (place / "kam.toml").write_text("")
            (place / "prepared.json").write_text('{"rules": ""}')
            sides.append(Snapshot(place, day))
        totals = compared(sides)
    for stock, lines in totals.groupby("stock"):
        lines = lines.set_index("line")
        changes = lines.drop(index=["opening", "closing"])
        assert lines.n_change["opening"] + changes.n_change.sum() == lines.n_change["closing"], stock
        if stock != "accounts":
            cents = [
                round(Decimal(str(amount)), 2) for amount in (lines.amount_change["opening"], *changes.amount_change)
            ]
            assert sum(cents) == round(Decimal(str(lines.amount_change["closing"])), 2), stock
    closing = sum((amount for _, day, amount in orders_b.values() if day <= FEB), Decimal(0))
    assert round(Decimal(str(totals.set_index(["stock", "line"]).amount_change["orders", "closing"])), 2) == closing


def write(place: Path, name: str, rows: list[tuple], columns: list[str]) -> None:
    import duckdb

    from kamlib.tables import SQL_TYPES

    frame = pd.DataFrame(rows, columns=columns).reindex(columns=TABLES[name].names).astype(object)
    frame = frame.map(lambda cell: None if pd.isna(cell) else str(cell)).astype("string")
    cells = ", ".join(f"CAST({c.name} AS {SQL_TYPES[c.type]}) AS {c.name}" for c in TABLES[name].columns)
    duckdb.sql(f"COPY (SELECT {cells} FROM frame) TO '{place}/{name}.parquet'")


def compared(sides: list[Snapshot]) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "_snapshot", lambda _, day, __: sides[day == FEB])
        return diff(Path("nowhere"), JAN, FEB).frames["totals"]


def test_the_sample_company_changes_as_its_books_say(tmp_path):
    data = kam.load("data/sample")
    for day in (dt.date(2025, 9, 30), dt.date(2025, 10, 31)):
        monthly.bring(monthly.export(data, day, tmp_path / str(day)), tmp_path / "ws", day)
    found = diff(tmp_path / "ws", dt.date(2025, 9, 30), dt.date(2025, 10, 31))
    totals = found.frames["totals"].set_index(["stock", "line"])
    book = data.frame("orders")
    october = book[(book.order_date > "2025-09-30") & (book.order_date <= "2025-10-31")]
    assert totals.n_records["orders", "new"] == len(october)
    assert totals.amount_change["orders", "new"] == pytest.approx(october.amount.sum(), abs=0.005)
    assert set(found.frames["totals"].query("stock == 'orders'").line) == {"opening", "new", "closing"}
    closed = data.frame("deals").query("closed_at > '2025-09-30' and closed_at <= '2025-10-31'")
    listed_deals = found.frames["deals"]
    for status in ("won", "lost"):
        assert set(listed_deals[listed_deals.change == status].deal_id) == set(closed[closed.status == status].deal_id)
