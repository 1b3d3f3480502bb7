"""Real data, made by nobody here: what `kam import` brings in equals what plain SQL finds in the raw files, to the cent."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import kamlib as kam
from kamlib.batch import run as batch
from kamlib.batch.plan import select
from kamlib.sources.ledger import Fault, Ledger
from kamlib.sources.mapping import import_data

ROOT = Path(__file__).parent.parent
SETS = ("northwind", "crm_sales_opportunities", "online_retail", "accounts_receivable")


@pytest.fixture(scope="module")
def imported(public_data, tmp_path_factory):
    """Import a public set once; returns (workspace, ledger)."""
    done: dict[str, tuple[Path, Ledger]] = {}

    def imported(name: str) -> tuple[Path, Ledger]:
        if name not in done:
            if not (public_data / name).is_dir():
                pytest.skip(f"the public set {name} is not here")
            into = tmp_path_factory.mktemp("workspace") / name
            done[name] = into, import_data(ROOT / "examples" / f"{name}.yml", public_data / name, into).ledger
        return done[name]

    return imported


def one(sql: str) -> tuple:
    """The one row that plain SQL over the raw files gives."""
    return duckdb.sql(sql).fetchone()


def told(ledger: Ledger, reason: str) -> Fault:
    (found,) = [fault for fault in ledger.faults if fault.detail == reason]
    return found


def money(workspace: Path, table: str, column: str = "amount", where: str = "true") -> Decimal:
    return one(f"SELECT sum({column}) FROM '{workspace}/snapshots/*/{table}.parquet' WHERE {where}")[0]


@pytest.mark.parametrize("name", SETS)
def test_every_row_is_accounted_for(imported, name):
    workspace, ledger = imported(name)
    frame = ledger.frame()
    assert (frame.n_read == frame.n_kept + frame.n_set_aside).all()
    assert not frame.n_blanked.any()
    assert not [fault for fault in ledger.faults if fault.table and fault.action == "set_aside"]
    data = kam.load(workspace)
    assert data.ledger == ledger
    aside = sum(len(data.ledger.set_aside(name)) for name in data.ledger.set_aside_names())
    assert aside == sum(entry.set_aside for entry in ledger.files)
    assert len(data.mart) == len(data.frame("accounts"))
    assert data.mart.revenue_ever.sum() > 0


def test_northwind_totals_and_its_junk_customers(imported, public_data):
    workspace, ledger = imported("northwind")
    raw = public_data / "northwind"
    net = one(
        f"SELECT sum(CAST(UnitPrice * Quantity * (1 - Discount) AS DECIMAL(18,2))) FROM '{raw}/order_details.csv'"
    )
    assert money(workspace, "order_lines") == money(workspace, "orders") == net[0] == Decimal("1265793.25")
    listed = one(f"SELECT CAST(sum(UnitPrice * Quantity) AS DECIMAL(18,2)) FROM '{raw}/order_details.csv'")
    assert money(workspace, "orders", "list_amount") == listed[0]
    assert (
        money(workspace, "service_costs")
        == one(f"SELECT CAST(sum(Freight) AS DECIMAL(18,2)) FROM '{raw}/orders.csv'")[0]
    )
    data = kam.load(workspace)
    junk = data.ledger.set_aside("source_customers")
    assert junk.CustomerID.str.strip().tolist() == ["Val2", "VALON"]
    assert junk.set_aside_reason.tolist() == ["no customer, a leftover of a test"] * 2
    assert told(ledger, "customer without orders").n == 2
    accounts = data.frame("accounts")
    assert len(accounts) == 91
    assert accounts.account_id[data.mart.n_orders_ever == 0].tolist() == ["FISSA", "PARIS"]
    best = one(
        f"SELECT CustomerID, sum(CAST(UnitPrice * Quantity * (1 - Discount) AS DECIMAL(18,2))) AS net "
        f"FROM '{raw}/orders.csv' JOIN '{raw}/order_details.csv' USING (OrderID) GROUP BY 1 ORDER BY 2 DESC"
    )
    top = data.mart.sort_values("revenue_ever").iloc[-1]
    assert (top.account_id, round(Decimal(top.revenue_ever), 2)) == best


def test_crm_sales_opportunities_keeps_deals_without_account_and_names_the_misspelt_product(imported, public_data):
    workspace, ledger = imported("crm_sales_opportunities")
    raw = f"'{public_data}/crm_sales_opportunities/sales_pipeline.csv.gz'"
    data = kam.load(workspace)
    deals = data.frame("deals")
    assert len(deals) == 8800
    assert deals.account_id.isna().sum() == told(ledger, "deal without account").n == 1425
    assert set(deals.status[deals.account_id.isna()]) == {"open"}
    misspelt = told(ledger, "product written GTXPro, in the price list GTX Pro")
    assert (misspelt.n, misspelt.money) == one(f"SELECT count(*), sum(close_value) FROM {raw} WHERE product = 'GTXPro'")
    assert "GTXPro" not in set(data.frame("order_lines").product_id)
    renamed = [fault for fault in ledger.faults if fault.kind == "renamed" and fault.column == "product_id"]
    assert renamed[0].examples == ((None, "GTXPro → GTX Pro (729)"),)
    assert deals.status.value_counts().to_dict() == {"won": 4238, "lost": 2473, "open": 2089}
    (won,) = one(f"SELECT CAST(sum(close_value) AS DECIMAL(18,2)) FROM {raw} WHERE deal_stage = 'Won'")
    assert money(workspace, "orders") == money(workspace, "order_lines") == won == Decimal("10005534.00")
    assert money(workspace, "deals", where="status = 'won'") == won
    by_agent = dict(
        duckdb.sql(f"SELECT sales_agent, sum(close_value) FROM {raw} WHERE deal_stage = 'Won' GROUP BY 1").fetchall()
    )
    assert deals[deals.status == "won"].groupby("owner").amount.sum().to_dict() == by_agent
    assert set(data.frame("accounts").industry) >= {"technology"}
    assert "technolgy" not in set(data.frame("accounts").industry)


def test_online_retail_states_what_it_left_out_and_keeps_the_rest_to_the_cent(imported, public_data):
    workspace, ledger = imported("online_retail")
    raw = f"(SELECT *, CAST(Quantity * Price AS DECIMAL(18,2)) AS worth FROM '{public_data}/online_retail/online_retail_2009_2010.parquet')"
    (lines,) = ledger.files
    assert (lines.read, lines.set_aside) == (525_461, 107_943)
    debts, nobody, tests = (told(ledger, reason) for reason in ("bad debt written off", "no customer", "test article"))
    assert (debts.n, nobody.n, tests.n) == (3, 107_924, 16)
    assert debts.n + nobody.n == one(f'SELECT count(*) FROM {raw} WHERE "Customer ID" IS NULL')[0] == 107_927
    assert Decimal(str(debts.money)) == one(f"SELECT sum(worth) FROM {raw} WHERE Invoice LIKE 'A%'")[0]
    assert (
        Decimal(str(lines.money_kept)) + Decimal(str(lines.money_set_aside)) == one(f"SELECT sum(worth) FROM {raw}")[0]
    )
    used = "\"Customer ID\" IS NOT NULL AND StockCode NOT LIKE 'TEST%'"
    sold = one(
        f"SELECT count(*), sum(worth), count(DISTINCT Invoice) FROM {raw} WHERE {used} AND Invoice NOT LIKE 'C%'"
    )
    back = one(f"SELECT count(*), -sum(worth) FROM {raw} WHERE {used} AND Invoice LIKE 'C%'")
    assert sold[0] + back[0] == lines.kept
    assert (money(workspace, "order_lines"), money(workspace, "returns")) == (sold[1], back[1])
    assert money(workspace, "orders") == sold[1]
    assert one(f"SELECT count(*) FROM '{workspace}/snapshots/*/orders.parquet'")[0] == sold[2]
    assert Decimal(str(lines.money_kept)) == sold[1] - back[1]
    copies = one(
        f"SELECT (SELECT count(*) FROM {raw} WHERE {used}) - (SELECT count(*) FROM (SELECT DISTINCT * FROM {raw} WHERE {used}))"
    )
    assert told(ledger, "exact copy of an earlier row").n == copies[0]
    aside = kam.load(workspace).ledger.set_aside("source_lines")
    assert aside.set_aside_reason.value_counts().to_dict() == {
        "no customer": 107_924,
        "test article": 16,
        "bad debt written off": 3,
    }


def test_accounts_receivable_ties_invoices_to_payments(imported, public_data):
    workspace, _ = imported("accounts_receivable")
    raw = f"read_csv('{public_data}/accounts_receivable/WA_Fn-UseC_-Accounts-Receivable.csv', all_varchar=true)"
    (total,) = one(f"SELECT sum(CAST(InvoiceAmount AS DECIMAL(18,2))) FROM {raw}")
    assert money(workspace, "invoices") == money(workspace, "payments") == total
    data = kam.load(workspace)
    (due,) = one(
        f"SELECT sum(CAST(InvoiceAmount AS DECIMAL(18,2))) FROM {raw} WHERE strptime(SettledDate, '%m/%d/%Y') > '2013-12-02'"
    )
    assert round(Decimal(data.mart.receivable.sum()), 2) == due


WINDOW_REVENUE = {  # net revenue of the last twelve months, by plain SQL over the raw files
    "northwind": """SELECT sum(CAST(l.UnitPrice * l.Quantity * (1 - l.Discount) AS DECIMAL(18,2)))
        FROM '{raw}/order_details.csv' l JOIN '{raw}/orders.csv' o USING (OrderID)
        WHERE o.OrderDate > (SELECT max(OrderDate) FROM '{raw}/orders.csv') - INTERVAL 12 MONTH""",
    "crm_sales_opportunities": """SELECT sum(close_value) FROM '{raw}/sales_pipeline.csv.gz'
        WHERE deal_stage = 'Won' AND close_date BETWEEN '2017-01-01' AND '2017-12-31'""",
    "online_retail": """SELECT sum(CAST(Quantity * Price AS DECIMAL(18,2))) FROM '{raw}/online_retail_2009_2010.parquet'
        WHERE "Customer ID" IS NOT NULL AND NOT starts_with(Invoice, 'A') AND NOT starts_with(StockCode, 'TEST')
        AND CAST(InvoiceDate AS DATE) > (SELECT max(CAST(InvoiceDate AS DATE)) FROM '{raw}/online_retail_2009_2010.parquet') - INTERVAL 12 MONTH""",
}


@pytest.mark.parametrize("name", WINDOW_REVENUE)
def test_a_run_delivers_every_exhibit_or_names_the_absent_table(imported, public_data, tmp_path, name):
    workspace, _ = imported(name)
    assert batch.run(batch.Call(data=workspace, out=tmp_path)) == 0
    (folder,) = tmp_path.iterdir()
    assert (folder / "report.html").stat().st_size < 3_000_000
    delivered = {path.stem for path in workspace.glob("snapshots/*/*.parquet")} | {
        "score_snapshots"
    }  # made by the import
    exhibits = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "exhibits").glob("*.json"))]
    assert {exhibit["id"][:2] for exhibit in exhibits} == {notebook.number for notebook in select(ROOT)}
    for exhibit in exhibits:
        absent = [table for table in exhibit["sources"] if table not in delivered]
        assert exhibit["missing"] == absent
        assert (exhibit["status"] == "not_measured") == bool(absent)
        for table in absent:
            assert f"({table})" in exhibit["claim"]["en"]
            assert "未测量" in exhibit["claim"]["zh"]
    segments = pd.read_csv(folder / "exhibits" / "01.1.csv")
    expected = one(WINDOW_REVENUE[name].format(raw=public_data / name))[0]
    assert segments.revenue.sum() == pytest.approx(float(expected), abs=0.005)
