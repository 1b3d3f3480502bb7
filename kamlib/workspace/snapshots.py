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
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from kamlib import quality
from kamlib.errors import InputError
from kamlib.files import locked, private_folder, sync, write_atomically
from kamlib.language import say
from kamlib.quality import cleaning
from kamlib.settings import FILE
from kamlib.sources import store
from kamlib.workspace import vault
from kamlib.workspace.vault import Vault

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
    vault: Vault | None = field(default=None, repr=False, compare=False)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What it was made from: sources, mapping, rules, tables with their rows, files with their SHA-256."""
        path = self.file(store.MANIFEST) or self.folder / store.MANIFEST
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} is damaged ({error}). Restore the workspace from a backup.",
                f"{path} 已损坏（{error}）。请用备份恢复工作区。",
            ) from None

    def file(self, name: str) -> Path | None:
        """Return where a file of the snapshot can be read in the clear, None when it has no such file."""
        path = self.folder / name
        sealed = self.folder / f"{name}{vault.SUFFIX}"
        if path.is_file() or not sealed.is_file():
            return path if path.is_file() else None
        return self._opened().opened(sealed)

    def whole(self) -> Path:
        """Return a folder with all its files in the clear."""
        return self._opened().whole(self.folder) if self.vault or vault.is_encrypted(self.home) else self.folder

    @property
    def home(self) -> Path:
        """The workspace that it belongs to."""
        return self.folder.parent.parent

    def _opened(self) -> Vault:
        if self.vault is None:
            raise InputError(
                f"{self.home} is encrypted. Open it with its passphrase.", f"{self.home} 已加密。请用口令打开。"
            )
        return self.vault


def is_workspace(folder: Path) -> bool:
    """Return whether `folder` is a workspace."""
    return (folder / HOME).is_dir()


def no_workspace(folder: Path) -> InputError:
    """Return what to say of a folder that should be a workspace and is none."""
    return InputError(
        f"{folder} is no workspace. Give the folder that kam import wrote.",
        f"{folder} 不是工作区。请指定由 kam import 写出的文件夹。",
    )


def every(workspace: Path, opened: Vault | None = None) -> list[Snapshot]:
    """Return all snapshots, superseded ones too, oldest first; those of an encrypted workspace are read as `opened`."""
    found = []
    for path in (workspace / HOME).glob("*"):
        name = NAME.fullmatch(path.name)
        if name and path.is_dir():
            found.append(Snapshot(path, dt.date.fromisoformat(name[1]), int(name[2] or 1), opened))
    return sorted(found, key=lambda snapshot: (snapshot.as_of, snapshot.revision))


def current(workspace: Path, day: dt.date | None = None, opened: Vault | None = None) -> list[Snapshot]:
    """Return the snapshots that count, oldest first: of each date the newest revision, none later than `day`."""
    newest = {snapshot.as_of: snapshot for snapshot in every(workspace, opened)}
    return [snapshot for date, snapshot in newest.items() if day is None or date <= day]


def held(workspace: Path, day: dt.date | None = None, opened: Vault | None = None) -> tuple[Snapshot, ...]:
    """Return the snapshots that count on `day`, oldest first; when all are later the oldest, to be cut at that day."""
    if found := current(workspace, day, opened) or current(workspace, None, opened)[:1]:
        return tuple(found)
    raise InputError(
        f"{workspace} holds no snapshot yet. Bring files into it with kam import.",
        f"{workspace} 中还没有快照。请用 kam import 导入文件。",
    )


def rules_file(folder: Path, opened: Vault | None = None) -> Path:
    """Return where the rules of a folder of tables, a workbook or a workspace stand. An import that was killed right after its
    snapshot stood left no `kam.toml` in the workspace; the snapshot has a copy."""
    path = (folder.parent if folder.is_file() else folder) / FILE
    if is_workspace(folder) and not path.is_file() and (found := current(folder, None, opened)):
        return found[-1].file(FILE) or path
    return path


def locked_workspace(workspace: Path) -> AbstractContextManager[None]:
    """Keep others from writing into a workspace meanwhile."""
    busy = say(
        None,
        f"Another kam is writing to {workspace}. Wait for it, then call again.",
        f"另一个 kam 正在写入 {workspace}。请等它结束后再执行。",
    )
    return locked(workspace, busy)


@contextmanager
def writing(workspace: Path, encrypt: bool = False) -> Iterator[Vault | None]:
    """Make the workspace if need be, with `encrypt` an encrypted one; keep others out; remove what a killed import left
    behind. Yields the vault of an encrypted workspace."""
    new = not workspace.exists()
    if not (new or is_workspace(workspace) or _is_free(workspace)):
        raise InputError(
            f"{workspace} holds something else. Give a new folder, or a workspace.",
            f"{workspace} 中是其他内容。请指定新文件夹或工作区。",
        )
    sealed = vault.is_encrypted(workspace)
    if encrypt and not sealed and is_workspace(workspace) and every(workspace):
        raise InputError(
            f"{workspace} is not encrypted yet. Call kam encrypt first, once.",
            f"{workspace} 尚未加密。请先执行一次 kam encrypt。",
        )
    try:
        private_folder(workspace)
    except OSError as error:
        raise _unwritable(workspace, error) from None
    try:
        with locked_workspace(workspace):
            for part in workspace.glob(f"{HOME}/{_HIDDEN}*"):
                shutil.rmtree(part)
            opened = vault.unlock(workspace) or (vault.create(workspace) if encrypt else None)
            if (rules := rules_file(workspace, opened)).is_file():
                _keep_rules(workspace, rules.read_text(encoding="utf-8"))
            yield opened
    except BaseException:
        if encrypt and not sealed and not (is_workspace(workspace) and every(workspace)):
            (workspace / vault.KEY).unlink(missing_ok=True)
        raise
    finally:
        if new and not any(workspace.iterdir()):
            workspace.rmdir()


def _is_free(folder: Path) -> bool:
    return folder.is_dir() and all(path.name in (FILE, vault.KEY) for path in folder.iterdir())


def _unwritable(workspace: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0][:160]
    return InputError(
        f"{workspace} cannot be written ({reason}). Make room, or give another folder.",
        f"{workspace} 无法写入（{reason}）。请腾出空间，或指定其他文件夹。",
    )


def add(
    workspace: Path,
    data: Data,
    sources: dict[str, str],
    mapping: dict[str, str],
    rules: str,
    opened: Vault | None = None,
) -> Snapshot | None:
    """Keep the checked tables of `data` as a snapshot of its date, with the tiers given on that day.

    `sources` are the SHA-256 of the imported files by name, `mapping` says by which mapping (name, sha256), `rules` is
    the `kam.toml` that a workspace without one gets, `opened` its vault. None when the newest revision of that day was
    made from the very same: then nothing is written. Call it inside `writing`.
    """
    home = workspace / HOME
    if (workspace / FILE).is_file():
        rules = (workspace / FILE).read_text(encoding="utf-8")
    made = {
        "as_of": data.as_of.isoformat(), "mapping": mapping, "rules": hashlib.sha256(rules.encode()).hexdigest(),
        "made": dt.datetime.now().astimezone().isoformat(timespec="seconds"),
    }  # fmt: skip
    before = [one for one in every(workspace, opened) if one.as_of == data.as_of]
    if before and _same(before[-1].manifest, made | {"sources": sources}):
        return None
    revision = before[-1].revision + 1 if before else 1
    place = home / (data.as_of.isoformat() + (f".{revision}" if before else ""))
    part = place.with_name(_HIDDEN + place.name)
    clear = Path(opened.room.name) / part.name if opened else part
    graded, assessed = scores(data), quality.accepted(data)
    try:
        private_folder(clear)
        assessed.write(clear)
        cleaning.write(data.con.con, clear)
        graded.to_parquet(clear / SCORES, index=False)
        store.write(data.con.con, data.measured, data.ledger, sources, rules, clear, **made)
        if opened:
            _seal(opened, clear, part)
        sync(*part.rglob("*"), part)
        os.rename(part, place)
        sync(home, workspace)
        _keep_rules(workspace, rules)
    except (OSError, duckdb.IOException) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise _unwritable(workspace, error) from None
    return Snapshot(place, data.as_of, revision, opened)


def _seal(opened: Vault, clear: Path, part: Path) -> None:
    for path in [path for path in clear.rglob("*") if path.is_file()]:
        opened.seal(path, part / path.relative_to(clear).with_name(path.name + vault.SUFFIX))
    shutil.rmtree(clear)


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
    graded = graded.rename(columns=columns).assign(scored_at=data.as_of)
    return graded[["account_id", "scored_at", *INDICATORS, "composite", "tier"]].sort_values("account_id")
