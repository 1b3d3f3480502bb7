"""Run the code cells of a notebook in this process, on given data; what they show comes back with its figures."""

from __future__ import annotations

import ast
import contextlib
import io
from pathlib import Path

import nbformat

import kamlib as kam
from kamlib import exhibit

ROOT = Path(__file__).parent.parent


def shown(number: str, monkeypatch, data=None, **parameters: object) -> list[exhibit.Exhibit]:
    """Return the exhibits of notebook `number`, on `data` instead of its own if given, with other `parameters`."""
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    if data is not None:
        monkeypatch.setattr(kam, "load", lambda *_, **__: data)
    monkeypatch.setattr(kam, "explore", lambda *_, **__: None, raising=False)
    found, called = [], exhibit.Exhibits.__call__

    def keep(self, *arguments, **options):
        found.append(called(self, *arguments, **options))
        return found[-1]

    monkeypatch.setattr(exhibit.Exhibits, "__call__", keep)
    space: dict = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            with contextlib.redirect_stdout(io.StringIO()):
                _run(cell.source, space)
            if "parameters" in cell.metadata.get("tags", []):
                space |= parameters
    return found


def _run(source: str, space: dict) -> None:
    """Run a cell and let its last line show itself, as a notebook does."""
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), space)
    if last is not None:
        from kamlib import frames

        value = eval(compile(last, "<cell>", "eval"), space)
        if hasattr(value, "columns"):
            frames.html(value)
