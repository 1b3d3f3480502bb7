"""What there is to run: the notebooks, their parameters and the exhibits they promise, read without starting a kernel."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kamlib import words
from kamlib.errors import InputError, suggest
from kamlib.params import project_root

RESERVED = {"data_dir": "--data", "as_of": "--as-of", "lang": "--lang", "run_dir": "--out"}
DEPTH = "In depth"
HEADING = re.compile(r"^(#{1,3}) +(.+?)\s*$", re.MULTILINE)
EXHIBIT = re.compile(r"""\bshow\(\s*["'](\d\d\.[\w.]+)["']""")


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: `months: int = 12  # length of the window`."""

    name: str
    type: str
    default: Any
    meaning: str

    def value(self, text: str) -> Any:
        """Return what was typed on the command line as this parameter's type; dates and other texts stay text."""
        try:
            return {"int": int, "float": float, "bool": _flag}.get(self.type, str)(text)
        except ValueError:
            raise InputError(
                f"-p {self.name}={text}: '{text}' is not {_KINDS[self.type][0]}. Give one, e.g. {self.default!r}.",
                f"-p {self.name}={text}：“{text}”不是{_KINDS[self.type][1]}。请改正，例如 {self.default!r}。",
            ) from None


@dataclass(frozen=True)
class Notebook:
    """A notebook as it stands in the project; `number` is the "05" of "05_finance"."""

    path: Path

    @property
    def number(self) -> str:
        return self.path.stem[:2]

    @property
    def name(self) -> str:
        return self.path.stem[3:]

    @cached_property
    def cells(self) -> list[dict]:
        """The cells as JSON has them, with the source of each as one text."""
        try:
            cells = json.loads(self.path.read_text(encoding="utf-8"))["cells"]
        except (OSError, UnicodeDecodeError, ValueError, KeyError) as error:
            raise InputError(
                f"{self.path} cannot be read as a notebook ({error!r}). Restore the file.",
                f"{self.path} 无法作为笔记本读取（{error!r}）。请恢复该文件。",
            ) from None
        return [{**cell, "source": "".join(cell["source"])} for cell in cells]

    def code(self, tag: str = "") -> list[str]:
        """Return the source of each code cell, or of those that carry `tag`."""
        return [
            cell["source"]
            for cell in self.cells
            if cell["cell_type"] == "code" and (not tag or tag in cell["metadata"].get("tags", []))
        ]

    @cached_property
    def title(self) -> str:
        """The notebook's question: its first heading."""
        return next((h for _, h in headings(self.cells) if h), self.path.stem)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters it declares, in their order."""
        return {p.name: p for source in self.code("parameters") for p in declared(source)}

    @cached_property
    def exhibits(self) -> list[str]:
        """The ids of the exhibits it shows."""
        return [id for source in self.code() for id in EXHIBIT.findall(source)]

    @cached_property
    def depth(self) -> list[str]:
        """The ids of those under "In depth": evidence for who must defend the numbers."""
        section, found = "", []
        for cell in self.cells:
            if cell["cell_type"] == "markdown":
                section = next((text for marks, text in HEADING.findall(cell["source"]) if marks == "##"), section)
            elif section == DEPTH:
                found += EXHIBIT.findall(cell["source"])
        return found


def home() -> Path:
    """Return the folder that holds `notebooks`: where the user stands or above it, else where kamlib was installed from."""
    places = (project_root(), Path(__file__).resolve().parents[2])
    found = next((p for p in places if any((p / "notebooks").glob("[0-9][0-9]_*.ipynb"))), None)
    if found is None:
        raise InputError(
            f"There is no folder 'notebooks' in {places[0]} or above it. Call kam from the project.",
            f"{places[0]} 及其上级文件夹中没有 notebooks 文件夹。请在项目文件夹中执行 kam。",
        )
    return found


def select(root: Path, only: str = "") -> list[Notebook]:
    """Return the notebooks of the project, or those whose numbers are listed in `only`: "03,07"."""
    notebooks = {path.name[:2]: Notebook(path) for path in sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
    wanted = [part.strip().zfill(2) for part in only.split(",") if part.strip()]
    for number in wanted:
        if number not in notebooks:
            known = ", ".join(f"{n} {notebook.name}" for n, notebook in notebooks.items())
            raise InputError(
                f"There is no notebook '{number}'. Notebooks: {known}.", f"没有笔记本“{number}”。现有笔记本：{known}。"
            )
    return [notebook for number, notebook in notebooks.items() if not wanted or number in wanted]


def cases(root: Path) -> list[Notebook]:
    """Return the case studies: short notebooks that show how findings of the others led to a decision."""
    return [Notebook(path) for path in sorted((root / "notebooks/cases").glob("c[0-9]_*.ipynb"))]


def headings(cells: Sequence[dict]) -> list[tuple[int, str]]:
    """Return for each cell the level and the text of the heading it stands under; (0, "") before the first."""
    current, result = (0, ""), []
    for cell in cells:
        if cell["cell_type"] == "markdown" and (found := HEADING.findall(cell["source"])):
            current = (len(found[-1][0]), found[-1][1])
        result.append(current)
    return result


def declared(source: str) -> list[Parameter]:
    """Read a parameters cell: assignments of literals, each with its comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign):
            name, kind = node.target.id, ast.unparse(node.annotation)
        elif isinstance(node, ast.Assign):
            name, kind = node.targets[0].id, ""
        else:
            continue
        default = ast.literal_eval(node.value)
        found.append(Parameter(name, kind or type(default).__name__, default, comments.get(node.end_lineno, "")))
    return found


def assign(notebooks: Sequence[Notebook], values: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return per notebook number the values of `name=value` pairs, each for the notebooks that declare the name.

    InputError when no selected notebook declares it, with the nearest name that one does.
    """
    known = {name for notebook in notebooks for name in notebook.parameters} - set(RESERVED)
    result: dict[str, dict[str, Any]] = {notebook.number: {} for notebook in notebooks}
    for pair in values:
        name, equals, text = (part.strip() for part in pair.partition("="))
        if not equals:
            raise InputError(
                f"-p {pair}: write it as name=value, e.g. -p top_n=20.",
                f"-p {pair}：请写成 名称=值，例如 -p top_n=20。",
            )
        if name in RESERVED:
            raise InputError(
                f"-p {pair}: '{name}' has an option of its own. Give it as {RESERVED[name]}.",
                f"-p {pair}：“{name}”有专用选项。请用 {RESERVED[name]} 指定。",
            )
        if name not in known:
            raise InputError(
                f"-p {pair}: '{name}' is not a parameter of the notebooks to run.{suggest(name, known)} "
                f"Parameters: {', '.join(sorted(known)) or 'none'}.",
                f"-p {pair}：要运行的笔记本没有参数“{name}”。{suggest(name, known)}"
                f"可用参数：{'、'.join(sorted(known)) or '无'}。",
            )
        for notebook in notebooks:
            if name in notebook.parameters:
                result[notebook.number][name] = notebook.parameters[name].value(text)
    return result


def check_values(notebook: Notebook, values: dict[str, Any]) -> None:
    """Run the notebook's own `check_params` on its defaults and `values`, so that a bad one is refused before a kernel
    starts."""
    for source in notebook.code():
        body = ast.parse(source).body
        place = next((i for i, node in enumerate(body) if "check_params(" in ast.unparse(node)), None)
        if place is not None:
            imports = [node for node in body[:place] if isinstance(node, (ast.Import, ast.ImportFrom))]
            module = ast.Module([*imports, body[place]], type_ignores=[])
            defaults = {name: parameter.default for name, parameter in notebook.parameters.items()}
            exec(compile(module, str(notebook.path), "exec"), defaults | values)
            return


def parameter_rows(notebooks: Sequence[Notebook]) -> list[tuple[str, str, str, str, str]]:
    """Return notebooks, name, type, default and meaning, in the language of the session, of every parameter; equal ones
    share a row."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for notebook in notebooks:
        for p in notebook.parameters.values():
            rows.setdefault((p.name, p.type, repr(p.default), words.word(p.meaning)), []).append(notebook.number)
    return [
        (words.say(None, "all", "全部") if len(of) == len(notebooks) > 1 else " ".join(of), *row)
        for row, of in rows.items()
    ]


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no"):
        raise ValueError(text)
    return text.lower() in ("true", "yes")


_KINDS = {"int": ("a whole number", "整数"), "float": ("a number", "数字"), "bool": ("true or false", " true 或 false")}
