"""Write the pages that are put together from others: `docs/methods.md` and `docs/coverage.md`. `make docs` calls it.

`methods/*.md` holds one page per method. `requirements.yml` lists what was asked for, and `coverage/*.yml` says, part by
part, what answers each row: the id of an exhibit, a `kam` command, or a file.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from kamlib.batch.plan import select
from kamlib.words import word

DOCS = Path(__file__).parent
ROOT = DOCS.parent
EXHIBIT = re.compile(r"\d\d\.\d+")


def pages() -> dict[Path, str]:
    """Return the text of each page that is put together, by path."""
    return {DOCS / "methods.md": methods(), DOCS / "coverage.md": coverage()}


def methods() -> str:
    """Return the list of method pages: name, what each answers, and the exhibits that use it."""
    lines = []
    for path in sorted((DOCS / "methods").glob("*.md")):
        title, answers = path.read_text(encoding="utf-8").split("\n\n", 2)[:2]
        used = ", ".join(dict.fromkeys(re.findall(r"\b\d\d\.\d+\b", part(path, "In the kit")))) or "–"
        lines.append(f"| [{title.removeprefix('# ')}](methods/{path.name}) | {' '.join(answers.split())} | {used} |")
    return (
        "# Methods\n\nOne page per method: formula, source, assumptions, when not to use it, and the test that pins it. "
        "This list is written by `make docs`.\n\n| method | what it answers | exhibits |\n| --- | --- | --- |\n"
        + "\n".join(lines)
        + "\n"
    )


def part(path: Path, heading: str) -> str:
    """Return the text of a page under `## heading`."""
    return path.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def coverage() -> str:
    """Return every requirement with what answers it."""
    asked, answers = requirements(), answered()
    numbers = [number for rows in asked.values() for number in rows]
    lines = [
        "# What was asked for, and what answers it",
        "",
        f"{len(answers)} of {len(numbers)} rows are answered. An exhibit stands in the notebook of its first two digits, "
        "and in the report. This page is written by `make docs` from `requirements.yml` and `coverage/`.",
    ]
    for area, rows in asked.items():
        lines += ["", f"## {area}", "", "| | | | answered by |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {number} | {zh} | {en} | {'; '.join(map(told, answers.get(number, []))) or '**open**'} |"
            for number, (zh, en) in rows.items()
        ]
    return "\n".join(lines) + "\n"


def requirements() -> dict[str, dict[str, list[str]]]:
    """Return the rows that were asked for by area: number, and its name in Chinese and English."""
    return yaml.safe_load((DOCS / "requirements.yml").read_text(encoding="utf-8"))


def answered() -> dict[str, list[str]]:
    """Return what answers each row, of all parts together."""
    found: dict[str, list[str]] = {}
    for path in sorted((DOCS / "coverage").glob("*.yml")):
        for number, answers in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
            known = found.setdefault(number, [])
            known += [str(answer) for answer in answers if str(answer) not in known]
    return found


def told(answer: str) -> str:
    """Return an answer as the page shows it: an exhibit with its question, a command as code, a file as a link."""
    if EXHIBIT.fullmatch(answer):
        notebook = next(n for n in select(ROOT) if n.number == answer[:2])
        return f"[{answer}](../notebooks/{notebook.path.name}) {word(answer, 'en')}"
    return f"`{answer}`" if answer.startswith("kam ") else f"[{answer}](../{answer})"


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
