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
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_PAIR = re.compile(rb"[\x81-\xfe][\x40-\xfe]")
_BLANK = re.compile(rb"\n\r?\n|\r\r")


@dataclass(frozen=True)
class Text:
    """What the reader must know: `head` is the beginning of the file, decoded."""

    encoding: str
    mixed_line_ends: bool
    has_blank_lines: bool
    head: str

    @property
    def plain(self) -> bool:
        """Whether the engine can read the file as it is."""
        return self.encoding in ("utf-8", "utf-8-sig") and not self.mixed_line_ends


def inspect(path: Path) -> Text:
    """Read the whole file once, in pieces. InputError when it is no text or its encoding is not known."""
    start = next(_chunks(path), b"")[:HEAD]
    mark = next((name for bom, name in MARKS.items() if start.startswith(bom)), "")
    if not mark and start.count(0) > len(start) / 10:
        raise InputError(f"{path}: holds bytes that are no text. Save it as CSV in UTF-8, or as .xlsx or .parquet.")
    for encoding in [mark] if mark else ["utf-8", "gb18030"]:
        try:
            ends = _line_ends(path, encoding)
        except UnicodeError:
            if not (encoding == "utf-8" and _mostly_utf8(path)):
                continue
            ends = _line_ends(path, encoding, "replace")  # the engine sets the broken lines aside
        if encoding != "gb18030" or _looks_chinese(path):
            return Text(encoding, *ends, codecs.getincrementaldecoder(encoding)("replace").decode(start))
    raise InputError(f"{path}: the text is neither UTF-8 nor GB18030. Save it as “CSV UTF-8” and bring it again.")


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
    """Whether most pairs of bytes end beyond ASCII. Western text decodes as GB18030 too, as rubbish: a letter with an
    accent then takes the plain one after it along."""
    pairs = [pair[1] >= 0x80 for chunk in _chunks(path) for pair in _PAIR.findall(chunk)]
    return 2 * sum(pairs) >= len(pairs)


def _line_ends(path: Path, encoding: str, errors: str = "strict") -> tuple[bool, bool]:
    """Decode everything; return whether line ends are mixed, and whether blank lines stand between others."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    feeds = pairs = 0
    blank, rest = False, b""
    for chunk in _chunks(path):
        text = decoder.decode(chunk)
        chunk = text.encode() if encoding == "utf-16" else chunk
        feeds, pairs = feeds + chunk.count(b"\n"), pairs + chunk.count(b"\r\n")
        body = (rest + chunk).rstrip(b"\r\n")
        blank = blank or _BLANK.search(body) is not None
        rest = (rest + chunk)[len(body) :]
    decoder.decode(b"", final=True)
    return 0 < pairs < feeds, blank


def rewrite(path: Path, text: Text, into: Path) -> Path:
    """Write the file anew as UTF-8 with one kind of line end, in pieces; return where."""
    decoder = codecs.getincrementaldecoder(text.encoding)("replace")
    with into.open("w", encoding="utf-8", newline="") as out:
        held = ""
        for chunk in _chunks(path):
            piece = held + decoder.decode(chunk)
            held = "\r" if piece.endswith("\r") else ""  # its line feed may open the next piece
            out.write(piece.removesuffix(held).replace("\r\n", "\n"))
        out.write(held)
    return into


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
        raise InputError(f"{path}: not a whole gzip file ({error}). Copy or export it again.") from None
