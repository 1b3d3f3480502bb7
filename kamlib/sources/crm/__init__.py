"""Recognise what a CRM exported: a folder of files becomes the mapping that a user could have written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from kamlib import words
from kamlib.errors import InputError
from kamlib.rooms import room
from kamlib.sources.crm.build import Use, build, name_views
from kamlib.sources.crm.dictionary import OWN, Vendor, bare, vendors
from kamlib.sources.crm.evidence import read_evidence
from kamlib.sources.crm.match import Matched, best_matches
from kamlib.sources.crm.over import Over
from kamlib.sources.crm.survey import Sheet, survey
from kamlib.sources.ledger import Fault

AUTO = "auto"


@dataclass(frozen=True)
class Recognition:
    """`mapping` is what the YAML file would say; `uses` what became of every column; `strangers` are files that are no
    tables; `told` is what the ledger is to say of all that; `guessed` are, by table, the file and the header of what had to
    do for a record id."""

    mapping: dict[str, Any]
    uses: tuple[Use, ...]
    strangers: tuple[str, ...]
    told: tuple[Fault, ...] = ()
    guessed: dict[str, tuple[str, str]] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    """What a mapping file says of tables, less what was recognised by it."""


def choices() -> list[str]:
    """Return what `--from` takes besides a mapping file: auto and the vendors."""
    return [AUTO, *(name for name in vendors() if name != OWN and "_" not in name)]


def recognise(
    folder: Path, vendor: str = AUTO, as_of: str = "", dates: str = "", over: Over | None = None
) -> Recognition:
    """Recognise the exports in `folder` and below; `over` is what a mapping file says over it. InputError says what keeps
    them from being read for sure."""
    over = over or Over()
    with room() as scratch:
        con = duckdb.connect(str(Path(scratch) / "survey.duckdb"))
        try:
            sheets, strangers = survey(con, folder, Path(scratch))
            tried = [v for name, v in vendors().items() if vendor == AUTO or name.split("_")[0] in (vendor, OWN)]
            found, unknown, foreign = _of_one_crm(folder, sheets, tried, vendor)
            found = _together(found)
            left = [sheet for sheet in unknown if sheet.path not in over.files]
            _refuse_named(left, tried)
            others = name_views(found)
            over, given = over.taught(found)
            read_evidence(con, found, dates)
            built = build(con, found, others, over, given)
            told = [*built.told, *_left_out(con, left), *_left_out(con, [one.sheet for one in foreign], "other_crm")]
        finally:
            con.close()
    settings = {"as_of": as_of or _as_of(found)} | built.mapping["settings"]
    unknown = [*unknown, *(one.sheet for one in foreign)]
    uses = [*built.uses, *(Use(sheet.label, header, (), "") for sheet in unknown for header in sheet.headers)]
    strange = tuple(_relative(path, folder) for path in strangers)
    mapping = built.mapping | {"settings": settings}
    return Recognition(mapping, tuple(uses), strange, tuple(told), built.guessed, over.tables)


def _of_one_crm(
    folder: Path, sheets: list[Sheet], tried: list[Vendor], vendor: str
) -> tuple[list[Matched], list[Sheet], list[Matched]]:
    """Return the sheets as modules of one CRM, those that are none, and, where the CRM is given, those of another one.
    InputError where it is not given and they are of several, or of none."""
    found, unknown = best_matches(sheets, tried)
    if not found:
        listed = ", ".join(sheet.label for sheet in sheets[:10])
        raise InputError(
            f"{folder}: none of its files is an export of a CRM that kam knows ({listed or 'no table at all'}). "
            "Write a mapping file; see docs/own-data.md.",
            f"{folder} 中没有 kam 能识别的 CRM 导出文件（{listed or '没有任何数据表'}）。请编写映射文件，详见 docs/own-data.md。",
        )
    if vendor == AUTO:
        _refuse_several(folder, found)
        return found, unknown, []
    foreign = [one for one in best_matches(sheets, list(vendors().values()))[0] if one.vendor.crm not in ("", vendor)]
    others = {id(one.sheet) for one in foreign}
    kept = [one for one in found if id(one.sheet) not in others]
    if not any(one.vendor.crm for one in kept):  # the user knows better
        return found, unknown, []
    return kept, [sheet for sheet in unknown if id(sheet) not in others], foreign


def _refuse_several(folder: Path, found: list[Matched]) -> None:
    """InputError where the folder holds exports of several CRMs: one customer would count twice, under two ids."""
    files: dict[str, list[Matched]] = {}
    for one in found:
        if one.vendor.crm:
            files.setdefault(one.vendor.crm, []).append(one)
    if len(files) < 2:
        return
    by_crm = sorted(files.values(), key=len, reverse=True)
    en, zh = (
        joint.join(f"{several[0].vendor.title}{sep}{comma.join(_labels(several))}{end}" for several in by_crm)
        for joint, sep, comma, end in ((" and of ", " (", ", ", ")"), ("和 ", "（", "、", "）"))
    )
    ways = "|".join(several[0].vendor.crm for several in by_crm)
    raise InputError(
        f"{folder} holds files of {en}. Put each CRM's files into a folder of its own, or say whose files to take: "
        f"--from {ways}; the others are left out, and told.",
        f"{folder} 中有 {zh}的文件。请将各 CRM 的文件放入单独的文件夹，或用 --from {ways} 指定采用哪一个，其余文件不采用并会提示。",
    )


def _labels(several: list[Matched]) -> list[str]:
    names = [one.sheet.label for one in several]
    return names if len(names) <= 4 else [*names[:3], "…"]


def export_of(folder: Path) -> str:
    """Return the name of the CRM that exported most of what lies in `folder`; "" where that is our own tables."""
    if not folder.is_dir():
        return ""
    with room() as scratch:
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


def _left_out(con: duckdb.DuckDBPyConnection, sheets: list[Sheet], kind: str = "unrecognised") -> list[Fault]:
    """Tell of the rows of every sheet that is not taken."""
    told = []
    for sheet in sheets:
        (n,) = con.execute(f"SELECT count(*) FROM ({sheet.selects[0]})").fetchone()
        if n:
            told.append(Fault("", sheet.label, "", kind, "told", n, ((None, ", ".join(sheet.headers)),)))
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
