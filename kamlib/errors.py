"""What the user can mend is an `InputError`: what is wrong, where, and what to do. Everything else is our bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from kamlib.language import say


class InputError(Exception):
    """A fault in the user's files, parameters or call.

    The text is one sentence per fault: what, where (file, sheet, row, column, value), and what to do; it is told in the
    language of the session. Without Chinese `en` is told as it is: sentences that are in that language already.
    Notebooks show the sentence without a stack trace.
    """

    def __init__(self, en: str, zh: str = "") -> None:
        super().__init__(say(None, en, zh or en))

    def _render_traceback_(self) -> list[str]:  # IPython's hook: show the sentence, not sixty lines of stack
        return [f"InputError: {self}"]


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'months'?" for the nearest known name, or "" when none is near."""
    near = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return say(None, f" Did you mean '{near[0]}'?", f"是否应为“{near[0]}”？") if near else ""


def refusal(en: str, zh: str) -> ValueError:
    """Return what pydantic's validators raise: what is wrong with an entry, in the language of the session."""
    return ValueError(say(None, en, zh))


def wrong(fault: dict[str, Any]) -> str:
    """Return what is wrong with an entry, from one of pydantic's errors: its own words in English, ours in Chinese."""
    kind, bounds, text = fault["type"], fault.get("ctx", {}), fault["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return text  # a sentence of ours
    known = next((zh for start, zh in _WRONG.items() if kind.startswith(start)), f"不符合要求（{text}）。")
    return say(
        None, text, known.format_map({name: str(bound).replace(" or ", " 或 ") for name, bound in bounds.items()})
    )


_WRONG = {
    "missing": "缺少此项。", "extra_forbidden": "没有这一项。", "int": "应为整数。", "float": "应为数字。",
    "finite_number": "应为有限的数字。", "string": "应为文本，请加引号。", "bool": "应为 true 或 false。",
    "date": "应为日期，写作 YYYY-MM-DD。", "dict": "应为一组“名称 = 值”。", "model": "应为一组“名称 = 值”。", "tuple": "应为列表。",
    "list": "应为列表。", "literal_error": "只能是 {expected}。", "greater_than_equal": "不得小于 {ge}。",
    "greater_than": "必须大于 {gt}。", "less_than_equal": "不得大于 {le}。", "less_than": "必须小于 {lt}。",
    "too_short": "应有 {min_length} 个值，现有 {actual_length} 个。", "too_long": "最多 {max_length} 个值，现有 {actual_length} 个。",
}  # fmt: skip
