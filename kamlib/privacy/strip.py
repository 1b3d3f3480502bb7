"""What a shared run must not carry along: where it was made, by whom, and what notebooks print beside their exhibits."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

ABSOLUTE = re.compile(r"""(?:(?<=[\s'"(=\[:,])|^)(?:[A-Za-z]:\\|/)(?:[^\s'":;,()\[\]<>]*[/\\])+""", re.MULTILINE)


def of_places(text: str, places: Sequence[Path] = ()) -> str:
    """Return `text` with absolute paths cut down to the file's name, and without the names of user and machine."""
    known = [*places, Path.cwd(), Path.home(), Path(sys.prefix), Path(sys.base_prefix), Path(tempfile.gettempdir())]
    for place in sorted({str(place) for place in known if len(place.parts) > 1}, key=len, reverse=True):
        text = text.replace(place + os.sep, "").replace(place, "…")
    text = ABSOLUTE.sub("", text)
    for name in {_user(), socket.gethostname()} - {"", "root", "localhost"}:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", text)
    return text


def notebook(text: str, exhibits: Sequence[str], places: Sequence[Path] = ()) -> str:
    """Return an executed notebook with nothing but its cells and the exhibits they show.

    The cell with the values it was run with goes, so do metadata and every output that is no exhibit; of an error stays
    what it says.
    """
    book = nbformat.reads(text, as_version=4)
    kernel = book.metadata.get("kernelspec", {})
    book.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    book.cells = [cell for cell in book.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell in book.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata.get("tags", [])})
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := _output(output, exhibits, places))]
    return nbformat.writes(book)


def _output(output: Any, exhibits: Sequence[str], places: Sequence[Path]) -> Any:
    if output.output_type == "error":
        output.evalue, output.traceback = of_places(output.evalue, places), []
        return output
    if not output.get("data", {}).get("text/plain", "").startswith(tuple(f"{id}  " for id in exhibits)):
        return None
    output.metadata = nbformat.from_dict({})
    return output


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
