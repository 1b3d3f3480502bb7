"""Which mapping an import uses: a file, what was recognised, or what was recognised with a file over it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kamlib.errors import InputError, suggest
from kamlib.settings import Settings
from kamlib.sources.crm import Recognition, choices, pipeline, recognise
from kamlib.sources.crm.evidence import ORDERS
from kamlib.sources.crm.over import Over, as_dict, extended
from kamlib.sources.crm.survey import date_in
from kamlib.sources.mapping_file import Mapping, declared, read_yaml
from kamlib.tables import STATUSES

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
        said = ({"name": self.said["name"]} if self.said.get("name") else {}) | {
            "settings": settings,
            "missing": "told",
        }
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
        _refuse_stages_alone(said, path)
        as_of = as_of or ("" if (said.get("settings") or {}).get("as_of") else _named_day(said, source))
        return _chosen(said, path, as_of)
    vendor = said.pop(EXTENDS)
    if vendor not in choices():
        raise InputError(
            f"{path}: {EXTENDS}: '{vendor}' is not one of {', '.join(choices())}. Correct the entry.",
            f"{path}：{EXTENDS}：“{vendor}”不在 {'、'.join(choices())} 之中。请更正该项。",
        )
    as_of = as_of or str((said.get("settings") or {}).get("as_of", ""))
    stages = _stages(said.pop(pipeline.KEY, None), path)
    over = Over(said.get("tables") or {}, stages, frozenset(_declared_files(said, source)))
    found = recognise(source, vendor, as_of, dates, over)
    return _chosen(extended(found.mapping, said | {"tables": found.tables}), path, as_of, found)


def _refuse_stages_alone(said: dict[str, Any], path: Path) -> None:
    if pipeline.KEY in said:
        raise InputError(
            f"{path}: {pipeline.KEY} goes with what is recognised. Write '{EXTENDS}: auto' above it.",
            f"{path}：{pipeline.KEY} 须与自动识别一起使用。请在其上写明“{EXTENDS}: auto”。",
        )


def _stages(said: Any, path: Path) -> dict[str, str]:
    """Return the status of stages that a mapping file gives. InputError when it gives anything else."""
    said = {} if said is None else said
    wrong = (
        {stage: status for stage, status in said.items() if status not in STATUSES} if isinstance(said, dict) else said
    )
    if wrong or not isinstance(said, dict):
        first = next(iter(wrong.items())) if isinstance(wrong, dict) else wrong
        shown = f"{first[0]}: {first[1]}" if isinstance(first, tuple) else first
        near = suggest(str(first[1]), STATUSES) if isinstance(first, tuple) else ""
        raise InputError(
            f"{path}: {pipeline.KEY}: '{shown}': give each stage, as the CRM calls it, one of {', '.join(STATUSES)}.{near}",
            f"{path}：{pipeline.KEY}：“{shown}”：请为每个阶段（按 CRM 中的名称）指定 {'、'.join(STATUSES)} 之一。{near}",
        )
    return {str(stage): status for stage, status in said.items()}


def _chosen(said: dict[str, Any], path: Path, as_of: str, found: Recognition | None = None) -> Chosen:
    mapping, settings = declared(said, path, as_of)
    return Chosen(mapping, settings, path, said, found)


def _named_day(said: dict[str, Any], source: Path) -> str:
    """The day that the names of the declared files agree on, or "" """
    days = {date_in(path.name) for path in _declared_files(said, source)} - {""}
    return days.pop() if len(days) == 1 else ""


def _declared_files(said: dict[str, Any], source: Path) -> set[Path]:
    entries = [as_dict(entry) for entry in (said.get("files") or {}).values()]
    patterns = [entry.get("path", "") for entry in entries if isinstance(entry, dict)]
    listed = [one for pattern in patterns for one in (pattern if isinstance(pattern, list) else [pattern])]
    return {path for one in listed if one and not one.startswith("/") for path in source.glob(one)}
