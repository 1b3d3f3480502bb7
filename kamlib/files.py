"""Writing files: whole or not at all, and for the eyes of their owner only."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write `text` beside `path` and move it there: the file is the old one or the new one, never a part."""
    part = path.with_name(path.name + ".part")
    with open(part, "w", encoding="utf-8", newline="\n", opener=_private) as file:
        file.write(text)
    os.replace(part, path)


def private_folder(folder: Path) -> Path:
    """Make `folder`, and those above it, unless it is there; what is made, only its owner can look into. Return it."""
    if not folder.is_dir():
        private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
