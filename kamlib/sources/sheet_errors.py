"""What the reader of workbooks gives as empty although it is not: cells in error, formulas that were never computed.

Each format keeps it elsewhere: .xlsx and .ods in XML, .xlsb in records of a zip [MS-XLSB], .xls in records of an OLE
file [MS-XLS]. It imports nothing of the kit, like `sheet_rows`, whose process it runs in.
"""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from xml.parsers import expat

EXAMPLES = 5
"""Places that are named of cells in error; all are counted."""
WHOLE = 1 << 62
"""The size of a part that is read to its end, whatever it says of its size."""
CHUNK = 1 << 20
_IN_XLSX = re.compile(rb"""[<:]f[\s/>]|\bt\s?=\s?["']e["']""")
"""What the XML of a sheet with a formula or an error holds."""
_IN_ODS = re.compile(rb"""value-type\s?=\s?["']error["']""")
_PLACE = re.compile(r"([A-Z]{1,3})(\d+)")
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
"""How .xls and .xlsb write an error."""


class Found:
    """Cells from row `top` on, in `width` columns from column `left` on, by column of the table and kind."""

    def __init__(self, top: int, left: int, width: int) -> None:
        self.top, self.left, self.width = top, left, width
        self.cells: dict[tuple[int, str], list[Any]] = {}

    def note(self, row: int, column: int, kind: str, value: str, rows: int = 1, columns: int = 1) -> None:
        """Note a cell, its row counted from 1 and its column from 0; or a block of cells alike."""
        rows, row = row + rows - max(row, self.top), max(row, self.top)
        for place in range(max(column - self.left, 0), min(column - self.left + columns, self.width)):
            if rows > 0:
                noted = self.cells.setdefault((place, kind), [0, []])
                noted[0] += rows
                noted[1] += [[row + i, value] for i in range(min(rows, EXAMPLES - len(noted[1])))]


def lost(path: str, place: int, sheet: str, top: int, left: int, width: int) -> list[list[Any]]:
    """Return of the sheet `sheet`, the workbook's number `place` from 0, for each column and kind: [column, kind, how many,
    the first [row, error]]. What lies above row `top` or beside the table is not looked at."""
    found = Found(top, left, width)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            parts = {part.filename.replace("\\", "/").lower(): part for part in packed.infolist()}
            for part in parts.values():
                part.file_size = WHOLE
            if "xl/workbook.xml" in parts:
                _xlsx(packed, parts, sheet, found)
            elif "xl/workbook.bin" in parts:
                _xlsb(packed, parts, sheet, found)
            elif "content.xml" in parts and _suspect(packed, parts["content.xml"], _IN_ODS):
                with packed.open(parts["content.xml"]) as content:
                    _Ods(sheet, found).read(content)
    else:
        _xls(path, place, found)
    return [[column, kind, n, places] for (column, kind), (n, places) in sorted(found.cells.items())]


def _xlsx(packed: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo], sheet: str, found: Found) -> None:
    if "xl/_rels/workbook.xml.rels" not in parts:
        return
    said: list[dict[str, str]] = []
    with packed.open(parts["xl/workbook.xml"]) as content:
        _parse(content, lambda _, attributes: said.append(attributes))
    link = next((v for one in said if one.get("name") == sheet for k, v in one.items() if k.endswith(":id")), "")
    part = _part(packed, parts, "xml", link, sheet)
    if _suspect(packed, part, _IN_XLSX):
        with packed.open(part) as content:
            _Xlsx(found).read(content)


def _part(
    packed: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo], ending: str, link: str, sheet: str
) -> zipfile.ZipInfo:
    """Return the part of a workbook that holds a sheet."""
    said: list[dict[str, str]] = []
    with packed.open(parts[f"xl/_rels/workbook.{ending}.rels"]) as content:
        _parse(content, lambda _, attributes: said.append(attributes))
    target = next((one["Target"] for one in said if one.get("Id") == link and "Target" in one), "")
    target = posixpath.join("/xl", target.replace("\\", "/"))
    part = parts.get(posixpath.normpath(target).lstrip("/").lower())
    if part is None:
        raise ValueError(f"the part of the sheet '{sheet}' is not where the workbook says")
    return part


def _suspect(packed: zipfile.ZipFile, part: zipfile.ZipInfo, pattern: re.Pattern[bytes]) -> bool:
    """Return whether a sheet may hold a formula or an error; most exports hold none and need no second look."""
    tail = b""
    with packed.open(part) as content:
        while chunk := content.read(CHUNK):
            if pattern.search(tail + chunk):
                return True
            tail = chunk[-32:]
    return False


def _parse(content: IO[bytes], start: Any, end: Any = None, text: Any = None) -> None:
    """Give every element to `start` and `end`. ValueError when entities are declared: no spreadsheet does."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.ParseFile(content)


def _no_doctype(*_: object) -> None:
    raise ValueError("it declares a document type")


class _Xlsx:
    """Notes cells in error and formulas without a value while the XML of a sheet goes by."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.row = self.column = 0
        self.kind, self.formula, self.value, self.within = "", False, "", False

    def read(self, content: IO[bytes]) -> None:
        """Read it to its end."""
        _parse(content, self.start, self.end, self.text)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin a row, a cell or what stands in it."""
        name = tag.rpartition(":")[2]
        if name == "c":
            self.kind, self.formula, self.value = attributes.get("t", ""), False, ""
            self.column += 1
            if place := _PLACE.fullmatch(attributes.get("r", "")):
                self.row, self.column = int(place[2]), 0
                for letter in place[1]:
                    self.column = 26 * self.column + ord(letter) - 64
        elif name == "row":
            self.row, self.column = int(attributes.get("r") or self.row + 1), 0
        elif name == "f":
            self.formula = True
        self.within = name == "v"

    def text(self, data: str) -> None:
        """Take the value of a cell."""
        if self.within:
            self.value += data

    def end(self, tag: str) -> None:
        """End a cell: note what is wrong with it. A formula may have an empty text as its value."""
        name, self.within = tag.rpartition(":")[2], False
        if name == "c" and self.kind == "e":
            self.found.note(self.row, self.column - 1, "excel_error", self.value)
        elif name == "c" and self.formula and not self.value and self.kind != "str":
            self.found.note(self.row, self.column - 1, "not_computed", "")


class _Ods:
    """Notes cells in error while the XML of all sheets goes by. Rows and cells alike are written once, with their number."""

    def __init__(self, sheet: str, found: Found) -> None:
        self.sheet, self.found = sheet, found
        self.row, self.column, self.rows, self.columns = 1, 0, 1, 1
        self.here = self.error = self.within = False
        self.value = ""

    def read(self, content: IO[bytes]) -> None:
        """Read it to its end."""
        _parse(content, self.start, self.end, self.text)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin a sheet, a row, a cell or what stands in it."""
        name = tag.rpartition(":")[2]
        if tag == "table:table":
            self.here, self.row = attributes.get("table:name") == self.sheet, 1
        elif name == "table-row":
            self.column, self.rows = 0, int(attributes.get("table:number-rows-repeated", 1))
        elif name in ("table-cell", "covered-table-cell"):
            self.columns, self.value = int(attributes.get("table:number-columns-repeated", 1)), ""
            self.error = attributes.get("calcext:value-type") == "error"
        self.within = tag == "text:p"

    def text(self, data: str) -> None:
        """Take what a cell shows."""
        if self.within and self.error:
            self.value += data

    def end(self, tag: str) -> None:
        """End a row or a cell: note it when it is in error."""
        name, self.within = tag.rpartition(":")[2], False
        if name == "table-row":
            self.row += self.rows
        elif name in ("table-cell", "covered-table-cell"):
            if self.here and self.error:
                self.found.note(self.row, self.column, "excel_error", self.value, self.rows, self.columns)
            self.column, self.error = self.column + self.columns, False


def _xlsb(packed: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo], sheet: str, found: Found) -> None:
    link = ""
    for kind, data in _records_xlsb(packed.read(parts["xl/workbook.bin"])):
        if kind == 156:  # BrtBundleSh: state, id, then the link and the name, each after its length
            end = 12 + 2 * struct.unpack_from("<I", data, 8)[0]
            if data[end + 4 :].decode("utf-16-le", "replace") == sheet:
                link = data[12:end].decode("utf-16-le")
    row = 0
    for kind, data in _records_xlsb(packed.read(_part(packed, parts, "bin", link, sheet))):
        if kind == 0:  # BrtRowHdr
            row = struct.unpack_from("<I", data)[0] + 1
        elif kind in (3, 11):  # BrtCellError, BrtFmlaError
            found.note(row, struct.unpack_from("<I", data)[0], "excel_error", _ERRORS.get(data[8], "#"))


def _records_xlsb(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and length of a record take seven bits of each byte, the lowest first."""
    at = 0
    while at < len(data):
        numbers = []
        for longest in (2, 4):
            number = 0
            for place in range(longest):
                number |= (data[at] & 0x7F) << 7 * place
                at += 1
                if data[at - 1] < 0x80:
                    break
            numbers.append(number)
        kind, size = numbers
        yield kind, data[at : at + size]
        at += size


def _xls(path: str, place: int, found: Found) -> None:
    import olefile

    with olefile.OleFileIO(path) as file:
        data = file.openstream("Workbook" if file.exists("Workbook") else "Book").read()
    begins = [struct.unpack_from("<I", data, at)[0] for kind, at in _records_xls(data, 0) if kind == 0x85]  # BoundSheet
    depth = 0  # a chart in a sheet has records of its own
    for kind, at in _records_xls(data, begins[place]):
        if kind == 0x0809:  # BOF
            depth += 1
        elif kind == 0x0A:  # EOF
            depth -= 1
            if not depth:
                return
        elif depth == 1 and kind in (0x0006, 0x0205):  # Formula, BoolErr
            row, column, _, value, other = struct.unpack_from("<HHHBB", data, at)
            error = other == 1 if kind == 0x0205 else (value, data[at + 12 : at + 14]) == (2, b"\xff\xff")
            code = value if kind == 0x0205 else data[at + 8]
            if error:
                found.note(row + 1, column, "excel_error", _ERRORS.get(code, "#"))


def _records_xls(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Give the number of each record, and where its content begins."""
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        yield kind, at + 4
        at += 4 + size
