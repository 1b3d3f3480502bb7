"""The sample company: an invented manufacturer with planted stories, the same bytes from the same seed everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kamlib.errors import InputError
from kamlib.language import say
from kamlib.rooms import room
from kamlib.sample import accounts as portfolio
from kamlib.sample import contacts_log, deals, longtail, money, orders, people, plans, raw, voices
from kamlib.sample.codebook import codebook
from kamlib.sample.world import World
from kamlib.sample.write import MADE, ParquetFiles, to_arrow, write_csv, write_settings
from kamlib.tables import TABLES
from kamlib.workspace import load

__all__ = ["company", "generate", "generate_export"]


def company(seed: int = 7) -> World:
    """Make the 150 accounts with everything that belongs to them, in memory."""
    world = World(seed)
    portfolio.build(world)
    people.build(world)
    deals.build(world)
    orders.build(world)
    money.build(world)
    voices.build(world)
    people.assess(world)
    contacts_log.build(world)
    money.serve(world)
    plans.build(world)
    return world


def generate(into: Path, accounts: int = 150, seed: int = 7, progress: Callable[[str], None] | None = None) -> None:
    """Write the sample company into the folder `into`: CSV for its 150 accounts, Parquet for more.

    Every account beyond the 150 is a small one with orders, order lines, invoices and payments only. CSV files are the
    same byte for byte on every machine; Parquet files hold the same values.
    """
    if accounts < portfolio.N_ACCOUNTS:
        raise InputError(
            f"accounts = {accounts}: the sample company has {portfolio.N_ACCOUNTS} accounts; ask for as many or more.",
            f"accounts = {accounts}：示例公司共有 {portfolio.N_ACCOUNTS} 个客户，请填写不小于此数的值。",
        )
    into = Path(into)
    large = accounts > portfolio.N_ACCOUNTS
    _refuse_mixture(into, ".csv" if large else ".parquet")
    into.mkdir(parents=True, exist_ok=True)
    rows = company(seed).rows
    if large:
        _write_large(into, rows, accounts, seed, progress)
    else:
        for name, table in MADE.items():
            write_csv(into / f"{name}.csv", table, rows[name])
        (into / "README.md").write_text(codebook(rows), encoding="utf-8", newline="\n")
    write_settings(into)


def generate_export(
    into: Path,
    vendor: str,
    as_of: str = "",
    accounts: int = 150,
    seed: int = 7,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Write the sample company into the folder `into` as the CRM `vendor` exports it on `as_of` (default: the last day)."""
    raw.declaration(vendor)
    with room() as folder:
        generate(Path(folder), accounts, seed, progress)
        raw.export(load(folder, as_of), vendor, into)


def _refuse_mixture(into: Path, suffix: str) -> None:
    """Stop when the folder holds the same tables in the other format: nobody could tell which of them counts."""
    found = [name for name in TABLES if (into / f"{name}{suffix}").exists()]
    if found:
        raise InputError(
            f"{into} already holds {found[0]}{suffix}. Choose an empty folder, or remove the tables in it.",
            f"{into} 中已有 {found[0]}{suffix}。请选择空文件夹，或移走其中的数据表。",
        )


def _write_large(into: Path, rows: dict, accounts: int, seed: int, progress: Callable[[str], None] | None) -> None:
    first = portfolio.N_ACCOUNTS + 1
    with ParquetFiles(into) as files:
        for name, table in MADE.items():
            files.add(name, to_arrow(table, rows[name]))
        done = first - 1
        for block in longtail.blocks(seed, first, accounts):
            for name, table in block.items():
                files.add(name, table)
            done += len(block["accounts"])
            if progress:
                progress(say(None, f"{done:,} of {accounts:,} accounts", f"已生成客户 {done:,} / {accounts:,}"))
