"""The record of a run, `manifest.json`: what was asked, on which data, with which versions, and what became of it.

Written whole or not at all, and again whenever a notebook starts or ends, so that a killed run tells how far it came.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
import threading
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kamlib.errors import InputError
from kamlib.files import write_atomically
from kamlib.sources.store import sha256

FILE = "manifest.json"
DONE, FAILED, RUNNING, PENDING = "done", "failed", "running", "pending"
LIBRARIES = ("kamlib", "pandas", "duckdb", "ibis-framework", "matplotlib", "papermill")


class Manifest:
    """The manifest of one run folder. `content` is what stands in the file; `set` changes a notebook's entry. Tables,
    log and notebooks are made in `work`: the run folder, or, of a run that is shared, another place. The checked tables
    are in `data`: there, or, of an encrypted workspace, in its private folder."""

    def __init__(
        self, folder: Path, content: dict[str, Any], work: Path | None = None, data: Path | None = None
    ) -> None:
        self.folder, self.content, self.work = folder, content, work or folder
        self.data = data or self.work / "data"
        self.lock = threading.Lock()

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest in `folder`."""
        path = folder / FILE
        try:
            return cls(folder, json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InputError(f"{folder} is not a run folder: it holds no {FILE}. Run the notebooks first.") from None
        except ValueError as error:
            raise InputError(f"{path} is damaged ({error}). Delete the folder and run again.") from None

    @property
    def notebooks(self) -> dict[str, dict[str, Any]]:
        """The entries, by notebook number."""
        return self.content["notebooks"]

    @property
    def shared(self) -> bool:
        """Whether names are pseudonyms in this run."""
        return self.content["ledger"].get("access", {}).get("shared", False)

    @property
    def places(self) -> list[Path]:
        """The folders that a shared run must not name."""
        return [self.work, self.folder]

    def undone(self) -> list[str]:
        """Return the numbers of the notebooks that failed or never finished."""
        return [number for number, entry in self.notebooks.items() if entry["status"] != DONE]

    def set(self, number: str = "", **fields: Any) -> None:
        """Change fields of a notebook's entry, or of the run itself, and write the file."""
        with self.lock:
            (self.notebooks[number] if number else self.content).update(fields)
            write_atomically(self.folder / FILE, json.dumps(self.content, ensure_ascii=False, indent=1) + "\n")


def versions() -> dict[str, str]:
    """Return the versions that numbers may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder, by name."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def fingerprint(parts: Iterable[object]) -> str:
    """Return one short hash over `parts`: equal when, and only when, all of them are."""
    return hashlib.sha256(json.dumps(list(parts), sort_keys=True).encode()).hexdigest()[:16]


def now() -> str:
    """Return the time now, with its zone, to the second."""
    return dt.datetime.now().astimezone().isoformat(timespec="seconds")
