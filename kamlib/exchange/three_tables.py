"""The three tables of key account tiering as sheets of a workbook, with live formulas; `sources.three_tables` reads them.

The weights stand above the scores, the rules above the evaluation; both may be changed in Excel.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from kamlib import words
from kamlib.settings import Tiers
from kamlib.sources.three_tables import BASIC, EVALUATED, INDICATORS, SCORED, SHEETS

ROWS = 200
"""Customers that the formulas reach."""
EXAMPLE = (("ABC公司", 90, 80, 75, 85, 95), ("XYZ公司", 80, 75, 80, 90, 80))
"""The customers of the founding documents; the default rule gives 85 A and 80 B."""


def add(book: Any, look: dict[str, Any], lang: str, rule: Tiers, day: dt.date) -> None:
    """Add the three sheets to the workbook, empty but for rules and formulas."""
    basic, scores, evaluation = (book.add_worksheet(words.word(name, lang)) for name in SHEETS)
    _head(basic, 0, BASIC, look, lang)
    for place in range(len(BASIC)):
        basic.set_column(place, place, 22, look["text"])
    names = f"='{basic.name}'!$A$2:$A${ROWS + 1}"
    top = _weights(scores, 0, look, lang, rule)
    scores.write_string(1, 0, words.word("scored_row", lang), look["strong"])
    scores.write_datetime(1, 1, dt.datetime.combine(day, dt.time()), look["rule_date"])
    _head(scores, top, SCORED, look, lang)
    scores.set_column(1, len(INDICATORS), 18, look["score"])
    scores.data_validation(top + 1, 0, top + ROWS, 0, {"validate": "list", "source": names, "error_type": "warning"})
    between = {"validate": "decimal", "criteria": "between", "minimum": 0, "maximum": 100}
    scores.data_validation(top + 1, 1, top + ROWS, len(INDICATORS), between)
    bottom = _rules(evaluation, 0, look, lang, rule)
    _head(evaluation, bottom, EVALUATED, look, lang)
    evaluation.set_column(3, 3, 44)
    for row in range(ROWS):
        _evaluate(evaluation, bottom + 1 + row, look, f"'{scores.name}'!", top + 1 + row, 0, 0)


def example(sheet: Any, top: int, look: dict[str, Any], lang: str, rule: Tiers) -> None:
    """Write the worked example from row `top` on: weights, scores, rules and evaluation, all live."""
    first = _weights(sheet, top, look, lang, rule)
    _head(sheet, first, SCORED, look, lang, freeze=False)
    for row, (name, *scores) in enumerate(EXAMPLE, first + 1):
        sheet.write_string(row, 0, name)
        for place, score in enumerate(scores, 1):
            sheet.write_number(row, place, score)
    rules = first + len(EXAMPLE) + 2
    bottom = _rules(sheet, rules, look, lang, rule)
    _head(sheet, bottom, EVALUATED, look, lang, freeze=False)
    for row in range(len(EXAMPLE)):
        _evaluate(sheet, bottom + 1 + row, look, "", first + 1 + row, top, rules)


def _head(sheet: Any, row: int, columns: tuple[str, ...], look: dict[str, Any], lang: str, freeze: bool = True) -> None:
    for place, name in enumerate(columns):
        sheet.write_string(row, place, words.word(name, lang), look["head"])
    sheet.set_row(row, 32)
    if freeze:
        sheet.freeze_panes(row + 1, 1)
        sheet.set_column(0, 0, 26)
        sheet.set_column(1, len(columns) - 1, 18)


def _weights(sheet: Any, row: int, look: dict[str, Any], lang: str, rule: Tiers) -> int:
    """Write the weights over their scores; return the row of the header."""
    sheet.write_string(row, 0, words.word("weights_row", lang), look["strong"])
    for place, name in enumerate(INDICATORS, 1):
        sheet.write_number(row, place, rule.weights.get(name, 0), look["rule"])
    return row + 3


def _rules(sheet: Any, row: int, look: dict[str, Any], lang: str, rule: Tiers) -> int:
    """Write the lowest score of each tier and what the tier asks for; return the row of the header."""
    for place, name in enumerate(("rules_row", "lowest_score", "tier", "recommended_action")):
        sheet.write_string(row, place, words.word(name, lang), look["strong"])
    for below, (tier, cut) in enumerate((rule.cuts | {"D": 0}).items(), row + 1):
        sheet.write_number(below, 1, cut, look["rule"])
        sheet.write_string(below, 2, words.word(tier, lang), look["rule"])
        sheet.write_string(below, 3, words.word(f"action_{tier}", lang), look["rule"])
    return row + len(rule.cuts) + 3


def _evaluate(sheet: Any, row: int, look: dict[str, Any], there: str, scored: int, weights: int, rules: int) -> None:
    """Write one row of the evaluation: Σ weight × score ÷ Σ weight over the scores that are there, then tier and action."""
    scores, weighed = f"{there}$B{scored + 1}:$F{scored + 1}", f"{there}$B${weights + 1}:$F${weights + 1}"
    mean = f"SUMPRODUCT({scores},{weighed})/SUMPRODUCT(ISNUMBER({scores})*{weighed})"
    sheet.write_formula(row, 0, f'=IF({there}$A{scored + 1}="","",{there}$A{scored + 1})', None, "")
    sheet.write_formula(row, 1, f'=IF(COUNT({scores})=0,"",IFERROR(ROUND({mean},1),""))', look["score"], "")
    for place, column in ((2, "C"), (3, "D")):
        cuts = [f"$B{row + 1}>=$B${cut}" for cut in range(rules + 2, rules + 5)]
        found = [f"${column}${cut}" for cut in range(rules + 2, rules + 6)]
        tests = f"IF({cuts[0]},{found[0]},IF({cuts[1]},{found[1]},IF({cuts[2]},{found[2]},{found[3]})))"
        sheet.write_formula(row, place, f'=IF($B{row + 1}="","",{tests})', None, "")
