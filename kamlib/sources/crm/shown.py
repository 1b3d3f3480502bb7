"""What was recognised, as a table for a terminal: file, column, canonical columns, how."""

from __future__ import annotations

from kamlib import words
from kamlib.sources.check import aligned
from kamlib.sources.crm import Recognition
from kamlib.sources.crm.build import KNOWN

_RULES = {"set_aside": "rule.set_aside", "told": "rule.told", "stages": "rule.stages"}

_MOST = 4
"""How many canonical columns of one column of a file are shown."""


def recognition_text(found: Recognition, lang: str | None = None) -> str:
    """Return one line per column of every file, those left over last, and how many there are of each kind."""
    named = [use for use in found.uses if use.how and use.how != KNOWN]
    known = [use for use in found.uses if use.how == KNOWN]
    left = [use for use in found.uses if not use.how]
    heads = ["source_file", "file_column", "canonical_column", "how_recognised"]
    rows = [[words.word(head, lang) for head in heads]]
    for use in (*named, *known, *left):
        rows.append(
            [use.sheet, use.header, _targets(use.targets, lang), words.word(f"how.{use.how or 'left over'}", lang)]
        )
    lines = [aligned(rows, left=len(heads))]
    lines += [words.say(lang, f"{name}: no table, left out", f"{name}：不是数据表，未采用") for name in found.strangers]
    counts = words.say(
        lang,
        f"{len(named)} columns recognised, {len(known)} known and not needed, {len(left)} left over.",
        f"识别 {len(named)} 列，{len(known)} 列已知但无需采用，{len(left)} 列未采用。",
    )
    return "\n".join([*lines, counts])


def _targets(targets: tuple[str, ...], lang: str | None) -> str:
    shown = targets if len(targets) <= _MOST else targets[: _MOST - 1]
    listed = ", ".join(words.word(_RULES.get(target, target), lang) for target in shown)
    more = len(targets) - len(shown)
    return words.say(lang, f"{listed} and {more} more", f"{listed} 等 {len(targets)} 项") if more else listed
