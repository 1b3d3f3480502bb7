"""The sample company: an invented manufacturer with planted stories, the same bytes from the same seed everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kamlib.sample import accounts, contacts_log, deals, money, orders, people, plans, voices
from kamlib.sample.world import World
from kamlib.sample.write import write_tables

__all__ = ["company", "generate"]


def company(seed: int = 7) -> World:
    """Make the 150 accounts with everything that belongs to them, in memory."""
    world = World(seed)
    accounts.build(world)
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
    """Write the sample company into the folder `into`."""
    write_tables(Path(into), company(seed).rows)
