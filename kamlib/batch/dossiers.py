"""`kam dossier`: a page per account, in one process and without a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kamlib import words
from kamlib.batch.plan import home
from kamlib.batch.run import Call, exclusive, key_of
from kamlib.dossier import Company, chosen, pages
from kamlib.privacy.eyes import folder_name, seen
from kamlib.workspace import load


def write(call: Call, account: str = "", tier: str = "", owner: str = "") -> Iterator[tuple[str, Path]]:
    """Write the dossiers asked for into <out>/<as-of>/dossiers; yield name and page of each when it is done."""
    lang, key = call.lang or words.language(), key_of(call)
    data = load(call.data.absolute() if call.data else home() / "data" / "sample", call.as_of)
    company = Company(seen(data, call.role, call.user, key, lang))
    ids = chosen(company, account, tier, owner)
    folder = call.out.absolute() / folder_name(company.data)
    with exclusive(folder):
        yield from pages.write(company, ids, folder / "dossiers", lang)
