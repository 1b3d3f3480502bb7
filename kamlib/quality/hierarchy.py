"""Accounts that are, by their parents, above themselves."""

from __future__ import annotations

import duckdb
import numpy as np


def in_loops(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the accounts on a loop of parents. Who climbs as many steps as there are accounts and still has a parent
    has come to a loop, and from every place of a loop somebody arrives at every other."""
    links = con.execute(
        "SELECT account_id, parent_account_id FROM accounts WHERE parent_account_id IS NOT NULL"
    ).fetchnumpy()
    ids, parents = (np.asarray(links[name], dtype=object) for name in ("account_id", "parent_account_id"))
    place = {account: i for i, account in enumerate(ids)}
    top = len(ids)  # where those without parent end up
    climbed = np.array([*(place.get(parent, top) for parent in parents), top])
    for _ in range(top.bit_length()):
        climbed = climbed[climbed]
    return sorted(ids[i] for i in set(climbed) if i != top)
