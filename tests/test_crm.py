"""What CRMs export is recognised without a mapping file, column by column, and what cannot be told is asked."""

from __future__ import annotations

import re

import pytest
from conftest import SAMPLE
from crm_exports import ACCOUNTS, DEALS, ORDERS, ZOHO, rules
from typer.testing import CliRunner

import kamlib as kam
from kamlib.cli import app
from kamlib.errors import InputError
from kamlib.sources.mapping import import_data

RAW = SAMPLE / "raw"


def test_a_zoho_export_needs_no_mapping(bring):
    data, ledger, seen = bring(ZOHO)
    assert str(data.as_of) == "2026-03-17", "as the names of the files say"
    accounts, deals = data.frame("accounts"), data.frame("deals")
    assert accounts.account_id.tolist() == ["4150868000000111001", "4150868000000111002"]
    assert accounts.account_no.tolist() == ["001", "002"]
    assert accounts.parent_account_id.dropna().tolist() == ["4150868000000111001"]
    assert deals.status.tolist() == ["open", "won", "lost"]
    assert deals.stage.tolist() == ["negotiation", "won", "lost"]
    assert deals.amount.tolist() == [12000.5, 500, 70]
    assert deals.channel.tolist() == ["partner", "offline", "online"]
    assert [str(day.date()) for day in deals.closed_at.dropna()] == ["2026-03-03", "2026-01-05"]
    assert rules(ledger) == {"closing date before creation": 1}
    assert data.settings.currency == "USD", "as the signs of the amounts say"
    assert seen["Deals_2026_03_17.csv", "Stage"] == (("deals.stage", "deals.status", "deals.closed_at"), "exact")
    assert seen["Deals_2026_03_17.csv", "Account Name"] == ((), "not needed")


def test_a_renamed_module_is_recognised_by_the_pattern_of_its_owner(bring):
    renamed = DEALS.replace("Deal Owner", "Students Pipeline Owner").replace("Deal Name", "Students Pipeline Name")
    files = {name: text for name, text in ZOHO.items() if "Deals" not in name}
    data, _, seen = bring(files | {"Students_Pipeline_2026_03_17.csv": renamed})
    assert data.frame("deals").deal_name.tolist() == ["First", "Second", "Third"]
    assert data.frame("deals").owner.tolist() == ["Ann"] * 3
    assert seen["Students_Pipeline_2026_03_17.csv", "Students Pipeline Name"] == (("deals.deal_name",), "pattern")


def test_the_saved_mapping_gives_the_same_workspace(bring, tmp_path):
    saved = tmp_path / "zoho.yml"
    bring(ZOHO, save=saved)
    bring(ZOHO, saved, into="again")
    first, second = (tmp_path / name / "snapshots" / "2026-03-17" for name in ("ws", "again"))
    tables = sorted(path.name for path in first.glob("*.parquet"))
    assert tables == sorted(path.name for path in second.glob("*.parquet"))
    assert tables
    for name in tables:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert (tmp_path / "ws/kam.toml").read_text() != ""


def test_a_mapping_file_over_what_was_recognised_wins(bring, tmp_path):
    (tmp_path / "own.yml").write_text(
        "extends: zoho\nsettings: {company: Ours}\n"
        "tables:\n  accounts: {columns: {account_tier: Account Number}}\n  deals: {columns: {channel: null}}\n"
    )
    data, _, _ = bring(ZOHO, tmp_path / "own.yml")
    assert data.settings.company == "Ours"
    assert data.frame("accounts").account_tier.tolist() == ["001", "002"]
    assert data.frame("deals").channel.isna().all()


def test_the_example_in_the_manual_works(bring, tmp_path):
    manual = (SAMPLE.parent.parent / "docs" / "own-data.md").read_text(encoding="utf-8")
    (tmp_path / "own.yml").write_text(re.findall(r"```yaml\n(.+?)```", manual, re.S)[0], encoding="utf-8")
    head, *rest = ACCOUNTS.splitlines()
    accounts = "\n".join([f"{head},Customer class", *(f"{line},gold" for line in rest)])
    files = {"Accounts_2026_03_17.csv": accounts, "Deals_2026_03_17.csv": DEALS.replace("Third", "TEST third")}
    data, ledger, _ = bring(files, tmp_path / "own.yml")
    assert data.frame("accounts").account_tier.tolist() == ["gold", "gold"]
    assert rules(ledger)["test"] == 1
    (order,) = data.frame("orders").itertuples()
    assert (order.amount, str(order.order_date.date())) == (500, "2026-03-05"), "the won deal is the order"


@pytest.mark.parametrize("vendor", ["zoho", "fxiaoke"])
def test_the_raw_sample_is_brought_whole(vendor, tmp_path):
    ledger = import_data("auto", RAW / vendor, tmp_path / "ws", "2025-12-31").ledger
    assert sum(entry.set_aside for entry in ledger.entries) == 0
    assert sum(entry.blanked for entry in ledger.entries) == 0
    kept = {entry.table: entry.kept for entry in ledger.entries}
    whole = kam.load(SAMPLE)
    for name in ("accounts", "contacts", "deals", "orders", "order_lines", "invoices", "payments", "returns", "cases"):
        assert kept[name] == len(whole.frame(name)), name


def test_the_command_shows_what_was_recognised_before_it_writes(tmp_path):
    for name, text in ZOHO.items():
        (tmp_path / name).write_text(text)
    outcome = CliRunner().invoke(app, ["import", str(tmp_path), "--into", str(tmp_path / "ws"), "--lang", "zh"])
    assert outcome.exit_code == 0, outcome.output
    shown, _, after = outcome.output.partition("列未采用")
    assert "Account Name.id" in shown
    assert "deals.account_id" in shown
    assert "结单日期早于创建日期" in after


def test_nothing_is_guessed_where_nothing_tells(bring):
    with pytest.raises(InputError, match="tells the day from the month"):
        bring(ZOHO | {"Deals_2026_03_17.csv": DEALS.replace("25/03/2026", "05/03/2026")})


def test_the_day_of_the_export_is_asked_where_no_name_says_it(bring):
    with pytest.raises(InputError, match="--as-of"):
        bring({"Accounts.csv": ACCOUNTS, "Sales_Orders.csv": ORDERS})


def test_the_dictionaries_name_tables_and_columns_that_exist():
    from kamlib.sources.crm.dictionary import vendors
    from kamlib.tables import TABLES

    for vendor in vendors().values():
        for module in vendor.modules.values():
            for table, parts in module.tables.items():
                for part in parts:
                    assert set(part["columns"]) <= set(TABLES[table].names), (vendor.name, module.name)
            assert set(module.key) <= set(module.fields), (vendor.name, module.name)


# --- the samples of real exports ----------------------------------------------------------------------------------


@pytest.fixture
def samples(public_data):
    folder = public_data / "crm_export_samples"
    if not folder.is_dir():
        pytest.skip("the samples of CRM exports are not here")
    return folder


def test_salesforce_objects_of_a_developer_org(samples, tmp_path):
    ledger = import_data("auto", samples / "salesforce_objects", tmp_path / "ws", "2026-03-17").ledger
    assert {entry.table: (entry.read, entry.kept) for entry in ledger.entries} == {
        "accounts": (18, 18), "contacts": (25, 25), "deals": (36, 36), "deal_stage_history": (48, 48),
    }  # fmt: skip
    data = kam.load(tmp_path / "ws")
    deals, history = data.frame("deals").set_index("deal_id"), data.frame("deal_stage_history")
    assert deals.status.value_counts().to_dict() == {"open": 16, "won": 12, "lost": 8}
    first = deals.loc["006bm00000LKJNNAA5"]
    assert (first.account_id, first.stage, first.amount, first.probability) == (
        "001bm00001ZL8UCAA1",
        "qualification",
        15000,
        0.1,
    )
    assert (str(first.created_at.date()), str(first.expected_close.date())) == ("2026-02-23", "2024-02-03")
    moved = history[history.deal_id == "006bm00000LKg0bAAD"]
    assert moved.stage.tolist() == ["lost", "prospecting"] or moved.stage.tolist() == ["prospecting", "lost"]
    assert rules(ledger) == {"closing date before creation": 32, "taken by no table": 22}, "leads are no customers"
    assert [stage.name for stage in data.settings.stages][:2] == ["prospecting", "qualification"]
    assert not data.has("orders"), "no order is invented"


def test_a_replication_of_deleted_deals_is_kept_whole_and_told(samples, tmp_path):
    """Every row of both its files is marked as deleted: the mark separates nothing."""
    ledger = import_data("auto", samples / "salesforce_connector", tmp_path / "ws", "2020-01-01").ledger
    assert {entry.file: (entry.read, entry.kept) for entry in ledger.files} == {
        "sf_opportunity_data.csv": (10, 10), "sf_opportunity_history_data.csv": (10, 10),
    }  # fmt: skip
    marked = [fault for fault in ledger.faults if fault.detail.startswith("marked as deleted")]
    assert [(fault.file, fault.n) for fault in marked] == [
        ("sf_opportunity_data.csv", 10), ("sf_opportunity_history_data.csv", 10),
    ]  # fmt: skip
    data = kam.load(tmp_path / "ws")
    deals = data.frame("deals").set_index("deal_id")
    assert deals.status.value_counts().to_dict() == {"won": 5, "lost": 4, "open": 1}
    assert deals.loc["006q000000HddohAAB"].amount == 24_120_000
    assert str(deals.loc["006q000000HddohAAB"].created_at.date()) == "2018-12-20", (
        "19:51 UTC is the next day in Shanghai"
    )
    assert len(data.frame("deal_stage_history")) == 10
    assert set(data.frame("accounts").account_id) == set(deals.account_id.dropna()), "made of the deals that name them"


def test_hubspot_tables_of_a_replication(samples, tmp_path):
    """Its tables were masked one by one: most contacts, activities and histories belong to records of no other table."""
    ledger = import_data("auto", samples / "hubspot_connector", tmp_path / "ws", "2022-01-01").ledger
    read = {entry.table: (entry.read, entry.kept) for entry in ledger.entries}
    assert read["accounts"] == (24, 24)
    assert read["deals"] == (44, 44)
    assert read["deal_stage_history"] == (14, 0), "their deals are not in the sample"
    assert read["activities"][0] == 102, "calls, meetings and mails; notes are none"
    accounts = kam.load(tmp_path / "ws").frame("accounts").set_index("account_id")
    assert accounts.loc["2182162682"].annual_revenue == 10_000_000
    assert str(accounts.loc["2182162682"].created_at.date()) == "2019-07-06", "20:35 UTC on the fifth"
