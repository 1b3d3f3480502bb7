"""How a data frame looks in a notebook: labelled in the session's language, numbers written as in the report.

The code name of each column stays below its label, since that is what one types. Everything from the data is escaped.
"""

from __future__ import annotations

from html import escape

import pandas as pd

from kamlib import words

MOST_ROWS = 30


def readable() -> None:
    """Let IPython show data frames by `html` from here on; without IPython nothing happens."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if shell := get_ipython():
        shell.display_formatter.formatters["text/html"].for_type(pd.DataFrame, html)


def html(frame: pd.DataFrame) -> str | None:
    """Return `frame` as an HTML table; None, which leaves it to pandas, when its columns or rows have several levels.

    Row numbers are left out, a named or text index becomes the first column.
    """
    if frame.columns.nlevels > 1 or frame.index.nlevels > 1 or not frame.columns.is_unique:
        return None
    if not pd.api.types.is_integer_dtype(frame.index.dtype):
        frame = frame.rename_axis(frame.index.name or "").reset_index(allow_duplicates=False)
    shown = frame.head(MOST_ROWS)
    columns = [_cells(shown[name], str(name)) for name in shown.columns]
    lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in zip(*columns, strict=True)]
    head = "".join(f"<th>{_heading(str(name))}</th>" for name in frame.columns)
    left_out = len(frame) - len(shown)
    more = words.say(None, f"<p>{left_out:,} more rows</p>", f"<p>另有 {left_out:,} 行</p>") if left_out else ""
    return "\n".join(["<table>", f"<tr>{head}</tr>", *lines, f"</table>{more}"])


def _cells(column: pd.Series, name: str) -> list[str]:
    from kamlib.exhibit import number_format
    from kamlib.report.html import column_format

    texts = ["" if pd.isna(value) else str(value) for value in column]
    write = column_format({"name": name, "format": number_format(name, column)}, texts, words.language())
    return [escape(write(text)) if text else "–" for text in texts]


def _heading(name: str) -> str:
    label, code = escape(words.word(name)), escape(name)
    return label if label == code else f"{label}<br><code>{code}</code>"
