"""Snapshots, their history and what changed between two of them, as lines for a terminal."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd

from kamlib import words
from kamlib.formulas import write_csv
from kamlib.sources.check import aligned
from kamlib.tables import ROLES, STATUSES
from kamlib.workspace import Data, history, load, snapshots, vault
from kamlib.workspace.diff import Diff

MOST = 12
"""Rows of a list that are shown; `--out` writes all."""


def snapshot_table(workspace: Path) -> pd.DataFrame:
    """Return one row per snapshot, superseded ones too: snapshot_date, revision, made_at, n_rows, n_sources, rules_hash,
    counts (the newest revision of its date does)."""
    opened = vault.unlock(workspace)
    counting = snapshots.current(workspace, None, opened)
    rows = [
        (
            one.as_of, one.revision, one.manifest["made"], sum(one.manifest["tables"].values()), len(one.manifest["sources"]),
            one.manifest["rules"][:8], one in counting,
        )
        for one in snapshots.every(workspace, opened)
    ]  # fmt: skip
    return pd.DataFrame(
        rows, columns=["snapshot_date", "revision", "made_at", "n_rows", "n_sources", "rules_hash", "counts"]
    )


def history_text(workspace: Path, lang: str | None = None, out: Path | None = None) -> str:
    """Return the snapshots of a workspace and what they teach together, newest changes first; all of it is written as CSV
    into the folder `out`."""
    data = load(workspace)
    listed = snapshot_table(workspace)
    learnt = [(head, _called(data, frame)) for head, frame in _learnt(data)]
    if out:
        _write({"snapshots": listed} | {en.lower().replace(" ", "_"): frame for (en, _), frame in learnt}, out)
    parts = [_table(listed, lang)]
    for (en, zh), frame in learnt:
        shown = frame.iloc[::-1].head(MOST).drop(columns="account_id", errors="ignore")
        more = words.say(lang, f", the last {MOST}", f"，最近 {MOST} 项") if len(frame) > MOST else ""
        parts.append(words.say(lang, f"{en}: {len(frame):,}{more}", f"{zh}：{len(frame):,}{more}"))
        if len(frame):
            parts[-1] += "\n" + _table(_named(shown, data.settings.stage_names, lang), lang)
    parts.append(
        words.say(
            lang,
            "A change happened later than the date in After, and not later than the one in By.",
            "变动发生在“晚于”日期之后、“不晚于”日期当日或之前。",
        )
    )
    return "\n\n".join(parts)


def _learnt(data: Data) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    moves = history.stage_moves(data)
    return [
        (("Stage moves", "商机阶段变动"), moves[moves.from_stage.notna()].sort_values(["by", "deal_id"])),
        (("Closing dates moved", "预计成交日期变动"), history.slippage(data)),
        (("Tiers changed", "客户级别变动"), history.tier_moves(data)),
        (("Owners changed", "负责人变动"), history.owner_changes(data)),
        (("Relationships changed", "客户关系变动"), history.relationship_changes(data)),
    ]


def _called(data: Data, frame: pd.DataFrame) -> pd.DataFrame:
    """Put the name of the customer first, whose id the rows hold, or that of a deal."""
    con = data.con.con
    names = dict(con.execute("SELECT account_id, account_name FROM accounts").fetchall())
    owners = dict(con.execute("SELECT deal_id, account_id FROM deals").fetchall())
    ids = frame["account_id"] if "account_id" in frame else frame["deal_id"].map(owners)
    return frame.assign(account_name=ids.map(names))[["account_name", *frame.columns]]


def diff_text(found: Diff, lang: str | None = None) -> str:
    """Return what changed: the totals, then the most important rows of each list."""
    heads = {
        "accounts": ("Accounts", "客户"), "orders": ("Orders", "订单"), "deals": ("Deals", "商机"),
        "tiers": ("Tiers changed", "客户级别变动"), "owners": ("Owners changed", "负责人变动"),
    }  # fmt: skip
    parts = [
        f"{found.opening.as_of} → {found.closing.as_of}, {found.currency}",
        _table(found.frames["totals"].assign(stock=lambda frame: "stock." + frame.stock), lang),
    ]
    for name, (en, zh) in heads.items():
        frame = found.frames[name]
        if len(frame):
            more = words.say(lang, f", the first {MOST}", f"，前 {MOST} 项") if len(frame) > MOST else ""
            shown = frame.head(MOST).drop(columns="account_id")  # the CSV has it; people know the name
            parts.append(words.say(lang, f"{en}: {len(frame):,}{more}", f"{zh}：{len(frame):,}{more}"))
            parts[-1] += "\n" + _table(_named(shown, found.stages, lang), lang)
    return "\n\n".join(parts)


def write_tables(found: Diff, out: Path) -> None:
    """Write every table of the diff as CSV into the folder `out`."""
    _write(found.frames, out)


def _write(frames: dict[str, pd.DataFrame], out: Path) -> None:
    from kamlib.files import private_folder

    for name, frame in frames.items():
        (private_folder(out) / f"{name}.csv").write_text(write_csv(frame), encoding="utf-8", newline="\n")


def _named(frame: pd.DataFrame, stages: dict[str, tuple[str, str]], lang: str | None) -> pd.DataFrame:
    """Call deal stages, the ends of deals and buying roles by their names."""
    names = {code: words.word(code, lang) for code in (*STATUSES, *ROLES)}
    names |= {stage: words.say(lang, en, zh) for stage, (en, zh) in stages.items()}
    held = {"from_value", "to_value", "from_stage", "to_stage"} & set(frame.columns)
    return frame.assign(**{column: frame[column].replace(names) for column in held})


def _table(frame: pd.DataFrame, lang: str | None) -> str:
    cells = [[words.word(name, lang) for name in frame.columns]]
    for row in frame.itertuples(index=False):
        cells.append([_cell(name, cell, lang) for name, cell in zip(frame.columns, row, strict=True)])
    left = next((i for i, name in enumerate(frame.columns) if pd.api.types.is_numeric_dtype(frame[name])), 99)
    return aligned(cells, left=left)


def _cell(name: str, cell: object, lang: str | None) -> str:
    if cell is None or pd.isna(cell):
        return ""
    if isinstance(cell, bool) or type(cell).__name__ == "bool_":
        return words.say(lang, "yes", "是") if cell else words.say(lang, "no", "否")
    if isinstance(cell, dt.datetime):
        return str(cell.date())
    if name in ("change", "line"):
        return words.word(f"change.{cell}", lang)
    if isinstance(cell, float):
        return f"{cell:,.1f}" if name.endswith("composite") else f"{cell:,.2f}"
    return (
        f"{cell:,}"
        if isinstance(cell, int)
        else words.word(str(cell), lang)
        if name in ("stock", "record")
        else str(cell)
    )
