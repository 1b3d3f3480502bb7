"""The parameters of a notebook: checked in its second code cell, whoever runs it."""

from __future__ import annotations

import ast
import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kamlib.errors import InputError, suggest


def project_root() -> Path:
    """Return the nearest folder, upwards from here, that holds `notebooks` and `data`; else the working folder."""
    here = Path(os.environ.get("KAM_ROOT") or Path.cwd())
    return next((p for p in (here, *here.parents) if (p / "notebooks").is_dir() and (p / "data").is_dir()), here)


def resolve(path: str | Path) -> Path:
    """Return `path` as it is when absolute, else below the project root: papermill, JupyterLab and nbval start
    notebooks in different working folders."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else project_root() / path


@dataclass(frozen=True)
class Text:
    """Any text."""

    def fault(self, value: Any) -> str:
        return "" if isinstance(value, str) else 'Give a text in quotes, e.g. "north".'


@dataclass(frozen=True)
class Folder:
    """A folder or a workbook that exists; relative to the project root."""

    def fault(self, value: Any) -> str:
        if isinstance(value, str) and value and (resolve(value).is_dir() or resolve(value).is_file()):
            return ""
        return "There is no such folder. Give a path relative to the project root, or an absolute one."


@dataclass(frozen=True)
class Date:
    """YYYY-MM-DD, or empty."""

    def fault(self, value: Any) -> str:
        try:
            if value != "":
                dt.date.fromisoformat(value)
        except (TypeError, ValueError):
            return 'Give a date as "YYYY-MM-DD", e.g. "2025-12-31", or "".'
        return ""


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`."""

    low: int
    high: int

    def fault(self, value: Any) -> str:
        right = isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
        return "" if right else f"Give a whole number from {self.low} to {self.high}."


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`."""

    low: float
    high: float

    def fault(self, value: Any) -> str:
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high
        return "" if right else f"Give a number from {self.low:g} to {self.high:g}."


@dataclass(frozen=True)
class Choice:
    """One of the texts in `options`; `several` allows a comma-separated list of them."""

    options: tuple[str, ...]
    several: bool = False

    def fault(self, value: Any) -> str:
        chosen = value.split(",") if self.several and isinstance(value, str) else [value]
        wrong = [item for item in chosen if (item.strip() if isinstance(item, str) else item) not in self.options]
        if not wrong:
            return ""
        return f"Choose {'from' if self.several else 'one of'} {', '.join(map(repr, self.options))}.{suggest(str(wrong[0]), self.options)}"


def check_params(given: dict[str, Any], **kinds: Any) -> None:
    """Check the notebook's parameters; `given` is `globals()`, `kinds` says what each must be.

    InputError names every bad value and, under papermill, every injected name that the notebook does not know.
    """
    kinds = {name: kind() if isinstance(kind, type) else kind for name, kind in kinds.items()}
    faults = [
        f"'{name}' is not a parameter of this notebook.{suggest(name, kinds)} Parameters: {', '.join(kinds)}."
        for name in _injected_names()
        if name not in kinds
    ]
    for name, kind in kinds.items():
        if fault := kind.fault(given.get(name)):
            faults.append(f"{name} = {given.get(name)!r}. {fault}")
    if faults:
        raise InputError("\n".join(faults))


def _injected_names() -> list[str]:
    """Return the names in the cell that papermill put in; it begins with `# Parameters`."""
    try:
        from IPython import get_ipython
    except ImportError:
        return []
    shell = get_ipython()
    cells = [] if shell is None else [c for c in shell.user_ns.get("In", []) if c.startswith("# Parameters\n")]
    names = [
        t.id for cell in cells for node in ast.parse(cell).body if isinstance(node, ast.Assign) for t in node.targets
    ]
    return list(dict.fromkeys(names))
