"""The sample's code book: its tables from the declarations, its stories from the constants that planted them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import yaml

from kamlib.sample import catalog, plans, stories
from kamlib.tables import TABLES, Column, Table

PROSE = yaml.safe_load(Path(__file__).with_name("codebook.yml").read_text(encoding="utf-8"))
TYPES = {
    "text": "text 文本", "date": "date 日期", "time": "time 时间", "money": "CNY 元", "number": "number 数值",
    "integer": "whole number 整数", "flag": "true/false 是否",
}  # fmt: skip


def codebook(rows: dict[str, list[dict]]) -> str:
    """Return the README of the sample folder in English and Chinese."""
    facts = _facts(rows)
    parts = ["# The sample company 示例公司"]
    parts += [text.format(**facts) for key in ("intro", "make", "licence") for text in PROSE[key]]
    parts += ["## Good to know 使用说明", _bullets(PROSE["conventions"], facts)]
    parts += ["## Planted stories 预设的故事", "The same facts for programs 程序可读: `kamlib/sample/stories.py`."]
    parts += [_story(number, story, facts) for number, story in enumerate(PROSE["stories"], start=1)]
    parts += ["## Tables 数据表", _overview(rows)]
    parts += [_columns(table) for table in TABLES.values()]
    parts += ["## Larger companies 更大的规模", _measured(), *PROSE["measured_note"]]
    return "\n\n".join(parts) + "\n"


def _facts(rows: dict[str, list[dict]]) -> dict[str, str]:
    """Return every constant of the stories as the code book writes it: ids with the name that belongs to them."""
    names = {row["account_id"]: row["account_name"] for row in rows["accounts"]}
    names |= {row["contact_id"]: row["contact_name"] for row in rows["contacts"]}

    def text(value) -> str:
        if isinstance(value, tuple):
            return ", ".join(text(part) for part in value)
        return f"{value} {names[value]}" if value in names else str(value)

    known = {name: getattr(stories, name) for name in dir(stories) if name.isupper()}
    known |= {name: getattr(catalog, name) for name in ("COMPANY", "FIRST_DAY", "LAST_DAY", "FESTIVALS")}
    known["CRM_TIER_DATE"] = plans.CRM_TIER_DATE
    facts = {name: text(value) for name, value in known.items() if isinstance(value, str | int | tuple | dt.date)}
    return facts | {
        "n_accounts": str(len(rows["accounts"])), "n_key": str(sum(row["is_key_account"] for row in rows["accounts"])),
        "n_late": str(len(stories.LATE_ACCOUNTS)), "n_late_lost": str(len(stories.LATE_LOST)),
    }  # fmt: skip


def _bullets(pairs: list[list[str]], facts: dict[str, str]) -> str:
    return "\n".join(f"- {english.format(**facts)}\n  {chinese.format(**facts)}" for english, chinese in pairs)


def _story(number: int, story: dict, facts: dict[str, str]) -> str:
    title = " ".join(story["title"])
    (what, what_zh), (find, find_zh) = ([text.format(**facts) for text in story[key]] for key in ("what", "find"))
    return f"### {number}. {title}\n\n{what} *How to find it:* {find}\n\n{what_zh}*如何发现：*{find_zh}"


def _overview(rows: dict[str, list[dict]]) -> str:
    lines = ["| Table | English | 中文 | Rows 行数 | Key 主键 |", "|---|---|---|---:|---|"]
    lines += [
        f"| [{t.name}](#{t.name}) | {t.en} | {t.zh} | {len(rows[t.name])} | {', '.join(t.key)} |"
        for t in TABLES.values()
    ]
    return "\n".join(lines)


def _columns(table: Table) -> str:
    lines = [
        f"### {table.name}",
        "",
        *_known(table),
        "| Column | English | 中文 | Type, unit 类型与单位 | Values 取值 |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {c.name} | {c.en} | {c.zh} | {_type(c)} | {_values(c)} |" for c in table.columns]
    return "\n".join(lines)


def _known(table: Table) -> list[str]:
    """Say from which date a row, and what comes later, is known."""
    if not table.dated:
        return []
    later = "".join(f" {', '.join(before)}: `{date}`." for date, before in table.later.items())
    return [f"Known from 何时可知: `{table.dated}`.{later}", ""]


def _type(column: Column) -> str:
    return (
        TYPES[column.type]
        + (f", {column.unit}" if column.unit else "")
        + ("; required 必填" if column.required else "")
    )


def _values(column: Column) -> str:
    if column.values:
        return ", ".join(column.values)
    if column.ref:
        return f"→ {column.ref}"
    return " – ".join(f"{bound:g}" if bound is not None else "…" for bound in (column.low, column.high)).replace(
        "… – …", ""
    )


def _measured() -> str:
    heads = [f"{english} {chinese}" for english, chinese in zip(*PROSE["measured"], strict=True)]
    lines = [heads, ["---:"] * len(heads), *PROSE["measured_rows"]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
