"""What a cell says: SQL that turns the text or number of a file into the declared type, or finds it at fault.

A cell goes through four steps, each SQL over the one before: *given* (trimmed; null when empty), *plain* (as the engine
writes such a value), *read* (typed; null when it cannot be), *fault* (its kind, or null). Wall-clock times are kept as
written: an offset at the end of a time stamp is dropped, not applied.
"""

from __future__ import annotations

import re

from kamlib import words
from kamlib.formulas import original_sql
from kamlib.settings import Settings
from kamlib.sources.sql import literal
from kamlib.tables import STATUSES, Column

SIGNS = {
    "CNY": "¥|￥|CNY|RMB|元", "USD": "US\\$|\\$|USD", "EUR": "€|EUR", "GBP": "£|GBP", "JPY": "¥|￥|JPY|円",
    "HKD": "HK\\$|HKD",
}  # fmt: skip
CURRENCIES = {"RMB": "CNY", "人民币": "CNY", "¥": "CNY", "￥": "CNY", "元": "CNY", "$": "USD", "US$": "USD", "美元": "USD",
              "€": "EUR", "欧元": "EUR", "£": "GBP", "港币": "HKD"}  # fmt: skip
NOTHING = ("null", "n/a", "#n/a", "na", "nan", "nat", "none", "-", "--", "—", "\\n")
"""What exports write into empty cells. In a text column it may be a value (NA is Namibia), so only elsewhere."""

_SPACE = r"[\p{Z}\p{Cc}\p{Cf}]"
"""Blanks of any width, line ends, control letters and marks without width; `trim` would take the plain blank only."""
_DAY = r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
_CLOCK = r"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?"
_YES, _NO = ("true", "t", "yes", "y", "1", "1.0", "是", "真"), ("false", "f", "no", "n", "0", "0.0", "否", "假")
_NUMERIC = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*|DOUBLE|FLOAT)$")


def given(cell: str, native: str, column: Column) -> str:
    """Return SQL for the cell as it was delivered, null when it holds nothing."""
    if native in ("DOUBLE", "FLOAT"):
        return f"nullif(CAST({cell} AS DOUBLE), 'nan')"
    if native == "TIMESTAMP WITH TIME ZONE":
        return f"CAST({cell} AS TIMESTAMP)"
    if native != "VARCHAR":
        return cell
    trimmed = rf"regexp_replace({cell}, '^{_SPACE}+|{_SPACE}+$|\x00', '', 'g')"
    if column.type == "text":  # without the apostrophe that keeps a spreadsheet from running a text as a formula
        text = original_sql(trimmed)
        return (
            rf"nullif(CASE WHEN regexp_matches({cell}, '^{_SPACE}|^''|{_SPACE}$|\x00') THEN {text} ELSE {cell} END, '')"
        )
    something = f"CASE WHEN lower(trim({cell})) NOT IN ({_listed(NOTHING)}) THEN nullif({trimmed}, '') END"
    return f"CASE WHEN {_usual(cell, column)} THEN {cell} ELSE {something} END"


def plain(cell: str, native: str, column: Column, settings: Settings) -> str:
    """Return SQL for a given cell as the engine itself would write it; what is no such value stays as it is."""
    if _is_native(native, column):
        return cell
    if native in ("DOUBLE", "FLOAT") or native.startswith("DECIMAL"):  # an id that gaps in its column made a decimal
        whole = f"{cell} = trunc({cell}) AND abs({cell}) < 1e18"
        cell = f"CASE WHEN {whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE CAST({cell} AS VARCHAR) END"
    elif native != "VARCHAR":
        cell = f"CAST({cell} AS VARCHAR)"
    if column.type == "text":
        return _code(cell, column, settings)
    if column.type == "flag":
        return f"lower({cell})"
    if column.type in ("date", "time"):
        compact = rf"regexp_replace({cell}, '^(\d{{4}})(\d{{2}})(\d{{2}})$', '\1-\2-\3')"
        unusual = rf"rtrim(regexp_replace({compact}, '^{_DAY}[T ]*{_CLOCK}$', '\1-\2-\3 \4'))"
    else:
        unusual = _bare(cell, settings)
    return f"CASE WHEN {_usual(cell, column)} THEN {cell} ELSE {unusual} END"


def read(cell: str, native: str, column: Column) -> str:
    """Return SQL for the typed value of a plain cell, null when it cannot be read as one."""
    if column.type == "text":
        return cell
    if column.type in ("date", "time"):  # the engine would also read the date out of '2024-03-01 soon'
        clean = (
            cell if _is_native(native, column) else rf"CASE WHEN regexp_full_match({cell}, '[\d:. -]+') THEN {cell} END"
        )
        return f"TRY_CAST({clean} AS TIMESTAMP)"
    if column.type == "flag":
        if native == "BOOLEAN":
            return cell
        return f"CASE WHEN {cell} IN ({_listed(_YES)}) THEN true WHEN {cell} IN ({_listed(_NO)}) THEN false END"
    number = cell if _is_native(native, column) else _without_commas(cell)
    if column.type == "money":
        return f"TRY_CAST({number} AS DECIMAL(18,2))"
    double = f"TRY_CAST({number} AS DOUBLE)"
    if column.unit == "share" and number != cell:
        double = rf"CASE WHEN {cell} LIKE '%\%' ESCAPE '\' THEN TRY_CAST(rtrim({cell}, ' %') AS DOUBLE) / 100 ELSE {double} END"
    return double


def fault(given: str, value: str, column: Column) -> str:
    """Return SQL for the kind of fault of a cell; null when there is none."""
    wrong = literal("not_allowed" if column.values else f"not_{column.type}")
    cases = [
        f"WHEN {given} IS NULL THEN {literal('empty') if column.required else 'NULL'}",
        f"WHEN {value} IS NULL THEN {wrong}",
    ]
    if column.type in ("date", "time"):
        cases.append(f"WHEN {value} < TIMESTAMP '1900-01-01' OR {value} >= TIMESTAMP '2200-01-01' THEN {wrong}")
    if column.type == "number":
        cases.append(f"WHEN NOT isfinite({value}) THEN {wrong}")
    if column.type == "integer":
        cases.append(f"WHEN {value} <> trunc({value}) OR abs({value}) > 9e15 THEN {wrong}")
    bounds = [f"{value} {sign} {bound}" for sign, bound in (("<", column.low), (">", column.high)) if bound is not None]
    if bounds:
        cases.append(f"WHEN {' OR '.join(bounds)} THEN 'out_of_range'")
    return f"CASE {' '.join(cases)} END"


def currency_of(cell: str, settings: Settings) -> str:
    """Return SQL for the currency that the sign of a given amount names, null when it has none. ¥ is CNY, unless the
    company counts in JPY."""
    codes = dict(sorted(SIGNS.items(), key=lambda pair: (pair[0] == "USD", pair[0] == "CNY")))  # HK$ before $
    if settings.currency != "JPY":
        codes["JPY"] = "JPY|円"
    cases = " ".join(
        f"WHEN regexp_matches({cell}, {literal(signs)}) THEN {literal(code)}" for code, signs in codes.items()
    )
    return f"CASE WHEN regexp_full_match({cell}, '[-+(]?[\\d.,]+\\)?') THEN NULL {cases} END"


def _usual(cell: str, column: Column) -> str:
    """SQL for whether a text can be cast as it is: nearly all are, and need not go through the rest."""
    if column.type == "date":
        return f"{cell} LIKE '____-__-__'"
    if column.type == "time":
        return rf"regexp_full_match({cell}, '\d{{4}}-\d{{2}}-\d{{2}} \d{{2}}:\d{{2}}(:\d{{2}})?')"
    return (
        rf"regexp_full_match({cell}, '[-+]?\d+(\.\d*)?')" if column.type in ("money", "number", "integer") else "false"
    )


def _is_native(native: str, column: Column) -> bool:
    """Whether the file holds the value in a type of the same kind, so that no text needs to be read."""
    if column.type in ("date", "time"):
        return native.startswith(("DATE", "TIMESTAMP"))
    if column.type in ("money", "number", "integer"):
        return _NUMERIC.match(native) is not None
    return column.type == "flag" and native == "BOOLEAN"


def _without_commas(cell: str) -> str:
    """Commas between groups of three digits are no part of a number; 1_000 is one to the engine only."""
    plain = f"WHEN NOT contains({cell}, ',') AND NOT contains({cell}, '_') THEN {cell}"
    return rf"CASE {plain} WHEN regexp_full_match({cell}, '[-+]?\d{{1,3}}(,\d{{3}})+(\.\d*)?') THEN replace({cell}, ',', '') END"


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(literal(text) for text in texts)


def _code(text: str, column: Column, settings: Settings) -> str:
    """Codes are found whatever their case, and by their label in either language; any other text stays as it is."""
    if column.name == "currency":
        return _renamed(f"upper({text})", CURRENCIES, otherwise=f"upper({text})")
    if column.name == "stage" and not column.values:
        codes = {status: words.LABELS.get(status, ()) for status in STATUSES}
        codes |= {stage.name: (stage.en, stage.zh) for stage in settings.stages}
        otherwise = text
    elif column.values:
        own = {code: words.LABELS.get(f"{column.name}.{code}", ()) for code in column.values}
        codes, otherwise = {code: (*words.LABELS.get(code, ()), *own[code]) for code in own}, "NULL"
    else:
        return text
    by_label = {label.lower(): code for code, labels in codes.items() for label in labels if label}
    by_name = {code.lower(): code for code in codes}
    return _renamed(f"lower({text})", by_label | by_name, otherwise)


def _renamed(text: str, names: dict[str, str], otherwise: str) -> str:
    cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in names.items())
    return f"CASE {text} {cases} ELSE {otherwise} END"


def _bare(text: str, settings: Settings) -> str:
    """A number as people write it, without the sign of its currency, thousands commas and accounting brackets."""
    own = (settings.currency, *settings.rates) if "currency" in settings.model_fields_set else tuple(SIGNS)
    signs = "|".join(SIGNS.get(code, re.escape(code)) for code in own)
    negative = rf"regexp_replace({text}, '^\((.*)\)$', '-\1')"
    return rf"regexp_replace({negative}, '^([-+]?)\s*(?:{signs})?\s*([-+]?.*?)\s*(?:{signs})?$', '\1\2')"
