"""Which mapping an import uses: a file, what was recognised, or what was recognised with a file over it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from kamlib.errors import InputError, suggest
from kamlib.settings import Settings
from kamlib.sources.crm import Recognition, choices, recognise
from kamlib.sources.crm.evidence import ORDERS
from kamlib.sources.crm.survey import date_in
from kamlib.sources.mapping_file import Mapping, declared, read_yaml
from kamlib.tables import TABLES

EXTENDS = "extends"
_HEAD = "# written by kam import --save-mapping; bring next month's files with kam import FOLDER --from THIS-FILE --into …\n"


@dataclass(frozen=True)
class Chosen:
    """The mapping, its settings, what errors call it, what its YAML says, and what was recognised, if anything was."""

    declared: Mapping
    settings: Settings
    path: Path
    said: dict[str, Any]
    recognition: Recognition | None = None

    def save(self, path: Path) -> None:
        """Write the whole mapping to a file. InputError when another one stands there."""
        settings = {name: entry for name, entry in self.said.get("settings", {}).items() if name != "as_of"}
        said = ({"name": self.said["name"]} if self.said.get("name") else {}) | {"settings": settings}
        said |= {part: self.said[part] for part in ("files", "tables")}
        text = _HEAD + yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=120)
        try:
            if path.exists() and path.read_text(encoding="utf-8") != text:
                raise InputError(
                    f"{path} stands there already and says something else. Give another name, or delete it.",
                    f"{path} 已存在且内容不同。请另取文件名，或删除该文件。",
                )
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror}). Give another place.",
                f"{path} 无法写入（{error.strerror}）。请换一个位置。",
            ) from None


def choose(mapping: Path | str, source: Path, as_of: str | dt.date = "", dates: str = "") -> Chosen:
    """Return the mapping for the files in `source`: `mapping` is "auto", a vendor, or the path of a mapping file, which
    may extend what is recognised. InputError says what is missing or wrong."""
    if dates and dates not in ORDERS:
        raise InputError(
            f"--dates {dates}: give one of {', '.join(ORDERS)}.{suggest(dates, ORDERS)}",
            f"--dates {dates}：可选 {'、'.join(ORDERS)}。{suggest(dates, ORDERS)}",
        )
    as_of = str(as_of)
    if not source.is_dir():
        raise InputError(
            f"{source} is not a folder. Give the folder that holds the files to import.",
            f"{source} 不是文件夹。请指定存放导出文件的文件夹。",
        )
    if (vendor := str(mapping)) in choices():
        found = recognise(source, vendor, as_of, dates)
        return _chosen(found.mapping, Path(vendor), as_of, found)
    path = Path(mapping)
    if not path.suffix and not path.exists():
        raise InputError(
            f"--from {mapping} is neither a file nor one of {', '.join(choices())}.{suggest(str(mapping), choices())}",
            f"--from {mapping}：既没有这个文件，也不在 {'、'.join(choices())} 之中。{suggest(str(mapping), choices())}",
        )
    said = read_yaml(path)
    if EXTENDS not in said:
        as_of = as_of or ("" if (said.get("settings") or {}).get("as_of") else _named_day(said, source))
        return _chosen(said, path, as_of)
    vendor = said.pop(EXTENDS)
    if vendor not in choices():
        raise InputError(
            f"{path}: {EXTENDS}: '{vendor}' is not one of {', '.join(choices())}. Correct the entry.",
            f"{path}：{EXTENDS}：“{vendor}”不在 {'、'.join(choices())} 之中。请更正该项。",
        )
    as_of = as_of or str((said.get("settings") or {}).get("as_of", ""))
    found = recognise(source, vendor, as_of, dates, frozenset(_declared_files(said, source)))
    if "accounts" in (said.get("tables") or {}):
        found = replace(found, told=tuple(fault for fault in found.told if fault.kind != "no_customer_file"))
    return _chosen(extended(found.mapping, said), path, as_of, found)


def _chosen(said: dict[str, Any], path: Path, as_of: str, found: Recognition | None = None) -> Chosen:
    mapping, settings = declared(said, path, as_of)
    return Chosen(mapping, settings, path, said, found)


def extended(found: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Return what was recognised with what a mapping file says over it.

    Settings and files are replaced entry by entry. A table with `sql`, or of a file from which the table was not made
    yet, replaces or joins what was recognised; without `from` its columns, `where` and `once` go for every part.
    """
    made: dict[str, Any] = {name: said[name] for name in said if name not in ("settings", "files", "tables")}
    made["settings"] = found.get("settings", {}) | (said.get("settings") or {})
    made["files"] = dict(found["files"])
    for name, entry in (said.get("files") or {}).items():
        before, after = _as_dict(made["files"].get(name, {}), "path"), _as_dict(entry, "path")
        made["files"][name] = before | after if isinstance(after, dict) else after
    made["tables"] = dict(found["tables"])
    for name, entry in (said.get("tables") or {}).items():
        made["tables"][name] = _table(made["tables"].get(name), entry)
    return made | {"tables": {name: made["tables"][name] for name in _in_order(made["tables"]) if made["tables"][name]}}


def _in_order(tables: dict[str, Any]) -> list[str]:
    return sorted(tables, key=lambda name: list(TABLES).index(name) if name in TABLES else len(TABLES))


def _table(found: Any, said: Any) -> Any:
    if said is None:  # `orders:` and nothing behind it: this table is not wanted
        return None
    if not isinstance(said, dict) or "sql" in said or found is None:
        return said
    parts = list(found) if isinstance(found, list) else [found]
    source = said.get("from")
    if "sql" in parts[0]:  # customers made of the rows that name them: the file that lists them is better
        return said
    if source is not None and all(part.get("from") != source for part in parts):
        return [*parts, said]
    merged = [_over(part, said) if source in (None, part.get("from")) else part for part in parts]
    return merged if len(merged) > 1 else merged[0]


def _over(part: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    columns = part["columns"] | (said.get("columns") or {})
    return part | said | {"columns": {name: entry for name, entry in columns.items() if entry is not None}}


def _as_dict(entry: Any, short: str) -> Any:
    return {short: entry} if isinstance(entry, str | list) else entry


def _named_day(said: dict[str, Any], source: Path) -> str:
    """The day that the names of the declared files agree on, or "" """
    days = {date_in(path.name) for path in _declared_files(said, source)} - {""}
    return days.pop() if len(days) == 1 else ""


def _declared_files(said: dict[str, Any], source: Path) -> set[Path]:
    entries = [_as_dict(entry, "path") for entry in (said.get("files") or {}).values()]
    patterns = [entry.get("path", "") for entry in entries if isinstance(entry, dict)]
    listed = [one for pattern in patterns for one in (pattern if isinstance(pattern, list) else [pattern])]
    return {path for one in listed if one and not one.startswith("/") for path in source.glob(one)}
