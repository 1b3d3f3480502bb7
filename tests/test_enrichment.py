"""Third-party data: joined by a valid code, else by name; fills gaps, overwrites nothing, is known from its date on."""

import csv
import datetime as dt

import pandas as pd
import pytest
from stdnum.cn import uscc
from typer.testing import CliRunner

import kamlib as kam
from kamlib import workspace
from kamlib.cli import app
from kamlib.privacy.pseudonyms import share
from kamlib.privacy.roles import restrict
from kamlib.settings import Settings
from kamlib.sources.check import check_folder

ONE = "91110000600037341L"
TWO, THREE = (first + uscc.calc_check_digit(first) for first in ("91310000607211112", "91440300708461136"))
ACCOUNTS = f"""account_id,account_name,credit_code,owner,region,country,industry,employees,annual_revenue
a,上海晟程冶金設備有限公司,{ONE},Ann,East,,,,
b,Müller GmbH & Co. KG,,Bob,,,,120,
c,Redmesa Controls Ltd.,,Ann,,US,,,
d,REDMESA CONTROLS,,Bob,,,,,
e,Quarfield Valves,{TWO},Bob,,,,,
"""
RECORDS = f"""record_id,source,retrieved_at,account_id,credit_code,account_name,region,country,industry,employees,annual_revenue
r1,企查查,2025-01-10,,{ONE.lower()},别的名字,华东,,,300,5000.50
r2,企查查,2025-06-10,,{ONE},,,,,320,
r3,D&B,2025-03-01,,,"MULLER, GMBH",Europe,,,150,
r4,D&B,2025-03-01,,,"Redmesa Controls, Inc.",West,,,7,
r5,D&B,2025-03-01,,,Nobody Here,West,,,7,
r6,D&B,2025-03-01,c,,,,US,Steel,,
r7,D&B,2025-03-01,,{THREE},Quarfield Valves,West,,,7,
r8,企查查,2026-02-01,,{ONE},,,,Metallurgy,400,
r9,D&B,2025-03-01,,{ONE[:-1]}M,Quarfield Valves,,DE,,,
"""
AS_OF = dt.date(2025, 12, 31)
FILLED = ["region", "country", "industry", "employees", "annual_revenue"]


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "in")


def write(folder, records=RECORDS, rules=""):
    folder.mkdir()
    (folder / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    (folder / "enrichment.csv").write_text(records, encoding="utf-8")
    (folder / "orders.csv").write_text("order_id,account_id,order_date,amount\no1,a,2025-01-02,100\n")
    (folder / "kam.toml").write_text(f"as_of = {AS_OF}\n{rules}")
    return folder


def cells(data):
    """What is filled: {account: {column: value}}."""
    accounts = data.frame("accounts").set_index("account_id")[FILLED]
    return {i: {name: value for name, value in row.items() if pd.notna(value)} for i, row in accounts.iterrows()}


NOW = {
    "a": {"region": "East", "employees": 320, "annual_revenue": 5000.5},
    "b": {"region": "Europe", "employees": 120},
    "c": {"country": "US", "industry": "Steel"},
    "d": {},
    "e": {"country": "DE"},
}


def test_records_are_joined_by_a_valid_code_or_a_name_that_is_one_accounts(folder):
    records = kam.load(folder, "2026-03-01").frame("enrichment").set_index("record_id").account_id
    assert records.dropna().to_dict() == {"r1": "a", "r2": "a", "r3": "b", "r6": "c", "r8": "a", "r9": "e"}
    # r4 may be c or d, r5 nobody; r7 has the name of e but another valid code


def test_gaps_are_filled_from_the_newest_record_and_nothing_is_overwritten(folder):
    data = kam.load(folder)
    assert cells(data) == NOW
    assert data.mart.set_index("account_id").region.dropna().to_dict() == {"a": "East", "b": "Europe"}


def test_nothing_is_known_before_it_was_retrieved(folder):
    data = kam.load(folder)
    assert cells(data.at(dt.date(2025, 6, 9)))["a"] == {"region": "East", "employees": 300, "annual_revenue": 5000.5}
    assert cells(data.at(dt.date(2025, 2, 28)))["b"] == {"employees": 120}
    assert cells(data.at(dt.date(2025, 1, 9))) == {
        "a": {"region": "East"}, "b": {"employees": 120}, "c": {"country": "US"}, "d": {}, "e": {},
    }  # fmt: skip
    later = cells(kam.load(folder, "2026-02-01"))["a"]
    assert (later["industry"], later["employees"]) == ("Metallurgy", 400)


def test_every_cell_filled_is_logged_with_who_said_it_and_when(folder, tmp_path):
    called = CliRunner().invoke(app, ["check", str(folder), "--out", str(tmp_path / "out")])
    assert called.exit_code == 0, called.output
    log = [tuple(row.values()) for row in csv.DictReader((tmp_path / "out/cleaning.csv").open(encoding="utf-8"))]
    code, name = "joined by credit_code", "joined by account_name"
    joined = [("r1", "a", code), ("r2", "a", code), ("r3", "b", name), ("r8", "a", code), ("r9", "e", name)]
    assert sorted(log) == sorted(
        [("enrichment", record, "account_id", "", account, rule) for record, account, rule in joined]
        + [
            ("accounts", "a", "annual_revenue", "", "5000.50", "enrichment: 企查查, 2025-01-10"),
            ("accounts", "a", "employees", "", "300", "enrichment: 企查查, 2025-01-10"),
            ("accounts", "a", "employees", "", "320", "enrichment: 企查查, 2025-06-10"),
            ("accounts", "a", "employees", "", "400", "enrichment: 企查查, 2026-02-01"),
            ("accounts", "a", "industry", "", "Metallurgy", "enrichment: 企查查, 2026-02-01"),
            ("accounts", "b", "region", "", "Europe", "enrichment: D&B, 2025-03-01"),
            ("accounts", "c", "industry", "", "Steel", "enrichment: D&B, 2025-03-01"),
            ("accounts", "e", "country", "", "DE", "enrichment: D&B, 2025-03-01"),
        ]
    )


def test_what_was_completed_and_what_found_no_account_is_told(folder):
    report = check_folder(folder)
    told = {(fault.table, fault.column, fault.kind): (fault.n, fault.examples) for fault in report.ledger.faults}
    assert told == {
        ("accounts", "annual_revenue", "completed"): (1, ((None, "企查查 (1)"),)),
        ("accounts", "country", "completed"): (1, ((None, "D&B (1)"),)),
        ("accounts", "employees", "completed"): (1, ((None, "企查查 (1)"),)),
        ("accounts", "industry", "completed"): (2, ((None, "D&B (1)"), (None, "企查查 (1)"))),
        ("accounts", "region", "completed"): (1, ((None, "D&B (1)"),)),
        ("enrichment", "", "no_match"): (2, ((6, "Nobody Here"), (8, "Quarfield Valves"))),
        ("enrichment", "", "several_matches"): (1, ((5, "Redmesa Controls, Inc.: c, d"),)),
    }
    assert "enrichment.csv: 2 × record that no account matches: row 6 'Nobody Here'" in report.text("en")
    assert "匹配到多个客户的记录" in report.text("zh")


def test_values_that_differ_are_told_with_both(folder, tmp_path):
    out = tmp_path / "out"
    report = check_folder(folder, out)
    (found,) = [f for f in report.quality.findings.itertuples() if f.kind == "other_value"]
    assert (found.table_name, found.n_failed, found.n_checked) == ("accounts", 2, 3)  # c is in the US, says D&B too
    rows = list(csv.DictReader((out / "accounts_other_value.csv").open(encoding="utf-8")))
    keys = ("account_id", "column", "value", "other_value", "source", "retrieved_at")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("a", "region", "East", "华东", "企查查", "2025-01-10"),
        ("b", "employees", "120", "150", "D&B", "2025-03-01"),
    ]


def test_prepared_folders_and_workspaces_know_the_same(folder, tmp_path):
    workspace.prepare(kam.load(folder), tmp_path / "ready")
    assert cells(kam.load(tmp_path / "ready")) == NOW
    assert cells(kam.load(tmp_path / "ready").at(dt.date(2025, 6, 9)))["a"]["employees"] == 300
    call = ["import", str(folder), "--from", "auto", "--into", str(tmp_path / "ws"), "--as-of", str(AS_OF)]
    called = CliRunner().invoke(app, call)
    assert called.exit_code == 0, called.output
    assert cells(kam.load(tmp_path / "ws")) == NOW
    (log,) = tmp_path.glob("ws/snapshots/*/cleaning.csv")
    assert "enrichment: 企查查, 2025-06-10" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("mask", ["employees", "accounts.employees", "enrichment"])
def test_what_is_masked_does_not_come_back_from_elsewhere(folder, mask):
    data = kam.load(folder)
    roles = Settings(roles={"guest": {"rows": "all", "mask": [mask]}}).roles
    seen = restrict(workspace.replace(data, settings=data.settings.model_copy(update={"roles": roles})), "guest")
    accounts = cells(seen)
    assert "employees" not in accounts["a"]
    assert ("region" in accounts["b"]) == (mask != "enrichment")


def test_a_rep_sees_the_records_of_own_accounts_and_a_third_party_opens_no_region(folder):
    data = kam.load(folder)
    seen = restrict(data, "rep", "Ann")
    assert set(seen.frame("enrichment").record_id) == {"r1", "r2", "r6"}
    assert cells(seen) == {account: NOW[account] for account in "ac"}
    roles = Settings(roles={"local": {"rows": "region"}}).roles
    local = workspace.replace(data, settings=data.settings.model_copy(update={"roles": roles}))
    with pytest.raises(kam.errors.InputError, match="Europe: no account belongs to this region"):
        restrict(local, "local", "Europe")


def test_what_is_shared_is_completed_and_names_nobody(folder):
    seen = share(kam.load(folder), b"a key for tests, long enough")
    found = list(cells(seen).values())
    assert [found.count(row) for row in NOW.values()] == [1] * 5
    assert seen.frame("enrichment")[["account_name", "credit_code"]].isna().all(axis=None)


def test_a_file_without_rows_or_without_the_day_it_was_retrieved_completes_nothing(tmp_path):
    head, first = RECORDS.splitlines()[:2]
    for name, text in (("empty", head), ("undated", f"{head}\n{first.replace('2025-01-10', '')}")):
        data = kam.load(write(tmp_path / name, f"{text}\n"))
        assert cells(data)["a"] == {"region": "East"}
        assert not [fault for fault in data.ledger.faults if fault.kind == "completed"]
