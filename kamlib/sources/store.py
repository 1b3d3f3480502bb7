"""A prepared folder: checked tables as Parquet with their ledger, so that they are read back without being checked.

<table>.parquet   each delivered table, typed      set_aside/<table>.csv   rows set aside, with the reason
kam.toml          the settings                     ledger.json             what became of every row
prepared.json     what the folder was made from, and the SHA-256 of every file in it
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from kamlib import settings
from kamlib.errors import InputError
from kamlib.files import private_folder
from kamlib.formulas import original_sql
from kamlib.language import say
from kamlib.sources.ledger import Ledger
from kamlib.sources.sql import literal, name_of, path_of
from kamlib.tables import SQL_TYPES, TABLES, Table

MANIFEST, LEDGER = "prepared.json", "ledger.json"
FORMAT = 1
VERSION = version("kamlib")


def write(
    con: duckdb.DuckDBPyConnection,
    tables: Iterable[str],
    ledger: Ledger,
    sources: dict[str, str],
    kam_toml: str,
    folder: Path,
    **made: Any,
) -> None:
    """Write `tables` of `con`, the ledger and the rows set aside into `folder`, which must exist; the manifest last.

    `sources` are the SHA-256 of the files that the tables were made from, by name; `made` goes into the manifest too.
    """
    for name in tables:
        path = literal(str(folder / f"{name}.parquet"))
        con.execute(f"COPY (FROM {name_of(name)}) TO {path} (FORMAT parquet, COMPRESSION zstd)")
    ledger.write_set_aside(folder / "set_aside")
    (folder / LEDGER).write_text(json.dumps(ledger.as_dict(), ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / settings.FILE).write_text(kam_toml, encoding="utf-8")
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        **made,
        "tables": {name: con.sql(f"FROM {name_of(name)}").count("*").fetchone()[0] for name in sorted(tables)},
        "sources": sources,
        "files": hashes((path for path in folder.rglob("*") if path.is_file()), folder),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")


def hashes(paths: Iterable[Path], base: Path) -> dict[str, str]:
    """Return the SHA-256 of files by their path from `base`, or by their name where they lie elsewhere."""
    names = {
        (path.relative_to(base).as_posix() if path.is_relative_to(base) and path != base else path.name): path
        for path in paths
    }
    return {name: sha256(names[name]) for name in sorted(names)}


def damaged(folder: Path) -> list[str]:
    """Return a sentence for every file of a prepared folder that is gone or no longer what was written."""
    files = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("files", {})
    gone, changed = ("gone", "已丢失"), ("damaged", "已损坏")
    faults = []
    for name, hash in files.items():
        path = folder / name
        if not path.is_file() or sha256(path) != hash:
            en, zh = changed if path.is_file() else gone
            faults.append(
                say(
                    None,
                    f"{path} is {en}. Restore the folder from a backup, or bring the files again.",
                    f"{path} {zh}。请用备份恢复该文件夹，或重新导入这些文件。",
                )
            )
    return faults


def is_prepared(folder: Path) -> bool:
    """Return whether `folder` was written by `write`."""
    return (folder / MANIFEST).is_file()


def read(con: duckdb.DuckDBPyConnection, folder: Path) -> tuple[Ledger, frozenset[str]]:
    """Give `con` the tables of a prepared folder, absent ones empty; return the ledger and the tables that are there.

    InputError when the folder is not whole."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise InputError(
                f"{folder} was prepared by another version ({manifest['version']}). Prepare it again.",
                f"{folder} 由其他版本（{manifest['version']}）整理。请重新整理。",
            )
        ledger = Ledger.from_json((folder / LEDGER).read_text(encoding="utf-8"), con)
        for table in TABLES.values():
            there = table.name in manifest["tables"]
            view(con, table, folder / f"{table.name}.parquet" if there else None, table.name)
        con.execute("CREATE SCHEMA set_aside")
        for path in sorted((folder / "set_aside").glob("*.csv")):
            con.execute(f"CREATE VIEW set_aside.{name_of(path.stem)} AS SELECT {_set_aside(con, path)}")
    except (OSError, ValueError, KeyError, TypeError, duckdb.Error) as error:
        raise InputError(
            f"{folder} was prepared by kam and is damaged ({str(error).splitlines()[0][:160]}). Prepare it again.",
            f"{folder} 由 kam 整理，现已损坏（{str(error).splitlines()[0][:160]}）。请重新整理。",
        ) from None
    return ledger, frozenset(manifest["tables"])


def view(con: duckdb.DuckDBPyConnection, table: Table, path: Path | None, name: str) -> None:
    """Give `con` the Parquet file at `path` as the view `name` with the columns of `table`; an empty table without it."""
    if path is None:
        columns = ", ".join(f"{name_of(column.name)} {SQL_TYPES[column.type]}" for column in table.columns)
        con.execute(f"CREATE TABLE {name_of(name)} ({columns})")
        return
    relation = f"read_parquet({path_of(path)}, hive_partitioning=false)"
    con.execute(f"CREATE VIEW {name_of(name)} AS SELECT {_columns(con, table, relation)} FROM {relation}")


def _columns(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> str:
    """The columns of `table` as an SQL list; optional ones that came into the declarations later are empty."""
    found = {name: kind for name, kind, *_ in con.execute(f"DESCRIBE FROM {relation}").fetchall()}
    kinds = {column.name: SQL_TYPES[column.type] for column in table.columns}
    if not set(table.required) <= found.keys() or any(kinds.get(name) != kind for name, kind in found.items()):
        raise ValueError(f"{table.name}.parquet has other columns")
    return ", ".join(
        name_of(name) if name in found else f"CAST(NULL AS {kind}) AS {name_of(name)}" for name, kind in kinds.items()
    )


def _set_aside(con: duckdb.DuckDBPyConnection, path: Path) -> str:
    """The rows as they were delivered: the apostrophe that `Ledger.write_set_aside` put before formulas taken off."""
    relation = f"read_csv({path_of(path)}, all_varchar=true, header=true, delim=',', quote='\"', escape='\"')"
    names = [row[0] for row in con.execute(f"DESCRIBE FROM {relation}").fetchall()]
    cells = [f"{original_sql(name_of(name))} AS {name_of(name)}" for name in names]
    cells[0] = f"CAST({name_of(names[0])} AS BIGINT) AS {name_of(names[0])}"
    return f"{', '.join(cells)} FROM {relation}"


class Replacing:
    """`with Replacing(into) as part:` — write into `part`; it becomes `into` when all went well, else it is removed.

    A folder that stands there is replaced only when it was prepared by kam, or is empty.
    """

    def __init__(self, into: Path) -> None:
        self.into = into.resolve()
        self.part = self.into.with_name(self.into.name + ".part")

    def __enter__(self) -> Path:
        if self.into.exists() and not (self.into.is_dir() and (is_prepared(self.into) or not any(self.into.iterdir()))):
            raise InputError(
                f"{self.into} holds something else. Give a new folder, or empty this one.",
                f"{self.into} 中是其他内容。请指定新文件夹，或清空该文件夹。",
            )
        try:
            shutil.rmtree(self.part, ignore_errors=True)
            private_folder(self.part)
        except OSError as error:
            raise InputError(
                f"{self.into} cannot be made ({error.strerror}). Give another folder.",
                f"{self.into} 无法创建（{error.strerror}）。请指定其他文件夹。",
            ) from None
        return self.part

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        if kind is None:
            if self.into.exists():
                shutil.rmtree(self.into)
            os.replace(self.part, self.into)
            return
        shutil.rmtree(self.part, ignore_errors=True)
        if issubclass(kind, OSError | duckdb.IOException):
            reason = str(error).splitlines()[0][:160]
            raise InputError(
                f"{self.into} cannot be written ({reason}). Make room, or give another folder.",
                f"{self.into} 无法写入（{reason}）。请腾出空间，或指定其他文件夹。",
            ) from None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
