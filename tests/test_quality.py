"""The scorecard: shares that can be counted by hand, gates that close, rows to work off, nobody's name in what is stored."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import kamlib as kam
from kamlib import quality, workspace
from kamlib.cli import app
from kamlib.errors import InputError
from kamlib.quality import Quality, told
from kamlib.rules import DIMENSIONS
from kamlib.sources.check import check_folder

SAMPLE = Path(__file__).parent.parent / "data/sample"
TABLES = {
    "accounts": """account_id,account_name,owner,region,credit_code,phone,parent_account_id,created_at
a,Redmesa Controls Ltd.,Ann,East,91110000600037341L,021-55501234,b,2020-01-01
b,Velcrest Pumps,Ann,,91110000600037341M,12,a,2020-01-01
c,REDMESA CONTROLS,Bob,West,,,,2020-01-01
d,Quarfield Valves,Bob,West,,,,2025-12-01
""",
    "orders": """order_id,account_id,order_date,amount,booked_by,deal_id,currency
o1,a,2025-12-01,100,Ann,,CNY
o2,a,2025-12-02,200,Bob,w1,CNY
o3,b,2023-01-01,400,Eve,,
o4,zz,2025-12-03,300,Ann,,CNY
""",
    "order_lines": "order_id,line_no,quantity,amount\no1,1,1,60\no1,2,1,40.01\no2,1,1,150\n",
    "account_team": "account_id,person,team_role,since,until\na,Bob,sales,2025-01-01,2025-12-31\nb,Eve,sales,2025-01-01,\n",
    "deals": """deal_id,account_id,status,amount,owner,stage,created_at,expected_close,closed_at
w1,a,won,200,Ann,needs,2025-01-01,,2025-06-01
w2,a,won,70,Ann,needs,2025-01-01,,2025-06-01
w3,a,won,70,Ann,needs,2025-01-01,,2025-12-30
p1,b,open,10,Ann,needs,2025-01-01,2025-11-01,
p2,b,open,20,Bob,needs,2025-01-01,2026-02-01,
p3,,open,30,Bob,needs,2025-01-01,,
""",
    "invoices": "invoice_id,account_id,order_id,invoice_date,amount,vat\ni1,a,o1,2025-12-05,113,13\ni2,a,o2,2025-12-05,250,20\n",
    "payments": "payment_id,account_id,invoice_id,paid_at,amount\ny1,a,i1,2025-12-20,100\ny2,a,i1,2025-12-21,13.03\n",
    "contacts": "contact_id,account_id,contact_name,email,phone\nc1,a,Ada,ada@a.example.com,+86 138 0013 8000\nc2,a,Cy,cy at a,1\n",
}
RULES = 'as_of = 2025-12-31\n[quality]\nstop = { "orders.referential" = 0.6 }\n'


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "in")


def write(folder: Path, rules: str = RULES, **tables: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in (TABLES | tables).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "kam.toml").write_text(rules, encoding="utf-8")
    return folder


def found(assessed: Quality) -> dict[tuple[str, str], tuple[int, int, float]]:
    return {(f.table_name, f.kind): (f.n_failed, f.n_checked, f.money) for f in assessed.findings.itertuples()}


def share(assessed: Quality, table: str, dimension: str) -> tuple[int, int]:
    (row,) = assessed.scores[
        (assessed.scores.table_name == table) & (assessed.scores.dimension == dimension)
    ].itertuples()
    return row.n_failed, row.n_checked


def test_every_check_counts_what_can_be_counted_by_hand(folder):
    seen = found(check_folder(folder).quality)
    assert seen["accounts", "entered_twice"] == (1, 4, 300)
    assert seen["accounts", "two_owners"] == (1, 4, 300)
    assert seen["accounts", "wrong_credit_code"][:2] == (1, 2)
    assert seen["accounts", "wrong_phone"][:2] == (1, 2)
    assert seen["accounts", "parent_loop"][:2] == (2, 2)
    assert seen["accounts", "stale_account"] == (2, 4, 400)  # b by its order, c because nothing ever happened
    assert seen["orders", "lines_differ"] == (1, 2, 50)  # o2; a cent a line is allowed
    assert seen["orders", "booked_by_others"] == (1, 3, 400)  # o3: before Eve joined; o2 was booked by a team member
    assert seen["orders", "orphan"][0] == 1
    assert seen["orders", "no_currency"][:2] == (1, 3)
    assert seen["invoices", "over_invoiced"] == (1, 2, 30)
    assert seen["payments", "overpaid"][:2] == (1, 1)
    assert seen["payments", "overpaid"][2] == pytest.approx(0.03)
    assert seen["deals", "won_without_order"] == (1, 2, 70)  # w3 closed a day ago
    assert seen["deals", "overdue_deal"] == (1, 2, 10)
    assert seen["deals", "several_owners"] == (1, 1, 30)
    assert seen["deals", "no_account"] == (1, 6, 30)
    assert seen["accounts", "no_order"][:2] == (2, 4)
    assert seen["contacts", "wrong_email"][:2] == (1, 2)
    assert seen["contacts", "wrong_phone"][:2] == (1, 2)
    assert ("accounts", "twin_letters") not in seen


def test_shares_are_one_less_failed_by_checked(folder):
    assessed = check_folder(folder).quality
    assert share(assessed, "accounts", "uniqueness") == (1, 4)
    assert share(assessed, "accounts", "completeness") == (
        1 + 2 + 2,
        4 * 7,
    )  # region, credit_code, phone; the parent may be empty
    assert share(assessed, "accounts", "validity") == (2, 4 + 2 + 2 + 4)  # cells as read; codes, phones, names
    assert share(assessed, "accounts", "timeliness") == (2, 4)
    assert share(assessed, "orders", "timeliness") == (0, 92)
    assert share(assessed, "order_lines", "timeliness") == (0, 0)
    scores = assessed.scores
    assert (scores.quality_share.isna() == (scores.n_checked == 0)).all()
    orders = scores[(scores.table_name == "orders") & (scores.dimension == "referential")].iloc[0]
    assert orders.quality_share == pytest.approx(0.7)  # 300 of 1 000 CNY have no account: less than 4 of 5 ids
    assert orders.gate == "warn"
    one = assessed.tables.set_index("table_name").loc["orders"]
    own = scores[(scores.table_name == "orders") & (scores.n_checked > 0)].quality_share
    assert one.score_share == pytest.approx(own.mean())
    assert (one.n_rows, one.newest_at, one.age_days) == (3, "2025-12-02", 29)


def test_totals_of_tables_are_those_of_their_sources(folder):
    tables = check_folder(folder).quality.tables.set_index("table_name")
    assert tuple(tables.loc["orders", ["money_source", "money_set_aside", "money_table", "money_unexplained"]]) == (
        1000,
        300,
        700,
        0,
    )
    assert (tables.money_unexplained.dropna() == 0).all()


def test_amounts_that_come_from_lines_are_told_and_the_totals_still_agree(tmp_path):
    write(tmp_path / "in", orders="order_id,account_id,order_date,amount\no1,a,2025-12-01,\no2,b,2025-12-02,200\n")
    report = check_folder(tmp_path / "in")
    (fault,) = [fault for fault in report.ledger.faults if fault.kind == "from_lines"]
    assert (fault.n, fault.money, fault.action) == (1, 100.01, "told")
    tables = report.quality.tables.set_index("table_name")
    assert tables.loc["orders", "money_table"] == pytest.approx(300.01)
    assert tables.loc["orders", "money_unexplained"] == 0


def test_a_total_that_is_not_its_sources_is_the_first_finding(folder):
    data = kam.load(folder)
    data.con.con.execute("UPDATE staged.orders SET amount = amount + 1 WHERE order_id = 'o1'")
    assessed = quality.assess(data.con.con, data.measured, data.ledger, data.settings, data.as_of)
    first = assessed.findings.iloc[0]
    assert (first.table_name, first.kind, first.money) == ("orders", "not_reconciled", 1)
    assert "1 of" in told.verdict(assessed, "en")


def test_a_stop_says_table_check_value_threshold_and_entry(tmp_path):
    folder = write(tmp_path / "in", RULES.replace("0.6", "0.9"))
    report = check_folder(folder)
    (sentence,) = report.quality.stops("en")
    for part in (
        "orders: referential is 70.0%",
        "the 90.0%",
        "'orders.referential' under [quality.stop]",
        '[quality.stop] "orders.referential" = 0.70',
    ):
        assert part in sentence
    assert not report.usable
    called = CliRunner().invoke(app, ["check", str(folder)])
    assert called.exit_code == 2
    assert sentence in called.output
    with pytest.raises(InputError, match="orders: referential is 70.0%"):
        workspace.prepare(kam.load(folder), tmp_path / "ready")
    assert not (tmp_path / "ready").exists()
    called = CliRunner().invoke(app, ["run", "--data", str(folder), "--out", str(tmp_path / "runs"), "--only", "01"])
    assert isinstance(called.exception, InputError)
    zh = CliRunner().invoke(app, ["check", str(folder), "--lang", "zh"]).output
    assert "停止阈值 90.0%" in zh


def test_what_the_stop_offers_lets_it_pass(tmp_path):
    folder = write(tmp_path / "in", 'as_of = 2025-12-31\n[quality.stop]\n"orders.referential" = 0.70\n')
    assert check_folder(folder).usable


def test_an_import_that_stops_leaves_nothing(tmp_path):
    write(tmp_path / "in")
    (tmp_path / "m.yml").write_text(
        "settings: {quality: {stop: {orders.referential: 0.9}}}\nfiles: {a: accounts.csv, o: orders.csv}\n"
        "tables:\n  accounts: {from: a, columns: {account_id: account_id, account_name: account_name}}\n"
        "  orders: {from: o, columns: {order_id: order_id, account_id: account_id, order_date: order_date, amount: amount}}\n"
    )
    call = ["import", str(tmp_path / "in"), "--from", str(tmp_path / "m.yml"), "--into", str(tmp_path / "ws")]
    called = CliRunner().invoke(app, call)
    assert isinstance(called.exception, InputError)
    assert "orders: referential is 70.0%" in str(called.exception)
    assert not list(tmp_path.glob("ws/snapshots/*"))
    text = (tmp_path / "m.yml").read_text()
    (tmp_path / "m.yml").write_text(text.replace("0.9", "0.5"))
    assert CliRunner().invoke(app, call).exit_code == 0
    (stored,) = tmp_path.glob("ws/snapshots/*/quality.json")
    assert Quality.from_json(stored.read_text(encoding="utf-8")).tables.n_rows.sum() == 4 + 3
    assert check_folder(tmp_path / "ws").usable


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("[quality.warn]\nvalidty = 0.9", "Did you mean 'validity'?"),
        ('[quality.stop]\n"order.validity" = 0.9', "Did you mean 'orders'?"),
        ("[quality.stop]\nvalidity = 95", "give a share from 0 to 1"),
        ("[quality]\nstale_days = 0", "stale_days"),
    ],
)
def test_wrong_rules_are_told(tmp_path, rules, said):
    report = check_folder(write(tmp_path / "in", rules))
    assert said in "\n".join(report.faults)


def test_weights_make_the_score(tmp_path):
    only = ", ".join(f"{d} = 0" for d in DIMENSIONS if d != "timeliness")
    assessed = check_folder(write(tmp_path / "in", RULES + f"weights = {{ {only} }}\n")).quality
    assert assessed.tables.set_index("table_name").score_share["accounts"] == pytest.approx(0.5)


def test_failing_rows_are_exported_and_harmless(tmp_path):
    accounts = TABLES["accounts"].replace("REDMESA CONTROLS,Bob", "'=REDMESA CONTROLS,@Bob")
    folder, out = write(tmp_path / "in", accounts=accounts), tmp_path / "rows"
    called = CliRunner().invoke(app, ["check", str(folder), "--out", str(out)])
    assert called.exit_code == 0, called.output
    rows = {path.stem: list(csv.DictReader(path.open(encoding="utf-8"))) for path in out.glob("*.csv")}
    (pair,) = rows["accounts_entered_twice"]
    assert (pair["account_id"], pair["other_id"], pair["keep_id"]) == ("a", "c", "a")
    assert (pair["other_name"], pair["other_owner"]) == ("'=REDMESA CONTROLS", "'@Bob")
    assert [row["account_id"] for row in rows["accounts_stale_account"]] == ["b", "c"]  # the most revenue first
    assert [row["order_id"] for row in rows["orders_lines_differ"]] == ["o2"]
    assert [row["order_id"] for row in rows["orders_booked_by_others"]] == ["o3"]
    assert {row["account_id"] for row in rows["accounts_parent_loop"]} == {"a", "b"}
    for (table, kind), (n, _, _) in found(check_folder(folder).quality).items():
        if f"{table}_{kind}" in rows and kind not in ("entered_twice", "two_owners"):
            assert len(rows[f"{table}_{kind}"]) == n, (table, kind)
    assert out.stat().st_mode & 0o077 == 0


def test_the_stored_assessment_names_nobody_and_is_read_back(folder, tmp_path):
    workspace.prepare(kam.load(folder), tmp_path / "ready")
    text = (tmp_path / "ready" / "quality.json").read_text(encoding="utf-8")
    for name in ("Redmesa", "REDMESA", "Velcrest", "Ann", "Eve", "ada@", "5550", "0013"):
        assert name not in text
    again, direct = Quality.from_json(text), check_folder(folder).quality
    for name in ("tables", "scores", "findings", "fill"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(direct, name), check_dtype=False, atol=1e-5)
    assert told.scorecard(again, "zh") == told.scorecard(direct, "zh")
    assert told.findings(again, "en") == told.findings(direct, "en")
    assert told.joins(again, "zh") == told.joins(direct, "zh") != []
    older = json.loads(text)
    del older["joins"]
    assert told.joins(Quality.from_json(json.dumps(older)), "en") == [], "a snapshot of before there were joins"


def test_deals_alone_are_assessed_when_the_day_is_known(folder):
    for name in ("orders", "order_lines", "invoices", "payments"):
        (folder / f"{name}.csv").unlink()
    seen = found(check_folder(folder).quality)
    assert seen["deals", "overdue_deal"] == (1, 2, 10)
    assert ("deals", "won_without_order") not in seen
    (folder / "kam.toml").unlink()
    assert check_folder(folder).quality is None


def test_orphans_are_told_with_their_share_of_the_amount(folder):
    assert any("300.00 = 30.0 %" in line for line in told.findings(check_folder(folder).quality, "en"))


def test_fill_rates_by_tier(tmp_path):
    accounts = "account_id,account_name,account_tier,industry\na,Alpha,A,Steel\nb,Beta,A,\nc,Gamma,B,Food\nd,Delta,,\n"
    fill = check_folder(write(tmp_path / "in", accounts=accounts)).quality.fill
    own = fill[(fill.table_name == "accounts") & (fill.column_name == "industry")].set_index("tier")
    assert own.fill_share.to_dict() == {"": 0.5, "A": 0.5, "B": 1.0}
    assert own.n_rows.to_dict() == {"": 4, "A": 2, "B": 1}


def test_an_old_table_is_less_timely_day_by_day(tmp_path):
    assessed = check_folder(write(tmp_path / "in", RULES.replace("2025-12-31", "2026-12-02"))).quality
    assert share(assessed, "orders", "timeliness") == (365 - 92, 365)


def test_the_sample_tells_its_planted_duplicate_and_conflict():
    report = check_folder(SAMPLE)
    seen = found(report.quality)
    assert seen["accounts", "entered_twice"][:2] == (1, 150)
    assert seen["accounts", "two_owners"][0] == 1
    assert seen["deals", "no_account"][0] == 6
    assert ("accounts", "wrong_credit_code") not in seen
    assert ("orders", "lines_differ") not in seen
    assert report.usable
    assert not (report.quality.scores.gate == "stop").any()
    text = report.text("zh")
    assert "数据质量" in text
    assert "✓ 通过" in text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from("abz"), st.integers(0, 900), st.sampled_from(["Ann", "Bob", ""])),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_the_orders_shares_are_shares_and_nothing_is_lost(tmp_path_factory, orders):
    lines = "".join(f"o{i},{a},2025-12-01,{m},{who}\n" for i, (a, m, who) in enumerate(orders))
    folder = write(tmp_path_factory.mktemp("any"), orders="order_id,account_id,order_date,amount,booked_by\n" + lines)
    report = check_folder(folder)
    if report.quality is None:
        assert all(account == "z" for account, *_ in orders)
        return
    shares = report.quality.scores.quality_share.dropna()
    assert shares.between(0, 1).all()
    assert (report.quality.scores.n_failed <= report.quality.scores.n_checked).all()
    lost = sum(money for account, money, _ in orders if account == "z")
    total = sum(money for _, money, _ in orders)
    referential = report.quality.scores.query(
        "table_name == 'orders' and dimension == 'referential'"
    ).quality_share.iloc[0]
    by_rows = sum(account != "z" for account, *_ in orders) / len(orders)
    assert referential == pytest.approx(min(by_rows, 1 - lost / total if total else 1))
    assert (report.quality.tables.money_unexplained.dropna() == 0).all()
    json.loads(report.quality.to_json())
