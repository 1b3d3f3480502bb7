"""Exports of a CRM that nobody says anything about: `kam import --from auto` over hostile files."""

from __future__ import annotations

import io
import os
from pathlib import Path

import openpyxl
from crm_exports import DEALS, ORDERS, ZOHO

from hostile import Case, Content

D = "Deals_2026_03_17.csv"
"""The file that most cases change."""
CHINESE = "_id,客户名称,客户编号,生命状态,创建时间\na1,甲公司,001,正常,2020-01-02 09:00\na2,乙公司,002,正常,2020-01-02 09:00\n"


def auto(name: str, change: dict[str, Content | None], read: int, kept: int, *words: str, table: str = "deals") -> Case:
    """The three files, some of them changed, of which so many rows must be read and kept."""
    return Case(
        name,
        {n: c for n, c in (ZOHO | change).items() if c is not None},
        words,
        (read, kept, read - kept),
        table=table,
        mapping="auto",
    )


def turned_away(name: str, change: dict[str, Content | None], *words: str) -> Case:
    """The three files, some of them changed, that must be refused with these words."""
    return Case(name, {n: c for n, c in (ZOHO | change).items() if c is not None}, words, mapping="auto")


def sparse(path: Path) -> None:
    """Five gigabytes of nothing, which take no room."""
    with path.open("wb") as file:
        file.truncate(5 << 30)


def outside(path: Path) -> None:
    beside = path.parent.parent / "secret.csv"
    beside.write_text(ORDERS)
    path.symlink_to(beside)


def book(macros: bool = False, **sheets: str) -> bytes:
    """A workbook of these sheets; those called `hidden…` are hidden, and one may carry a macro."""
    made, held = openpyxl.Workbook(), io.BytesIO()
    made.remove(made.active)
    for name, text in sheets.items():
        sheet = made.create_sheet(name)
        sheet.sheet_state = "hidden" if name.startswith("hidden") else "visible"
        for line in text.splitlines():
            sheet.append([cell.strip('"') or None for cell in line.split(",")])
    made.save(held)
    if macros:
        import zipfile

        with zipfile.ZipFile(held, "a") as packed:
            packed.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + b"\0" * 2000)
    return held.getvalue()


PLAIN = DEALS.replace('"$12,000.50"', "12000.50").replace("$", "")
ERRONEOUS = PLAIN.replace("12000.50", "#REF!")
DEEP = "/".join(f"d{i}" for i in range(50))

CASES = [
    auto("the files as they are", {}, 3, 3),
    auto("a file cut off in the middle of a row", {D: DEALS[: DEALS.index("Closed Lost") - 20]}, 2, 2, "Deals_2026_03_17.csv: 1 × line not readable (row set aside): row 4", "3          2               1"),
    turned_away("a file cut off in the middle of its first row", {D: DEALS[: DEALS.index(".50\"")]}, "Deals_2026_03_17.csv holds no row"),
    auto("headers with twins of their letters", {D: DEALS.replace("Stage", "Ｓｔａｇｅ").replace("Amount", "Am\u200bount")}, 3, 3),
    auto("a header of Cyrillic letters", {D: DEALS.replace("Amount", "\u0410mount")}, 3, 3),
    auto("headers with a direction turned round", {D: DEALS.replace("Lead Source", "\u202eLead Source")}, 3, 3),
    auto("two files of one module", {"Deals_2026_03_17 (1).csv": DEALS.replace("zcrm_41508680000002250", "zcrm_41508680000002251")}, 6, 6),
    auto("the same file twice", {"Deals_2026_03_17 (1).csv": DEALS}, 6, 3, "key used before"),
    auto("two files of one module that differ in a column", {"Deals_2026_03_17 (1).csv": DEALS.replace("Lead Source", "Source of it")}, 6, 3, "key used before"),
    turned_away("one module exported on two days", {"Deals_2026_03_18.csv": DEALS}, "exported on 2026-03-17 and 2026-03-18"),
    auto("a workbook with macros", {D: None, "Deals_2026_03_17.xlsm": book(macros=True, Deals=PLAIN)}, 3, 3),
    auto("a workbook with hidden sheets", {D: None, "Deals_2026_03_17.xlsx": book(hidden="x\n1\n", Deals=PLAIN)}, 3, 3),
    auto("a workbook with cells in error", {D: None, "Deals_2026_03_17.xlsx": book(Deals=ERRONEOUS)}, 3, 3, "Amount: 1 × cell in error", "row 2 '#REF!'"),
    auto("folders fifty deep", {D: None, f"{DEEP}/{D}": DEALS}, 3, 3),
    turned_away("five gigabytes of nothing beside the others", {"Contacts_2026_03_17.csv": sparse}, "Contacts_2026_03_17.csv", "holds bytes that are no text"),
    turned_away("a link out of the folder", {"Contacts_2026_03_17.csv": outside}, "Contacts_2026_03_17.csv", "is a link out of"),
    turned_away("a pipe", {"Contacts_2026_03_17.csv": os.mkfifo}, "Contacts_2026_03_17.csv", "is not a file"),
    turned_away("dates of which day and month cannot be told", {D: DEALS.replace("25/03/2026", "05/03/2026")}, "Deals_2026_03_17.csv", "--dates"),
    turned_away("dates of both orders", {D: DEALS.replace("05/03/2026", "03/25/2026")}, "Deals_2026_03_17.csv"),
    turned_away("headers only", {D: DEALS.splitlines()[0] + "\n"}, "Deals_2026_03_17.csv holds no row below its header"),
    auto("ids that Excel rounded", {D: DEALS.replace("zcrm_4150868000000225013", "4.15087E+18")}, 3, 3, "Deals_2026_03_17.csv: 1 × id rounded by a spreadsheet (12,000.50): row 2"),
    auto("a hundred files of nothing known", {f"x{i}.csv": f"a{i},b{i}\n1,2\n" for i in range(100)}, 3, 3),
    auto("another CRM beside", {"客户_2026_03_17.csv": CHINESE}, 4, 4, table="accounts"),
    turned_away("an empty file", {D: b""}, D, "is empty"),
    turned_away("a file of zeros", {D: b"\0" * 5000}, D, "no text"),
]  # fmt: skip
