"""Turn one sheet of a workbook into CSV, in a process of its own: `sheets` starts this file as a program.

The reader holds a sheet as a full rectangle, so that a workbook of ten kilobytes can ask for a terabyte, and it ends
the process when it does not get it. Here that costs nobody but this process, which may take so much memory and no more.
It imports next to nothing of the kit, so that it starts at once.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import mmap
import re
import struct
import sys
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any
from xml.parsers import expat

from kamlib.sources.sheet_errors import CHUNK, WHOLE, lost

Row = list[str | None]

LOOKED_AT = 30
"""Rows in which the header is looked for."""
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
LOCKED = "EncryptedPackage".encode("utf-16-le")
"""How an old workbook begins, and what is in a new one with a password, which is wrapped like an old one."""
_NUMBER = re.compile(r"[A-Z]{0,3}\s*[^\w\s]*\s*[-+]?\d[\d.,\s]*\s*[^\w\s]*\s*(?:[A-Z]{3}|元)?")
_ID = re.compile(r"(?:^|[^A-Za-z])(?:id|no|nr|number|code|key)\W*$|(?-i:[a-z]I[dD])$|号$|号码|代码|编码", re.IGNORECASE)


def main(memory: str, unpacked: str, path: str, sheet: str = "", into: str = "") -> None:
    """Write the rows of `sheet` to the file `into`, and what `sheets` has to know to standard output, as JSON."""
    import python_calamine

    _limit(int(memory))
    try:
        answer = _measure(path, int(unpacked)) or _convert(path, sheet, into)
    except python_calamine.PasswordError:
        answer = {"fault": "locked"}
    except (
        python_calamine.CalamineError,
        expat.ExpatError,
        zipfile.BadZipFile,
        OSError,
        ValueError,
        NotImplementedError,
        IndexError,
        struct.error,
    ) as error:
        answer = {"fault": "unreadable", "reason": str(error) or type(error).__name__}
    except MemoryError:
        answer = {"fault": "large"}
    sys.stdout.write(json.dumps(answer))


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _measure(path: str, unpacked: int) -> dict[str, Any]:
    """Unpack a zipped workbook into nothing: what it says of its own size may be a lie."""
    if not zipfile.is_zipfile(path):
        return {}
    left = unpacked
    with zipfile.ZipFile(path) as packed:
        for part in packed.infolist():
            if part.flag_bits & 1:
                return {"fault": "locked"}
            part.file_size = WHOLE
            with packed.open(part) as content:
                while left >= 0 and (chunk := content.read(CHUNK)):
                    left -= len(chunk)
            if left < 0:
                return {"fault": "large"}
    return {}


def _convert(path: str, sheet: str, into: str) -> dict[str, Any]:
    import python_calamine

    with open(path, "rb") as file:
        if file.read(8) == OLD and mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ).find(LOCKED) >= 0:
            return {"fault": "locked"}
        file.seek(0)
        book = python_calamine.load_workbook(file)  # by what it holds: many a .xls is none
        answer: dict[str, Any] = {"sheets": book.sheet_names}
        if not into or (sheet and sheet not in book.sheet_names):
            return answer
        hidden = {m.name for m in book.sheets_metadata if m.visible != python_calamine.SheetVisibleEnum.Visible}
        shown = [name for name in book.sheet_names if name not in hidden]
        for place, name in enumerate(candidates := [sheet] if sheet else shown):
            read = book.get_sheet_by_name(name)
            top, header, body = rows(read)
            if header:
                more = [other for other in candidates[place + 1 :] if book.get_sheet_by_name(other).height]
                return answer | {
                    "header": header,
                    "longest": _write(body, len(header), into),
                    "more": more,
                    "lost": lost(path, book.sheet_names.index(name), name, top, _left(read), len(header)),
                }
    return answer


def rows(sheet: Any) -> tuple[int, Row, Iterator[tuple[int, Row]]]:
    """Return the number of the header's row, the header and, for every row below it that holds anything, its number and
    its cells.

    The header is the first row that fills more than half as many cells as the fullest of the first rows and has none
    merged across: a title, the date of the export or a heading over several columns does not. A cell merged over
    several rows stands in each.
    """
    numbered = ((number, [text(cell) for cell in cells]) for number, cells in enumerate(sheet.iter_rows(), 1))
    filled = ((number, cells) for number, cells in numbered if any(cell is not None for cell in cells))
    first = list(islice(filled, LOOKED_AT))
    if not first:
        return 0, [], iter(())
    down, across = _merged(sheet)
    fullest = max(_width(cells) for _, cells in first)
    full = [place for place, (_, cells) in enumerate(first) if 2 * _width(cells) > fullest]
    top = next((place for place in full if first[place][0] not in across), full[0])
    *_, (_, header) = _fill_down(first[: top + 1], first[top][1], down)
    while header and header[-1] is None:
        header.pop()
    return first[top][0], header, _fill_down(chain(first[top + 1 :], filled), header, down)


def _width(cells: Row) -> int:
    return sum(cell is not None for cell in cells)


def _left(sheet: Any) -> int:
    """Return the first column that holds anything, from 0: the reader begins there."""
    return (sheet.start or (0, 0))[1]


def _merged(sheet: Any) -> tuple[dict[int, list[tuple[int, int]]], set[int]]:
    """Return by the row in which cells merged over several rows begin: the column, and the row in which they end; and
    the rows that have cells merged across."""
    left = _left(sheet)
    down: dict[int, list[tuple[int, int]]] = {}
    across = set()
    for (top, column), (bottom, right) in sheet.merged_cell_ranges or ():
        if right > column:
            across.add(top + 1)
        if bottom > top and column >= left:
            down.setdefault(top + 1, []).append((column - left, bottom + 1))
    return down, across


def _fill_down(body: Iterable[tuple[int, Row]], header: Row, merged: dict) -> Iterator[tuple[int, Row]]:
    """Repeat the content of merged cells in every row they cover. An amount is not repeated, for it would be counted
    again; a number below the header of an id is none."""
    held: dict[int, tuple[int, str]] = {}
    for number, cells in body:
        held = {column: (last, cell) for column, (last, cell) in held.items() if number <= last}
        for column, (_, cell) in held.items():
            cells[column] = cells[column] or cell
        for column, last in merged.get(number, ()):
            cell = cells[column] if column < len(header) else None
            if cell and (_NUMBER.fullmatch(cell) is None or _ID.search(header[column] or "")):
                held[column] = (last, cell)
        yield number, cells


def _write(body: Iterator[tuple[int, Row]], width: int, into: str) -> int:
    """Write the rows, each after its number and `width` cells long; return the bytes of the longest line at most."""
    longest = 0
    with open(into, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, cells in body:
            cells = cells[:width] + [None] * (width - len(cells))
            longest = max(longest, writer.writerow([number, *cells]))
    return max(4 * longest, CHUNK)


def text(cell: Any) -> str | None:
    """Return a cell as a CSV would have it: whole numbers without decimals, dates as ISO."""
    if isinstance(cell, str):
        return cell.replace("\x00", "").strip() or None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ") if cell.time() != dt.time() else cell.date().isoformat()
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell).strip() or None


if __name__ == "__main__":
    main(*sys.argv[1:])
