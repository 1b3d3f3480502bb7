"""The parameters of a notebook: checked in its second code cell, whoever runs it."""

from __future__ import annotations

import ast
import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kamlib.errors import InputError, suggest
from kamlib.language import LANGUAGES, say, use


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
        wrong = say(None, 'Give a text in quotes, e.g. "north".', '请填写带引号的文本，例如 "north"。')
        return "" if isinstance(value, str) else wrong


@dataclass(frozen=True)
class Folder:
    """A folder or a workbook that exists; relative to the project root."""

    def fault(self, value: Any) -> str:
        if isinstance(value, str) and value and (resolve(value).is_dir() or resolve(value).is_file()):
            return ""
        return say(
            None,
            "There is no such folder. Give a path relative to the project root, or an absolute one.",
            "没有这个文件夹。请填写相对于项目根目录的路径，或绝对路径。",
        )


@dataclass(frozen=True)
class Date:
    """YYYY-MM-DD, or empty."""

    def fault(self, value: Any) -> str:
        try:
            if value != "":
                dt.date.fromisoformat(value)
        except (TypeError, ValueError):
            return say(
                None,
                'Give a date as "YYYY-MM-DD", e.g. "2025-12-31", or "".',
                '请填写日期 "YYYY-MM-DD"，例如 "2025-12-31"，或留空 ""。',
            )
        return ""


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`."""

    low: int
    high: int

    def fault(self, value: Any) -> str:
        right = isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
        if right:
            return ""
        return say(
            None,
            f"Give a whole number from {self.low} to {self.high}.",
            f"请填写 {self.low} 到 {self.high} 之间的整数。",
        )


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`."""

    low: float
    high: float

    def fault(self, value: Any) -> str:
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high
        if right:
            return ""
        return say(
            None,
            f"Give a number from {self.low:g} to {self.high:g}.",
            f"请填写 {self.low:g} 到 {self.high:g} 之间的数字。",
        )


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
        options, near = ", ".join(map(repr, self.options)), suggest(str(wrong[0]), self.options)
        return say(
            None,
            f"Choose {'from' if self.several else 'one of'} {options}.{near}",
            f"请从 {options} 中选择{'一项或多项' if self.several else '一项'}。{near}",
        )


def check_params(given: dict[str, Any], **kinds: Any) -> None:
    """Check the notebook's parameters; `given` is `globals()`, `kinds` says what each must be.

    InputError names every bad value and, under papermill, every injected name that the notebook does not know, in the
    language that the parameter `lang` names.
    """
    if given.get("lang") in LANGUAGES:
        use(given["lang"])
    kinds = {name: kind() if isinstance(kind, type) else kind for name, kind in kinds.items()}
    faults = [
        say(
            None,
            f"'{name}' is not a parameter of this notebook.{suggest(name, kinds)} Parameters: {', '.join(kinds)}.",
            f"本笔记本没有参数“{name}”。{suggest(name, kinds)}可用参数：{'、'.join(kinds)}。",
        )
        for name in _injected_names()
        if name not in kinds
    ]
    for name, kind in kinds.items():
        if fault := kind.fault(given.get(name)):
            faults.append(f"{name} = {given.get(name)!r}{say(None, '. ', '：')}{fault}")
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
