"""The Excel template for people without a CRM: a sheet per table that is kept by hand, and the three tables of tiering.

Headers are the labels of the language, so that the kit reads the workbook back as it reads any folder of tables; a sheet
left empty is a table not delivered. Required columns carry an asterisk, ids are text, every header has a comment.
"""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import xlsxwriter
import yaml
from xlsxwriter.utility import xl_col_to_name

from kamlib import words
from kamlib.errors import InputError, suggest
from kamlib.exchange import three_tables
from kamlib.files import deliver
from kamlib.formulas import XLSX
from kamlib.settings import Settings
from kamlib.tables import TABLES, Column, Table

EXAMPLES: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("columns.yml").read_text(encoding="utf-8")
)
ROWS = 5000
"""Rows below each header that have drop-downs and are checked while typing."""
INK, ACCENT, PALE, RULE = "#262B33", "#0571B0", "#E8F0F7", "#C9D1DA"
FORMATS = {
    "text": "@", "flag": "@", "date": "yyyy-mm-dd", "time": "yyyy-mm-dd hh:mm", "money": "#,##0.00", "number": "General",
    "integer": "0", "share": "0.0%",
}  # fmt: skip
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 2), dt.date(2199, 12, 31)
"""What the border takes for a date."""


def template(path: Path | str, lang: str = "en", day: dt.date | None = None) -> Path:
    """Write the workbook to `path` in `lang`; `day` is the date of scoring that stands in it (default: today)."""
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise InputError(
            f"{path}: the template is an Excel workbook. Give a file name that ends in .xlsx.",
            f"{path}：模板是 Excel 工作簿。请使用以 .xlsx 结尾的文件名。",
        )
    if lang not in words.LANGUAGES:
        raise InputError(
            f"lang = '{lang}'.{suggest(lang, words.LANGUAGES)} Give en or zh.",
            f"lang = '{lang}'：{suggest(lang, words.LANGUAGES)}请填写 en 或 zh。",
        )
    settings = Settings()
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, XLSX)
    look = looks(book)
    _instructions(book.add_worksheet(words.word("sheet.instructions", lang)), look, lang, settings)
    three_tables.add(book, look, lang, settings.tiers, day or dt.date.today())
    for name in EXAMPLES:
        _table_sheet(book.add_worksheet(words.word(name, lang)), TABLES[name], look, lang, settings)
    for sheet in book.worksheets():
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
    book.close()
    deliver(path, content.getvalue())
    return path


def looks(book: xlsxwriter.Workbook) -> dict[str, Any]:
    """Return the cell formats of the workbook by name."""
    head = {"bold": True, "text_wrap": True, "valign": "top", "font_color": INK, "bottom": 1, "bottom_color": RULE}
    base = {"font_color": INK, "valign": "top"}
    return {
        "required": book.add_format(head | {"bg_color": ACCENT, "font_color": "#FFFFFF"}),
        "head": book.add_format(head | {"bg_color": PALE}),
        "title": book.add_format(base | {"bold": True, "font_size": 15}),
        "strong": book.add_format(base | {"bold": True}),
        "prose": book.add_format(base | {"text_wrap": True}),
        "rule": book.add_format(base | {"bg_color": PALE, "align": "left"}),
        "rule_date": book.add_format(base | {"bg_color": PALE, "num_format": FORMATS["date"], "align": "left"}),
        "score": book.add_format(base | {"num_format": "0.0", "align": "left"}),
        **{kind: book.add_format(base | {"num_format": code}) for kind, code in FORMATS.items()},
    }


def _table_sheet(sheet: Any, table: Table, look: dict[str, Any], lang: str, settings: Settings) -> None:
    sheet.freeze_panes(1, 1)
    sheet.set_row(0, 32)
    for place, column in enumerate(table.columns):
        label = words.say(lang, column.en, column.zh)
        head = f"{label} *" if column.required else label
        sheet.write_string(0, place, head, look["required" if column.required else "head"])
        sheet.set_column(place, place, 12 + min(18, len(label.encode()) // 3), look[_kind(column)])
        sheet.write_comment(0, place, _comment(table, column, lang, settings), {"x_scale": 2, "y_scale": 1.6})
        rule = _rule(column, lang, settings)
        if rule:
            sheet.data_validation(1, place, ROWS, place, rule)


def _kind(column: Column) -> str:
    return "share" if column.unit == "share" else column.type


def _rule(column: Column, lang: str, settings: Settings) -> dict[str, Any] | None:
    """Return what Excel checks while typing; it stops what the kit would not take, and only warns where it might."""
    said = {"error_title": words.say(lang, column.en, column.zh)[:32], "error_message": words.word("note.wrong", lang)}
    if choices := _choices(column, lang, settings):
        return said | {
            "validate": "list",
            "source": choices,
            "error_type": "warning" if column.name == "stage" else "stop",
        }
    if column.ref in EXAMPLES:
        return said | {"validate": "list", "source": _ids(column.ref, lang), "error_type": "warning"}
    if column.type in ("date", "time"):
        return said | {"validate": "date", "criteria": "between", "minimum": FIRST_DAY, "maximum": LAST_DAY}
    if column.type in ("money", "number", "integer"):
        low = -1e15 if column.low is None else column.low
        high = 1e15 if column.high is None else column.high
        kind = "integer" if column.type == "integer" else "decimal"
        return said | {"validate": kind, "criteria": "between", "minimum": low, "maximum": high}
    return None


def _ids(table: str, lang: str) -> str:
    """Return the formula for the ids of a table. Customers may stand in the basic information table instead, where the
    customer number (or else the name) is the id."""
    place = xl_col_to_name(TABLES[table].names.index(TABLES[table].key[0]))
    ids = f"'{words.word(table, lang)}'!${place}$2:${place}${ROWS + 1}"
    if table != "accounts":
        return f"={ids}"
    name, number = (f"'{words.word('sheet.basic', lang)}'!${c}$2:${c}${three_tables.ROWS + 1}" for c in "AB")
    return f"=IF(COUNTA({ids})>0,{ids},IF(COUNTA({number})>0,{number},{name}))"


def _choices(column: Column, lang: str, settings: Settings) -> list[str]:
    if column.type == "flag":
        return [words.word("flag.true", lang), words.word("flag.false", lang)]
    if column.name == "stage" and not column.values:
        return [words.say(lang, stage.en, stage.zh) for stage in settings.stages]
    return [words.code(column.name, value, lang) for value in column.values]


def _comment(table: Table, column: Column, lang: str, settings: Settings) -> str:
    """Say what a column is: name, whether it is needed, kind and unit, range or values, an example."""
    stop = words.say(lang, ": ", "：")
    kind = words.word(f"kind.{_kind(column)}", lang)
    unit = f" ({column.unit})" if column.unit and column.unit != "share" else ""
    lines = [words.say(lang, column.en, column.zh) + f" [{column.name}]", kind + unit]
    if column.required:
        lines.append(words.word("note.required", lang))
    if column.ref in EXAMPLES:
        lines.append(words.word("note.refers", lang) + words.say(lang, " ", "") + words.word(column.ref, lang))
    if choices := _choices(column, lang, settings):
        lines.append(words.word("note.one_of", lang) + stop + words.say(lang, ", ", "、").join(choices))
    elif column.low is not None:
        high = "…" if column.high is None else f"{column.high:g}"
        lines.append(words.word("note.range", lang) + stop + f"{column.low:g} – {high}")
    return "\n".join([*lines, words.word("note.example", lang) + stop + _example(table, column, lang)])


def _example(table: Table, column: Column, lang: str) -> str:
    value = EXAMPLES[table.name][column.name]
    if isinstance(value, list):
        return words.say(lang, *value)
    if isinstance(value, bool):
        return words.word(f"flag.{str(value).lower()}", lang)
    if column.values:
        return words.code(column.name, value, lang)
    return f"{value:.0%}" if column.unit == "share" else str(value)


def _instructions(sheet: Any, look: dict[str, Any], lang: str, settings: Settings) -> None:
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 6, 20)
    sheet.set_row(0, 26)
    sheet.write_string(0, 0, words.say(lang, "Key account workbook", "大客户数据填写模板"), look["title"])
    accounts, orders, deals = (words.word(name, lang) for name in ("accounts", "orders", "deals"))
    steps = words.say(
        lang,
        f"1. Fill in {accounts}, and {orders} or {deals}, a row for each. Everything else is optional: an empty sheet counts as not measured.\n"
        "2. Blue headers with an asterisk are required. Rest the pointer on a header: its comment says meaning, unit and an example.\n"
        "3. Ids are text, so that 001 keeps its zeros. Give every customer one id and use it on all sheets.\n"
        "4. In the three tables of tiering the name of a customer is its key, so each name stands once. Customers stand either on "
        "Accounts or in the basic information table, where the customer number (or else the name) is the id.\n"
        "5. Do not rename sheets or headers. Own columns may be added; they are left out, and told.\n"
        "6. Check with: kam check FILE.xlsx. It names sheet, row and column of every fault.",
        f"1. 请填写“{accounts}”以及“{orders}”或“{deals}”，每行一条；其余均可不填：空表视为未测量。\n"
        "2. 蓝底带星号的列为必填。将鼠标停在表头上，批注会说明含义、单位并给出示例。\n"
        "3. 编号为文本格式，001 的零会保留。每个客户使用唯一编号，并在各表中保持一致。\n"
        "4. 分级三表以客户名称为主键，名称不得重复。客户只填一处：“客户”表，或基础信息表（以客户编号为客户ID，无编号则以名称为ID）。\n"
        "5. 请勿修改工作表名和表头。可以自行加列；这些列不会采用，但会告知。\n"
        "6. 填好后检查：kam check 文件.xlsx，会指出每个问题所在的表、行、列。",
    )
    sheet.merge_range(1, 0, 1, 6, steps, look["prose"])
    sheet.set_row(1, 120)
    sheet.write_string(3, 0, words.say(lang, "Worked example", "示例"), look["strong"])
    three_tables.example(sheet, 4, look, lang, settings.tiers)
