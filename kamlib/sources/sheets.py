"""Excel workbooks as rows of text. A title above the header is passed over."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kamlib.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".xlsx", ".xlsm", ".xls")
LARGEST = 2 << 30
"""Bytes a workbook may unpack to; a small file can claim terabytes."""


def names(path: Path) -> list[str]:
    """Return the names of the sheets. InputError when the file is no workbook."""
    return list(_workbook(path).sheet_names)


def read(path: Path, sheet: str = "") -> tuple[list[str], list[tuple[int, list[str | None]]]]:
    """Return the header and (row number, cells) of every row that holds anything.

    Without `sheet` the first one with content is read. The header is the first row in which at least two cells, or all
    there are, hold text: a title above it has one.
    """
    book = _workbook(path)
    if sheet:
        if sheet not in book.sheet_names:
            raise InputError(f"{path}: there is no sheet '{sheet}'. Sheets: {', '.join(book.sheet_names)}.")
        rows = _rows(book, sheet)
    else:
        rows = next((found for name in book.sheet_names if (found := _rows(book, name))), [])
    if not rows:
        raise InputError(f"{path} is empty. Write the column names in the first row, or delete the file.")
    width = max(sum(cell is not None for cell in cells) for _, cells in rows[:20])
    top = next(i for i, (_, cells) in enumerate(rows) if sum(c is not None for c in cells) >= min(2, width))
    header = [cell or "" for cell in rows[top][1]]
    while header and not header[-1].strip():
        header.pop()
    return header, rows[top + 1 :]


def to_arrow(columns: list[str], rows: list[tuple[int, list[str | None]]]) -> pa.Table:
    """Return the rows as an Arrow table of texts with `__k` and `__row`."""
    import pyarrow as pa

    cells = {
        name: pa.array([row[i] if i < len(row) else None for _, row in rows], pa.string())
        for i, name in enumerate(columns)
    }
    numbers = pa.array([number for number, _ in rows], pa.int64())
    return pa.table({"__k": numbers, "__row": numbers, **cells})


def _workbook(path: Path) -> Any:
    import python_calamine

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                if sum(part.file_size for part in packed.infolist()) > LARGEST:
                    raise InputError(f"{path}: unpacks to more than 2 GB. Export the table as CSV or Parquet instead.")
        return python_calamine.load_workbook(path)
    except python_calamine.PasswordError:
        raise InputError(f"{path}: is locked with a password. Save it without one.") from None
    except (python_calamine.CalamineError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: not a readable Excel file ({error}). Open it, save it as .xlsx, try again."
        ) from None


def _rows(book: Any, sheet: str) -> list[tuple[int, list[str | None]]]:
    grid = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    rows = ((number, [_text(cell) for cell in cells]) for number, cells in enumerate(grid, 1))
    return [(number, cells) for number, cells in rows if any(cell is not None for cell in cells)]


def _text(cell: Any) -> str | None:
    """Return a cell as a CSV would have it: whole numbers without decimals, dates as ISO."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ") if cell.time() != dt.time() else cell.date().isoformat()
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    return str(cell).replace("\x00", "").strip() or None
