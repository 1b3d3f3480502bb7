"""Names, texts and paths as SQL writes them, so that no file name or header can break out of a statement."""

from __future__ import annotations

from pathlib import Path


def name_of(name: str) -> str:
    """Return `name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as an SQL text."""
    return "'" + text.replace("'", "''") + "'"


def path_of(path: Path) -> str:
    """Return the file as an SQL text that means this one file: the engine would read `*`, `?` and `[` as wild cards."""
    return literal("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path.absolute())))
