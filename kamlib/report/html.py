"""`report.html` and, where notebooks go in depth, `evidence.html`: pages from the files of a run folder. No script,
nothing from outside, no kernel, no computing."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from kamlib import formulas, quality, words
from kamlib.batch.manifest import DONE, Manifest
from kamlib.files import write_atomically
from kamlib.quality import Quality, told
from kamlib.report.svg import Shared, inline
from kamlib.sources.ledger import Ledger, called

ROWS_SHOWN = 200
FINDINGS_SHOWN = 8
LARGEST_CSV = 120_000  # bytes; a longer one stays in the run folder
HIDDEN_PARAMETERS = ("data_dir", "as_of", "lang", "run_dir")  # the head of the page says these
NUMBERS = ("share", "days", "score", "count", "money", "number")


@dataclass(frozen=True)
class Column:
    """A column of an exhibit's table: its place from the left, its heading, and whether it holds numbers."""

    place: int
    label: str
    number: bool


@dataclass(frozen=True)
class View:
    """An exhibit in the words of the page's language."""

    id: str
    status: str
    question: str
    claim: str
    note: str
    footer: str
    svg: Markup
    columns: list[Column]
    rows: list[list[str]]
    count: str
    csv: Markup | str

    @property
    def anchor(self) -> str:
        return "x" + self.id.replace(".", "-")

    @property
    def short(self) -> str:
        return self.id.partition(".")[2]


@dataclass(frozen=True)
class Section:
    """A notebook: what it delivered, and what kept it from delivering the rest."""

    number: str
    name: str
    title: str
    error: str
    exhibits: list[View]
    n_elsewhere: int  # exhibits of the notebook that the other page has

    @property
    def found(self) -> list[View]:
        return [exhibit for exhibit in self.exhibits if exhibit.status == "ok"]


def write_report(run_dir: Path) -> Path:
    """Write `report.html`, and `evidence.html` when there is any, from the manifest and the exhibits in `run_dir`;
    return the path of the report."""
    run, path = Manifest.read(run_dir).content, run_dir / "report.html"
    write_atomically(path, page(run, run_dir / "exhibits"))
    if any(depth(entry) for entry in run["notebooks"].values()):
        write_atomically(run_dir / "evidence.html", page(run, run_dir / "exhibits", evidence=True))
    return path


def depth(entry: dict[str, Any]) -> list[str]:
    """Return the exhibits of a notebook that stand under "In depth"."""
    return entry.get("depth", [])


def page(run: dict[str, Any], folder: Path, evidence: bool = False) -> str:
    """Return the page of the run that the manifest `run` describes, with the exhibits in `folder`: the report, or the
    evidence behind it."""
    lang, shared = run["lang"], Shared()
    sections = [section(number, entry, folder, lang, shared, evidence) for number, entry in run["notebooks"].items()]
    sections = [s for s in sections if s.exhibits] if evidence else sections
    ledger = Ledger.from_json(json.dumps(run["ledger"]))
    assessed = quality.read(folder.parent / "data")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        evidence=evidence, lang=lang, say=partial(words.say, lang), company=run["company"], as_of=run["as_of"], currency=run["currency"],
        widest=max((len(view.columns) for s in sections for view in s.exhibits), default=0), sections=sections,
        n_exhibits=sum(len(s.found) for s in sections), n_depth=0 if evidence else sum(s.n_elsewhere for s in sections), stopped=stopped(sections), lacking=lacking(sections),
        access=ledger.access.text(lang), ledger=ledger_lines(ledger, lang), faults=[fault.text(lang, run["currency"]) for fault in ledger.by_action()],
        parameters=parameters(run["notebooks"], lang), quality=assessed and quality_lines(assessed, lang),
        letters=Markup(shared.svg()), styles=Markup(shared.css()), finished=run["finished"] or run["started"], fingerprint=run["fingerprint"],
        versions=" · ".join(f"{name} {version}" for name, version in run["versions"].items()),
    )  # fmt: skip


def section(
    number: str, entry: dict[str, Any], folder: Path, lang: str, shared: Shared, evidence: bool = False
) -> Section:
    """Return what there is to show of one notebook: its findings, or the evidence behind them."""
    made = [id for id in entry["declared"] if (folder / f"{id}.json").is_file()]
    here = [id for id in made if (id in depth(entry)) == evidence]
    views = [view(folder / f"{id}.json", lang, shared) for id in here]
    name = words.word(f"notebook.{number}", lang)
    title = words.word(f"notebook.{number}.title", lang)
    return Section(
        number=number,
        name=name if name != f"notebook.{number}" else Path(entry["file"]).stem[3:].replace("_", " "),
        title=title if title != f"notebook.{number}.title" else entry["title"],
        error=error_sentence(entry, lang),
        exhibits=views,
        n_elsewhere=len(made) - len(here),
    )


def error_sentence(entry: dict[str, Any], lang: str) -> str:
    """Say in one line why a notebook is not complete; "" when it is."""
    if entry["status"] == DONE:
        return ""
    missing = words.say(lang, ", ", "、").join(id for id in entry["declared"] if id not in entry["exhibits"])
    lacks = words.say(lang, f" Missing: {missing}.", f" 缺失：{missing}。") if missing else ""
    error = entry["error"]
    if not error:
        return words.say(lang, "This notebook did not run to its end.", "该笔记本未运行完毕。") + lacks
    reason = error["reason"].rstrip(".。")
    where = (
        words.say(lang, f"Stopped at “{error['heading']}”: ", f"在“{error['heading']}”处中断：")
        if error["heading"]
        else ""
    )
    return f"{where}{reason}{words.say(lang, '.', '。')}{lacks}"


def view(path: Path, lang: str, shared: Shared) -> View:
    """Read one exhibit: `<id>.json` with the `.csv` and `.svg` beside it."""
    exhibit = json.loads(path.read_text(encoding="utf-8"))
    header, *rows = formulas.read_csv(path.with_suffix(".csv").read_text(encoding="utf-8"))
    columns = exhibit["columns"]
    formats = [column_format(c, [row[i] for row in rows], lang) for i, c in enumerate(columns)]
    shown = rows[:ROWS_SHOWN]
    id, svg = exhibit["id"], path.with_suffix(".svg")
    claim = exhibit["claim"][lang]
    return View(
        id=id,
        status=exhibit["status"],
        question=exhibit["question"][lang],
        claim=claim,
        note=(exhibit["note"] or {}).get(lang, ""),
        footer=exhibit["footer"][lang],
        svg=Markup(inline(svg.read_text(encoding="utf-8"), claim, shared)) if svg.is_file() else Markup(),
        columns=[
            Column(place, heading(c, exhibit["currency"], lang), c["format"] in NUMBERS)
            for place, c in enumerate(columns, 1)
        ],
        rows=[[write(cell) if cell else "–" for write, cell in zip(formats, row, strict=True)] for row in shown],
        count=row_count(len(rows), lang),
        csv=data_uri(header, rows, [c["format"] for c in columns]),
    )


def heading(column: dict[str, Any], currency: str, lang: str) -> str:
    """Return a column's label, with the currency where it holds money."""
    label = column["label"][lang]
    return f"{label} ({currency})" if column["format"] == "money" else label


def column_format(column: dict[str, Any], cells: Sequence[str], lang: str) -> Any:
    """Return the function that writes a cell of `column` as a reader wants it: the digits fit the column's size."""
    kind, name = column["format"], column["name"]
    if kind in NUMBERS:
        values = [abs(float(cell)) for cell in cells if cell]
        largest = max(values, default=0)
        whole = all(value == int(value) for value in values if value != float("inf"))
        if kind == "share":
            return lambda cell: words.share(float(cell), 1)
        digits = 0 if kind == "count" or whole or (kind != "score" and largest >= 1000) else 1 if largest >= 10 else 2
        return lambda cell: words.number(float(cell), digits)
    if kind == "flag":
        return lambda cell: words.say(lang, "yes", "是") if cell == "True" else words.say(lang, "no", "否")
    if kind == "date":
        return lambda cell: cell[:10]
    if name.endswith(("_id", "_name", "_no")):
        return str
    return lambda cell: words.word(cell, lang)


def row_count(n: int, lang: str) -> str:
    """Say how many rows there are, and how many of them are shown."""
    if n <= ROWS_SHOWN:
        return words.say(lang, f"{n:,} row{'' if n == 1 else 's'}", f"{n:,} 行")
    return words.say(lang, f"the first {ROWS_SHOWN} of {n:,} rows", f"共 {n:,} 行，显示前 {ROWS_SHOWN} 行")


def data_uri(header: Sequence[str], rows: Sequence[Sequence[str]], formats: Sequence[str]) -> Markup | str:
    """Return the table as a link that holds the CSV, or "" when it is too long for a page.

    It will be opened by a spreadsheet: the mark at the beginning says UTF-8, and a text that a spreadsheet would take
    for a formula is preceded by an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(formulas.as_text(c) if f == "text" else c for f, c in zip(formats, row, strict=True))
    data = ("\ufeff" + out.getvalue()).encode()
    if len(data) > LARGEST_CSV:
        return ""
    plain, packed = quote(data, safe=",:;/ ()"), base64.b64encode(data).decode()
    head = "data:text/csv;charset=utf-8"
    return Markup(f"{head},{plain}" if len(plain) <= len(packed) else f"{head};base64,{packed}")


def stopped(sections: Sequence[Section]) -> list[Section]:
    """Return the notebooks that did not deliver all they should."""
    return [section for section in sections if section.error]


def lacking(sections: Sequence[Section]) -> dict[str, list[View]]:
    """Return the exhibits without data, by the reason they give."""
    found: dict[str, list[View]] = {}
    for exhibit in (e for section in sections for e in section.exhibits if e.status != "ok"):
        found.setdefault(exhibit.claim, []).append(exhibit)
    return found


def ledger_lines(ledger: Ledger, lang: str) -> list[dict[str, str]]:
    """Return the lines of the ledger, files that a mapping read first, ready to print."""
    return [
        {
            "table": words.word(line.table or "report.file", lang), "file": called(line.file, lang), "read": words.number(line.read),
            "kept": words.number(line.kept), "set_aside": words.number(line.set_aside),
            "blanked": words.number(line.blanked),
            "money_kept": "–" if line.money_kept is None else words.number(line.money_kept, 2),
            "money_set_aside": "–" if line.money_set_aside is None else words.number(line.money_set_aside, 2),
        }
        for line in (*ledger.files, *ledger.entries)
    ]  # fmt: skip


def quality_lines(assessed: Quality, lang: str) -> dict[str, Any]:
    """Return the verdict, the scorecard, heading first, and the worst findings, ready to print."""
    found = told.findings(assessed, lang)
    head, *rows = told.scorecard(assessed, lang)
    return {
        "verdict": told.verdict(assessed, lang), "head": head, "rows": list(zip(rows, assessed.tables.gate, strict=True)),
        "joins": told.joins(assessed, lang), "findings": found[:FINDINGS_SHOWN], "more": len(found[FINDINGS_SHOWN:]),
    }  # fmt: skip


def parameters(notebooks: dict[str, dict[str, Any]], lang: str) -> list[dict[str, Any]]:
    """List the parameters of all notebooks; those with the same value and meaning share a line."""
    lines: dict[str, dict[str, Any]] = {}
    for number, entry in notebooks.items():
        for name, p in entry["parameters"].items():
            if name not in HIDDEN_PARAMETERS:
                line = {"name": name, **p, "changed": p["value"] != p["default"], "notebooks": []}
                lines.setdefault(json.dumps([name, p]), line)["notebooks"].append(number)
    return [
        line | {"notebooks": " ".join(line["notebooks"]), "meaning": words.word(line["meaning"], lang)}
        for line in lines.values()
    ]
