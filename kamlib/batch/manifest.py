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

from kamlib.batch.plan import Notebook
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
            raise InputError(
                f"{folder} is not a run folder: it holds no {FILE}. Run the notebooks first.",
                f"{folder} 不是运行结果文件夹：其中没有 {FILE}。请先运行笔记本。",
            ) from None
        except ValueError as error:
            raise InputError(
                f"{path} is damaged ({error}). Delete the folder and run again.",
                f"{path} 已损坏（{error}）。请删除该文件夹后重新运行。",
            ) from None

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


def last_run(out: Path, as_of: str) -> Manifest:
    """Return the manifest of the run folder for `as_of` in `out`, or of the one that started last."""
    folders = [path.parent for path in out.glob(f"{as_of}*/{FILE}")]
    if not folders:
        raise InputError(
            f"There is no run in {out / as_of}. Run the notebooks first, without --only-failed.",
            f"{out / as_of} 中没有运行结果。请先运行笔记本（不带 --only-failed）。",
        )
    return max((Manifest.read(folder) for folder in folders), key=lambda manifest: manifest.content["started"])


def earlier_results(folder: Path, same: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the entries of an earlier run in `folder`, if it was on the same data, date and language."""
    try:
        old = Manifest.read(folder)
    except InputError:
        return {}
    return old.notebooks if all(old.content.get(key) == value for key, value in same.items()) else {}


def entry(notebook: Notebook, given: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest's entry of a notebook that is still to run."""
    parameters = {
        name: {"value": given.get(name, p.default), "default": p.default, "meaning": p.meaning}
        for name, p in notebook.parameters.items()
    }
    return {
        "file": notebook.path.name, "title": notebook.title, "status": PENDING, "started": None, "seconds": None,
        "parameters": parameters, "given": given, "declared": notebook.exhibits, "depth": notebook.depth,
        "exhibits": [], "error": None,
    }  # fmt: skip


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
