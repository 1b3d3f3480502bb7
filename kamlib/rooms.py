"""Private folders for what lies in the clear while a command runs: their owner's only, gone with the program at the latest.

Each is locked as long as it is used, so that what a killed program left can be told from what is in use: every command
sweeps it before it begins.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from kamlib.errors import InputError

MEMORY = Path("/dev/shm")
_PREFIX, _SPARE, _FRESH_SECONDS = "kam-room-", 1 << 28, 60


def room(size: int | None = None, within: tempfile.TemporaryDirectory | None = None) -> tempfile.TemporaryDirectory:
    """Return a new private folder, `within` one that is held already. For files of `size` bytes it is in memory, where
    that has room for them twice."""
    if within:
        return tempfile.TemporaryDirectory(dir=within.name, ignore_cleanup_errors=True)
    in_memory = size is not None and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2 * size + _SPARE
    place = MEMORY if in_memory else Path(tempfile.gettempdir())
    made = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place, ignore_cleanup_errors=True)
    if (handle := _lock(Path(made.name))) is not None:
        weakref.finalize(made, os.close, handle)
    return made


def sweep() -> None:
    """Remove the rooms of programs that were killed. One that was just made may not be locked yet and stays."""
    for place in (MEMORY, Path(tempfile.gettempdir())):
        for left in place.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                if left.stat().st_uid == os.getuid() and time.time() - left.stat().st_mtime > _FRESH_SECONDS:
                    handle = _lock(left)
                    if handle is not None:
                        shutil.rmtree(left, ignore_errors=True)
                        os.close(handle)


@contextlib.contextmanager
def alone(file: Path) -> Iterator[Path]:
    """Give a folder that holds `file` and nothing else; messages name the folder that it really lies in."""
    with room() as folder:
        real, copy = file.resolve(), Path(folder) / file.name
        try:
            os.link(real, copy)
        except OSError:  # another disk
            shutil.copyfile(real, copy)
        try:
            yield Path(folder)
        except InputError as error:
            raise InputError(str(error).replace(folder, str(file.parent))) from None


def _lock(folder: Path) -> int | None:
    """Hold `folder` as long as this program lives; None when another one does, or where there are no such locks."""
    if os.name != "posix":
        return None
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody holds it, or the disk has no locks
        os.close(handle)
        return None
    return handle
