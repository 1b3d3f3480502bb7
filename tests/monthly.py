"""Monthly exports of a company: what its CRM would have shown on each day, imported into one workspace.

`export` writes the canonical tables as CSV as they were known on a day, `MAPPING` brings them in again. A CRM shows the
present only: stage history and score snapshots are not exported unless asked for.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import yaml

import kamlib as kam
from kamlib.sources.mapping import Imported, import_data
from kamlib.tables import TABLES

PAST = ("deal_stage_history", "score_snapshots")


def export(data: kam.workspace.Data, day: dt.date, folder: Path, without: tuple[str, ...] = PAST) -> Path:
    """Write the tables as known on `day` into `folder`, and a mapping that takes them as they are beside it."""
    then = data.at(day)
    frames = {name: then.frame(name) for name in sorted(data.measured) if name not in without}
    last = then.frame("deal_stage_history").sort_values("entered_at").groupby("deal_id").last()
    for name in ("amount", "expected_close"):  # the deals table has their last values
        frames["deals"][name] = frames["deals"].deal_id.map(last[name])
    return write(frames, folder)


def write(frames: dict[str, pd.DataFrame], folder: Path) -> Path:
    """Write frames as the CSV files of an export, and the mapping; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    mapping = {
        "files": {name: f"{name}.csv" for name in frames},
        "tables": {
            name: {"from": name, "columns": {column: column for column in TABLES[name].names if column in frame}}
            for name, frame in frames.items()
        },
    }
    folder.with_suffix(".yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    return folder


def bring(folder: Path, workspace: Path, day: dt.date | str) -> Imported:
    """Import what `export` wrote."""
    return import_data(folder.with_suffix(".yml"), folder, workspace, day)
