"""The mapping file: which files and columns of any system are which canonical tables and columns.

See docs/own-data.md for a commented example. SQL in it is an expression over the columns of one file, or one SELECT
over the declared files; it is run where nothing else can be reached (`sandbox`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kamlib.errors import InputError, refusal, suggest, wrong
from kamlib.files import small_text
from kamlib.language import say
from kamlib.settings import Settings
from kamlib.tables import TABLES, missing


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class FileSpec(_Strict):
    """One file, or several alike: `path` may hold wild cards, and be a list. `money` is an expression for what a row is
    worth; `set_aside` and `told` give a reason to a condition: the first that holds takes the row out, or is only
    counted."""

    path: str | tuple[str, ...]
    sheet: str = ""
    money: str = ""
    set_aside: dict[str, str] = {}
    told: dict[str, str] = {}

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for one in [path] if isinstance(path, str) else path:
            if Path(one).is_absolute() or ".." in Path(one).parts or "~" in one:
                raise refusal(
                    "must lie in the source folder: give a path relative to it, without '..'.",
                    "须位于来源文件夹内：请写相对路径，不含“..”。",
                )
        return path

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else self.path


class ColumnSpec(_Strict):
    """A canonical column: a column of the file or an SQL expression, and what its values are called here."""

    column: str = ""
    sql: str = ""
    values: dict[str, str] = {}

    @model_validator(mode="after")
    def _one(self) -> ColumnSpec:
        if bool(self.column) == bool(self.sql):
            raise refusal("give either 'column' or 'sql'.", "column 与 sql 须二选一。")
        return self


class TableSpec(_Strict):
    """A canonical table: rows of one file (`from`, `where`, `columns`), or one SELECT over the files (`sql`). With `once`
    the first row of each of its values makes a row: an order whose lines repeat its header."""

    source: str = Field("", alias="from")
    where: str = ""
    once: str = ""
    columns: dict[str, ColumnSpec] = {}
    sql: str = ""

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, columns: Any) -> Any:
        if not isinstance(columns, dict):
            return columns
        return {name: {"column": spec} if isinstance(spec, str) else spec for name, spec in columns.items()}

    @model_validator(mode="after")
    def _one(self) -> TableSpec:
        if bool(self.sql) == bool(self.source):
            raise refusal("give either 'sql', or 'from' with 'columns'.", "sql 与 from（连同 columns）须二选一。")
        if self.sql and (self.columns or self.where or self.once):
            raise refusal(
                "with 'sql' the SELECT names the columns; remove 'columns', 'where' and 'once'.",
                "使用 sql 时列由 SELECT 给出，请删除 columns、where 和 once。",
            )
        return self


class Mapping(_Strict):
    """A whole mapping file. `settings` become `kam.toml`. A table may be made of several files, row by row. What is
    `missing` of the files is refused, or told where nothing needs it: the mapping was saved from another month's."""

    name: str = ""
    missing: Literal["refused", "told"] = "refused"
    settings: dict[str, Any] = {}
    files: dict[str, FileSpec]
    tables: dict[str, tuple[TableSpec, ...]]

    @field_validator("files", mode="before")
    @classmethod
    def _short_form(cls, files: Any) -> Any:
        if not isinstance(files, dict):
            return files
        return {name: {"path": spec} if isinstance(spec, str) else spec for name, spec in files.items()}

    @field_validator("tables", mode="before")
    @classmethod
    def _one_part(cls, tables: Any) -> Any:
        if not isinstance(tables, dict):
            return tables
        return {name: spec if isinstance(spec, list) else [spec] for name, spec in tables.items()}

    @field_validator("tables")
    @classmethod
    def _parts(cls, tables: dict[str, tuple[TableSpec, ...]]) -> dict[str, tuple[TableSpec, ...]]:
        for name, parts in tables.items():
            if not parts or (len(parts) > 1 and any(part.sql for part in parts)):
                raise refusal(
                    f"'{name}': a list holds parts with 'from' and 'columns'; one with 'sql' stands alone.",
                    f"“{name}”：列表中的各部分须有 from 和 columns；使用 sql 的只能单独一项。",
                )
        return tables

    @field_validator("files")
    @classmethod
    def _plain_names(cls, files: dict[str, FileSpec]) -> dict[str, FileSpec]:
        for name in files:
            if not re.fullmatch(r"\w+", name):
                raise refusal(
                    f"'{name}' is no name for a file here: use letters, digits and underscores.",
                    f"“{name}”不能用作文件名称：只能用字母、数字和下划线。",
                )
        return files

    def fingerprint(self) -> str:
        """Return the SHA-256 of what the mapping does: of its files and tables, whatever its layout."""
        return hashlib.sha256(self.model_dump_json(include={"files", "tables"}).encode()).hexdigest()


def read_mapping(path: Path, as_of: str | dt.date = "") -> tuple[Mapping, Settings]:
    """Read the mapping file and the settings in it, with `as_of` before its own. InputError names every wrong entry."""
    return declared(read_yaml(path), path, as_of)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read what the file says, before any of it is checked. InputError when it is no mapping file."""
    try:
        said = yaml.load(small_text(path), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}). Give the path of a mapping file in UTF-8.",
            f"{path} 无法读取（{error}）。请指定 UTF-8 编码的映射文件。",
        ) from None
    except RecursionError:
        raise InputError(
            f"{path}: not readable as YAML (nested too deep). Write it as in docs/own-data.md.",
            f"{path}：不是有效的 YAML（嵌套过深）。写法请见 docs/own-data.md。",
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        en, zh = (f"line {mark.line + 1}: ", f"第 {mark.line + 1} 行") if mark else ("", "")
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(
            f"{path}: {en}not readable as YAML ({problem}). Mend that line.",
            f"{path}：{zh}不是有效的 YAML（{problem}）。请改正该行。",
        ) from None
    parts = ("settings", "files", "tables")
    if not isinstance(said, dict) or not all(isinstance(said.get(part) or {}, dict) for part in parts):
        raise InputError(
            f"{path}: is no mapping file. It needs 'files' and 'tables'; see docs/own-data.md.",
            f"{path} 不是映射文件：须有 files 和 tables，详见 docs/own-data.md。",
        )
    return said


def declared(said: dict[str, Any], path: Path, as_of: str | dt.date = "") -> tuple[Mapping, Settings]:
    """Check what a mapping file says; `path` is what errors call it."""
    if as_of:
        said = said | {"settings": (said.get("settings") or {}) | {"as_of": str(as_of)}}
    try:
        mapping = Mapping.model_validate(said)
        settings = Settings.model_validate(mapping.settings)
    except ValidationError as error:
        raise InputError("\n".join(_sentence(path, fault, error.title) for fault in error.errors())) from None
    if faults := _unknown_names(mapping):
        raise InputError("\n".join(say(None, f"{path}: {fault}", f"{path}：{fault}") for fault in faults))
    return mapping, settings


def _unknown_names(mapping: Mapping) -> list[str]:
    faults = [
        say(
            None,
            f"tables.{name} is missing: nothing can be computed without.",
            f"缺少 tables.{name}，没有它无法计算。",
        )
        for name in missing(mapping.tables)
    ]
    for name, parts in mapping.tables.items():
        if name not in TABLES:
            near = suggest(name, TABLES)
            faults.append(
                say(
                    None,
                    f"tables.{name} is no canonical table.{near} Tables: {', '.join(TABLES)}.",
                    f"tables.{name} 不是标准数据表。{near}可用数据表：{'、'.join(TABLES)}。",
                )
            )
            continue
        for spec in parts:
            faults += _unknown_in_part(mapping, name, spec)
    return faults


def _unknown_in_part(mapping: Mapping, name: str, spec: TableSpec) -> list[str]:
    faults = []
    if spec.source and spec.source not in mapping.files:
        known, near = ", ".join(mapping.files), suggest(spec.source, mapping.files)
        faults.append(
            say(
                None,
                f"tables.{name}.from: '{spec.source}' is not among the files.{near} Files: {known}.",
                f"tables.{name}.from：files 中没有“{spec.source}”。{near}现有：{known}。",
            )
        )
    if spec.source:
        faults += [
            say(None, f"tables.{name}.columns: '{column}' is needed.", f"tables.{name}.columns：缺少必填列“{column}”。")
            for column in TABLES[name].required
            if column not in spec.columns
        ]
    faults += [
        say(
            None,
            f"tables.{name}.columns: '{column}' is no column of {name}.{suggest(column, TABLES[name].names)} "
            f"Columns: {', '.join(TABLES[name].names)}.",
            f"tables.{name}.columns：{name} 没有列“{column}”。{suggest(column, TABLES[name].names)}"
            f"可用列：{'、'.join(TABLES[name].names)}。",
        )
        for column in spec.columns
        if column not in TABLES[name].names
    ]
    return faults


def _sentence(path: Path, fault: dict[str, Any], title: str) -> str:
    parts = [part for part in fault["loc"] if isinstance(part, str)]  # without the place in a list of parts
    if title == "Settings":
        parts = ["settings", *parts]
    where = ".".join(parts)
    if fault["type"] == "extra_forbidden":
        known = _keys(parts)
        near = suggest(parts[-1], known)
        return say(
            None,
            f"{path}: '{where}' is not an entry.{near} Entries here: {', '.join(known)}.",
            f"{path}：没有“{where}”这一项。{near}此处可用：{'、'.join(known)}。",
        )
    if fault["type"] == "missing":
        return say(
            None,
            f"{path}: '{where}' is missing. Add it; see docs/own-data.md.",
            f"{path}：缺少“{where}”。请补上，详见 docs/own-data.md。",
        )
    shown = f" = {fault['input']!r}" if isinstance(fault["input"], str | int | float | bool) else ""
    hint = say(None, " Write the key in quotes.", "请给键名加引号。") if "[key]" in parts else ""
    return say(
        None,
        f"{path}: {where}{shown}: {wrong(fault)}{hint} Correct the entry.",
        f"{path}：{where}{shown}：{wrong(fault)}{hint}请更正该项。",
    )


def _keys(parts: list[str]) -> list[str]:
    """The entries that may stand where the last of `parts` stands."""
    model: type[BaseModel] = {
        ("files", 3): FileSpec, ("tables", 3): TableSpec, ("tables", 5): ColumnSpec, ("settings", 2): Settings,
    }.get((parts[0], len(parts)), Mapping)  # fmt: skip
    return [field.alias or name for name, field in model.model_fields.items()]


class _Loader(yaml.SafeLoader):
    """YAML in which a key may stand once: of two, the first would be lost unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                mark = node.value[place][0].start_mark
                raise yaml.constructor.ConstructorError(
                    None, None, say(None, f"'{key}' stands twice", f"“{key}”重复出现"), mark
                )
        return super().construct_mapping(node, deep)
