"""Text files before the engine sees them: which encoding, which line ends, any blank lines; rewritten where needed."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kamlib.errors import InputError

CHUNK = 1 << 20
HEAD = 1 << 16
LONGEST = 16 << 20
"""Bytes a line may have, about: of much longer ones the engine loses some without a word."""
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
ENDED = '"?'
"""Ends a quote left open so that the engine notes what was in it."""
_PAIR = re.compile(rb"[\x81-\xfe][\x30-\xfe]")
_COMMON = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")
"""The characters in daily use, first level of GB 2312: in the order of their pronunciation, A to Z."""
_BLANK = re.compile(rb"\n\r?\n|\r\r")


@dataclass(frozen=True)
class Text:
    """What the reader must know: `head` is the beginning of the file, decoded."""

    encoding: str
    mixed_line_ends: bool
    has_blank_lines: bool
    odd_quotes: bool
    """Whether a quote is left open: the engine would pass over all after it without a word."""
    head: str

    @property
    def plain(self) -> bool:
        """Whether the engine can read the file as it is."""
        return self.encoding in ("utf-8", "utf-8-sig") and not self.mixed_line_ends and not self.odd_quotes


def inspect(path: Path) -> Text:
    """Read the whole file once, in pieces. InputError when it is no text or its encoding is not known."""
    start = next(_chunks(path), b"")[:HEAD]
    mark = next((name for bom, name in MARKS.items() if start.startswith(bom)), "")
    if not mark and start.count(0) > len(start) / 10:
        raise InputError(
            f"{path}: holds bytes that are no text. Save it as CSV in UTF-8, or as .xlsx or .parquet.",
            f"{path}：含有非文本内容。请另存为 UTF-8 编码的 CSV，或 .xlsx、.parquet。",
        )
    for encoding in [mark] if mark else ["utf-8", "gb18030"]:
        try:
            ends = _line_ends(path, encoding)
        except UnicodeError:
            if not (encoding == "utf-8" and _mostly_utf8(path)):
                continue
            ends = _line_ends(path, encoding, "replace")  # the engine sets the broken lines aside
        if encoding != "gb18030" or _looks_chinese(path):
            return Text(encoding, *ends, codecs.getincrementaldecoder(encoding)("replace").decode(start))
    raise InputError(
        f"{path}: the text is neither UTF-8 nor GB18030. Save it as “CSV UTF-8” and bring it again.",
        f"{path}：编码既非 UTF-8 也非 GB18030。请另存为“CSV UTF-8”后重新提供。",
    )


def _mostly_utf8(path: Path) -> bool:
    """Whether nearly all letters beyond ASCII are UTF-8, so that the others are broken and not of another encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    broken = beyond = 0
    for chunk in _chunks(path):
        text = decoder.decode(chunk)
        broken += text.count("\ufffd")
        beyond += len(text) - len(text.encode("ascii", "ignore"))
    return broken < beyond / 10


def _looks_chinese(path: Path) -> bool:
    """Whether most pairs of bytes are characters in daily use, from the whole alphabet. Western, Japanese, Korean and
    traditional Chinese texts decode as GB18030 too, as rubbish: as rare characters, or all from its first half."""
    pairs: list[bytes] = []
    for chunk in _chunks(path):
        pairs += _PAIR.findall(chunk)
        if len(pairs) > 100_000:
            break
    common = [pair for pair in pairs if _COMMON.fullmatch(pair)]
    late = sum(pair >= b"\xc9" for pair in common)
    return 2 * len(common) >= len(pairs) and (late > len(common) / 20 or len(common) < 10)


def _line_ends(path: Path, encoding: str, errors: str = "strict") -> tuple[bool, bool, bool]:
    """Decode everything; return whether line ends are mixed, whether blank lines stand between others, and whether the
    number of quotes is odd."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    feeds = pairs = returns = quotes = unbroken = 0
    blank, tail = False, b""
    for chunk in _chunks(path):
        text = decoder.decode(chunk)
        chunk = text.encode() if encoding in ("utf-16", "utf-32") else chunk
        unbroken = 0 if b"\n" in chunk or b"\r" in chunk else unbroken + len(chunk)
        if unbroken > LONGEST:
            raise InputError(
                f"{path}: a line after row {feeds or returns:,} is longer than {LONGEST >> 20} MB. Mend the line, or export "
                "the file again.",
                f"{path}：第 {feeds or returns:,} 行之后有一行超过 {LONGEST >> 20} MB。请改正该行，或重新导出文件。",
            )
        pairs += chunk.count(b"\r\n") + (tail.endswith(b"\r") and chunk.startswith(b"\n"))
        feeds, returns = feeds + chunk.count(b"\n"), returns + chunk.count(b"\r")
        quotes += chunk.count(b'"')
        body = (tail + chunk).rstrip(b"\r\n")
        blank = blank or _BLANK.search(body) is not None
        tail = (tail + chunk)[len(body) :][-4:]
    decoder.decode(b"", final=True)
    return sum(n > 0 for n in (pairs, feeds - pairs, returns - pairs)) > 1, blank, quotes % 2 == 1


def rewrite(path: Path, text: Text, into: Path) -> Path:
    """Write the file anew as UTF-8 with one kind of line end and no quote left open, in pieces; return where."""
    decoder = codecs.getincrementaldecoder(text.encoding)("replace")
    with into.open("w", encoding="utf-8", newline="") as out:
        held = ""
        for chunk in _chunks(path):
            piece = held + decoder.decode(chunk)
            held = "\r" if piece.endswith("\r") else ""  # its line feed may open the next piece
            out.write(piece.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n"))
        out.write("\n" * bool(held) + ENDED * text.odd_quotes)
    return into


def dialect(head: str) -> tuple[str, list[str], int, int]:
    """Return the delimiter, the header, and how many lines and rows are titles above it: of `, ; tab |` the delimiter
    that cuts the first lines into most equal columns."""
    cut = {delimiter: _cut(head, delimiter) for delimiter in ",;\t|"}

    def score(delimiter: str) -> tuple[float, int]:
        rows, _, _ = cut[delimiter]
        width = len(rows[0])
        return (sum(len(row) == width for row in rows) / len(rows) * (width > 1), width)

    best = max(cut, key=score)
    rows, lines, titles = cut[best]
    return best, rows[0], lines, titles


def _cut(head: str, delimiter: str) -> tuple[list[list[str]], int, int]:
    """Return the first rows from the header on, and how many lines and rows stand above it: as in a workbook, a row with
    one cell is a title when most rows below have more."""
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    found, above = [], 0
    try:
        for number, row in enumerate(reader):
            found += [(row, above, number)] if row else []
            above = reader.line_num
    except csv.Error:
        return [[]], 0, 0
    found = (found[:-1] if len(found) > 50 else found)[:50]
    wide = [sum(bool(cell.strip()) for cell in row) > 1 for row, _, _ in found]
    first = wide.index(True) if True in wide else 0
    if not first or first >= sum(wide):
        return [row for row, _, _ in found] or [[]], 0, 0
    return [row for row, _, _ in found[first:]], *found[first][1:]


def blank_rows(path: Path, text: Text, delimiter: str) -> list[int]:
    """Return the row numbers of blank lines, which the engine passes over and the user sees."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        with _open(path) as file, io.TextIOWrapper(file, text.encoding, "replace", newline="") as lines:
            return [row for row, cells in enumerate(csv.reader(lines, delimiter=delimiter), 1) if not cells]
    except csv.Error:
        return []
    finally:
        csv.field_size_limit(limit)


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with _open(path) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: not a whole gzip file ({error}). Copy or export it again.",
            f"{path}：gzip 文件不完整（{error}）。请重新复制或导出。",
        ) from None
