"""The sample as two CRMs export it: the committed files are the writer's, and an import gives the sample back."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from conftest import SAMPLE

import kamlib as kam
from kamlib.errors import InputError
from kamlib.sample import generate_export, raw
from kamlib.tables import TABLES

RAW = SAMPLE / "raw"

ABSENT = {
    "zoho": {
        "account_team": "owners only", "service_costs": "lies in the ERP", "contracts": "no module", "losses": "no module",
        "surveys": "a survey tool's", "behaviours": "a web tool's", "targets": "no module of the export",
        "score_snapshots": "only the tier of today", "enrichment": "a data platform's",
    },
    "fxiaoke": {
        "account_team": "a list in one cell, not exported", "service_costs": "lies in the ERP", "losses": "an object of some tenants",
        "surveys": "服务评价 differs by tenant", "behaviours": "a web tool's", "targets": "lies in the BI",
        "score_snapshots": "only the tier of today", "deal_stage_history": "no such object: comes from monthly exports",
        "enrichment": "a data platform's",
    },
}  # fmt: skip
"""The tables that the CRM cannot carry, and why."""
LOST = {
    "zoho": {
        ("deals", "probability"): ("closed", "Zoho sets it to 100 or 0"),
        ("deals", "expected_close"): ("closed", "the closing date takes its place"),
        ("orders", "cogs"): ("all", "from the purchase rate of today, not of the day"),
        ("order_lines", "cogs"): ("all", "the same"),
        **{
            ("relationships", column): ("all", "a contact role is a role and nothing else")
            for column in ("stance", "influence", "relationship", "authority", "contact_state", "assessed_at")
        },
    },
    "fxiaoke": {
        ("deals", "stage"): ("closed", "赢单, 输单 and 无效 are stages there"),
        ("products", "unit_cost"): ("all", "no cost field"),
        ("orders", "cogs"): ("all", "no cost field"),
        ("order_lines", "cogs"): ("all", "no cost field"),
    },
}
"""The columns that it cannot carry, for which deals, and why."""


def sheets(path: Path) -> dict[str, list[list[str]]]:
    """Every sheet of an exported file as rows of text, whatever packs it."""
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path, read_only=True)
        return {sheet.title: [[cell or "" for cell in row] for row in sheet.values] for sheet in book}
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        return {"": list(csv.reader(file))}


def rows(path: Path, sheet: str = "", top: int = 0) -> list[dict[str, str]]:
    """The rows of one sheet by header; `top` is the row of the header."""
    header, *lines = sheets(path)[sheet][top:]
    return [dict(zip(header, line, strict=True)) for line in lines]


@pytest.mark.parametrize("vendor", raw.VENDORS)
def test_the_committed_files_are_what_the_writer_writes(sample, vendor, tmp_path):
    written = raw.export(sample, vendor, tmp_path)
    assert sorted(path.name for path in written) == sorted(path.name for path in (RAW / vendor).iterdir())
    for path in written:
        assert sheets(path) == sheets(RAW / vendor / path.name), path.name


def test_the_command_writes_the_same_and_an_earlier_day_knows_less(sample, tmp_path):
    generate_export(tmp_path / "now", "zoho")
    generate_export(tmp_path / "then", "zoho", as_of="2024-06-30")
    for path in (tmp_path / "now").iterdir():
        assert path.read_bytes() == (RAW / "zoho" / path.name).read_bytes(), path.name
    then = rows(tmp_path / "then" / "Deals_2024_06_30.csv")
    assert len(then) == len(sample.at(day := sample.as_of.replace(year=2024, month=6, day=30)).frame("deals"))
    still_open = [row for row in then if row["Stage"] not in ("Closed Won", "Closed Lost", "Disqualified")]
    assert len(still_open) == (sample.at(day).frame("deals").status == "open").sum() > 0


def test_zoho_ids_have_nineteen_digits_and_point_at_each_other(sample):
    accounts, deals = (rows(RAW / "zoho" / f"{name}_2025_12_31.csv") for name in ("Accounts", "Deals"))
    ids = {row["Record Id"]: row["Account Name"] for row in accounts}
    assert len(ids) == len(accounts) == 150
    assert all(re.fullmatch(r"zcrm_\d{19}", found) for found in ids)
    assert {row["Account Owner.id"] for row in accounts}.isdisjoint(ids)
    for row in deals:
        assert row["Account Name"] == ids.get(row["Account Name.id"], "")
    assert accounts[0]["Account Number"] == "001"
    assert {row["Probability (%)"] for row in deals if row["Stage"] == "Closed Won"} == {"100"}
    lines = rows(RAW / "zoho" / "Ordered_Items_2025_12_31.csv.gz")
    orders = {row["Record Id"] for row in rows(RAW / "zoho" / "Sales_Orders_2025_12_31.csv.gz")}
    assert len(lines) == len(sample.frame("order_lines"))
    assert {row["Parent ID.id"] for row in lines} == orders


def test_fxiaoke_tells_void_records_and_invalid_deals(sample):
    deals = rows(RAW / "fxiaoke" / "商机.xlsx", "商机", top=1)
    assert {row["阶段状态"] for row in deals} == {"进行中", "赢单", "输单", "无效"}
    assert all(re.fullmatch(r"[0-9a-f]{24}", row["_id"]) for row in deals)
    orders = rows(RAW / "fxiaoke" / "销售订单.xlsx", "销售订单")
    void = [row for row in orders if row["生命状态"] == "作废"]
    assert len(orders) - len(void) == len(sample.frame("orders"))
    assert void
    lines = rows(RAW / "fxiaoke" / "销售订单.xlsx", "订单产品")
    assert len(lines) == len(sample.frame("order_lines"))
    accounts = rows(RAW / "fxiaoke" / "客户.xlsx", "客户")
    assert accounts[0]["客户编号"] == "001"


def test_no_two_records_of_a_table_share_an_id(sample):
    for vendor in raw.VENDORS:
        con = raw.engine(sample, raw.declaration(vendor))
        for table in TABLES.values():
            if len(table.key) == 1:
                n, ids = con.sql(
                    f"SELECT count(*), count(DISTINCT record_id({table.key[0]})) FROM {table.name}"
                ).fetchone()
                assert n == ids, (vendor, table.name)


def test_an_unknown_vendor_is_told(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'zoho'"):
        generate_export(tmp_path, "zohoo")
    with pytest.raises(InputError, match="one of: zoho, fxiaoke"):
        generate_export(tmp_path, "")


# --- and back ---------------------------------------------------------------------------------------------------------


def canonical_ids(sample, vendor: str) -> dict[str, str]:
    """The canonical id of every record id, as an import reads it."""
    con = raw.engine(sample, raw.declaration(vendor))
    pairs = [
        pair
        for table in TABLES.values()
        for pair in con.sql(
            f"SELECT DISTINCT record_id({table.key[0]}::VARCHAR), {table.key[0]} FROM {table.name}"
        ).fetchall()
    ]
    return {record.removeprefix("zcrm_"): key for record, key in pairs}


def as_sample(rows: pd.DataFrame, ids: dict[str, str], key: list[str]) -> pd.DataFrame:
    """Rows with canonical ids, in the order of the key."""
    texts = rows.columns[[kind.kind in "OUT" for kind in rows.dtypes]]
    return rows.assign(**{name: rows[name].map(lambda cell: ids.get(cell, cell)) for name in texts}).sort_values(
        key, ignore_index=True
    )


@pytest.mark.parametrize("vendor", raw.VENDORS)
def test_an_import_gives_the_sample_back(sample, imported, vendor):
    """Table by table and column by column, for all that the CRM can carry."""
    data = kam.load(imported(vendor))
    assert data.as_of == sample.as_of
    carried = data.measured - {"score_snapshots"}  # the workspace notes the tiers of the day of each import
    assert carried == frozenset(TABLES) - ABSENT[vendor].keys()
    ids = canonical_ids(sample, vendor)
    for name in carried:
        table, want = TABLES[name], sample.frame(name)
        if (vendor, name) == ("zoho", "relationships"):
            want = want[want.deal_id.notna()]
        key = [column for column in table.key if (name, column) not in LOST[vendor]]
        want, got = as_sample(want, {}, key), as_sample(data.frame(name), ids, key)
        assert len(got) == len(want), name
        for column in table.names:
            which, _ = LOST[vendor].get((name, column), ("", ""))
            if which == "all":
                continue
            compared = want.status == "open" if which == "closed" else slice(None)
            pd.testing.assert_series_equal(got[column][compared], want[column][compared], obj=f"{name}.{column}")


@pytest.mark.parametrize("vendor", raw.VENDORS)
def test_what_a_crm_cannot_carry_is_truly_lost(sample, imported, vendor):
    """Else the list above would hide what an import forgot."""
    data = kam.load(imported(vendor))
    for name, column in LOST[vendor]:
        key = [part for part in TABLES[name].key if (name, part) not in LOST[vendor]]
        want, got = (d.frame(name).sort_values(key, ignore_index=True)[column] for d in (sample, data))
        assert not got.equals(want), (name, column)


def test_only_what_the_crm_declared_void_is_set_aside(imported):
    assert all(entry.set_aside == 0 for entry in kam.load(imported("zoho")).ledger.files)
    aside = {entry.file: entry.set_aside for entry in kam.load(imported("fxiaoke")).ledger.files if entry.set_aside}
    assert aside == {"销售订单.xlsx, sheet 销售订单": 5}
