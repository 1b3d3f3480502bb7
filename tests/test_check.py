"""The border: what is wrong with a folder of tables is found, told with its place, and costs no more than it must."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import json
import math
import re
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner
from workbook import xlsx

import kamlib as kam
from kamlib import words, workspace
from kamlib.cli import app
from kamlib.errors import InputError
from kamlib.settings import Settings
from kamlib.sources import sheets, store, texts
from kamlib.sources.check import check_folder
from kamlib.sources.files import Source, open_source
from kamlib.sources.headers import match
from kamlib.sources.ledger import Fault, Ledger, LedgerEntry
from kamlib.sources.reader import read_folder
from kamlib.tables import SQL_TYPES, TABLES, Column

ACCOUNTS = "account_id,account_name\na,Alpha\nb,Beta\n"
ORDERS = "order_id,account_id,order_date,amount\no1,a,2025-01-01,100\no2,b,2025-02-01,50.5\n"


def write(folder: Path, **tables: str | bytes) -> Path:
    """Write tables as CSV into `folder`; accounts and orders are there unless given."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"accounts": ACCOUNTS, "orders": ORDERS, **tables}.items():
        content = text.encode() if isinstance(text, str) else text
        (folder / ("kam.toml" if name == "kam_toml" else f"{name}.csv")).write_bytes(content)
    return folder


def orders(*rows: str, header: str = "order_id,account_id,order_date,amount,channel,delivered_at") -> str:
    return "\n".join([header, *rows]) + "\n"


def fault(folder: Path, kind: str) -> Fault:
    (found,) = [fault for fault in check_folder(folder).ledger.faults if fault.kind == kind]
    return found


def entry(folder: Path, table: str) -> LedgerEntry:
    return next(entry for entry in check_folder(folder).ledger.entries if entry.table == table)


# --- faults, each with its place and consequence ------------------------------------------------------------------


def test_a_clean_folder_loses_nothing(tmp_path):
    report = check_folder(write(tmp_path))
    assert report.usable
    assert report.ledger.faults == ()
    assert [(e.table, e.read, e.kept, e.set_aside) for e in report.ledger.entries] == [
        ("accounts", 2, 2, 0),
        ("orders", 2, 2, 0),
    ]
    assert entry(tmp_path, "orders").money_kept == 150.5
    assert "no row lost" in report.text("en")


@pytest.mark.parametrize(
    ("row", "kind", "action", "column", "value"),
    [
        ("o9,a,31/02/2024,5,,", "not_date", "set_aside", "order_date", "31/02/2024"),
        ("o9,a,2024-02-30,5,,", "not_date", "set_aside", "order_date", "2024-02-30"),
        ("o9,a,,5,,", "empty", "set_aside", "order_date", ""),
        ("o9,zz,2024-02-01,5,,", "orphan", "set_aside", "account_id", "zz"),
        ("o1,a,2024-02-01,5,,", "duplicate", "set_aside", "order_id", "o1"),
        ("o9,a,2024-02-01,five,,", "not_money", "set_aside", "amount", "five"),
        ("o9,a,2024-02-01,5,pigeon,", "not_allowed", "blanked", "channel", "pigeon"),
        ("o9,a,2024-02-01,5,,soon", "not_date", "blanked", "delivered_at", "soon"),
        ("o9,a,2024-02-01,5,,2024-01-31", "before", "told", "delivered_at", "2024-01-31 < 2024-02-01"),
    ],
)
def test_a_faulty_row_is_told_with_place_value_and_cure(tmp_path, row, kind, action, column, value):
    write(tmp_path, orders=orders("o1,a,2025-01-01,100,online,2025-01-03", row))
    found = fault(tmp_path, kind)
    assert (found.action, found.column, found.n, found.examples) == (action, column, 1, ((3, value),))
    assert (entry(tmp_path, "orders").kept, entry(tmp_path, "orders").set_aside) == (
        (1, 1) if action == "set_aside" else (2, 0)
    )
    for lang in ("en", "zh"):
        text = found.text(lang)
        assert all(part in text for part in ("orders.csv", column, "3", value)), text
        assert found.remedy(lang) in text
        assert found.remedy(lang)


def test_out_of_range_says_the_range_and_a_value_what_is_allowed(tmp_path):
    write(
        tmp_path,
        accounts="account_id,account_name,market_share\na,Alpha,1.5\nb,Beta,0.5\n",
        orders=orders("o1,a,2025-01-01,1,x,"),
    )
    assert "0 … 1" in fault(tmp_path, "out_of_range").text("en")
    assert "online, offline, partner" in fault(tmp_path, "not_allowed").text("zh")


def test_a_fault_in_an_optional_cell_costs_the_cell_only(tmp_path):
    write(tmp_path, orders=orders("o1,a,2025-01-01,5,pigeon,soon"))
    report = check_folder(tmp_path)
    assert entry(tmp_path, "orders").blanked == 2
    assert {f.action for f in report.ledger.faults} == {"blanked"}


def test_the_first_of_several_reasons_does_not_hide_the_others(tmp_path):
    write(tmp_path, orders=orders("o1,a,2025-01-01,1,,", "o2,,soon,7,,"))
    kinds = {(f.kind, f.column) for f in check_folder(tmp_path).ledger.faults}
    assert kinds == {("empty", "account_id"), ("not_date", "order_date")}
    assert entry(tmp_path, "orders").money_set_aside == 7, "a row counts once"


def test_what_hangs_on_a_row_set_aside_is_set_aside_too(tmp_path):
    lines = "order_id,line_no,product_id,quantity,amount\no1,1,p,1,60\no1,2,p,1,40\no2,1,p,1,5\n"
    write(tmp_path, orders=orders("o1,a,never,100,,", "o2,a,2025-01-01,5,,"), order_lines=lines)
    assert fault(tmp_path, "orphan").examples == ((2, "o1"), (3, "o1"))
    assert entry(tmp_path, "order_lines").money_set_aside == 100
    assert entry(tmp_path, "order_lines").kept == 1


def test_the_first_usable_row_of_a_key_is_kept(tmp_path):
    write(tmp_path, orders=orders("o1,zz,2025-01-01,1,,", "o1,a,2025-01-02,2,,", "o1,b,2025-01-03,3,,"))
    data = kam.load(tmp_path)
    assert data.frame("orders").amount.tolist() == [2]
    assert data.ledger.set_aside("orders").set_aside_row.tolist() == [2, 4]


def test_a_part_of_a_key_may_be_empty(tmp_path):
    contacts = "contact_id,account_id,contact_name\nc,a,Cy\n"
    relationships = "account_id,contact_id,deal_id,assessed_at,role\na,c,,2025-01-01,user\na,c,,2025-02-01,user\na,c,,2025-01-01,buyer\n"
    write(tmp_path, contacts=contacts, relationships=relationships)
    assert fault(tmp_path, "duplicate").examples == ((4, "a + c + 2025-01-01"),)


def test_references_to_the_table_itself_and_to_tables_that_are_not_there(tmp_path):
    accounts = "account_id,account_name,parent_account_id\na,Alpha,b\nb,Beta,zz\n"
    write(
        tmp_path,
        accounts=accounts,
        orders=orders("o1,a,2025-01-01,1,d7", header="order_id,account_id,order_date,amount,deal_id"),
    )
    assert fault(tmp_path, "orphan").examples == ((3, "zz"),)
    data = kam.load(tmp_path)
    assert data.frame("accounts").parent_account_id.tolist()[0] == "b"
    assert data.frame("orders").deal_id.tolist() == ["d7"], "no deals were delivered: nothing to compare with"


def test_a_million_faults_stay_readable(tmp_path):
    rows = "\n".join(f"o{i},zz{i},2025-01-01,1.25,," for i in range(20_000))
    write(tmp_path, orders=orders("ok,a,2025-01-01,1,,", rows))
    report = check_folder(tmp_path)
    (found,) = report.ledger.faults
    assert (found.n, len(found.examples), found.money) == (20_000, 5, 25_000)
    assert "and 19,995 more" in found.text("en")
    assert len(report.text("zh").splitlines()) < 25


def test_closed_deals_need_a_closing_date(tmp_path):
    deals = "deal_id,status,created_at,closed_at,stage\nd1,won,2025-01-01,2025-02-01,needs\nd2,lost,2025-01-01,,needs\nd3,open,2025-01-01,,needs\n"
    write(tmp_path, deals=deals)
    assert fault(tmp_path, "not_closed").examples == ((3, "d2"),)


# --- everything at once ------------------------------------------------------------------------------------------


def test_all_that_makes_a_folder_unusable_is_said_at_once(tmp_path):
    (tmp_path / "accounts.csv").write_text("id,account_name\na,Alpha\n")
    (tmp_path / "cases.parquet").write_bytes(b"PAR1 nonsense")
    (tmp_path / "kam.toml").write_text("curency = 'CNY'\n")
    report = check_folder(tmp_path)
    assert not report.usable
    text = "\n".join(report.faults)
    for part in (
        "no table orders or deals",
        "column 'account_id' (Customer ID, 客户ID) is missing (found: id, account_name)",
        "cases.parquet",
        "Did you mean 'currency'",
    ):
        assert part in text
    assert "cannot be used" in report.text("en")
    (tmp_path / "kam.toml").unlink()
    with pytest.raises(InputError) as error:
        kam.load(tmp_path)
    assert len(str(error.value).splitlines()) == 3


def test_a_missing_column_suggests_the_nearest(tmp_path):
    write(tmp_path, orders="order_id,account_id,orderdate2,amount\no1,a,2025-01-01,1\n")
    assert "Did you mean 'orderdate2'?" in check_folder(tmp_path).faults[0]


def test_none_of_the_rows_is_usable(tmp_path):
    write(tmp_path, orders=orders("o1,zz,2025-01-01,1,,"))
    with pytest.raises(InputError, match="none of its 1 rows can be used.*account_id: 1 × not found in accounts.*'zz'"):
        kam.load(tmp_path)
    write(tmp_path, orders="order_id,account_id,order_date,amount\n")
    with pytest.raises(InputError, match="orders.csv holds no row"):
        kam.load(tmp_path)


def test_a_column_without_a_header_is_passed_over(tmp_path):
    write(tmp_path, accounts="account_id,account_name,,\na,Alpha,,\nb,Beta,,note\n")
    assert check_folder(tmp_path).ledger.faults == ()


def test_strange_columns_and_files_are_told_and_left_out(tmp_path):
    write(
        tmp_path, accounts="account_id,account_name,colour,regoin\na,Alpha,red,x\nb,Beta,blue,y\n", acounts="x,y\n1,2\n"
    )
    told = {(f.kind, f.file, f.column, f.cure) for f in check_folder(tmp_path).ledger.faults}
    assert ("unknown_column", "accounts.csv", "regoin", "region") in told
    assert ("unknown_file", "acounts.csv", "", "accounts") in told
    assert "colour" not in kam.load(tmp_path).frame("accounts")


def test_two_files_for_one_table(tmp_path):
    write(tmp_path)
    pd.DataFrame({"account_id": ["a"], "account_name": ["A"]}).to_parquet(tmp_path / "accounts.parquet")
    assert "both claim to be the table accounts" in check_folder(tmp_path).faults[0]


# --- what people write -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.5", 1234.5), ('"1,234.50"', 1234.5), ('"¥1,234.50"', 1234.5), ("￥7", 7), ("CNY 7", 7), ("7 元", 7),
        ('"(1,234)"', -1234), ("-¥5", -5), ("¥-5", -5), ("+5", 5), ("1e3", 1000), (" 12 ", 12), ('"12,345,678.9"', 12345678.9),
        ("12.345", 12.35), ("NULL", None), ("-", None), ("#N/A", None), ("", None),
    ],
)  # fmt: skip
def test_amounts_as_people_write_them(tmp_path, text, value):
    write(tmp_path, orders=orders("o0,a,2025-01-01,1,,", f"o1,a,2025-01-02,{text},,"))
    data = kam.load(tmp_path)
    assert {fault.action for fault in data.ledger.faults} <= {"told"}
    found = data.frame("orders").amount[1]
    assert found == value if value is not None else np.isnan(found)


@pytest.mark.parametrize(
    "text", ["1_000", "0x10", '"1,23"', '"12,5"', "1.2.3", "inf", "5 apples", "$5", "--5", '"1,2345"']
)
def test_what_is_no_amount(tmp_path, text):
    write(tmp_path, orders=orders("o0,a,2025-01-01,1,,", f"o1,a,2025-01-02,{text},,"), kam_toml='currency = "CNY"')
    assert fault(tmp_path, "not_money").examples == ((3, text.strip('"')),)


@pytest.mark.parametrize(
    "text",
    ["2024-03-01", "2024/3/1", "20240301", "2024.3.1", "2024年3月1日", "2024-03-01 10:20", "2024-03-01T23:20:05.123Z", "2024-03-01T23:59:00+08:00", "2024/3/1 9:05"],
)  # fmt: skip
def test_dates_as_people_write_them(tmp_path, text):
    write(tmp_path, orders=orders(f"o1,a,{text},1,,"))
    assert kam.load(tmp_path).frame("orders").order_date[0] == pd.Timestamp("2024-03-01")


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "2024-03-01 soon",
        "24-03-01",
        "1/2/2024",
        "0001-01-01",
        "infinity",
        "2024-03",
        "2024-03-01 25:00",
        "45352",
    ],
)
def test_what_is_no_date(tmp_path, text):
    write(tmp_path, orders=orders("o0,a,2025-01-01,1,,", f"o1,a,{text},1,,"))
    assert fault(tmp_path, "not_date").examples == ((3, text),)


def test_times_flags_shares_whole_numbers_and_codes(tmp_path):
    cases = (
        "case_id,account_id,opened_at,type,reopened\nc1,a,2024-01-01 10:20:30,投诉,1.0\nc2,a,2024/1/2,COMPLAINT,1.5\n"
    )
    accounts = "account_id,account_name,is_key_account,market_share\na,Alpha,是,12.5%\nb,Beta,0,0.3\n"
    write(tmp_path, accounts=accounts, cases=cases)
    data = kam.load(tmp_path)
    assert data.frame("accounts").is_key_account.tolist() == [True, False]
    assert data.frame("accounts").market_share.tolist() == [0.125, 0.3]
    assert data.frame("cases").opened_at[0] == pd.Timestamp("2024-01-01 10:20:30")
    assert data.frame("cases").type.tolist()[1] == "complaint"
    assert fault(tmp_path, "not_integer").examples == ((3, "1.5"),)


def test_ids_stay_text_and_blanks_around_them_go(tmp_path):
    accounts = "account_id,account_name\n 007 ,  Bond　\n0000000000000000001,NA\n1e5,NULL\n"
    write(tmp_path, accounts=accounts, orders=orders("o1,007,2025-01-01,1,,"))
    found = kam.load(tmp_path).frame("accounts")
    assert sorted(found.account_id) == ["0000000000000000001", "007", "1e5"]
    assert sorted(found.account_name) == ["Bond", "NA", "NULL"], "only in numbers and dates these mean nothing"


def test_headers_by_name_label_and_case(tmp_path):
    accounts = "客户ID,Customer Name,所在地区\na,Alpha,North\nb,Beta,South\n"
    write(tmp_path, accounts=accounts, orders="Order ID,ACCOUNT ID,下单日期,订单金额\no1,a,2025-01-01,5\n")
    data = kam.load(tmp_path)
    assert data.ledger.faults == ()
    assert data.frame("accounts").region.tolist() == ["North", "South"]
    assert data.frame("orders").amount.tolist() == [5]


def test_a_header_that_stands_twice_is_refused_and_a_name_goes_before_a_label(tmp_path):
    write(tmp_path, accounts="account_id,account_name,account_name\na,Alpha,B\n")
    assert "both claim to be the column account_name" in check_folder(tmp_path).faults[0]
    matched = match(TABLES["accounts"], ["Customer ID", "account_id", "account_name"], "x.csv")
    assert matched.columns["account_id"] == "account_id"
    assert matched.strangers == ("Customer ID",)


def test_every_fault_has_its_words():
    kinds = {f"not_{kind}" for kind in SQL_TYPES} | {
        key.removeprefix("cure.") for key in words.LABELS if key.startswith("cure.")
    }
    for kind in kinds:
        assert f"fault.{kind}" in words.LABELS
        assert f"cure.{kind}" in words.LABELS


def test_labels_of_a_table_name_one_column_each():
    for table in TABLES.values():
        for lang in ("en", "zh"):
            labels = Counter(getattr(column, lang).casefold() for column in table.columns)
            assert max(labels.values()) == 1, f"{table.name}: {labels.most_common(1)}"


# --- files as they come ------------------------------------------------------------------------------------------

CHINESE = "account_id,account_name,region\na,阿尔法股份有限公司,华东\nb,贝塔,华南\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends(tmp_path, encoding, delimiter, line_end):
    text = CHINESE.replace(",", delimiter).replace("\n", line_end)
    data = kam.load(write(tmp_path, accounts=text.encode(encoding)))
    assert data.ledger.faults == ()
    assert data.frame("accounts").account_name.tolist() == ["阿尔法股份有限公司", "贝塔"]


def test_an_encoding_that_shows_only_far_into_a_large_file(tmp_path):
    rows = "".join(f"a{i},{'x' * 60},N\n" for i in range(3 * texts.CHUNK // 70))
    write(tmp_path, accounts=("account_id,account_name,region\n" + rows + "a,阿尔法,华东\nb,B,x\n").encode("gb18030"))
    assert kam.load(tmp_path).frame("accounts").account_name.tolist()[0] == "阿尔法"


def test_a_broken_letter_costs_its_line_and_not_the_encoding(tmp_path):
    text = "account_id,account_name\n" + "".join(f"a{i},阿尔法{i}\n" for i in range(20)) + "b,Beta\na,Alpha\n"
    write(tmp_path, accounts=text.encode().replace("法7".encode(), "法".encode()[:2] + b"7"))
    found = fault(tmp_path, "unreadable")
    assert (found.n, found.examples[0][0]) == (1, 9)
    assert kam.load(tmp_path).frame("accounts").account_name.str.contains("阿尔法").sum() == 19


def test_gzip_and_mixed_line_ends(tmp_path):
    write(tmp_path)
    (tmp_path / "accounts.csv").unlink()
    text = "account_id,account_name\r\na,Alpha\nb,Beta\r\n"
    (tmp_path / "accounts.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert entry(tmp_path, "accounts").kept == 2


def test_rows_have_the_number_that_the_user_sees(tmp_path):
    text = (
        "order_id,account_id,order_date,amount\n"
        "o1,a,2025-01-01,1\n"  # row 2
        "\n"  # row 3
        'o2,a,2025-01-01,1,"a cell\ntoo many"\n'  # row 4
        'o3,a,bad,"1"\n'  # row 5
        ",,,\n"  # row 6: nothing in it
        "o4,a\n"  # row 7
        "o5,a,worse,1\n"  # row 8
        "\n"
    )
    write(tmp_path, orders=text)
    assert fault(tmp_path, "not_date").examples == ((5, "bad"), (8, "worse"))
    assert [row for row, _ in fault(tmp_path, "unreadable").examples] == [4, 7]
    assert (entry(tmp_path, "orders").read, entry(tmp_path, "orders").kept) == (5, 1)
    aside = kam.load(tmp_path).ledger.set_aside("orders")
    assert aside.set_aside_row.tolist() == [4, 5, 7, 8]
    assert aside.order_id[1] == "o3"


@pytest.mark.parametrize(
    "folder", ["blank s", "quo'te", 'dou"ble', "大客户 数据", "we[i]rd*?", "a=b", "semi;colon", "--comment"]
)
def test_folders_of_any_name(tmp_path, folder):
    folder = write(tmp_path / folder, accounts=CHINESE.encode("gb18030"))
    (tmp_path / "weird").mkdir()
    data = kam.load(folder)
    assert data.frame("orders").amount.sum() == 150.5
    con, ready = data.con.con, tmp_path / "ready" / folder.name
    with store.Replacing(ready) as part:
        store.write(con, data.measured, data.ledger, {}, "", part)
    assert kam.load(ready).frame("orders").amount.sum() == 150.5


def test_parquet_keeps_its_types_and_loses_its_noise(tmp_path):
    write(tmp_path)
    (tmp_path / "orders.csv").unlink()
    frame = pd.DataFrame(
        {
            "order_id": [1001, 1002, 1003],
            "account_id": ["a", "a", "b"],
            "order_date": pd.to_datetime(["2025-01-01 13:00", "2025-01-02 00:00", None]),
            "amount": [0.1 + 0.2, np.nan, 7.0],
            "deal_id": [5.0, np.nan, 7.0],
            "delivered_at": [20250103, 20250104, 99],
            "promised_at": pd.to_datetime(["2025-01-03 23:30", "2025-01-04 00:00", None]).tz_localize("UTC"),
            "cogs": [Decimal("0.105"), None, Decimal("1")],
        }
    )
    frame.to_parquet(tmp_path / "orders.parquet")
    found = kam.load(tmp_path, as_of="2025-12-31").frame("orders")
    assert found.order_id.tolist() == ["1001", "1002"]
    assert found.amount.tolist()[0] == 0.3
    assert found.deal_id.tolist()[0] == "5"
    assert found.order_date[0] == pd.Timestamp("2025-01-01")
    assert found.delivered_at[0] == found.promised_at[0] == pd.Timestamp("2025-01-03")
    assert found.cogs.tolist()[0] == 0.11
    assert fault(tmp_path, "empty").examples == ((4, ""),)
    assert fault(tmp_path, "not_date").examples == ((4, "99"),)


def test_a_workbook_with_a_title_above_the_header(tmp_path):
    rows = [
        ["Orders of 2025"],
        [None],
        ["订单编号", "account_id", "Order date", "amount"],
        ["o1", "a", "2025-01-01", 5.5],
        ["o2", "a", "bad", 1],
    ]
    write(tmp_path)
    (tmp_path / "orders.csv").unlink()
    xlsx(tmp_path / "orders.xlsx", Sheet1=rows)
    assert fault(tmp_path, "not_date").examples == ((5, "bad"),)
    assert kam.load(tmp_path).frame("orders").amount.tolist() == [5.5]


def test_one_workbook_with_a_sheet_for_each_table(tmp_path):
    book = {
        "Accounts": [["account_id", "account_name"], [7, "Seven"], ["007", "Bond"]],
        "订单": [["nothing"]],
        "销售订单": [
            ["order_id", "account_id", "order_date", "amount"],
            ["o1", 7, "2025-01-01", 5],
            ["o2", "008", "2025-01-01", 5],
        ],
    }
    xlsx(tmp_path / "export 2025.xlsx", **book)
    found = fault(tmp_path, "orphan")
    assert (found.file, found.examples) == ("export 2025.xlsx, sheet 销售订单", ((3, "008"),))
    assert kam.load(tmp_path).frame("orders").account_id.tolist() == ["7"]


# --- one currency, known stages ----------------------------------------------------------------------------------

MIXED = "order_id,account_id,order_date,amount,currency\no1,a,2025-01-01,100,cny\no2,a,2025-01-01,10,USD\no3,a,2025-01-01,1,\n"


def test_mixed_currencies_are_refused_with_what_to_write(tmp_path):
    (message,) = check_folder(write(tmp_path, orders=MIXED)).faults
    for part in ("CNY (1 rows)", "USD (1 rows)", "[rates]", "USD = …"):
        assert part in message


def test_amounts_are_converted_with_the_rates_lines_and_all(tmp_path):
    lines = "order_id,line_no,product_id,quantity,amount\no1,1,p,1,100\no2,1,p,1,10\n"
    history = "deal_id,stage,entered_at,amount\nd1,needs,2025-01-01,4\n"
    deals = "deal_id,status,stage,created_at,amount,currency\nd1,open,needs,2025-01-01,4,USD\n"
    invoices = "invoice_id,account_id,order_id,invoice_date,amount\ni1,a,o2,2025-01-01,10\ni2,a,o1,2025-01-01,100\n"
    payments = (
        "payment_id,account_id,invoice_id,paid_at,amount,currency\np1,a,i1,2025-01-05,5,\np2,a,i1,2025-01-05,36,CNY\n"
    )
    toml = 'currency = "CNY"\n[rates]\nUSD = 7.2\n'
    folder = write(
        tmp_path, orders=MIXED, order_lines=lines, deals=deals, deal_stage_history=history, invoices=invoices,
        payments=payments, kam_toml=toml,
    )  # fmt: skip
    data = kam.load(folder, as_of="2025-12-31")
    assert data.frame("orders").amount.tolist() == [100, 72, 1]
    assert data.frame("order_lines").amount.tolist() == [100, 72]
    assert data.frame("deals").amount.tolist() == [28.8]
    assert data.frame("deal_stage_history").amount.tolist() == [28.8]
    assert data.frame("invoices").amount.tolist() == [72, 100]
    assert data.frame("payments").amount.tolist() == [36, 36]
    assert set(data.frame("orders").currency.dropna()) == {"CNY"}
    assert sum(f.n for f in data.ledger.faults if f.kind == "converted") == 4
    assert "USD 7.2" in data.ledger.faults[0].text("en")


def test_one_foreign_currency_becomes_the_base_unless_settings_say_otherwise(tmp_path):
    one = MIXED.replace("cny", "usd")
    write(tmp_path, orders=one)
    assert kam.load(tmp_path).settings.currency == "USD"
    workspace.prepare(tmp_path, tmp_path / "ready")
    assert kam.load(tmp_path / "ready").settings.currency == "USD"
    write(tmp_path, orders=one, kam_toml='currency = "CNY"')
    with pytest.raises(InputError, match="no rate for USD"):
        kam.load(tmp_path)


def test_stages_nobody_declared_are_refused_with_the_entries_to_write(tmp_path):
    deals = (
        "deal_id,status,stage,created_at,probability\nd1,open,Legal review,2025-01-01,0.8\n"
        'd2,open,"Disc""overy",2025-01-01,0.25\nd3,won,Closed,2025-01-01,1\n'
    )
    write(tmp_path, deals=deals)
    (message,) = check_folder(tmp_path).faults
    assert all(stage.en in message.splitlines()[0] for stage in Settings().stages), "what the template offers"
    entries = "\n".join(line.strip() for line in message.splitlines()[1:])
    stages = tomllib.loads(entries)["stages"]
    assert stages == [{"name": 'Disc"overy', "probability": 0.25}, {"name": "Legal review", "probability": 0.8}]
    write(tmp_path, kam_toml=entries)
    assert check_folder(tmp_path).usable


def test_stages_are_known_by_name_label_and_case_and_a_new_one_is_told(tmp_path):
    toml = '[[stages]]\nname = "needs"\nzh = "需求确定"\nprobability = 0.3\n'
    deals = "deal_id,status,stage,created_at,closed_at\nd1,open,NEEDS,2025-01-01,\nd2,open,需求确定,2025-01-01,\nd3,open,legal,2025-01-01,\nd4,won,x,2025-01-01,2025-02-01\n"
    history = "deal_id,stage,entered_at\nd4,needs,2025-01-01\nd4,赢单,2025-02-01\n"
    write(tmp_path, deals=deals, deal_stage_history=history, kam_toml=toml)
    assert kam.load(tmp_path).frame("deals").stage.tolist()[:3] == ["needs", "needs", "legal"]
    assert fault(tmp_path, "unknown_stage").examples == ((None, "legal"),)


# --- what was set aside, and the prepared folder -----------------------------------------------------------------


def test_rows_set_aside_are_kept_whole_harmless_and_can_come_back(tmp_path):
    nasty = "=cmd|' /C calc'!A0"
    rows = [f'o1,zz,2025-01-01,-5.5,"{nasty}",+1', "o2,zz,2025-01-01,7,@SUM(A1),'=1+1"]
    write(
        tmp_path / "in",
        orders=orders("o0,a,2025-01-01,1,,", *rows, header="order_id,account_id,order_date,amount,booked_by,note"),
    )
    ledger = kam.load(tmp_path / "in").ledger
    (path,) = ledger.write_set_aside(tmp_path / "set_aside")
    written = pd.read_csv(path, dtype=str)
    assert written.booked_by.tolist() == ["'" + nasty, "'@SUM(A1)"]
    assert written.amount.tolist() == ["-5.5", "7"], "a number is no formula"
    assert written.note.tolist() == ["+1", "'=1+1"]
    assert ledger.set_aside("orders").booked_by.tolist() == [nasty, "@SUM(A1)"]
    (tmp_path / "again").mkdir()
    write(tmp_path / "again", accounts="account_id,account_name\nzz,Zed\n", orders=path.read_bytes())
    assert kam.load(tmp_path / "again").frame("orders").booked_by.tolist() == [nasty, "@SUM(A1)"]


def test_the_ledger_as_frames_and_as_json(tmp_path):
    write(tmp_path, orders=orders("o1,a,2025-01-01,5,,", "o2,zz,2025-01-01,7,,"))
    ledger = kam.load(tmp_path).ledger
    frame = ledger.frame()
    assert (frame.n_read == frame.n_kept + frame.n_set_aside).all()
    assert frame.set_index("table_name").money_set_aside["orders"] == 7
    assert ledger.fault_frame("zh").fault_action.tolist() == ["整行搁置"]
    assert Ledger.from_json(json.dumps(ledger.as_dict())) == ledger
    assert set(frame.columns) | set(ledger.fault_frame().columns) <= set(words.LABELS)


def test_a_prepared_folder_gives_the_same_without_checking_again(tmp_path):
    folder = write(
        tmp_path / "in", orders=orders("o1,a,2025-01-01,5,,", "o2,zz,2025-01-01,7,=1,", "o3,b,2025-03-01,9,,")
    )
    data = kam.load(folder, as_of="2025-02-01")
    workspace.prepare(data, tmp_path / "ready")
    again = kam.load(tmp_path / "ready", as_of="2025-02-01")
    for name in TABLES:
        pd.testing.assert_frame_equal(again.frame(name), data.frame(name))
    for name in ("mart", "months", "order_days"):
        assert list((tmp_path / "ready" / "mart").glob(f"2025-02-01-*/{name}.parquet"))
        pd.testing.assert_frame_equal(getattr(again, name), getattr(data, name))
    assert again.ledger == data.ledger
    assert again.measured == data.measured
    report = check_folder(tmp_path / "ready")
    assert (report.usable, report.ledger) == (True, data.ledger), "what was told when it was checked is told again"
    pd.testing.assert_frame_equal(again.ledger.set_aside("orders"), data.ledger.set_aside("orders"), check_dtype=False)
    assert kam.load(tmp_path / "ready").frame("orders").order_id.tolist() == ["o1", "o3"], "only the date cuts"
    sources = json.loads((tmp_path / "ready" / "prepared.json").read_text())["sources"]
    assert sources["orders.csv"] == hashlib.sha256((folder / "orders.csv").read_bytes()).hexdigest()


def test_a_kept_mart_is_not_used_for_another_date_or_other_settings(tmp_path):
    data = kam.load(write(tmp_path / "in"), as_of="2025-01-31")
    workspace.prepare(data, tmp_path / "ready")
    assert kam.load(tmp_path / "ready", as_of="2025-02-28").mart.n_orders.sum() == 2
    (tmp_path / "ready" / "kam.toml").write_text("window_months = 1\n")
    assert kam.load(tmp_path / "ready", as_of="2025-02-28").mart.n_orders.sum() == 1
    assert kam.load(tmp_path / "ready", as_of="2025-01-31").mart.n_orders.sum() == 1


def test_preparing_replaces_only_what_it_made_and_leaves_nothing_half_done(tmp_path):
    folder = write(tmp_path / "in")
    with pytest.raises(InputError, match="holds something else"):
        workspace.prepare(folder, folder)
    workspace.prepare(folder, tmp_path / "ready")
    workspace.prepare(folder, tmp_path / "ready")
    workspace.prepare(tmp_path / "ready", tmp_path / "once more")
    assert kam.load(tmp_path / "once more").frame("orders").amount.sum() == 150.5
    (folder / "orders.csv").unlink()
    with pytest.raises(InputError):
        workspace.prepare(folder, tmp_path / "never")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "once more", "ready"]


@pytest.mark.parametrize("damage", ["truncate", "other columns", "no table", "no json", "no ledger", "format"])
def test_a_damaged_prepared_folder_is_said_to_be_one(tmp_path, damage):
    ready = tmp_path / "ready"
    workspace.prepare(write(tmp_path / "in"), ready)
    if damage == "truncate":
        (ready / "orders.parquet").write_bytes((ready / "orders.parquet").read_bytes()[:100])
    elif damage == "other columns":
        pd.DataFrame({"order_id": ["o1"]}).to_parquet(ready / "orders.parquet")
    elif damage == "no table":
        (ready / "orders.parquet").unlink()
    elif damage == "no json":
        (ready / "prepared.json").write_text("{")
    elif damage == "no ledger":
        (ready / "ledger.json").unlink()
    else:
        (ready / "prepared.json").write_text('{"format": 99, "version": "9"}')
    with pytest.raises(InputError, match="Prepare it again"):
        kam.load(ready)


# --- hostile input: one line, or a right result, never a stack trace ---------------------------------------------


HOSTILE = {
    "empty": ("accounts.csv", b"", "is empty"),
    "blank lines only": ("accounts.csv", b"\n\n\n", "is empty"),
    "no header": (
        "accounts.csv",
        b"a,Alpha\nb,Beta\n",
        "columns 'account_id' (Customer ID, 客户ID) and 'account_name' (Customer name, 客户名称) are missing",
    ),
    "header only": ("accounts.csv", b"account_id,account_name\n", "holds no row"),
    "header twice": ("accounts.csv", b"account_id,account_id,account_name\na,a,A\n", "both claim"),
    "binary": ("accounts.csv", bytes(range(256)) * 40, "neither UTF-8 nor GB18030"),
    "utf-16 without a mark": ("accounts.csv", ACCOUNTS.encode("utf-16-le"), "no text"),
    "western": (
        "accounts.csv",
        "account_id,account_name\na,Müller Büro\nb,Ærøskøbing\n".encode("cp1252"),
        "neither UTF-8",
    ),
    "latin-1": ("accounts.csv", "account_id,account_name\na,Caf\xe9\n".encode("latin-1"), "neither UTF-8 nor GB18030"),
    "not gzip": ("accounts.csv.gz", b"account_id,account_name\n", "not a whole gzip file"),
    "gzip cut off": ("accounts.csv.gz", gzip.compress(ACCOUNTS.encode() * 5000)[:90], "not a whole gzip file"),
    "parquet cut off": ("accounts.parquet", b"PAR1" + b"x" * 50, "not a readable .parquet file"),
    "parquet empty": ("accounts.parquet", b"", "not a readable .parquet file"),
    "excel broken": ("accounts.xlsx", b"PK\x03\x04 nonsense", "not a readable Excel file"),
    "excel text": ("accounts.xlsx", b"account_id,account_name\n", "not a readable Excel file"),
    "excel empty": ("accounts.xlsx", None, "is empty"),
    "a folder": ("accounts.csv", "folder", "is a folder, not a file"),
    "toml broken": ("kam.toml", b"currency = \n", "not readable as TOML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_one_sentence(tmp_path, name):
    file, content, said = HOSTILE[name]
    write(tmp_path)
    (tmp_path / "accounts.csv").unlink()
    path = tmp_path / file
    if content is None:
        xlsx(path, Sheet1=[[None]])
    elif content == "folder":
        path.mkdir()
    else:
        path.write_bytes(content)
        if file == "kam.toml":
            (tmp_path / "accounts.csv").write_text(ACCOUNTS)
    with pytest.raises(InputError, match=re.escape(said)) as error:
        kam.load(tmp_path)
    assert len(str(error.value).splitlines()) <= 2
    report = check_folder(tmp_path)
    assert not report.usable
    assert said in report.text("zh")


@pytest.mark.parametrize(
    "accounts",
    [
        b"account_id,account_name\na,Al\x00pha\nb,Beta\n",
        b'account_id,account_name\na,"un\nclosed"\nb,"Beta\n',
        b"account_id,account_name,__row,__k,row\na,Alpha,1,2,3\nb,Beta,1,2,3\n",
        b"account_id,account_name," + b",".join(b"c%d" % i for i in range(500)) + b"\na,Alpha" + b"," * 500 + b"\nb,Beta" + b"," * 500 + b"\n",
        b"account_id,account_name\na," + b"x" * 300_000 + b"\nb,Beta\n",
        b"account_id,account_name,\"quo\"\"te'\",'); DROP TABLE x; --\na,Alpha,1,2\nb,<img src=x onerror=1>,1,2\n",
        "account_id,account_name\na,Α​lpha\nb,\U0001f600\U0001d4d0\n".encode(),
    ],
    ids=["nul", "unclosed quote", "our own names", "500 columns", "a huge cell", "sql in the header", "odd letters"],
)  # fmt: skip
def test_odd_but_readable_files_are_read(tmp_path, accounts):
    write(tmp_path, accounts=accounts)
    data = kam.load(tmp_path)
    found = entry(tmp_path, "accounts")
    assert found.read == found.kept + found.set_aside
    assert "a" in data.frame("accounts").account_id.tolist()


def test_a_workbook_that_unpacks_to_gigabytes_is_not_opened(tmp_path, monkeypatch):
    write(tmp_path)
    xlsx(tmp_path / "contacts.xlsx", Sheet1=[["contact_id", "account_id", "contact_name"], ["c", "a", "x" * 5000]])
    monkeypatch.setattr(sheets, "LARGEST", 4000)
    assert "unpacks to more than" in check_folder(tmp_path).faults[0]


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        workspace.prepare(write(tmp_path / "in"), tmp_path / "file" / "ready")
    with pytest.raises(InputError, match=r"cannot be written \(No space left\)"), store.Replacing(tmp_path / "full"):
        raise OSError("No space left")
    assert not list(tmp_path.glob("full*"))


@pytest.mark.parametrize(("rows", "code"), [("o1,a,2025-01-01,1,,", 0), ("o1,zz,2025-01-01,1,,", 2)])
def test_the_command_says_by_its_exit_code_whether_a_folder_can_be_used(tmp_path, rows, code):
    outcome = CliRunner().invoke(app, ["check", str(write(tmp_path, orders=orders(rows))), "--lang", "zh"])
    assert outcome.exit_code == code
    assert "读取行数" in outcome.output


def test_no_folder_at_all(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        (tmp_path / "file").write_text("x")
        for function in (kam.load, check_folder):
            with pytest.raises(InputError, match="is not a folder"):
                function(path)


# --- whatever comes: read = kept + set aside, and what is kept is as declared ------------------------------------

CELLS = st.one_of(
    st.sampled_from(["", "a", "b", "zz", "o1", "o2", "2025-01-01", "31/02/2024", "1", "-1", "1.5", "9e99", "yes", "online", "=1", "NULL", "  "]),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters='\r\n"'), max_size=8),
)  # fmt: skip


def _csv(columns: list[str], rows: list[tuple[str, ...]]) -> bytes:
    frame = pd.DataFrame(rows, columns=columns, dtype=str)
    return frame.to_csv(index=False, quoting=1).encode()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_are_conserved_and_what_is_kept_is_as_declared(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("dirty")
    chosen = {
        "accounts": ["account_id", "account_name", "is_key_account", "employees", "market_share", "parent_account_id", "created_at"],
        "orders": ["order_id", "account_id", "order_date", "amount", "channel", "delivered_at"],
        "order_lines": ["order_id", "line_no", "quantity", "amount"],
    }  # fmt: skip
    delivered = {}
    for name, columns in chosen.items():
        rows = data.draw(st.lists(st.tuples(*[CELLS] * len(columns)), min_size=1, max_size=12))
        delivered[name] = [row for row in rows if any(row)]
        (folder / f"{name}.csv").write_bytes(_csv(columns, rows))
    con = duckdb.connect()
    reading = read_folder(con, folder, Settings(), folder)
    entries = {entry.table: entry for entry in reading.ledger.entries}
    for name, columns in chosen.items():
        found = entries[name]
        kept = con.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall()
        assert found.read == len(delivered[name]) == found.kept + found.set_aside
        assert len(kept) == found.kept
        assert len(reading.ledger.set_aside(name)) == found.set_aside
        table = TABLES[name]
        keys = [tuple(row[columns.index(key)] for key in table.key) for row in kept]
        assert len(set(keys)) == len(keys)
        accounts = {account for (account,) in con.execute("SELECT account_id FROM accounts").fetchall()}
        for row in kept:
            for column, value in zip(columns, row, strict=True):
                _as_declared(table.column(column), value, accounts)


def _as_declared(column: Column, value: object, accounts: set[str]) -> None:
    assert value is not None or not column.required
    if value is None:
        return
    kinds = {"text": str, "date": dt.date, "money": Decimal, "number": float, "integer": int, "flag": bool}
    assert isinstance(value, kinds[column.type])
    assert not column.values or value in column.values
    assert column.low is None or value >= column.low
    assert column.high is None or value <= column.high
    assert column.ref != "accounts" or value in accounts
    assert column.type != "text" or value == value.strip()
    assert column.type != "date" or 1900 <= value.year < 2200
    assert column.type != "number" or math.isfinite(value)


# --- what check leaves to work off ----------------------------------------------------------------------------------


def test_rows_set_aside_are_written_with_the_rest(tmp_path):
    rows = orders("o1,a,2025-01-01,100,,", "o2,nobody,2025-02-01,50,,")
    report = check_folder(write(tmp_path / "in", orders=rows), tmp_path / "out")
    assert "nobody" in (tmp_path / "out/set_aside/orders.csv").read_text(encoding="utf-8")
    assert "set_aside/orders.csv" in report.text("en")


def test_what_there_is_of_a_refused_folder_is_written_and_told(tmp_path):
    rows = orders("o1,a,2025-01-01,100,,", "o2,nobody,2025-02-01,50,,")
    folder = write(tmp_path / "in", orders=rows, products="name\nDrill\n")
    report = check_folder(folder, tmp_path / "out")
    assert not report.usable
    assert "nobody" in (tmp_path / "out/set_aside/orders.csv").read_text(encoding="utf-8")
    assert "Only rows set aside can be written" in report.text("en")
    assert "目前只能写出" in report.text("zh")


def test_a_raw_export_is_told_to_be_imported_first():
    report = check_folder(Path(__file__).parent.parent / "data/sample/raw/fxiaoke")
    assert "looks like an export of Fxiaoke 纷享销客: bring it with kam import" in report.text("en").splitlines()[1]
    assert "请先运行 kam import" in report.text("zh").splitlines()[1]


def test_own_tables_with_a_fault_are_no_export(tmp_path):
    assert not check_folder(write(tmp_path, orders="order_id,account_id\no1,a\n")).export_of


def test_the_sign_of_an_amount_is_its_currency(tmp_path):
    signed = "order_id,account_id,order_date,amount\no1,a,2025-01-01,{}\no2,b,2025-01-02,{}\n"
    write(tmp_path, orders=signed.format("$500", "€700"))
    (told,) = check_folder(tmp_path).faults
    assert "USD" in told
    assert "EUR" in told
    write(tmp_path, orders=signed.format("$500", '"$1,700"'))
    report = check_folder(tmp_path)
    assert report.currency == "USD"
    assert entry(tmp_path, "orders").money_kept == 2200


def test_a_sign_against_the_currency_beside_it_is_at_fault(tmp_path):
    write(
        tmp_path,
        orders="order_id,account_id,order_date,amount,currency\no1,a,2025-01-01,$500,CNY\no2,b,2025-01-02,¥700,CNY\n",
    )
    assert entry(tmp_path, "orders").kept == 1
    assert fault(tmp_path, "not_money").examples == ((2, "$500"),)


def test_an_order_in_the_future_is_told(tmp_path):
    write(tmp_path, orders=orders("o1,a,2025-01-01,5,,", "o2,a,2172-01-01,5,,"))
    assert fault(tmp_path, "ahead").examples == ((3, "2172-01-01"),)


@pytest.mark.parametrize("titles", ["客户列表　导出日期：2025-12-31\n", "客户列表;;\n\n导出人：王\n"])
def test_title_rows_above_the_header_of_a_text_are_passed_over_and_rows_keep_their_numbers(tmp_path, titles):
    text = f"{titles}account_id;account_name;employees\na;Alpha;ten\n\nb;Beta;3;4;5\nc;甲公司;many\n"
    folder = write(tmp_path, accounts=text.encode("gb18030"), orders=orders("o1,a,2025-01-01,1,,"))
    above = titles.count("\n")
    assert fault(folder, "not_integer").examples == ((above + 2, "ten"), (above + 5, "many"))
    assert fault(folder, "unreadable").examples[0][0] == above + 4
    assert (entry(folder, "accounts").kept, entry(folder, "accounts").set_aside) == (2, 1)


def test_a_column_of_its_own_is_no_title(tmp_path):
    (tmp_path / "notes.csv").write_text('note\na\nb\n"x, y"\nc, d\n')
    opened = open_source(duckdb.connect(), Source(tmp_path / "notes.csv"), "notes", tmp_path)
    assert (list(opened.columns), opened.blanks) == (["note"], [])


def test_rows_set_aside_and_sheets_are_told_in_the_language_of_the_call(tmp_path):
    book = xlsx(
        tmp_path / "book.xlsx",
        accounts=[["account_id", "account_name"], ["a", "Alpha"]],
        orders=[["order_id", "account_id", "order_date", "amount"], ["o1", "a", "2025-01-01", 5], ["o2", "b", "x", 5]],
    )
    call = ["check", str(book), "--out", str(tmp_path / "out")]
    english, chinese = (CliRunner().invoke(app, [*call, "--lang", lang]).output for lang in ("en", "zh"))
    assert "book.xlsx, sheet orders" in english
    assert ", sheet" not in chinese
    assert "book.xlsx，工作表 orders·order_date：1 × 不是日期" in chinese
    assert "book.xlsx，工作表 accounts" in chinese
    (row,) = csv.DictReader((tmp_path / "out/set_aside/orders.csv").open(encoding="utf-8"))
    assert (row["set_aside_reason"], row["order_id"]) == ("order_date：不是日期", "o2")
