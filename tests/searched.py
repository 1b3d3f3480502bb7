"""Search everything that a run, or any other command, wrote: every byte, unpacked and decoded."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pandas as pd

from kamlib.privacy.roles import way
from kamlib.sources.sql import path_of
from kamlib.tables import TABLES, Column, Table
from kamlib.workspace import Data

ID = re.compile(r"[A-Z]\d{4,}(?:-\d)?(?!\d)")
"""How the sample writes its ids; there are too many to be looked for one by one."""
DRAWING = re.compile(r"[MLQCz \d.-]*")
"""Lines of an SVG that only draw: most of the bytes, and no room for a name."""
DATA_URI = re.compile(r"data:[\w/+.-]+(?:;[\w=-]+)*;base64,([A-Za-z0-9+/=]+)")

PACKED = re.compile(r"(?:[A-Za-z0-9+/=]|\\n){400,}")
"""A picture in base64: decoded below. As it stands its letters are random, and spell an id or a path now and then."""


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Return (where, text) of everything in `folder`: names of files, their bytes, and what these are when decoded."""
    for path in sorted(folder.rglob("*")):
        where = path.relative_to(folder).as_posix()
        yield where, where
        if path.is_file():
            yield from decoded(where, path.read_bytes())
            if path.suffix == ".parquet":
                yield from parquet(where, path)


def decoded(where: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Return the content as text, and what is packed in it."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield f"{where}/{name}", name
                yield from decoded(f"{where}/{name}", archive.read(name))
    if content[:2] == b"\x1f\x8b":
        yield from decoded(where, gzip.decompress(content))
    text = content.decode("utf-8", "replace")
    plain = PACKED.sub("", text)
    yield where, plain
    if "<" in plain:
        yield where, unquote(html.unescape(plain))
        for packed in DATA_URI.findall(text):
            yield from decoded(f"{where} data:", base64.b64decode(packed))
    try:
        said = json.loads(text)
    except ValueError:
        return
    for string in strings(said):
        if len(string) > 399 and re.fullmatch(r"[A-Za-z0-9+/=\n]+", string):  # a picture
            yield from decoded(f"{where} base64", base64.b64decode(string))
        else:
            yield where, html.unescape(string)


def strings(said: object) -> Iterator[str]:
    """Return all strings of what was JSON, names too."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        for key, value in said.items():
            yield from (key, *strings(value))
    elif isinstance(said, list):
        for value in said:
            yield from strings(value)


def parquet(where: str, path: Path) -> Iterator[tuple[str, str]]:
    """Return the cells and the metadata of a Parquet file."""
    for query in ("read_parquet", "parquet_kv_metadata", "parquet_metadata"):
        rows = duckdb.sql(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {query}({path_of(path)})").fetchall()
        yield where, "\n".join({cell for row in rows for cell in row if cell})


def found(folder: Path, values: Iterable[str]) -> dict[str, str]:
    """Return which of `values` stand anywhere in `folder`, each with a place."""
    places: dict[str, str] = {}
    for where, text in texts(folder):
        for line in text.split("\n"):
            if not DRAWING.fullmatch(line):
                places.setdefault(line, where)
    everything = "\n".join(places)
    encoded = everything.encode("utf-8", "replace")  # faster to search
    ids = {value for value in values if ID.fullmatch(value)}
    hits = ids.intersection(ID.findall(everything))
    hits |= {value for value in set(values) - ids if value.encode() in encoded}
    return {value: next(where for line, where in places.items() if value.split("\n")[0] in line) for value in hits}


def personal(data: Data, accounts: set[str] | None = None) -> set[str]:
    """Return every personal value in the tables of `data`: names, ids, contact details, free texts; if `accounts` are
    given, only what stands in rows of theirs."""
    values = set()
    for table in TABLES.values():
        frame = data.con.con.execute(f"FROM {table.name}").df()
        if accounts is not None:
            frame = frame[account_of(data, table).isin(accounts)]
        for column in table.columns:
            if column.type == "text" and not column.values and is_personal(column):
                n = frame[column.name].value_counts()
                values |= set(n.index[n < 3] if column.share == "common" else n.index)
    return values


def is_personal(column: Column) -> bool:
    """Return whether the values of a column lead to somebody."""
    return is_personal(TABLES[column.ref].column(TABLES[column.ref].key[0])) if column.ref else column.share != "keep"


def account_of(data: Data, table: Table) -> pd.Series:
    """Return the account that each row of `table` belongs to, as pandas finds it."""
    frame = data.con.con.execute(f"FROM {table.name}").df()
    if table.name == "accounts":
        return frame.account_id
    to_account = way(table)
    if to_account is None:
        return pd.Series(None, index=frame.index, dtype=object)
    if to_account.ref == "accounts":
        return frame[to_account.name]
    parent = TABLES[to_account.ref]
    ids = data.con.con.execute(f"FROM {parent.name}").df()[parent.key[0]]
    return frame[to_account.name].map(dict(zip(ids, account_of(data, parent), strict=True)))
