"""A workspace: what each import brought, as dated snapshots that never change, and the company's rules beside them.

WORKSPACE/kam.toml                  the rules; written by the first import, from then on edited by people only
WORKSPACE/snapshots/<as-of>[.N]/    a prepared folder (see `kamlib.sources.store`) and scores.parquet, the tiers as they
                                    were given that day; N counts the revisions of one day, the newest counts

A snapshot is made in a hidden folder beside its place, brought to the disk, and renamed: it is there whole or not at all.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from kamlib import quality
from kamlib.errors import InputError
from kamlib.files import locked, private_folder, sync, write_atomically
from kamlib.settings import FILE
from kamlib.sources import store

if TYPE_CHECKING:
    from kamlib.workspace import Data

HOME, SCORES = "snapshots", "scores.parquet"
NAME = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.([1-9]\d*))?")
_HIDDEN = ".part-"


@dataclass(frozen=True)
class Snapshot:
    """One import: the folder, the last day it saw, and which revision of that day it is."""

    folder: Path
    as_of: dt.date
    revision: int = 1

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What it was made from: sources, mapping, rules, tables with their rows, files with their SHA-256."""
        path = self.folder / store.MANIFEST
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is damaged ({error}). Restore the workspace from a backup.") from None

    def file(self, name: str) -> Path | None:
        """Return where a file of the snapshot can be read, None when it has no such file."""
        path = self.folder / name
        return path if path.is_file() else None


def is_workspace(folder: Path) -> bool:
    """Return whether `folder` is a workspace."""
    return (folder / HOME).is_dir()


def every(workspace: Path) -> list[Snapshot]:
    """Return all snapshots, superseded ones too, oldest first."""
    found = []
    for path in (workspace / HOME).glob("*"):
        name = NAME.fullmatch(path.name)
        if name and path.is_dir():
            found.append(Snapshot(path, dt.date.fromisoformat(name[1]), int(name[2] or 1)))
    return sorted(found, key=lambda snapshot: (snapshot.as_of, snapshot.revision))


def current(workspace: Path, day: dt.date | None = None) -> list[Snapshot]:
    """Return the snapshots that count, oldest first: of each date the newest revision, none later than `day`."""
    newest = {snapshot.as_of: snapshot for snapshot in every(workspace)}
    return [snapshot for date, snapshot in newest.items() if day is None or date <= day]


def held(workspace: Path, day: dt.date | None = None) -> tuple[Snapshot, ...]:
    """Return the snapshots that count on `day`, oldest first; when all are later the oldest, to be cut at that day."""
    if found := current(workspace, day) or current(workspace)[:1]:
        return tuple(found)
    raise InputError(f"{workspace} holds no snapshot yet. Bring files into it with kam import.")


def newest(workspace: Path, day: dt.date | None = None) -> Snapshot:
    """Return the newest snapshot that counts on `day`."""
    return held(workspace, day)[-1]


def rules_folder(folder: Path) -> Path:
    """Return where the rules of a folder of tables, a workbook or a workspace stand. An import that was killed right after its
    snapshot stood left no `kam.toml` in the workspace; the snapshot has a copy."""
    if is_workspace(folder) and not (folder / FILE).is_file() and (found := current(folder)):
        return found[-1].folder
    return folder.parent if folder.is_file() else folder


@contextmanager
def writing(workspace: Path) -> Iterator[bool]:
    """Make the workspace if need be, keep others out, and remove what a killed import left behind.

    Yields whether it has rules of its own."""
    new = not workspace.exists()
    if not (new or is_workspace(workspace) or _is_free(workspace)):
        raise InputError(f"{workspace} holds something else. Give a new folder, or a workspace.")
    try:
        private_folder(workspace)
    except OSError as error:
        raise _unwritable(workspace, error) from None
    try:
        with locked(workspace, f"Another kam is writing to {workspace}. Wait for it, then call again."):
            for part in workspace.glob(f"{HOME}/{_HIDDEN}*"):
                shutil.rmtree(part)
            if (rules := rules_folder(workspace) / FILE).is_file():
                _keep_rules(workspace, rules.read_text(encoding="utf-8"))
            yield rules.is_file()
    finally:
        if new and not any(workspace.iterdir()):
            workspace.rmdir()


def _is_free(folder: Path) -> bool:
    return folder.is_dir() and all(path.name == FILE for path in folder.iterdir())


def _unwritable(workspace: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0][:160]
    return InputError(f"{workspace} cannot be written ({reason}). Make room, or give another folder.")


def add(workspace: Path, data: Data, sources: dict[str, str], mapping: dict[str, str], rules: str) -> Snapshot | None:
    """Keep the checked tables of `data` as a snapshot of its date, with the tiers given on that day.

    `sources` are the SHA-256 of the imported files by name, `mapping` says by which mapping (name, sha256), `rules` is
    the `kam.toml` that a workspace without one gets. None when the newest revision of that day was made from the very
    same: then nothing is written. Call it inside `writing`.
    """
    home = workspace / HOME
    if (workspace / FILE).is_file():
        rules = (workspace / FILE).read_text(encoding="utf-8")
    made = {
        "as_of": data.as_of.isoformat(), "mapping": mapping, "rules": hashlib.sha256(rules.encode()).hexdigest(),
        "made": dt.datetime.now().astimezone().isoformat(timespec="seconds"),
    }  # fmt: skip
    before = [one for one in every(workspace) if one.as_of == data.as_of]
    if before and _same(before[-1].manifest, made | {"sources": sources}):
        return None
    revision = before[-1].revision + 1 if before else 1
    place = home / (data.as_of.isoformat() + (f".{revision}" if before else ""))
    part = place.with_name(_HIDDEN + place.name)
    graded, assessed = scores(data), quality.accepted(data)
    try:
        private_folder(part)
        assessed.write(part)
        graded.to_parquet(part / SCORES, index=False)
        store.write(data.con.con, data.measured, data.ledger, sources, rules, part, **made)
        sync(*part.rglob("*"), part)
        os.rename(part, place)
        sync(home, workspace)
        _keep_rules(workspace, rules)
    except (OSError, duckdb.IOException) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise _unwritable(workspace, error) from None
    return Snapshot(place, data.as_of, revision)


def _same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return old["version"] == store.VERSION and all(old[key] == new[key] for key in ("mapping", "rules", "sources"))


def _keep_rules(workspace: Path, rules: str) -> None:
    if not (workspace / FILE).exists():
        write_atomically(workspace / FILE, rules)
        sync(workspace / FILE, workspace)


def scores(data: Data) -> pd.DataFrame:
    """Return the tier of every account on the date of `data`, in the columns of the table `score_snapshots`."""
    from kamlib.segmentation.scoring import INDICATORS, tiers

    graded = tiers(data)
    columns = {f"{name}_score": name for name in INDICATORS} | {"composite_score": "composite"}
    graded = graded.rename(columns=columns).assign(scored_at=pd.Timestamp(data.as_of))
    return graded[["account_id", "scored_at", *INDICATORS, "composite", "tier"]].sort_values("account_id")
