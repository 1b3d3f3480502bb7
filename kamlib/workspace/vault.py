"""Encryption at rest: every file of the snapshots, each for itself, in the age format (https://age-encryption.org/v1).

WORKSPACE/key.age is the key (an X25519 identity), protected by the passphrase; every file x below snapshots/ becomes
x.age, encrypted to that key. The slow step that makes guessing passphrases costly (scrypt) is so taken once. Without
kam the stand-alone tool opens everything: `age -d -i key.age snapshots/2025-12-31/orders.parquet.age > orders.parquet`.
In the clear stay kam.toml, which people edit, and names, number and sizes of files.

DuckDB's own encrypted databases were the alternative: writing them needs an extension that pins the engine's version,
and no other tool could open a workspace.

While a workspace is being encrypted or decrypted each file is there as x, as x.age, or as both, whole: whenever that is
cut short everything can be read, and the same command goes on where it was.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kamlib import passphrase
from kamlib.errors import InputError
from kamlib.files import private_folder, sync
from kamlib.rooms import room

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

KEY, SUFFIX = "key.age", ".age"


@dataclass(frozen=True)
class Vault:
    """An opened workspace: its key, and the private folder in which its files lie in the clear while they are read."""

    workspace: Path
    identity: Identity
    room: tempfile.TemporaryDirectory

    def opened(self, sealed: Path) -> Path:
        """Decrypt a file into the room, once, and return where it is."""
        import pyrage

        target = Path(self.room.name) / sealed.relative_to(self.workspace).with_suffix("")
        if not target.exists():
            private_folder(target.parent)
            try:
                pyrage.decrypt_file(str(sealed), str(target), [self.identity])
            except (pyrage.DecryptError, OSError) as error:
                target.unlink(missing_ok=True)
                if getattr(error, "errno", None):  # the disk, not the file
                    raise
                raise InputError(
                    f"{sealed} is damaged. Restore the workspace from a backup.",
                    f"{sealed} 已损坏。请用备份恢复工作区。",
                ) from None
        return target

    def whole(self, folder: Path) -> Path:
        """Return a folder with every file of `folder` in the clear."""
        if not any(folder.rglob(f"*{SUFFIX}")):
            return folder
        for path in folder.rglob("*"):
            if path.suffix == SUFFIX:
                self.opened(path)
            elif path.is_file() and not path.name.endswith(".part"):
                copy = Path(self.room.name) / path.relative_to(self.workspace)
                if not copy.exists():
                    private_folder(copy.parent)
                    shutil.copyfile(path, copy)
        return Path(self.room.name) / folder.relative_to(self.workspace)

    def seal(self, path: Path, sealed: Path) -> None:
        """Encrypt the file `path` into `sealed`, whole or not at all."""
        import pyrage

        part = private_folder(sealed.parent) / f"{sealed.name}.part"
        pyrage.encrypt_file(str(path), str(part), [self.identity.to_public()])
        _place(part, sealed)


def is_encrypted(workspace: Path) -> bool:
    """Return whether `workspace` is encrypted, or on the way."""
    return (workspace / KEY).is_file()


def unlock(workspace: Path) -> Vault | None:
    """Open an encrypted workspace with the passphrase; None when it is not encrypted. InputError when it is wrong."""
    if not is_encrypted(workspace):
        return None
    identity = _identity((workspace / KEY).read_bytes(), passphrase.ask(str(workspace)), workspace)
    return Vault(workspace, identity, room(_size(workspace)))


def create(workspace: Path) -> Vault:
    """Give a workspace a new key, protected by a new passphrase."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    sealed = pyrage.passphrase.encrypt(f"{identity}\n".encode(), passphrase.ask(str(workspace), new=True))
    part = workspace / f"{KEY}.part"
    part.write_bytes(sealed)
    _place(part, workspace / KEY)
    return Vault(workspace, identity, room(_size(workspace)))


@lru_cache(maxsize=4)
def _identity(key: bytes, phrase: str, workspace: Path) -> Identity:
    import pyrage

    try:
        return pyrage.x25519.Identity.from_str(pyrage.passphrase.decrypt(key, phrase).decode().strip())
    except (pyrage.DecryptError, pyrage.IdentityError):
        raise InputError(
            f"{workspace}: the passphrase is wrong, or {KEY} is damaged. Nothing was written.",
            f"{workspace}：口令不正确，或 {KEY} 已损坏。未写入任何内容。",
        ) from None


def encrypt(workspace: Path) -> int:
    """Encrypt every file of the snapshots in place; return how many were. Keep others out meanwhile."""
    vault = unlock(workspace) or create(workspace)
    paths = [path for path in _files(workspace) if path.suffix != SUFFIX]
    for path in paths:
        vault.seal(path, path.with_name(path.name + SUFFIX))
        path.unlink()
        sync(path.parent)
    return len(paths)


def decrypt(workspace: Path) -> int:
    """Decrypt every file of the snapshots in place; return how many were. Keep others out meanwhile."""
    vault = unlock(workspace)
    if vault is None:
        return 0
    paths = [path for path in _files(workspace) if path.suffix == SUFFIX]
    for path in paths:
        clear = path.with_suffix("")
        part = clear.with_name(f"{clear.name}.part")
        shutil.move(vault.opened(path), part)
        _place(part, clear)
        path.unlink()
        sync(path.parent)
    (workspace / KEY).unlink()
    sync(workspace)
    return len(paths)


def _place(part: Path, path: Path) -> None:
    part.chmod(0o600)
    sync(part)
    os.replace(part, path)
    sync(path.parent)


def _files(workspace: Path) -> list[Path]:
    """The files of the snapshots; unfinished ones of a command that was cut short are removed."""
    paths = [path for path in sorted((workspace / "snapshots").rglob("*")) if path.is_file()]
    for path in paths:
        if path.suffix == ".part":
            path.unlink()
    return [path for path in paths if path.suffix != ".part"]


def _size(workspace: Path) -> int:
    return sum(path.stat().st_size for path in workspace.rglob("*") if path.is_file())
