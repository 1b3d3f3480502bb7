"""Workbooks as people make them: titles, merged cells, several sheets; and what one may cost."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pytest
import xlsxwriter
from workbook import Error, converted, xlsb

from kamlib.errors import InputError
from kamlib.sources import sheets
from kamlib.sources.check import check_folder
from kamlib.sources.files import Source, open_source


def opened(path: Path, sheet: str = "") -> tuple[list[str], list[tuple]]:
    """Return the header and the rows of a sheet, each after its number."""
    con = duckdb.connect()
    found = open_source(con, Source(path, sheet), "it", path.parent)
    return list(found.columns), con.execute(f"SELECT * EXCLUDE (__k) FROM ({found.first})").fetchall()


def workbook(path: Path, *rows: list, merged: tuple[str, ...] = ()) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.save(path)
    return path


def test_what_is_merged_over_several_rows_stands_in_each(tmp_path):
    path = workbook(
        tmp_path / "lines.xlsx",
        ["Order no.", "Customer", "Product", "Order total", "Ordered on"],
        [1001, "Alpha", "pump", 300, "2025-01-01"],
        [None, None, "valve", None, None],
        [None, None, "hose", None, None],
        [1002, "Beta", "pump", 100, "2025-01-02"],
        merged=("A2:A4", "B2:B4", "D2:D4", "E2:E4"),
    )
    assert opened(path)[1] == [
        (2, "1001", "Alpha", "pump", "300", "2025-01-01"),
        (3, "1001", "Alpha", "valve", None, "2025-01-01"),
        (4, "1001", "Alpha", "hose", None, "2025-01-01"),
        (5, "1002", "Beta", "pump", "100", "2025-01-02"),
    ], "an amount over three rows is one amount"


@pytest.mark.parametrize("header", ["account_id", "AccountId", "订单编号", "客户ID", "Order No.", "手机号"])
def test_numbers_below_the_header_of_an_id_are_repeated(tmp_path, header):
    path = workbook(tmp_path / "a.xlsx", [header, "x"], [7, 1], [None, 2], merged=("A2:A3",))
    assert [row[1] for row in opened(path)[1]] == ["7", "7"]


@pytest.mark.parametrize("header", ["amount", "paid", "金额", "Bid", "数量", "Total"])
@pytest.mark.parametrize("amount", [7, 7.5, "¥1,200.00", "1 200,00 EUR", "-3"])
def test_amounts_are_not_repeated(tmp_path, header, amount):
    path = workbook(tmp_path / "a.xlsx", [header, "x"], [amount, 1], [None, 2], merged=("A2:A3",))
    assert opened(path)[1][1][1] is None


def test_merged_cells_away_from_the_corner_and_across(tmp_path):
    path = workbook(
        tmp_path / "a.xlsx",
        [None, "All orders", None, None],
        [None, "as of", "2025-06-30", None],
        [None, "who", None, "what", "how much"],
        [None, "name", "town", "name", None],
        [None, "Alpha", "Aachen", "pump", 5],
        [None, None, None, "valve", 6],
        merged=("B1:D1", "B3:C3", "E3:E4", "B5:B6"),
    )
    header, rows = opened(path)
    assert header == ["name", "town", "name (2)", "how much"]
    assert rows == [(5, "Alpha", "Aachen", "pump", "5"), (6, "Alpha", None, "valve", "6")]


def test_of_several_sheets_the_first_shown_is_read_and_the_others_are_told(tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "accounts.xlsx")
    for name in ("Lists", "Cover", "Accounts 2025", "Notes", "Empty"):
        sheet = book.add_worksheet(name)
        if name == "Lists":
            sheet.write_column(0, 0, ["North", "South"])
        elif name == "Accounts 2025":
            sheet.write_row(0, 0, ["account_id", "account_name"])
            sheet.write_row(1, 0, ["a", "Alpha"])
        elif name == "Notes":
            sheet.write(0, 0, "remember")
    book.get_worksheet_by_name("Cover").activate()
    book.get_worksheet_by_name("Cover").set_first_sheet()
    book.get_worksheet_by_name("Lists").hide()
    book.close()
    (tmp_path / "orders.csv").write_text("order_id,account_id,order_date,amount\no1,a,2025-01-01,100\n")
    report = check_folder(tmp_path)
    assert report.usable
    assert [(f.column, f.kind) for f in report.ledger.faults] == [("Notes", "more_sheets")]


def test_a_workbook_is_known_by_what_it_holds(tmp_path):
    path = workbook(tmp_path / "a.xlsx", ["id", "x"], ["a", 1]).rename(tmp_path / "a.xls")
    assert opened(path) == (["id", "x"], [(2, "a", "1")])


def test_a_sheet_that_is_not_there(tmp_path):
    path = workbook(tmp_path / "a.xlsx", ["id", "x"])
    with pytest.raises(InputError, match="there is no sheet 'Orders'. Sheets: Sheet."):
        opened(path, "Orders")


def test_a_sheet_that_asks_for_a_terabyte_costs_one_sentence(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"] = "id"
    book.active["XFD1048576"] = "far"
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="more than can be held"):
        opened(tmp_path / "a.xlsx")


def test_a_workbook_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", ["id", "x"], ["a", 1])
    monkeypatch.setattr(sheets, "PATIENCE", 0)
    with pytest.raises(InputError, match="Export the table as CSV"):
        sheets.names(path)


def test_errors_and_formulas_never_computed_are_told_with_their_places(tmp_path):
    """Away from the corner, below a title, in the second sheet; what stands beside the table is not in it."""
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    book.add_worksheet("first").write_formula(0, 0, "=1/0", None, "#DIV/0!")
    sheet = book.add_worksheet("other & 'one' more")
    sheet.write_row(1, 2, ["All of it", None])
    sheet.write_formula(1, 3, "=1/0", None, "#DIV/0!")
    sheet.write_row(2, 2, ["id", "x", "y"])
    for row in range(3, 13):
        sheet.write(row, 2, f"a{row}")
        sheet.write_formula(row, 3, "=NA()", None, "#N/A")
        sheet.write_formula(row, 4, "=1+1", None, 2 if row % 2 else "")
        sheet.write_formula(row, 6, "=1/0", None, "#DIV/0!")
    book.close()
    said = sheets.read(tmp_path / "a.xlsx", tmp_path / "a.csv", "other & 'one' more")
    assert said.header == ["id", "x", "y"]
    assert said.lost == (
        sheets.Lost(1, "excel_error", 10, tuple((row, "#N/A") for row in (4, 5, 6, 7, 8))),
        sheets.Lost(2, "not_computed", 5, tuple((row, "") for row in (5, 7, 9, 11, 13))),
    )
    con = duckdb.connect()
    found = open_source(con, Source(tmp_path / "a.xlsx", "other & 'one' more"), "it", tmp_path)
    told = [fault.text("zh") for fault in found.told("orders")]
    assert told[0].startswith("a.xlsx，工作表 other & 'one' more·x：10 × 工作簿中的错误值，按空值读取：第4行 '#N/A'")
    assert told[1].endswith(
        "从未计算的公式，按空值读取：第5行、第7行、第9行、第11行、第13行。请在 Excel 中打开，重新计算后保存。"
    )


def in_error(path: Path) -> Path:
    """A workbook whose second sheet has errors away from the corner, above and beside its table, and a text like one."""
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("first").write_formula(0, 0, "=NA()", None, "#N/A")
    sheet = book.add_worksheet("other & 二")
    sheet.write_formula(0, 3, "=NA()", None, "#N/A")
    sheet.write_row(2, 2, ["id", "x", "y", "z"])
    for row in range(3, 10):
        sheet.write(row, 2, f"a{row}")
        sheet.write_formula(row, 3, "=NA()", None, "#N/A")
        sheet.write(row, 4, "#N/A")
        sheet.write(row, 5, 0.123456789)
        sheet.write_formula(row, 7, "=NA()", None, "#N/A")
    book.close()
    return path


def patched(path: Path) -> Path:
    """Turn a number (a record of 18 bytes) into an error that no formula gives, and something that nobody reads."""
    content, number = path.read_bytes(), struct.pack("<HHHH", 0x0203, 14, 6, 5)
    assert content.count(number) == 1
    at = content.index(number)
    record = struct.pack("<HHHHHBB", 0x0205, 8, 6, 5, 0, 0x17, 1) + struct.pack("<HHH", 0x0FFF, 2, 0)
    path.write_bytes(content[:at] + record + content[at + 18 :])
    return path


NA = sheets.Lost(1, "excel_error", 7, tuple((row, "#N/A") for row in (4, 5, 6, 7, 8)))


@pytest.mark.parametrize("ending", ["xlsx", "xls", "ods"])
def test_cells_in_error_are_told_in_every_format(tmp_path, ending):
    path = in_error(tmp_path / "a.xlsx")
    if ending != "xlsx":
        path = converted(path, ending)
    assert sheets.read(path, tmp_path / "a.csv", "other & 二").lost == (NA,)
    assert "10,a9,,#N/A,0.123456789" in (tmp_path / "a.csv").read_text()


def test_an_error_in_an_old_workbook_that_no_formula_gives(tmp_path):
    path = patched(converted(in_error(tmp_path / "a.xlsx"), "xls"))
    lost = (NA, sheets.Lost(3, "excel_error", 1, ((7, "#REF!"),)))
    assert sheets.read(path, tmp_path / "a.csv", "other & 二").lost == lost


def test_cells_in_error_are_told_of_a_binary_workbook(tmp_path):
    rows = {
        1: {2: "id", 3: "x", 4: "y"},
        2: {2: "a", 3: Error(0x2A), 4: "1"},
        3: {2: "b", 3: Error(-0x07), 4: "2", 6: Error(0x2A)},
        300: {2: "c", 3: "here", 4: Error(-0x17)},
    }
    path = xlsb(tmp_path / "a.xlsb", "订单", rows)
    said = sheets.read(path, tmp_path / "a.csv")
    assert said.header == ["id", "x", "y"]
    assert said.lost == (
        sheets.Lost(1, "excel_error", 2, ((3, "#N/A"), (4, "#DIV/0!"))),
        sheets.Lost(2, "excel_error", 1, ((301, "#REF!"),)),
    )
    assert (tmp_path / "a.csv").read_text().splitlines() == ["3,a,,1", "4,b,,2", "301,c,here,"]


def test_cells_alike_of_an_open_document_are_all_counted(tmp_path):
    """Written once with their number, as LibreOffice does; above the table they do not count."""
    path = converted(in_error(tmp_path / "a.xlsx"), "ods")
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    cells = '<table:table-cell table:number-columns-repeated="3" calcext:value-type="error"><text:p>#REF!</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="40"><table:table-cell table:number-columns-repeated="4"/>{cells}</table:table-row>'
    before, last = parts["content.xml"].decode().rsplit("<table:table-row", 1)
    parts["content.xml"] = f"{before}{row}<table:table-row{last}".encode()
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    lost = sheets.read(path, tmp_path / "a.csv", "other & 二").lost
    assert [(one.column, one.n) for one in lost] == [(1, 7), (2, 40), (3, 40)]
    assert [value for _, value in lost[1].examples] == ["#REF!"] * 5
