"""A workspace as one file, and back: a plain tar, in which a flipped bit anywhere is found and its file named.

The first member lists every other one with size and SHA-256, and carries its own SHA-256 in its name. All that is not
content (headers, padding, the end) is fixed by that list, and compared byte for byte: what anybody else put in, a link,
a device, a path that leads elsewhere, is not what stands there, and nothing of such a file is brought back. Any tar
opens it, and because nothing is compressed a damaged spot spoils one file only.

Files go in as they lie in the workspace: of an encrypted one encrypted, so that proving a backup takes no passphrase.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kamlib.errors import InputError
from kamlib.files import locked, private_folder, sync
from kamlib.language import say
from kamlib.sources import store
from kamlib.workspace import snapshots

FORMAT = 1
_LIST = re.compile(r"kam-backup\.([0-9a-f]{64})\.json")
_PLACE = re.compile(rf"kam\.toml|key\.age|{snapshots.HOME}/{snapshots.NAME.pattern}(/[^/\\\0]+)+")
_BLOCK, _RECORD, _PIECE = 512, 10240, 1 << 20
_LONGEST_LIST = 1 << 28


@dataclass(frozen=True)
class Backup:
    """A backup that was proved: where it is, when it was made, and its files with their size and SHA-256."""

    path: Path
    made: str
    files: dict[str, tuple[int, str]]


def back_up(workspace: Path, file: Path) -> Backup:
    """Write `workspace` into the new file `file`, whole or not at all, and prove it by reading it back.

    InputError when a file of the workspace is not what its snapshot says: a backup of it would be worthless.
    """
    if not snapshots.is_workspace(workspace):
        raise snapshots.no_workspace(workspace)
    if file.exists():
        raise InputError(
            f"{file} is there already. Give the backup another name.", f"{file} 已存在。请为备份另取文件名。"
        )
    part = file.with_name(f".{file.name}.part")
    try:
        with snapshots.locked_workspace(workspace):
            files = _contents(workspace)
            with open(part, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
                _write(stream, workspace, files)
            sync(part)
        proved = verify(part)
        os.replace(part, file)
        sync(file.parent)
    except OSError as error:
        raise InputError(
            f"{file} cannot be written ({error.strerror}). Give another place.",
            f"{file} 无法写入（{error.strerror}）。请换一个位置。",
        ) from None
    finally:
        if part.is_file():
            part.unlink()
    return Backup(file, proved.made, proved.files)


def verify(file: Path) -> Backup:
    """Read a backup to its end and prove every byte. InputError names every file that is damaged."""
    return _read(file, None)


def restore(file: Path, into: Path) -> bool:
    """Bring a backup back as the workspace `into`, after every byte was proved; False when it is there already, equal.

    InputError, and nothing in place, when anything is damaged, or when `into` holds something else.
    """
    if into.exists() and not (into.is_dir() and not any(into.iterdir())):
        if into.is_dir() and _hashes(into) == {name: hash for name, (_, hash) in verify(file).files.items()}:
            return False
        raise InputError(
            f"{into} is there already and holds something else. Give a new folder.",
            f"{into} 已存在且内容不同。请指定新文件夹。",
        )
    part = into.with_name(f".{into.name}.part")
    busy = say(
        None,
        f"Another kam is writing beside {into}. Wait for it, then call again.",
        f"另一个 kam 正在写入 {into} 所在的文件夹。请等它结束后再执行。",
    )
    try:
        private_folder(into.absolute().parent)
        with locked(into.absolute().parent, busy):
            shutil.rmtree(part, ignore_errors=True)
            try:
                _read(file, private_folder(part))
                sync(*part.rglob("*"), part)
                os.replace(part, into)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            sync(into.absolute().parent)
    except OSError as error:
        raise InputError(
            f"{into} cannot be written ({error.strerror}). Make room, or give another folder.",
            f"{into} 无法写入（{error.strerror}）。请腾出空间，或指定其他文件夹。",
        ) from None
    return True


def _contents(workspace: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every file that belongs to a workspace; InputError when one is not as its manifest says."""
    hashes = _hashes(workspace)
    faults = []
    for snapshot in snapshots.every(workspace):
        if store.is_prepared(snapshot.folder):
            place = f"{snapshots.HOME}/{snapshot.folder.name}"
            for name, hash in snapshot.manifest["files"].items():
                found = hashes.get(f"{place}/{name}", hash if (snapshot.folder / f"{name}.age").is_file() else "")
                fault = say(None, "is damaged or gone.", "已损坏或丢失。")
                faults += [f"{snapshot.folder / name} {fault}"] * (found != hash)
    if faults:
        cure = say(
            None,
            "Restore the workspace from an older backup, or import those files again.",
            "请用更早的备份恢复工作区，或重新导入这些文件。",
        )
        raise InputError("\n".join([*faults, cure]))
    return {name: ((workspace / name).stat().st_size, hash) for name, hash in hashes.items()}


def _hashes(workspace: Path) -> dict[str, str]:
    """SHA-256 of every file of a workspace; what a killed command left behind is none."""
    paths = [path for path in sorted(workspace.rglob("*")) if path.is_file() or path.is_symlink()]
    names = {path.relative_to(workspace).as_posix(): path for path in paths}
    names = {name: path for name, path in names.items() if not re.search(r"(^|/)\.|\.part$", name)}
    if strangers := [str(path) for name, path in names.items() if path.is_symlink() or not _belongs(name)]:
        raise InputError(
            f"{strangers[0]} does not belong into a workspace. Move it elsewhere.",
            f"{strangers[0]} 不属于工作区。请移到别处。",
        )
    return {name: store.sha256(path) for name, path in names.items()}


def _belongs(name: str) -> bool:
    return bool(_PLACE.fullmatch(name)) and not {".", ".."} & set(name.split("/"))


def _write(stream: BinaryIO, workspace: Path, files: dict[str, tuple[int, str]]) -> None:
    made = dt.datetime.now().astimezone().isoformat(timespec="seconds")
    listed = json.dumps({"format": FORMAT, "version": store.VERSION, "made": made, "files": files}, ensure_ascii=False)
    content = listed.encode()
    members = {f"kam-backup.{hashlib.sha256(content).hexdigest()}.json": io.BytesIO(content)}
    for name, size in [(*members, len(content)), *((name, size) for name, (size, _) in files.items())]:
        with members.get(name) or (workspace / name).open("rb") as source:
            stream.write(_header(name, size))
            shutil.copyfileobj(source, stream, _PIECE)
        stream.write(bytes(-size % _BLOCK))
    stream.write(_end(stream.tell()))


def _header(name: str, size: int) -> bytes:
    """The one header that a file of this name and size has in a backup."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def _end(at: int) -> bytes:
    end = at + 2 * _BLOCK
    return bytes(2 * _BLOCK + -end % _RECORD)


def _read(file: Path, into: Path | None) -> Backup:
    """Prove every byte of a backup and, with `into`, write its files there."""
    try:
        with file.open("rb") as stream:
            listed = _list(stream, file)
            faults = list(_faults(stream, listed["files"], into))
    except OSError as error:
        raise InputError(
            f"{file} cannot be read ({error.strerror}). Give a file that kam backup wrote.",
            f"{file} 无法读取（{error.strerror}）。请指定由 kam backup 写出的文件。",
        ) from None
    if faults:
        lines = (
            say(None, f"{file}: {fault} Use another backup.", f"{file}：{fault}请使用其他备份。") for fault in faults
        )
        raise InputError("\n".join(lines))
    return Backup(file, listed["made"], {name: tuple(entry) for name, entry in listed["files"].items()})


def _list(stream: BinaryIO, file: Path) -> dict[str, Any]:
    """The list of files, proved by the SHA-256 in its name."""
    damaged = InputError(
        f"{file}: its list of files is damaged, or it is no backup made by kam. Use another backup.",
        f"{file}：文件清单已损坏，或不是 kam 的备份。请使用其他备份。",
    )
    head = stream.read(_BLOCK)
    try:
        info = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        raise damaged from None
    name = _LIST.fullmatch(info.name)
    if not name or info.size > _LONGEST_LIST or head != _header(info.name, info.size):
        raise damaged
    content, padding = stream.read(info.size), stream.read(-info.size % _BLOCK)
    if hashlib.sha256(content).hexdigest() != name[1] or any(padding):
        raise damaged
    listed = json.loads(content)
    if listed["format"] != FORMAT:
        raise InputError(
            f"{file} was made by another version ({listed['version']}). Restore it with that version.",
            f"{file} 由其他版本（{listed['version']}）生成。请用该版本恢复。",
        )
    if strangers := [name for name in listed["files"] if not _belongs(name)]:
        raise InputError(
            f"{file}: {strangers[0]!r} does not belong into a workspace. Do not trust this file.",
            f"{file}：{strangers[0]!r} 不属于工作区。此文件不可信。",
        )
    return listed


def _faults(stream: BinaryIO, files: dict[str, tuple[int, str]], into: Path | None) -> Iterator[str]:
    """Compare what follows with the list; yield a sentence for every file that is not as it should be."""
    for name, (size, hash) in files.items():
        header, padding = _header(name, size), bytes(-size % _BLOCK)
        around = stream.read(len(header)) == header
        found = hashlib.sha256()
        for piece in _copied(stream, size, into and into / name):
            found.update(piece)
        around &= stream.read(len(padding)) == padding
        if found.hexdigest() != hash:
            yield say(None, f"{name} is damaged.", f"{name} 已损坏。")
        elif not around:
            yield say(None, f"what surrounds {name} is damaged.", f"{name} 前后的内容已损坏。")
    end = _end(stream.tell())
    if stream.read(len(end) + 1) != end:
        yield say(None, "its end is damaged.", "文件末尾已损坏。")


def _copied(stream: BinaryIO, size: int, target: Path | None) -> Iterator[bytes]:
    if target:
        private_folder(target.parent)
    with open(target or os.devnull, "wb") as copy:
        while size and (piece := stream.read(min(size, _PIECE))):
            copy.write(piece)
            size -= len(piece)
            yield piece
