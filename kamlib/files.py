"""Writing files: whole or not at all, by one program at a time, for the eyes of their owner only; and what is no file
to be read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kamlib.errors import InputError
from kamlib.language import say

LARGEST = 1 << 20
"""Bytes of settings or of a mapping; nobody writes so many by hand."""


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `content` beside `path` and move it there: the file is the old one or the new one, never a part."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb", opener=_private) as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.replace(part, path)


def deliver(path: Path, content: str | bytes) -> None:
    """Write a file that the user asked for, as `write_atomically`; InputError when there is no room or no right."""
    try:
        write_atomically(path, content)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}). Give another place.",
            f"{path} 无法写入（{error.strerror or error}）。请换一个位置。",
        ) from None


def private_folder(folder: Path) -> Path:
    """Make `folder`, and those above it, unless it is there; what is made, only its owner can look into. Return it."""
    if not folder.is_dir():
        private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def file_name(text: str) -> str:
    """Return `text` as a part of a file name: letters, digits, "_" and "-" of it, whatever language, at most 60."""
    return re.sub(r"[^\w-]+", "-", text).strip("-")[:60] or "-"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync(*paths: Path) -> None:
    """Have these files and folders written to the disk: of a folder the names in it, not what they name."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def locked(folder: Path, busy: str) -> Iterator[None]:
    """Keep others out of `folder` meanwhile; the lock ends with the program. InputError `busy` when one is in there.

    Where the system has no such locks (Windows) nobody is kept out.
    """
    if os.name != "posix":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(busy) from None
        yield
    finally:
        os.close(handle)


def must_lie_in(folder: Path, path: Path) -> None:
    """InputError unless `path` is a file in `folder`: a pipe never ends, and a link may lead to what is nobody's business."""
    if path.is_dir():
        raise InputError(
            f"{path} is a folder, not a file. Put the file there, or rename the folder.",
            f"{path} 是文件夹而不是文件。请放入文件，或给文件夹改名。",
        )
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):  # a circle of links is the latter
        if not path.is_symlink():
            raise
        raise InputError(
            f"{path} is a link that leads nowhere. Put the file itself there.",
            f"{path} 是无效的链接。请放入文件本身。",
        ) from None
    if not real.is_relative_to(folder.resolve()):
        raise InputError(
            f"{path}: is a link out of {folder}. Put the file itself there.",
            f"{path} 是指向 {folder} 之外的链接。请放入文件本身。",
        )
    if not real.is_file():
        raise InputError(
            f"{path} is not a file but a pipe, a socket or a device. Put the file itself there.",
            f"{path} 不是文件，而是管道、套接字或设备。请放入文件本身。",
        )


def secret_text(path: Path, called: str, why: tuple[str, str]) -> str:
    """Return what stands in the file of a secret, which messages name `called`. InputError when it is not readable, or
    others can read it: `why` that must not be, in both languages."""
    try:
        rights = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or say(None, "not UTF-8", "不是 UTF-8 编码")
        raise InputError(
            f"{called} cannot be read ({reason}). Give a text file.", f"{called} 无法读取（{reason}）。请指定文本文件。"
        ) from None
    if os.name == "posix" and rights & 0o077:
        raise InputError(
            f"{called} can be read by others: {why[0]}. Run chmod 600 on it.",
            f"{called} 他人可读：{why[1]}。请对其执行 chmod 600。",
        )
    return text


def small_text(path: Path) -> str:
    """Return what people wrote into a file of settings or a mapping. InputError when it cannot be that."""
    must_lie_in(path.parent, path)
    if path.stat().st_size > LARGEST:
        raise InputError(
            f"{path} is larger than {LARGEST >> 20} MB. Nothing is written that long by hand: check the file.",
            f"{path} 超过 {LARGEST >> 20} MB。手写的文件不会这么大，请检查该文件。",
        )
    return path.read_text(encoding="utf-8")
