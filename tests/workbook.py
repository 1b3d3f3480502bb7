"""Write the smallest Excel workbook that Excel and readers accept, and workbooks in other formats."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest


def xlsx(path: Path, **by_sheet: list[list[object]]) -> Path:
    """Write a workbook with the rows of each sheet; return its path."""

    def cell(value: object) -> str:
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>' if value is not None else "<c/>"

    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    listed, links, types = [], [], []
    with zipfile.ZipFile(path, "w") as book:
        for i, (name, rows) in enumerate(by_sheet.items(), 1):
            lines = "".join(f'<row r="{r}">{"".join(map(cell, row))}</row>' for r, row in enumerate(rows, 1))
            book.writestr(
                f"xl/worksheets/sheet{i}.xml", f"<worksheet {main}><sheetData>{lines}</sheetData></worksheet>"
            )
            listed.append(f'<sheet name="{escape(name)}" sheetId="{i}" r:id="r{i}"/>')
            links.append(f'<Relationship Id="r{i}" Type="{relations}/worksheet" Target="worksheets/sheet{i}.xml"/>')
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
            types.append(f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{kind}"/>')
        book.writestr(
            "xl/workbook.xml", f'<workbook {main} xmlns:r="{relations}"><sheets>{"".join(listed)}</sheets></workbook>'
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">{"".join(links)}</Relationships>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types">{"".join(types)}</Types>')
    return path


def converted(path: Path, ending: str) -> Path:
    """Return the workbook as LibreOffice saves it in another format; skip the test where there is no LibreOffice."""
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("LibreOffice is not here: no workbook can be saved in another format")
    subprocess.run(
        [soffice, "--headless", f"-env:UserInstallation=file://{path.parent}/profile", "--convert-to", ending,
         "--outdir", path.parent, path],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return path.with_suffix(f".{ending}")


class Error(int):
    """A cell in error, by its code; a negative one is that of a formula."""


def xlsb(path: Path, name: str, rows: dict[int, dict[int, str | Error]]) -> Path:
    """Write a binary workbook of one sheet, its cells by row and column from 0, record by record as [MS-XLSB] has them."""

    def record(kind: int, data: bytes = b"") -> bytes:
        number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return number + bytes([len(data) & 0x7F | 0x80, len(data) >> 7]) + data

    def wide(text: str) -> bytes:
        return struct.pack("<I", len(text)) + text.encode("utf-16-le")

    def cell(column: int, value: str | Error) -> bytes:
        place = struct.pack("<II", column, 0)
        if isinstance(value, str):
            return record(6, place + wide(value))
        formula = bytes(2) + struct.pack("<I", 0) + bytes(4)
        return record(11, place + bytes([-value]) + formula) if value < 0 else record(3, place + bytes([value]))

    width = 1 + max(column for row in rows.values() for column in row)
    sheet = record(129) + record(148, struct.pack("<IIII", min(rows), max(rows), 0, width - 1)) + record(145)
    for number, row in rows.items():
        sheet += record(0, struct.pack("<I", number) + bytes(13))
        sheet += b"".join(cell(column, value) for column, value in row.items())
    bundle = record(156, struct.pack("<II", 0, 1) + wide("r1") + wide(name))
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    worksheet = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/workbook.bin", record(131) + record(143) + bundle + record(144) + record(132))
        book.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{worksheet}" Target="worksheets/sheet1.bin"/></Relationships>',
        )
        book.writestr("xl/worksheets/sheet1.bin", sheet + record(146) + record(130))
    return path
