"""An exhibit: a claim, a table and a chart under one id, shown in the notebook and saved for the renderers.

    show = kam.Exhibits(data, "05", lang=lang, run_dir=run_dir)
    show("05.1", table, finance.plot_revenue, finance.revenue_claim, needs=("orders",), n=len(table), of="accounts")

The question an exhibit answers and its note on method stand in `words` under its id ("05.1", "05.1.note");
where an empty table has one reason, it stands there too ("05.4.empty").
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from kamlib import formulas, frames, style, words
from kamlib.files import private_folder, write_atomically
from kamlib.params import resolve
from kamlib.privacy import small_cells
from kamlib.workspace import Data

Plot = Callable[..., object]
Claim = Callable[..., str]


def chart(kind: str, *, size: tuple[float, float] = (8, 4.5), **encodings: object) -> Callable[[Plot], Plot]:
    """Say of a plot function what it draws, so that Excel and PowerPoint can draw it natively.

    `kind` is one of `KINDS`, `size` the figure's in inches; `encodings` name columns of its table: x, y, area, colour,
    label, line, low, high.
    """
    if kind not in KINDS:
        raise ValueError(f"'{kind}' is not a kind of chart; kinds: {', '.join(KINDS)}")

    def mark(plot: Plot) -> Plot:
        plot.chart = {"kind": kind, **encodings}
        plot.size = size
        return plot

    return mark


KINDS = (
    "bar", "column", "stacked_bar", "stacked_column", "line", "area", "scatter", "bubble", "pareto", "waterfall",
    "heatmap", "matrix", "dots", "box", "tree", "network", "survival", "table",
)  # fmt: skip


@dataclass(frozen=True)
class Exhibit:
    """What was found, as data. `status` is "ok", "insufficient_data" when the table is empty, or "not_measured" with
    the absent tables in `missing`."""

    id: str
    status: str
    claim: dict[str, str]
    table: pd.DataFrame
    chart: dict
    n: int | None
    of: str
    sources: tuple[str, ...]
    missing: tuple[str, ...]
    as_of: dt.date
    currency: str
    footer: str
    withheld: int = 0
    figure: Figure | None = field(default=None, repr=False, compare=False)

    def _repr_mimebundle_(self, **_) -> dict:
        bundle = {"text/plain": f"{self.id}  {self.claim[words.language()]}\n{self.footer}"}
        if self.figure is not None:
            bundle["image/png"] = png(self.figure)
        return bundle

    def as_dict(self) -> dict:
        """Return everything but table and picture, ready for JSON."""
        return {
            "id": self.id, "status": self.status, "claim": self.claim, "chart": self.chart, "n": self.n, "of": self.of,
            "question": _both(self.id), "note": _both(f"{self.id}.note") if f"{self.id}.note" in words.LABELS else None,
            "sources": list(self.sources), "missing": list(self.missing), "as_of": self.as_of.isoformat(),
            "currency": self.currency,
            "footer": {lang: footer(self.n, self.of, self.sources, self.as_of, lang, self.withheld) for lang in words.LANGUAGES},
            "columns": [{"name": c, "label": _both(c), "format": number_format(c, self.table[c])} for c in self.table.columns],
        }  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write `<id>.json`, `<id>.csv` and `<id>.svg` in `folder`, each whole or not at all."""
        private_folder(folder)
        write_atomically(folder / f"{self.id}.csv", formulas.write_csv(self.table))
        if self.figure is not None:
            write_atomically(folder / f"{self.id}.svg", svg(self.figure))
        write_atomically(folder / f"{self.id}.json", json.dumps(self.as_dict(), ensure_ascii=False, indent=1))


class Exhibits:
    """Shows and saves the exhibits of one notebook. Sets the language and the house style of the session."""

    def __init__(self, data: Data, notebook: str, *, lang: str = "en", run_dir: str | Path = "") -> None:
        self.data, self.notebook = data, notebook
        self.folder = resolve(run_dir) / "exhibits" if run_dir else None
        words.speak(lang, data.settings.currency, data.settings.stage_names)
        style.apply()
        frames.readable()

    def __call__(
        self, id: str, table: pd.DataFrame, plot: Plot, claim: Claim, *,
        needs: Sequence[str] = (), n: int | None = None, of: str = "accounts",
    ) -> Exhibit:  # fmt: skip
        """Bind `claim(table, lang)` and `plot(table, ax)` to `table` under `id`; save it when there is a run folder.

        `needs` names the tables it rests on: when one was not delivered the exhibit says so, and nothing is drawn;
        so it is with an empty table. Neither `plot` nor `claim` ever sees one.
        """
        if not id.startswith(f"{self.notebook}."):
            raise ValueError(f"exhibit '{id}' does not belong to notebook {self.notebook}")
        missing = tuple(name for name in needs if not self.data.has(name))
        kind = getattr(plot, "func", plot).chart  # a partial carries its function
        delivered = table.head(0) if missing else table
        table = delivered
        if self.data.ledger.access.shared:
            table = small_cells.shown(delivered, kind, n, of)
        n = None if missing or n is None else int(n)
        foot = partial(footer, n, of, needs, self.data.as_of)
        status, claims, figure = "not_measured" if missing else "insufficient_data", {}, None
        if len(table):
            try:
                claims = _claims(claim, table, partial_rows=len(table) < len(delivered))
                figure = draw(table, plot, claims[words.language()], foot(withheld=len(delivered) - len(table)))
                status = "ok"
            except Exception:
                if len(table) == len(delivered):
                    raise
                table = table.head(0)  # without the rows left out there is nothing to say or draw
        withheld = len(delivered) - len(table)
        n = None if withheld and table.empty else n
        if status != "ok":
            claims = {lang: _nothing(id, missing, withheld, lang) for lang in words.LANGUAGES}
        exhibit = Exhibit(
            id=id, status=status, claim=claims, table=table.reset_index(drop=True), chart=kind, n=n, of=of,
            sources=tuple(needs), missing=missing, as_of=self.data.as_of, currency=self.data.settings.currency,
            footer=footer(n, of, needs, self.data.as_of, withheld=withheld), withheld=withheld, figure=figure,
        )  # fmt: skip
        if self.folder:
            exhibit.save(self.folder)
        return exhibit


def draw(table: pd.DataFrame, plot: Plot, title: str, foot: str) -> Figure:
    """Draw `plot(table, ax)` with the claim as its title and a footer with n, source and as-of date."""
    size = getattr(plot, "func", plot).size
    ax = style.new_axes(size)
    figure = ax.figure
    plot(table, ax=ax)
    figure.suptitle(style.wrapped(title, int(size[0] * 11.5)), x=0.01, ha="left", fontsize=12)
    figure.supxlabel(foot, x=0.01, ha="left", fontsize=8, color=style.GREY)
    return figure


def footer(
    n: int | None, of: str, sources: Sequence[str], as_of: dt.date, lang: str | None = None, withheld: int = 0
) -> str:
    """Return "n = 148 accounts · source: orders, returns · as of 2025-12-31" in `lang`, else the session's language."""
    parts = []
    if n is not None:
        parts.append(f"n = {n:,} {words.word('of_' + of, lang)}")
    if sources:
        listed = words.say(lang, ", ", "、").join(words.word(name, lang) for name in sources)
        parts.append(words.say(lang, f"source: {listed}", f"来源：{listed}"))
    parts.append(words.say(lang, f"as of {as_of}", f"截止 {as_of}"))
    if withheld:
        rows = f"{withheld} row{'' if withheld == 1 else 's'} left out: fewer than {small_cells.LEAST} behind them"
        parts.append(words.say(lang, rows, f"略去 {withheld} 行：不足 {small_cells.LEAST} 个主体"))
    return " · ".join(parts)


def number_format(name: str, column: pd.Series) -> str:
    """Return how a column is written: share, days, score, count, money, number, date, flag or text.

    Names decide: `…_share` and `…_rate` are 0 to 1, `…_days` and `n_…` whole, `…score` has one digit; `_low` and
    `_high` at the end are an interval of the name before them. Any other float is money.
    """
    stem = name.removesuffix("_low").removesuffix("_high")
    if pd.api.types.is_bool_dtype(column):
        return "flag"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if not pd.api.types.is_numeric_dtype(column):
        return "text"
    for kind, endings in {
        "share": ("_share", "_rate", "growth"),
        "days": ("_days",),
        "score": ("score", "_mean", "_ratio", "_index", "nps"),
    }.items():
        if stem.endswith(endings):
            return kind
    if stem.startswith("n_") or pd.api.types.is_integer_dtype(column):
        return "count"
    return "money"


def png(figure: Figure) -> bytes:
    """Return the figure as a small PNG: 100 dpi, 128 colours; the same bytes on every run."""
    raw = io.BytesIO()
    figure.savefig(raw, format="png", metadata={"Software": None})
    out = io.BytesIO()
    method = Image.Quantize.FASTOCTREE  # median cut would merge colours that fill little space, as those of a legend
    small = Image.open(raw).convert("RGB").quantize(128, method, dither=Image.Dither.NONE)
    small.save(out, format="png", optimize=True)
    return out.getvalue()


def svg(figure: Figure) -> str:
    """Return the figure as SVG without title and footer, which the page sets as text; the same on every run."""
    extras = [text for text in (figure._suptitle, figure._supxlabel) if text is not None]
    for text in extras:
        text.set_visible(False)
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    for text in extras:
        text.set_visible(True)
    return out.getvalue()


def _both(key: str) -> dict[str, str]:
    return {lang: words.word(key, lang) for lang in words.LANGUAGES}


def _claims(claim: Claim, table: pd.DataFrame, partial_rows: bool) -> dict[str, str]:
    """Return the claim in both languages. ValueError when it needs a row that was left out."""
    claims = {lang: claim(table, lang=lang) for lang in words.LANGUAGES}
    if partial_rows:
        if any(re.search(r"\bnan\b", text) for text in claims.values()):
            raise ValueError("the claim needs a row that was left out")
        claims["en"] += " (Rows left out for privacy are not counted.)"
        claims["zh"] += "（不含因保护隐私而略去的行。）"
    return claims


def _nothing(id: str, missing: Sequence[str], withheld: int, lang: str) -> str:
    """Say why an exhibit shows nothing."""
    if missing:
        listed = ", ".join(f"{words.word(name, lang)} ({name})" for name in missing)
        return words.say(
            lang,
            f"Not measured: this needs the {'table' if len(missing) == 1 else 'tables'} {listed}.",
            f"未测量：需要数据表 {listed}。",
        )
    if withheld:
        return words.say(
            lang,
            f"Not shown: fewer than {small_cells.LEAST} accounts or people stand behind it.",
            f"不予显示：背后不足 {small_cells.LEAST} 个客户或人员。",
        )
    if f"{id}.empty" in words.LABELS:
        return words.word(f"{id}.empty", lang)
    return words.say(lang, "Not enough data (n = 0).", "数据不足（n = 0）。")
