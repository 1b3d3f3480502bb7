"""The join report: how many rows of CRM and ERP find each other, from both sides, and how much money finds nothing."""

import csv

import pytest
from test_quality import write
from typer.testing import CliRunner

import kamlib as kam
from kamlib import workspace
from kamlib.cli import app
from kamlib.quality import read, told
from kamlib.sources.check import check_folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "in")


def sides(assessed):
    return {
        (row.table_name, row.other_table): (
            row.n_matched,
            row.n_unmatched,
            None if row.money_unmatched != row.money_unmatched else row.money_unmatched,
            None if row.money_unmatched_share != row.money_unmatched_share else round(row.money_unmatched_share, 6),
        )
        for row in assessed.joins.itertuples()
    }


def test_both_sides_of_every_pair(folder):
    assert sides(check_folder(folder).quality) == {
        ("orders", "accounts"): (3, 1, 300, 0.3),  # o4 was set aside: nobody knows the account zz
        ("accounts", "orders"): (2, 2, None, None),
        ("order_lines", "orders"): (3, 0, 0, 0),
        ("orders", "order_lines"): (2, 1, 400, round(400 / 700, 6)),
        ("invoices", "orders"): (2, 0, 0, 0),
        ("orders", "invoices"): (2, 1, 400, round(400 / 700, 6)),
        ("payments", "invoices"): (2, 0, 0, 0),
        ("invoices", "payments"): (1, 1, 250, round(250 / 363, 6)),
        ("deals", "accounts"): (5, 1, 30, 0.075),
        ("accounts", "deals"): (2, 2, None, None),
    }  # no line names a product: nothing to join


def test_what_names_nothing_that_is_there_is_unmatched_whether_it_stays_or_not(tmp_path):
    folder = write(
        tmp_path / "in",
        order_lines="order_id,line_no,product_id,quantity,amount\no1,1,p,1,60\no1,2,q,1,30\no4,1,p,1,300\n",
        products="product_id,product_name\np,Pump\nr,Rotor\n",
        invoices="invoice_id,account_id,order_id,invoice_date,amount\ni1,a,o1,2025-12-05,100\ni2,a,o9,2025-12-05,50\ni3,a,,2025-12-05,50\n",
    )
    found = sides(check_folder(folder).quality)
    assert found["order_lines", "orders"] == (2, 1, 300, round(300 / 390, 6))  # set aside with its order
    assert found["order_lines", "products"] == (1, 1, 30, round(30 / 90, 6))  # stays, without its product
    assert found["products", "order_lines"] == (1, 1, None, None)
    assert found["invoices", "orders"] == (1, 2, 100, 0.5)  # one leads nowhere, one says nothing


def test_it_is_shown_stored_and_exported(folder, tmp_path):
    out = tmp_path / "rows"
    called = CliRunner().invoke(app, ["check", str(folder), "--out", str(out)])
    assert called.exit_code == 0, called.output
    shown = [" ".join(line.split()) for line in called.output.splitlines()]
    assert "Table Joined to Matched Unmatched Amount unmatched Share of amount unmatched" in shown
    assert "Orders Accounts 3 1 300.00 30.0 %" in shown
    assert "Accounts Orders 2 2 – –" in shown
    rows = list(csv.DictReader((out / "joins.csv").open(encoding="utf-8")))
    assert len(rows) == 10
    assert rows[0] == {
        "table_name": "orders", "other_table": "accounts", "n_matched": "3", "n_unmatched": "1",
        "money_unmatched": "300.0", "money_unmatched_share": "0.3",
    }  # fmt: skip
    assert (out / "joins.csv").stat().st_mode & 0o077 == 0
    assert "未匹配金额占比" in check_folder(folder).text("zh")
    workspace.prepare(kam.load(folder), tmp_path / "ready")
    direct = check_folder(folder).quality
    assert sides(read(tmp_path / "ready")) == sides(check_folder(tmp_path / "ready").quality) == sides(direct)
    assert told.joins(read(tmp_path / "ready"), "zh") == told.joins(direct, "zh")


def test_where_nothing_can_be_joined_nothing_is_shown(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "accounts.csv").write_text("account_id,account_name\na,Alpha\n")
    (folder / "deals.csv").write_text("deal_id,status\nd,open\n")
    (folder / "kam.toml").write_text("as_of = 2025-12-31\n")
    report = check_folder(folder)
    assert report.quality.joins.empty
    assert "Joined to" not in report.text("en")
