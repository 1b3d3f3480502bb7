"""What the cells of a sheet tell that its headers do not: day or month first, decimal commas, currency signs, stages."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from kamlib.errors import InputError
from kamlib.sources.crm.match import Matched
from kamlib.sources.macros import SIGN
from kamlib.sources.sql import literal, name_of

ORDERS = ("dmy", "mdy", "ymd")
_SLASHED = r"^\s*(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})\b"
_MONEY = ("money", "number", "percent", "share")


def read_evidence(con: duckdb.DuckDBPyConnection, found: list[Matched], dates: str = "") -> None:
    """Note in each match how its dates and amounts are written; each sheet is read once. `dates` decides where nothing
    tells; InputError names the files whose dates nobody could read for sure."""
    faults = []
    for one in found:
        one.zone = "UTC" if any(header.startswith("_fivetran") for header in one.sheet.headers) else ""
        amounts, days = _headers(one, _MONEY), [*_headers(one, ("day", "moment")), *one.entered]
        if not amounts and not days:
            continue
        cells = con.execute(
            f"SELECT {', '.join([*map(_amounts_in, amounts), *map(_days_in, days)])} FROM {rows_of(one)}"
        ).fetchone()
        written, ordered = cells[: len(amounts)], [_Days(**found) for found in cells[len(amounts) :] if found["n"]]
        one.comma = any(w["comma"] for w in written) and not any(w["point"] for w in written)
        money = _headers(one, ("money",))
        one.signed = {header for header, w in zip(amounts, written, strict=True) if w["sign"] and header in money}
        try:
            one.dates = _order(one, days, ordered, dates)
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("\n".join(faults))


@dataclass(frozen=True)
class _Days:
    """What stands in a column of days: how many are written with slashes, the greatest first and second part, the
    greatest short year, the number of long ones, and an example."""

    n: int
    first: int
    second: int
    short: int | None
    long: int
    example: str


def _amounts_in(header: str) -> str:
    """SQL for how the amounts of a column are written: with signs; with a comma, or a point, before one or two digits at
    the end. A plain number, as most are, is not compared with patterns."""
    cell = _text(header)
    behind = f"length({cell}) - strpos({cell}, '.')"

    def any_like(pattern: str, plain: str = "false") -> str:
        like = f"regexp_matches({cell}, {literal(pattern)})"
        return f"bool_or(CASE WHEN TRY_CAST({cell} AS DOUBLE) IS NULL THEN {like} ELSE {plain} END)"

    comma = any_like(r"\d,\d{1,2}\D*$|\.\d{3},|\.\d{3}\.")
    point = any_like(r"\d\.\d{1,2}\D*$|,\d{3}\.|,\d{3},", f"strpos({cell}, '.') > 0 AND {behind} BETWEEN 1 AND 2")
    return f"{{'sign': {any_like(SIGN)}, 'comma': {comma}, 'point': {point}}}"


def _days_in(header: str) -> str:
    """SQL for `_Days` of a column. What begins with a year of four digits needs no pattern."""
    cell = _text(header)
    parts = f"(CASE WHEN NOT regexp_matches({cell}, '^\\d{{4}}') THEN regexp_extract({cell}, {literal(_SLASHED)}, ['x', 'y', 'z']) END)"
    given = f"FILTER ({parts}.x <> '')"
    return (
        f"{{'n': count(*) {given}, 'first': max(TRY_CAST({parts}.x AS INTEGER)), 'second': max(TRY_CAST({parts}.y AS INTEGER)), "
        f"'short': max(CASE WHEN length({parts}.z) = 2 THEN TRY_CAST({parts}.z AS INTEGER) END), "
        f"'long': count(*) FILTER (length({parts}.z) = 4), 'example': min({cell}) {given}}}"
    )


def _headers(one: Matched, readings: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(h for (name, _), h in one.headers.items() if one.module.fields[name].reading in readings))


def _text(header: str) -> str:
    return f"CAST({name_of(header)} AS VARCHAR)"


def rows_of(one: Matched) -> str:
    """SQL for the rows of a sheet, of all its files."""
    return "(" + " UNION ALL BY NAME ".join(f"({select})" for select in one.sheet.selects) + ")"


def _order(one: Matched, headers: list[str], found: list[_Days], given: str) -> str:
    """Return the order of day, month and year that all dates of the file allow; "" when none needs one."""
    if not found:
        return ""
    first, second = max(days.first for days in found), max(days.second for days in found)
    short, example = max(days.short or 0 for days in found), min(days.example for days in found)
    long = sum(days.long for days in found)
    allowed = {
        "dmy": first <= 31 and second <= 12,
        "mdy": first <= 12 and second <= 31,
        "ymd": not long and second <= 12 and short <= 31,
    }
    possible = [order for order in ORDERS if allowed[order]]
    if len(possible) == 1:
        return possible[0]
    if given:
        return given
    label, columns = one.sheet.label, ", ".join(headers)
    if possible:
        raise InputError(
            f"{label}: nothing in its dates ({columns}; e.g. '{example}') tells the day from the month. "
            f"Say which comes first: --dates {'|'.join(possible)}.",
            f"{label}：无法判断日期中日和月的先后（{columns}；如“{example}”）。请用 --dates {'|'.join(possible)} 指定。",
        )
    raise InputError(
        f"{label}: its dates ({columns}) are written in different orders, some with the day and some with the month "
        "first. Export it again with one date format, or say which holds: --dates dmy|mdy|ymd.",
        f"{label}：日期写法不一致（{columns}），有的日在前，有的月在前。请用同一日期格式重新导出，"
        "或用 --dates dmy|mdy|ymd 指定。",
    )


@dataclass(frozen=True)
class StageFound:
    """A stage as it stands in the files: how many rows are in it, the mean probability, 0 to 1, the CRM gives them, how
    many rows have no status but that of the stage, and how many have that or are open by their status."""

    called: str
    n: int
    chance: float | None
    undecided: int
    n_open: int


@dataclass(frozen=True)
class OwnStage:
    """A stage as the CRM itself declares it."""

    id: str
    label: str
    chance: float | None
    status: str


def is_stage_list(one: Matched) -> bool:
    """Whether the sheet is the CRM's own list of stages."""
    return one.has("stage") and one.has("label") and not one.module.tables


def own_stages(con: duckdb.DuckDBPyConnection, one: Matched) -> list[OwnStage]:
    """Return the stages that the CRM's own list declares, in the order of its rows."""
    cells = {name: _text(header) for (name, _), header in one.headers.items()}
    if not is_stage_list(one):
        return []
    closed, won = (f"lower({cells[name]}) = 'true'" if name in cells else "false" for name in ("is_closed", "is_won"))
    status = f"CASE WHEN {won} THEN 'won' WHEN {closed} THEN 'lost' ELSE 'open' END"
    chance = f"TRY_CAST({cells.get('probability', 'NULL')} AS DOUBLE)"
    rows = con.execute(f"SELECT {cells['stage']}, {cells['label']}, {chance}, {status} FROM {rows_of(one)}").fetchall()
    return [OwnStage(*row) for row in rows if row[0] and row[1]]


def stages(con: duckdb.DuckDBPyConnection, one: Matched, decided: str) -> list[StageFound]:
    """Return the deal stages that stand in the sheet, most frequent first; `decided` is SQL for the status of a row that
    does not follow from its stage."""
    header = one.headers.get(("stage", ""))
    if header is None or one.module.fields["stage"].reading != "stage":
        return []
    header_of_chance = one.headers.get(("probability", ""))
    chance = "NULL"
    if header_of_chance:
        scale = 100 if one.module.fields["probability"].reading == "percent" else 1
        chance = rf"avg(TRY_CAST(rtrim({_text(header_of_chance)}, ' %') AS DOUBLE)) / {scale}"
    rows = con.execute(
        f"SELECT trim({_text(header)}) AS stage, count(*) AS n, {chance}, count(*) FILTER ({decided} IS NULL), "
        f"count(*) FILTER (coalesce({decided}, 'open') = 'open') FROM {rows_of(one)} "
        "WHERE stage <> '' GROUP BY stage ORDER BY n DESC, stage"
    ).fetchall()
    return [StageFound(*row) for row in rows]
