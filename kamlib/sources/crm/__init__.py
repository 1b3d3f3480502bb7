"""Recognise what a CRM exported: a folder of files becomes the mapping that a user could have written."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from kamlib import words
from kamlib.errors import InputError
from kamlib.sources.crm.build import Use, build
from kamlib.sources.crm.dictionary import OWN, Vendor, bare, vendors
from kamlib.sources.crm.evidence import read_evidence
from kamlib.sources.crm.match import Matched, best_matches
from kamlib.sources.crm.survey import Sheet, survey
from kamlib.sources.ledger import Fault

AUTO = "auto"


@dataclass(frozen=True)
class Recognition:
    """`mapping` is what the YAML file would say; `uses` what became of every column; `strangers` are files that are no
    tables; `told` is what the ledger is to say of all that."""

    mapping: dict[str, Any]
    uses: tuple[Use, ...]
    strangers: tuple[str, ...]
    told: tuple[Fault, ...] = ()


def choices() -> list[str]:
    """Return what `--from` takes besides a mapping file: auto and the vendors."""
    return [AUTO, *(name for name in vendors() if name != OWN and "_" not in name)]


def recognise(
    folder: Path, vendor: str = AUTO, as_of: str = "", dates: str = "", declared: frozenset[Path] = frozenset()
) -> Recognition:
    """Recognise the exports in `folder` and below; `declared` are files that a mapping reads in any case. InputError
    says what keeps them from being read for sure."""
    with tempfile.TemporaryDirectory(prefix="kam-", ignore_cleanup_errors=True) as scratch:
        con = duckdb.connect(str(Path(scratch) / "survey.duckdb"))
        try:
            sheets, strangers = survey(con, folder, Path(scratch))
            tried = [v for name, v in vendors().items() if vendor == AUTO or name.split("_")[0] in (vendor, OWN)]
            found, unknown = best_matches(sheets, tried)
            found = _together(found)
            if not found:
                listed = ", ".join(sheet.label for sheet in sheets[:10])
                raise InputError(
                    f"{folder}: none of its files is an export of a CRM that kam knows ({listed or 'no table at all'}). "
                    "Write a mapping file; see docs/own-data.md.",
                    f"{folder} 中没有 kam 能识别的 CRM 导出文件（{listed or '没有任何数据表'}）。请编写映射文件，详见 docs/own-data.md。",
                )
            left = [sheet for sheet in unknown if sheet.path not in declared]
            _refuse_named(left, tried)
            read_evidence(con, found, dates)
            mapping, uses, told = build(con, found)
            told += _left_out(con, left)
        finally:
            con.close()
    settings = {"as_of": as_of or _as_of(found)} | mapping["settings"]
    uses += [Use(sheet.label, header, (), "") for sheet in unknown for header in sheet.headers]
    return Recognition(
        mapping | {"settings": settings},
        tuple(uses),
        tuple(_relative(path, folder) for path in strangers),
        tuple(told),
    )


def export_of(folder: Path) -> str:
    """Return the name of the CRM that exported most of what lies in `folder`; "" where that is our own tables."""
    if not folder.is_dir():
        return ""
    with tempfile.TemporaryDirectory(prefix="kam-", ignore_cleanup_errors=True) as scratch:
        con = duckdb.connect(str(Path(scratch) / "survey.duckdb"))
        try:
            found, _ = best_matches(survey(con, folder, Path(scratch))[0], list(vendors().values()))
        except InputError:  # what cannot be read is told by those who read it
            return ""
        finally:
            con.close()
    foreign = Counter(one.vendor.title for one in found if one.vendor.name != OWN and len(one.how) > 2)
    return foreign.most_common(1)[0][0] if 2 * foreign.total() > len(found) else ""


def _refuse_named(sheets: list[Sheet], tried: list[Vendor]) -> None:
    """InputError where a sheet is called after a module, so that it must matter, and its headers are not those."""
    names = {bare(name) for vendor in tried for module in vendor.modules.values() for name in module.names}
    faults = []
    for sheet in sheets:
        if any(bare(title) in names for title in sheet.titles if title):
            headers = ", ".join(sheet.headers[:12])
            faults.append(
                words.say(
                    None,
                    f"{sheet.label} is called after a module of a CRM, but its headers are not known ({headers}). Put the "
                    "column names in its first row, rename the file, or declare it in a mapping file (docs/own-data.md).",
                    f"{sheet.label} 的名称是 CRM 的模块，但其表头无法识别（{headers}）。"
                    "请将列名放在第一行，或更改文件名，或在映射文件中声明（docs/own-data.md）。",
                )
            )
    if faults:
        raise InputError("\n".join(faults))


def _left_out(con: duckdb.DuckDBPyConnection, sheets: list[Sheet]) -> list[Fault]:
    """Tell of the rows of every sheet that was not recognised."""
    told = []
    for sheet in sheets:
        (n,) = con.execute(f"SELECT count(*) FROM ({sheet.selects[0]})").fetchone()
        if n:
            told.append(Fault("", sheet.label, "", "unrecognised", "told", n, ((None, ", ".join(sheet.headers)),)))
    return told


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _together(found: list[Matched]) -> list[Matched]:
    """Take files of one module with the same headers as one. InputError where they are exports of several days."""
    kept: dict[tuple, Matched] = {}
    for one in found:
        mark = (one.vendor.name, one.module.name, one.sheet.headers, one.sheet.sheet and one.sheet.path)
        first = kept.setdefault(mark if not one.sheet.sheet else (*mark, one.sheet.sheet), one)
        if first is not one:
            first.sheet.more.append(one.sheet.path)
            first.sheet.selects += one.sheet.selects
    by_module: dict[tuple[str, str], set[str]] = {}
    for one in kept.values():
        by_module.setdefault((one.vendor.name, one.module.name), set()).update(one.sheet.dates)
    for (_, module), days in by_module.items():
        if len(days) > 1:
            raise InputError(
                f"The folder holds {module} exported on {' and '.join(sorted(days))}: the same records twice. "
                "Put each day's files into a folder of its own and import them one after the other.",
                f"该文件夹中有 {'、'.join(sorted(days))} 多次导出的 {module}，同一记录会重复。"
                "请将每天的文件放入单独的文件夹，逐一导入。",
            )
    return list(kept.values())


def _as_of(found: list[Matched]) -> str:
    """The day of the export, by the names of the files."""
    days = sorted({day for one in found for day in one.sheet.dates})
    if len(days) == 1:
        return days[0]
    en, zh = (f"say {' and '.join(days)}", f"给出了 {'、'.join(days)}") if days else ("do not say", "未给出")
    raise InputError(
        f"The names of the files {en} on which day they were exported. Give it: --as-of YYYY-MM-DD.",
        f"文件名中{zh}{' 等多个' if days else ''}导出日期。请用 --as-of YYYY-MM-DD 指定。",
    )
