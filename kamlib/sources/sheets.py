"""Excel workbooks as rows of text, read by `sheet_rows` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kamlib.errors import InputError
from kamlib.sources import sheet_rows

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
LARGEST = 1 << 30
"""Bytes a workbook may unpack to; a small file can hold terabytes."""
MEMORY = 5 << 29
"""Bytes the process that reads a workbook may take."""
PATIENCE = 900
"""Seconds it may take."""


@dataclass(frozen=True)
class Lost:
    """Cells of one column, from 0, that are not empty and are read as empty: what they are, as a kind of fault, how many,
    and (row, error) of the first."""

    column: int
    kind: str
    n: int
    examples: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Sheet:
    """A sheet as CSV in `path`, without its header: each row begins with its number. `longest` is the length of the
    longest line, `more` names the other sheets that hold anything, when none was asked for, `lost` where cells hold an
    error or a formula that was never computed, which are read as empty."""

    path: Path
    header: list[str]
    longest: int
    more: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()


def names(path: Path) -> list[str]:
    """Return the names of the sheets. InputError when the file is no workbook."""
    return _ask(path)["sheets"]


def read(path: Path, into: Path, sheet: str = "") -> Sheet:
    """Write the rows of a sheet as CSV to the file `into`. Without `sheet` the first visible one that holds anything is
    read. InputError when there is none."""
    said = _ask(path, sheet, str(into))
    if "header" not in said:
        raise InputError(
            f"{path} is empty. Write the column names in the first row, or delete the file.",
            f"{path} 是空的。请在第一行写入列名，或删除该文件。",
        )
    lost = tuple(Lost(*one, tuple(map(tuple, places))) for *one, places in said["lost"])
    return Sheet(into, [name or "" for name in said["header"]], said["longest"], tuple(said["more"]), lost)


def _ask(path: Path, sheet: str = "", into: str = "") -> dict[str, Any]:
    command = [sys.executable, "-P", sheet_rows.__file__, str(MEMORY), str(LARGEST), str(path), sheet, into]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        ended = {"fault": "large"} if done.returncode < 0 else {"fault": "unreadable", "reason": "damaged"}
        said = ended if done.returncode else json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        said = {"fault": "large"}
    if sheet and sheet not in said.get("sheets", [sheet]):
        raise InputError(
            f"{path}: there is no sheet '{sheet}'. Sheets: {', '.join(said['sheets'])}.",
            f"{path}：没有工作表“{sheet}”。现有工作表：{'、'.join(said['sheets'])}。",
        )
    if "fault" in said:
        en, zh = (text.format(said.get("reason")) for text in _FAULTS[said["fault"]])
        raise InputError(f"{path}: {en}", f"{path}{zh}")
    return said


_FAULTS = {
    "locked": ("is locked with a password. Save it without one.", " 设有密码。请另存为无密码的文件。"),
    "large": (
        "unpacks to more than can be held (1 GB). Export the table as CSV or Parquet instead.",
        " 解压后超出可处理的大小（1 GB）。请改为导出 CSV 或 Parquet。",
    ),
    "unreadable": (
        "not a readable Excel file ({}). Open it, save it as .xlsx, try again.",
        " 不是可读取的 Excel 文件（{}）。请打开后另存为 .xlsx 再试。",
    ),
}
