"""The three tables of key account tiering (R49–R51) read back from a workbook, as `accounts` and `score_snapshots`.

基础信息表, 分级指标评分表 and 综合评价表 have exactly these columns, in either language; above the header of the second stand
the weights and the date of scoring, above that of the third the rules. The name of a customer is the key of all three.
Score and tier are what the evaluation shows; where it shows none, they follow from weights and rules.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kamlib import words
from kamlib.settings import Tiers
from kamlib.sources import sheets
from kamlib.sources.files import TIERING, Source
from kamlib.sources.headers import match
from kamlib.sources.ledger import Fault, called
from kamlib.tables import TABLES

INDICATORS = tuple(Tiers().weights)
BASIC = ("account_name", "account_no", "region", "industry")
SCORED = ("account_name", *(f"{name}_score" for name in INDICATORS))
EVALUATED = ("account_name", "composite_score", "tier", "recommended_action")
SHEETS = dict(zip(TIERING, (BASIC, SCORED, EVALUATED), strict=True))


@dataclass
class _Sheet:
    """One of them: the rows above the header, and (row number, cell by column) below it."""

    source: Source
    above: list[list[str]] = field(default_factory=list)
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    told: list[Fault] = field(default_factory=list)

    def beside(self, key: str) -> list[str]:
        """Return what stands beside a word in the rows above the header."""
        return next((row[1:] for row in self.above if row and row[0] in words.LABELS[key]), [])


def bring(
    tiering: dict[str, Source], given: Source | None, scratch: Path
) -> tuple[dict[str, Source], list[str], list[Fault]]:
    """Read the sheets `tiering` (by key of `TIERING`); return the tables made of them, what makes them unusable, and what
    is told of them.

    `given` is where the accounts come from when a sheet or file holds them.
    """
    faults: list[str] = []
    blank = Source(Path())
    basic, scores, evaluation = (
        _open(tiering[key], SHEETS[key], scratch, faults) if key in tiering else _Sheet(blank) for key in TIERING
    )
    known = _ids(given, scratch) if given else {}
    if basic.rows and given and (known or not given.sheet):
        faults.append(
            words.say(
                None,
                f"{given.label} and {basic.source.label} both claim to be the table accounts. Keep one of them.",
                f"{called(given.label, 'zh')} 和 {called(basic.source.label, 'zh')} 都对应客户表 accounts。请只保留一个。",
            )
        )
    ids = known | {row["account_name"]: _id(row) for _, row in basic.rows}
    made = {}
    if basic.rows:
        accounts = [(number, row | {"account_id": _id(row)}) for number, row in basic.rows]
        made["accounts"] = _write("accounts", accounts, basic.source, scratch)
    if scores.rows:
        day = next(iter(scores.beside("scored_row")), "")
        if not day:
            place = words.word("scored_row")
            faults.append(
                words.say(
                    None,
                    f"{scores.source.label}: the date of scoring is missing. Write it beside '{place}'.",
                    f"{called(scores.source.label, 'zh')}：缺少评分日期。请填在“{place}”旁边。",
                )
            )
        snapshots = _snapshots(scores, evaluation, ids, day)
        made["score_snapshots"] = _write("score_snapshots", snapshots, scores.source, scratch)
    return made, faults, [*basic.told, *scores.told, *evaluation.told]


def _open(source: Source, columns: tuple[str, ...], scratch: Path, faults: list[str]) -> _Sheet:
    """Read one sheet; further columns of the first are those of the table accounts."""
    known = {text: name for name in columns for text in words.LABELS[name]}
    if columns == BASIC:
        known |= {text: c.name for c in TABLES["accounts"].columns for text in (c.en, c.zh)}
    out = _Sheet(source)
    header: list[str] = []
    lines, lost = _lines(source, scratch)
    for number, cells in lines:
        named = [known.get(cell.rstrip("* "), "") for cell in cells]
        if not header and named[:2] == list(columns[:2]):
            header = named
            out.told = _told(source, columns, dict(enumerate(cells)), lost)
        elif not header:
            out.above.append(cells)
        elif row := {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}:
            out.rows.append((number, row))
    if not header and out.above:
        wanted = " | ".join(words.word(name) for name in columns)
        faults.append(
            words.say(
                None,
                f"{source.label}: there is no row of headers ({wanted}). Write it above the first customer.",
                f"{called(source.label, 'zh')}：没有表头行（{wanted}）。请写在第一个客户的上方。",
            )
        )
    nameless = [str(number) for number, row in out.rows if "account_name" not in row]
    if nameless:
        listed = ", ".join(nameless[:5])
        faults.append(
            words.say(
                None,
                f"{source.label}: row {listed} has no customer name. Write it, or empty the row.",
                f"{called(source.label, 'zh')}：第 {listed} 行没有客户名称。请补填，或清空该行。",
            )
        )
    out.rows = [(number, row) for number, row in out.rows if "account_name" in row]
    faults += _repeated(out)
    return out


def _told(
    source: Source, columns: tuple[str, ...], heads: dict[int, str], lost: tuple[sheets.Lost, ...]
) -> list[Fault]:
    """Tell of cells read as empty. An evaluation that was never computed follows from weights and rules: no loss."""
    table = "accounts" if columns == BASIC else "score_snapshots"
    return [
        Fault(table, source.label, heads[one.column], one.kind, "told", one.n, one.examples)
        for one in lost
        if heads.get(one.column) and (columns != EVALUATED or one.kind != "not_computed")
    ]


def _lines(source: Source, scratch: Path) -> tuple[list[tuple[int, list[str]]], tuple[sheets.Lost, ...]]:
    """Return every row that holds anything, with its number; what the reader took for the header is the row before. And
    the cells that are read as empty although they are not."""
    said = sheets.read(source.path, scratch / "three tables.csv", source.sheet)
    with said.path.open(encoding="utf-8", newline="") as file:
        body = [(int(number), cells) for number, *cells in csv.reader(file)]
    said.path.unlink()
    return [(0, said.header), *body], said.lost


def _repeated(sheet: _Sheet) -> list[str]:
    first: dict[str, int] = {}
    faults = []
    for number, row in sheet.rows:
        name = row["account_name"]
        if name in first:
            faults.append(
                words.say(
                    None,
                    f"{sheet.source.label}: '{name}' stands in rows {first[name]} and {number}. The name is the key here: tell "
                    "the customers apart by their names, or keep one row.",
                    f"{called(sheet.source.label, 'zh')}：“{name}”同时出现在第 {first[name]} 行和第 {number} 行。这里以客户名称为主键："
                    "请用名称区分不同客户，或只保留一行。",
                )
            )
        first.setdefault(name, number)
    return faults


def _id(row: dict[str, str]) -> str:
    return row.get("account_no") or row["account_name"]


def _ids(given: Source, scratch: Path) -> dict[str, str]:
    """Return the id of each customer by name, from a sheet of accounts in the same workbook."""
    if not given.sheet:
        return {}
    said = sheets.read(given.path, scratch / "accounts sheet.csv", given.sheet)
    columns = match(TABLES["accounts"], said.header, called(given.label)).columns
    if not {"account_id", "account_name"} <= columns.keys():
        return {}
    key, name = (said.header.index(columns[column]) + 1 for column in ("account_id", "account_name"))
    with said.path.open(encoding="utf-8", newline="") as file:
        return {row[name]: row[key] for row in csv.reader(file)}


def _snapshots(scores: _Sheet, evaluation: _Sheet, ids: dict[str, str], day: str) -> list[tuple[int, dict[str, str]]]:
    weights = [_number(cell) or 0 for cell in scores.beside("weights_row")] or list(Tiers().weights.values())
    cuts = [(row[2], _number(row[1])) for row in evaluation.above if len(row) > 2 and _number(row[1]) is not None]
    shown = {row["account_name"]: row for _, row in evaluation.rows}
    rows = []
    for number, row in scores.rows:
        values = {name: row.get(f"{name}_score", "") for name in INDICATORS}
        seen = shown.get(row["account_name"], {})
        score = seen.get("composite_score") or _composite(list(values.values()), weights)
        tier = seen.get("tier") or _tier(score, cuts or list(Tiers().cuts.items()))
        keys = {"account_id": ids.get(row["account_name"], row["account_name"]), "scored_at": day}
        rows.append((number, keys | values | {"composite": score, "tier": tier}))
    return rows


def _composite(scores: list[str], weights: list[float]) -> str:
    known = [
        (_number(score), weight) for score, weight in zip(scores, weights, strict=False) if _number(score) is not None
    ]
    total = sum(weight for _, weight in known)
    return str(round(sum(score * weight for score, weight in known) / total, 1)) if total else ""


def _tier(score: str, cuts: list[tuple[str, float]]) -> str:
    if not score:
        return ""
    return next((tier for tier, cut in cuts if float(score) >= cut), "D")


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _write(table: str, rows: list[tuple[int, dict[str, str]]], source: Source, scratch: Path) -> Source:
    """Write rows as Parquet that says which sheet and row they came from."""
    names = [name for name in TABLES[table].names if any(name in row for _, row in rows)]
    columns = {name: pa.array([row.get(name) or None for _, row in rows], pa.string()) for name in names}
    origin = {
        "__file": pa.array([source.label] * len(rows)),
        "__row": pa.array([number for number, _ in rows], pa.int64()),
    }
    into = scratch / f"{table} of the three tables.parquet"
    pq.write_table(pa.table(columns | origin), into)
    return Source(into, title=source.label)
