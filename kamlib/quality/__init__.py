"""How good the delivered data are: a scorecard per table, gates that stop a run, and the rows to work off.

`assess` looks at checked tables on an engine and returns a `Quality`: shares and counts, without a name of anybody, so
that it can be stored beside the ledger and shown at the head of the report. `write_rows` exports the failing rows.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from kamlib.errors import InputError
from kamlib.files import private_folder, write_atomically
from kamlib.formulas import as_text_sql
from kamlib.quality import told
from kamlib.quality.checks import checks
from kamlib.quality.duplicates import duplicate_pairs
from kamlib.quality.hierarchy import in_loops
from kamlib.quality.joins import COLUMNS, join_table
from kamlib.quality.profile import Profile, fill_table, profile
from kamlib.quality.scorecard import (
    Tally,
    border_tallies,
    frame,
    profile_tallies,
    reconciliation,
    reconciliation_tallies,
    scores,
    table_scores,
    worst_first,
)
from kamlib.quality.validity import is_credit_code
from kamlib.settings import Settings
from kamlib.sources.ledger import Ledger
from kamlib.sources.sql import literal, name_of
from kamlib.tables import TABLES

if TYPE_CHECKING:
    from kamlib.workspace import Data

FILE = "quality.json"
_TWO_OWNERS = "owner <> other_owner"


@dataclass(frozen=True)
class Quality:
    """The assessment of a set of tables, as frames.

    tables    table_name, n_rows, newest_at, age_days, money_source, money_table, money_unexplained, score_share, gate
    scores    table_name, dimension, quality_share, n_checked, n_failed, gate, threshold_share, entry
    findings  table_name, kind, column_name, dimension, n_checked, n_failed, money; what failed, the worst first
    fill      table_name, column_name, tier, fill_share, n_rows
    joins     see `kamlib.quality.joins`
    """

    as_of: dt.date
    currency: str
    tables: pd.DataFrame
    scores: pd.DataFrame
    findings: pd.DataFrame
    fill: pd.DataFrame
    joins: pd.DataFrame

    def stops(self, lang: str | None = None) -> list[str]:
        """Return a sentence for every share at which a run must not go on."""
        return [told.stop(row, lang) for row in self.scores[self.scores.gate == "stop"].itertuples()]

    def write(self, folder: Path) -> None:
        """Write `quality.json` into `folder`."""
        write_atomically(folder / FILE, self.to_json())

    def to_json(self) -> str:
        """Return everything as JSON, for `quality.json`."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        tables = {
            name: json.loads(value.to_json(orient="split", index=False, double_precision=6))
            for name, value in said.items()
            if isinstance(value, pd.DataFrame)
        }
        return json.dumps(
            {"as_of": self.as_of.isoformat(), "currency": self.currency, **tables}, ensure_ascii=False, indent=1
        )

    @classmethod
    def from_json(cls, text: str) -> Quality:
        """Return what `to_json` was taken from."""
        said = json.loads(text)
        frames = {
            name: pd.DataFrame(value["data"], columns=value["columns"])
            for name, value in said.items()
            if isinstance(value, dict)
        }
        older = {"joins": pd.DataFrame(columns=COLUMNS)}  # what snapshots did not have at first
        return cls(dt.date.fromisoformat(said["as_of"]), said["currency"], **(older | frames))


def assess(
    con: duckdb.DuckDBPyConnection, measured: Iterable[str], ledger: Ledger, settings: Settings, as_of: dt.date
) -> Quality:
    """Return how good the tables `measured` of `con` are, as of a day; `ledger` says what the border made of them."""
    profiles = {name: profile(con, name, as_of) for name in TABLES if name in set(measured)}
    tallies = frame(
        [
            *border_tallies(ledger, profiles),
            *(tally for one in profiles.values() for tally in profile_tallies(one, settings, as_of)),
            *_counted(con, profiles, settings, as_of),
            *reconciliation_tallies(reconciliation(profiles, ledger, as_of)),
        ]
    )
    scored = scores(tallies, ledger, settings)
    tables = reconciliation(profiles, ledger, as_of).merge(table_scores(scored, settings), on="table_name", how="left")
    fill = fill_table(con, profiles.values())
    joins = join_table(con, profiles, ledger)
    return Quality(as_of, settings.currency, tables, scored, worst_first(tallies, scored), fill, joins)


def accepted(data: Data) -> Quality:
    """Return how good `data` are. InputError says which share is below what `kam.toml` asks for, if one is."""
    assessed = assess(data.con.con, data.measured, data.ledger, data.settings, data.as_of)
    if stops := assessed.stops():
        raise InputError("\n".join(stops))
    return assessed


def read(folder: Path) -> Quality | None:
    """Return the assessment stored in a prepared folder, None where there is none."""
    path = folder / FILE
    return Quality.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None


def failing_rows(con: duckdb.DuckDBPyConnection, quality: Quality, settings: Settings) -> dict[str, str]:
    """Return the SELECT of the failing rows of every check that found some, by the name of the file they go into.

    `con` is the engine that `assess` was given."""
    failed = set(zip(quality.findings.table_name, quality.findings.kind, strict=True))
    selects = {
        f"{check.table}_{check.kind}": check.failing
        for check in checks(settings, quality.as_of)
        if (check.table, check.kind) in failed
    }
    if ("accounts", "entered_twice") in failed:
        selects["accounts_entered_twice"] = "FROM quality_duplicates"
    if ("accounts", "two_owners") in failed:
        selects["accounts_two_owners"] = f"FROM quality_duplicates WHERE {_TWO_OWNERS}"
    return selects


def write_rows(con: duckdb.DuckDBPyConnection, quality: Quality, settings: Settings, folder: Path) -> list[Path]:
    """Write the failing rows as CSV into `folder`, texts that look like formulas as texts; return the paths."""
    paths = []
    private_folder(folder)
    for name, select in failing_rows(con, quality, settings).items():
        paths.append(folder / f"{name}.csv")
        described = con.execute(f"DESCRIBE {select}").fetchall()
        cells = [
            f"{as_text_sql(name_of(column))} AS {name_of(column)}" if kind == "VARCHAR" else name_of(column)
            for column, kind, *_ in described
        ]
        con.execute(
            f"COPY (SELECT {', '.join(cells)} FROM ({select})) TO {literal(str(paths[-1]))} (HEADER, DELIMITER ',')"
        )
    return paths


def _counted(
    con: duckdb.DuckDBPyConnection, profiles: dict[str, Profile], settings: Settings, as_of: dt.date
) -> Iterator[Tally]:
    """Make every check that the tables allow. What Python finds is put on the engine first, for the checks to use."""
    codes = con.execute("SELECT DISTINCT credit_code FROM accounts WHERE credit_code IS NOT NULL").fetchall()
    _temporary(con, "quality_wrong_codes", [code for (code,) in codes if not is_credit_code(code)])
    _temporary(con, "quality_loops", in_loops(con))
    for check in checks(settings, as_of):
        if check.table in profiles and all(_holds(profiles, need) for need in check.needs):
            yield Tally(check.table, check.kind, "", check.dimension, *check.count(con))
    if "accounts" in profiles:
        yield from _twice(con, profiles["accounts"].rows, as_of)


def _twice(con: duckdb.DuckDBPyConnection, n_accounts: int, as_of: dt.date) -> Iterator[Tally]:
    pairs = duplicate_pairs(con, as_of)
    con.register("quality_pairs", pairs)
    con.execute("CREATE OR REPLACE TEMP TABLE quality_duplicates AS FROM quality_pairs")
    con.unregister("quality_pairs")
    surplus = len({*pairs.account_id, *pairs.other_id}) - pairs.duplicate_group.nunique()
    yield Tally("accounts", "entered_twice", "", "uniqueness", n_accounts, surplus, _involved(pairs))
    conflict = pairs[pairs.owner.notna() & pairs.other_owner.notna() & (pairs.owner != pairs.other_owner)]
    yield Tally(
        "accounts", "two_owners", "owner", "", n_accounts, conflict.duplicate_group.nunique(), _involved(conflict)
    )


def _involved(pairs: pd.DataFrame) -> float:
    """The revenue of all accounts in the pairs, each counted once."""
    revenue = dict(zip(pairs.account_id, pairs.revenue, strict=True)) | dict(
        zip(pairs.other_id, pairs.other_revenue, strict=True)
    )
    return float(sum(revenue.values()))


def _holds(profiles: dict[str, Profile], need: str) -> bool:
    """Whether a table, or a column ("orders.booked_by"), holds something."""
    table, _, column = need.partition(".")
    return table in profiles and bool(profiles[table].filled[column] if column else profiles[table].rows)


def _temporary(con: duckdb.DuckDBPyConnection, name: str, texts: list[str]) -> None:
    con.register("quality_texts", pd.DataFrame({"text": pd.Series(texts, dtype=object)}))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT CAST(text AS VARCHAR) AS text FROM quality_texts")
    con.unregister("quality_texts")
