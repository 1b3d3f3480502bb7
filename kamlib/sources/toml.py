"""Write TOML: what `kam.toml` needs of it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any


def document(entries: dict[str, Any]) -> str:
    """Return the entries as a TOML document: plain values first, then tables and arrays of tables."""
    plain = {name: entry for name, entry in entries.items() if not _is_table(entry)}
    lines = [f"{key(name)} = {value(entry)}" for name, entry in plain.items()]
    for name, entry in entries.items():
        if name not in plain:
            mark = ("[[", "]]") if isinstance(entry, list | tuple) else ("[", "]")
            for table in entry if isinstance(entry, list | tuple) else [entry]:
                lines += ["", f"{mark[0]}{key(name)}{mark[1]}"]
                lines += [f"{key(inner)} = {value(content)}" for inner, content in table.items()]
    return "\n".join(lines).lstrip() + "\n"


def key(name: str) -> str:
    """Return a key, quoted where it must be."""
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else value(name)


def value(content: Any) -> str:
    """Return a value on one line."""
    if isinstance(content, bool):
        return str(content).lower()
    if isinstance(content, str):
        return json.dumps(content, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(content, dt.date):
        return content.isoformat()
    if isinstance(content, list | tuple):
        return f"[{', '.join(map(value, content))}]"
    if isinstance(content, dict):
        return f"{{ {', '.join(f'{key(name)} = {value(entry)}' for name, entry in content.items())} }}"
    return repr(content)


def _is_table(entry: Any) -> bool:
    return isinstance(entry, dict) or (
        isinstance(entry, list | tuple) and bool(entry) and all(isinstance(item, dict) for item in entry)
    )
