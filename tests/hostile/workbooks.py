"""Workbooks: bombs, locks, false names, and cells that only a spreadsheet can have."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from pathlib import Path

import openpyxl
import xlsxwriter
from msoffcrypto.format.ooxml import OOXMLFile
from workbook import xlsx

from hostile import ORDERS, imported, refused

HEADER = ["order_id", "account_id", "order_date", "amount"]
ROWS = [["o1", "a", "2025-01-01", 100], ["o2", "b", "2025-02-01", 50.5]]
FILE = "orders.xlsx"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)) + "]>"
)


def book(*rows: list, **options: object):
    """Make a workbook of these rows."""

    def make(path: Path) -> None:
        made = xlsxwriter.Workbook(path, options)
        sheet = made.add_worksheet("orders")
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
        made.close()

    return make


def good() -> bytes:
    held = io.BytesIO()
    book(HEADER, *ROWS)(held)
    return held.getvalue()


GOOD = good()
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"


def rewritten(part: str, change) -> bytes:
    """The good workbook with one part made anew from its text."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            text = old.read(info)
            new.writestr(info.filename, change(text) if info.filename == part else text)
    return held.getvalue()


def added(part: str, megabytes: int, filling: bytes = b" "):
    """The good workbook and one more part, which packs to a thousandth; in place of a part of that name."""

    def make(path: Path) -> None:
        with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for info in old.infolist():
                if info.filename != part:
                    new.writestr(info.filename, old.read(info))
            with new.open(part, "w") as big:
                if part == SHEET:
                    big.write(f"<worksheet {MAIN}><sheetData>".encode())
                for _ in range(megabytes):
                    big.write(filling * ((1 << 20) // len(filling)))

    return make


def lying(path: Path) -> None:
    """The sheet says that it unpacks to a hundred bytes, and unpacks to more than one gigabyte."""
    added(SHEET, 1100, b"<row/>  ")(path)
    content = bytearray(path.read_bytes())
    place = content.rfind(SHEET.encode()) - 46  # its entry at the end of the file
    content[place + 24 : place + 28] = (100).to_bytes(4, "little")
    path.write_bytes(content)


def many_parts(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        for i in range(30_000):
            packed.writestr(f"xl/x{i}.xml", "")


def quine(path: Path) -> None:
    """A zip in a zip in a zip."""
    inner = GOOD
    for _ in range(20):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(FILE, inner)
        inner = held.getvalue()
    path.write_bytes(inner)


def locked(path: Path) -> None:
    with path.open("wb") as file:
        OOXMLFile(io.BytesIO(GOOD)).encrypt("secret", file)


def cells(change) -> object:
    """A workbook whose sheet openpyxl can change before it is saved."""

    def make(path: Path) -> None:
        made = openpyxl.Workbook()
        made.active.title = "orders"
        for row in (HEADER, *ROWS):
            made.active.append(row)
        change(made.active)
        made.save(path)

    return make


def put(**values: object):
    def change(sheet) -> None:
        for cell, value in values.items():
            sheet[cell] = value

    return cells(change)


def far(path: Path) -> None:
    put(XFD1048576="far")(path)


def many_rows(path: Path) -> None:
    """As many rows as a sheet can have, all but two of them empty but for a format."""
    rows = "".join(f'<row r="{r}"><c r="A{r}" s="0"/></row>' for r in range(4, 1_048_577, 3))
    path.write_bytes(rewritten(SHEET, lambda text: text.replace(b"</sheetData>", rows.encode() + b"</sheetData>")))


def native_dates(system: bool):
    def make(path: Path) -> None:
        made = xlsxwriter.Workbook(path, {"date_1904": system})
        sheet = made.add_worksheet("orders")
        day = made.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, HEADER)
        for place, row in enumerate(ROWS, 1):
            sheet.write_row(place, 0, row)
            sheet.write_datetime(place, 2, dt.datetime.fromisoformat(row[2]), day)
        made.close()

    return make


def html(path: Path) -> None:
    path.write_text("<html><table><tr><td>order_id</td></tr></table></html>", encoding="utf-8")


def formulas(path: Path) -> None:
    made = openpyxl.Workbook()
    made.active.title = "orders"
    for row in (HEADER, ["o1", "a", "2025-01-01", "=50+50"], ["o2", "b", "2025-02-01", 50.5]):
        made.active.append(row)
    made.save(path)


def computed(path: Path) -> None:
    made = xlsxwriter.Workbook(path)
    sheet = made.add_worksheet("orders")
    for place, row in enumerate([HEADER, *ROWS]):
        sheet.write_row(place, 0, row)
    sheet.write_formula(1, 3, "=50+50", value=100)
    made.close()


def sheet(cell: bytes) -> bytes:
    """The good workbook with another cell in place of its first amount."""
    return rewritten(SHEET, lambda text: text.replace(b'<c r="D2"><v>100</v></c>', cell))


def foreign(text: bytes) -> bytes:
    """The sheet as other writers have it: every element with a prefix, no cell with its place."""
    text = text.replace(b'<c r="D2"><v>100</v></c>', b'<c t="e"><v>#N/A</v></c>').replace(b"xmlns=", b"xmlns:x=")
    return re.sub(rb"(<c) r=\"\w+\"|(</?)(?=[a-z])", lambda found: b"<x:c" if found[1] else found[2] + b"x:", text)


def errors(path: Path) -> None:
    """A row that holds nothing else is none."""
    put(A4="#NAME?", D4="#NAME?")(path)


def thousand(path: Path) -> None:
    put(
        **{
            cell: value
            for i in range(4, 1004)
            for cell, value in ((f"A{i}", f"x{i}"), (f"B{i}", "a"), (f"D{i}", "#N/A"))
        }
    )(path)


CASES = [
    imported("a workbook", {FILE: GOOD}, 2, 2),
    imported("a workbook called .xls", {"orders.xls": GOOD}, 2, 2),
    imported("a workbook called .xlsb", {"orders.xlsb": GOOD}, 2, 2),
    imported("a workbook called .ods", {"orders.ods": GOOD}, 2, 2),
    refused("a workbook called CSV", {"orders.csv": GOOD}, "orders.csv"),
    refused("a workbook called Parquet", {"orders.parquet": GOOD}, "not a readable .parquet"),
    refused("CSV called workbook", {FILE: ORDERS}, FILE, "not a readable Excel file"),
    refused("a web page called .xls", {"orders.xls": html}, "orders.xls", "not a readable Excel file"),
    refused("an empty file", {FILE: b""}, FILE, "not a readable Excel file"),
    refused("a zip of nothing", {FILE: b"PK\5\6" + bytes(18)}, FILE, "not a readable Excel file"),
    refused("the head of an old workbook", {"orders.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)}, "orders.xls", "not a readable Excel file"),
    refused("a workbook with a password", {FILE: locked}, FILE, "locked with a password"),
    refused("a workbook of an empty sheet", {FILE: lambda path: xlsx(path, Sheet1=[])}, f"{FILE} is empty"),
    refused("a workbook of a header", {FILE: book(HEADER)}, "holds no row below its header"),
    refused("a workbook of a title", {FILE: book(["All orders"])}, FILE, "missing"),
    refused("a sheet of gigabytes of blanks", {FILE: added(SHEET, 1100)}, FILE, "more than can be held"),
    refused("texts of gigabytes", {FILE: added(STRINGS, 1100)}, FILE, "more than can be held"),
    refused("a picture of gigabytes", {FILE: added("xl/media/image1.png", 1100, b"\0")}, FILE, "more than can be held"),
    refused("a sheet that lies about its size", {FILE: lying}, FILE, "more than can be held"),
    refused("a cell a terabyte away", {FILE: far}, FILE, "more than can be held"),
    refused("thirty thousand parts", {FILE: many_parts}, FILE, "not a readable Excel file"),
    refused("a zip in a zip, twenty deep", {FILE: quine}, FILE, "not a readable Excel file"),
    imported("a third of a million rows of formats only", {FILE: many_rows}, 2, 2),
    imported("laughs in the texts", {FILE: rewritten(STRINGS, lambda text: text.replace(b"?>", b"?>" + LAUGHS.encode(), 1))}, 2, 2),
    refused("laughs where an account should be", {FILE: rewritten(STRINGS, lambda text: text.replace(b"?>", b"?>" + LAUGHS.encode(), 1).replace(b"<t>a</t>", b"<t>a&a11;</t>"))}, FILE, "not a readable Excel file"),
    refused("the passwords where an account should be", {FILE: rewritten(STRINGS, lambda text: text.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', 1).replace(b"<t>a</t>", b"<t>&e;</t>"))}, FILE, "not a readable Excel file"),
    imported("formulas with their values", {FILE: computed}, 2, 2),
    imported("formulas that were never computed", {FILE: formulas}, 2, 2, "order without an amount", "orders.xlsx · amount: 1 × formula that was never computed, read as empty: row 2. Open it in Excel, recalculate, save.", money=50.5),
    imported("formulas that give an empty text", {FILE: sheet(b'<c r="D2" t="str"><f>IF(1=1,"","")</f><v></v></c>')}, 2, 2, "order without an amount", money=50.5),
    imported("cells in error", {FILE: sheet(b'<c r="D2" t="e"><v>#REF!</v></c>')}, 2, 2, "order without an amount", "orders.xlsx · amount: 1 × cell in error in the workbook, read as empty: row 2 '#REF!'. Open it in Excel, mend the formula, recalculate, save.", money=50.5),
    imported("cells in error where an account should be", {FILE: rewritten(SHEET, lambda text: re.sub(rb'<c r="B2".*?</c>', b"<c t='e' r='B2'><f>1/0</f><v>#DIV/0!</v></c>", text))}, 2, 1, "account_id: 1 × cell in error", "row 2 '#DIV/0!'", "account_id: 1 × empty, but needed", money=50.5, money_aside=100.0),
    imported("errors without places, in a namespace of their own", {FILE: rewritten(SHEET, foreign)}, 2, 2, "amount: 1 × cell in error", "row 2 '#N/A'", money=50.5),
    imported("a row of errors", {FILE: errors}, 2, 2, "order_id: 1 × cell in error", "amount: 1 × cell in error", "row 4 '#NAME?'"),
    imported("a thousand errors", {FILE: thousand}, 1002, 2, "orders.xlsx · amount: 1,000 × cell in error", "row 4 '#N/A', row 5 '#N/A'", "and 995 more", "order_date: 1,000 × empty, but needed", money_aside=0.0),
    refused("errors and laughs in the sheet", {FILE: rewritten(SHEET, lambda text: text.replace(b"?>", b"?>" + LAUGHS.encode(), 1).replace(b'<c r="D2"><v>100</v></c>', b'<c r="D2" t="e"><v>&a11;</v></c>'))}, FILE, "not a readable Excel file"),
    imported("texts that are formulas elsewhere", {FILE: put(A4="'=1+1", B4="a", C4="2025-01-01", D4=1)}, 3, 3, money=151.5),
    imported("days counted from 1900", {FILE: native_dates(False)}, 2, 2),
    imported("days counted from 1904", {FILE: native_dates(True)}, 2, 2),
    imported("numbers that should be days", {FILE: put(A4="o3", B4="a", C4=45292, D4=1)}, 3, 2, "45292", "not a date", money_aside=1.0),
    imported("a title, a heading and a note above the header", {FILE: book(["Orders"], [], ["printed", "2025-03-01"], HEADER, *ROWS)}, 2, 2),
    imported("rows that say how much it is together", {FILE: book(HEADER, *ROWS, ["Total", None, None, 150.5])}, 3, 2, "row 4", money_aside=150.5),
    imported("headers twice", {FILE: book([*HEADER, "x", "x", "X"], *[[*row, 1, 2, 3] for row in ROWS])}, 2, 2, "x (2)"),
    refused("sixteen thousand columns", {FILE: book([*HEADER, *(f"c{i}" for i in range(16_000))], *ROWS)}, FILE, "has 16,004 columns; 4,000 can be read"),
    imported("as many columns as can be read", {FILE: book([*HEADER, *(f"c{i}" for i in range(3996))], *ROWS)}, 2, 2),
    imported("cells of thirty thousand letters", {FILE: put(A4="x" * 32_000, B4="a", C4="2025-01-01", D4=1)}, 3, 3, money=151.5),
    imported("line ends, quotes and NUL in cells", {FILE: put(A4='o"\n,\r\n3_x0000_', B4="a", C4="2025-01-01", D4=1)}, 3, 3, money=151.5),
    imported("a sheet called after a table among others", {"book.xlsx": lambda path: xlsx(path, **{"'; DROP--": [["x"]], "contacts": [["contact_id", "account_id", "contact_name"], ["c", "a", "Cy"]]})}, 2, 2),
]  # fmt: skip
