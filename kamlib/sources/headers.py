"""Which column of a file is which canonical column: by its name, whatever its case and blanks, or by its label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from kamlib.errors import suggest
from kamlib.language import say
from kamlib.tables import Table

UNNAMED = r"column \d+"
"""What a column without a header is called."""


@dataclass(frozen=True)
class Matched:
    """`columns` gives the header of each canonical column found; `strangers` are headers left out; `faults` say what
    makes the file unusable."""

    columns: dict[str, str] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def match(table: Table, headers: Iterable[str], file: str) -> Matched:
    """Match the headers of `file` to the columns of `table`. A canonical name goes before a label."""
    headers = [header for header in headers if not header.startswith("__")]
    by_name = {_bare(column.name): column.name for column in table.columns}
    by_label = {_bare(label): column.name for column in table.columns for label in (column.en, column.zh)}
    found: dict[str, list[str]] = {}
    for known in (by_name, by_label):
        taken = set(found)
        for header in headers:
            column = known.get(_bare(header))
            if column and column not in taken and not any(header in others for others in found.values()):
                found.setdefault(column, []).append(header)
    faults = [
        say(
            None,
            f"{file}: {' and '.join(map(repr, several))} both claim to be the column {column}. Keep one of them.",
            f"{file}：{'、'.join(map(repr, several))} 都对应列 {column}。请只保留一个。",
        )
        for column, several in found.items()
        if len(several) > 1
    ]
    matched = {header for several in found.values() for header in several}
    strangers = tuple(header for header in headers if header not in matched and not re.fullmatch(UNNAMED, header))
    missing = [column for column in table.required if column not in found]
    if missing:
        faults.append(_lacking(table, missing, headers, strangers, file))
    return Matched({column: several[0] for column, several in found.items()}, strangers, tuple(faults))


def _lacking(table: Table, missing: list[str], headers: list[str], strangers: tuple[str, ...], file: str) -> str:
    columns = [table.column(name) for name in missing]
    named = " and ".join(f"'{column.name}' ({column.en}, {column.zh})" for column in columns)
    lacking = f"column {named} is missing" if len(missing) == 1 else f"columns {named} are missing"
    zh = "、".join(f"{column.name}（{column.zh}）" for column in columns)
    listed, near = ", ".join(headers[:12]) + (", …" if len(headers) > 12 else ""), suggest(missing[0], strangers)
    return say(
        None,
        f"{file}: {lacking} (found: {listed}).{near} Write the names into the "
        "first row of the file, or bring it by a mapping (docs/own-data.md).",
        f"{file}：缺少列 {zh}；现有列：{listed}。{near}请在文件第一行写入列名，或用映射文件导入（docs/own-data.md）。",
    )


def _bare(header: str) -> str:
    """Compare without case, width, blanks, hyphens, underscores, marks nobody sees and the asterisk of a required
    column; a repeated header loses the number that told it apart."""
    seen = "".join(letter for letter in unicodedata.normalize("NFKC", header) if unicodedata.category(letter) != "Cf")
    return re.sub(r"[\s_\-*]|\(\d+\)$", "", seen).casefold()
