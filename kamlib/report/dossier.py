"""A dossier as one page: the exhibits of one account in its folder, and what to do next. No script, nothing from outside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from kamlib import words
from kamlib.files import write_atomically
from kamlib.report.html import view
from kamlib.report.svg import Shared


def write_dossier(
    path: Path, folder: Path, ids: Sequence[str], actions: pd.DataFrame, *,
    lang: str, name: str, company: str, as_of: dt.date, facts: Sequence[tuple[str, str]], access: str = "",
) -> None:  # fmt: skip
    """Write the page of the account `name` to `path` from the exhibits `ids` in `folder` and a table of actions."""
    shared = Shared()
    views = [view(folder / f"{id}.json", lang, shared) for id in ids]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    rows = [
        [f"{v:%Y-%m-%d}" if isinstance(v, pd.Timestamp) else "–" if pd.isna(v) else str(v) for v in row]
        for row in actions.to_numpy(object)
    ]
    page = environment.get_template("dossier.html").render(
        lang=lang, say=partial(words.say, lang), name=name, company=company, as_of=as_of, facts=facts, access=access,
        exhibits=views, actions=rows, action_heads=[words.word(c, lang) for c in actions.columns],
        widest=max((len(v.columns) for v in views), default=0), letters=Markup(shared.svg()), styles=Markup(shared.css()),
    )  # fmt: skip
    write_atomically(path, page)
