"""Each part of a workbook removed, emptied, cut or overwritten in turn; and the file itself cut at many places."""

from __future__ import annotations

import io
import zipfile

from hostile import Case, imported, refused
from hostile.workbooks import FILE, GOOD

PARTS = ("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml")  # fmt: skip


def does_without(part: str, how: str) -> bool:
    """Whether the reader needs nothing of what is damaged."""
    return part == "[Content_Types].xml" or (part, how) == ("xl/styles.xml", "removed")


def changed(part: str, change) -> bytes:
    """The workbook with what `change` makes of one part; None leaves it out."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            content = change(content) if info.filename == part else content
            if content is not None:
                new.writestr(info.filename, content)
    return held.getvalue()


DAMAGE = {
    "removed": lambda _: None,
    "emptied": lambda _: b"",
    "cut": lambda text: text[: len(text) * 2 // 3],
    "overwritten": lambda text: b"\xff\xfe\x00" * (len(text) // 3),
}


def case(part: str, how: str) -> Case:
    files = {FILE: changed(part, DAMAGE[how])}
    name = f"{part} {how}"
    return imported(name, files, 2, 2) if does_without(part, how) else refused(name, files, FILE)


CASES = [
    *(case(part, how) for part in PARTS for how in DAMAGE),
    *(refused(f"cut to {tenths} tenths", {FILE: GOOD[: len(GOOD) * tenths // 10]}, FILE, "not a readable Excel file") for tenths in (1, 5, 9)),
    refused("cut by a byte", {FILE: GOOD[:-1]}, FILE, "not a readable Excel file"),
    refused("a bit turned over in the middle", {FILE: GOOD[: len(GOOD) // 2] + bytes([GOOD[len(GOOD) // 2] ^ 4]) + GOOD[len(GOOD) // 2 + 1 :]}, FILE),
]  # fmt: skip
