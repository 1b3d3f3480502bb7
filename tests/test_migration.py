"""Tier migration: by hand on three accounts, and from two monthly snapshots of the sample company."""

from __future__ import annotations

import datetime as dt

import monthly
import pandas as pd

import kamlib as kam
from kamlib import segmentation
from kamlib.segmentation import migration
from kamlib.settings import Tiers

ACCOUNTS = pd.DataFrame(
    {"account_id": ["a", "b", "c", "d"], "account_name": ["Alpha", "Beta", "Gamma", "Delta"], "owner": "Ann", "revenue": [10.0, 30, 20, 5]}
)  # fmt: skip


def scored(day: str, **accounts: tuple[str, float, float, float]) -> pd.DataFrame:
    rows = [
        {"account_id": name, "scored_at": pd.Timestamp(day), "tier": tier, "composite": total, "purchasing_power": power,
         "frequency": often, "history": 50.0, "influence": None, "loyalty": None}
        for name, (tier, total, power, often) in accounts.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


SCORES = pd.concat([
    scored("2024-12-31", a=("D", 10, 10, 10)),
    scored("2025-01-31", a=("B", 75, 80, 70), b=("A", 90, 90, 90), c=("C", 65, 60, 60)),
    scored("2025-02-28", a=("C", 69, 60, 75), b=("A", 90, 90, 90), c=("B", 80, 70, 95), d=("D", 1, 1, 1)),
])  # fmt: skip


def test_moves_with_their_reason_largest_customers_first():
    moves = migration.moves_table(SCORES, ACCOUNTS, Tiers())
    assert moves.account_id.tolist() == ["b", "c", "a"], "d was scored once"
    assert list(zip(moves.from_tier, moves.to_tier, strict=True)) == [("A", "A"), ("C", "B"), ("B", "C")]
    assert moves.moved_by.tolist()[1:] == ["frequency", "purchasing_power"], "35·20 > 10·40; 20·40 > 5·20"
    assert pd.isna(moves.moved_by[0])
    assert moves.is_near_cut.tolist() == [False, False, True]
    assert migration.movers(moves).account_id.tolist() == ["c", "a"]
    assert "Alpha; 1 of 2 moves" in migration.movers_claim(moves)
    assert "Alpha；2次变动中1次" in migration.movers_claim(moves, "zh")


def test_the_matrix_counts_everybody_once():
    table = migration.migration_table(migration.moves_table(SCORES, ACCOUNTS, Tiers()))
    assert len(table) == 16
    cells = table.set_index(["from_tier", "to_tier"])
    assert (cells.n_accounts["A", "A"], cells.n_accounts["C", "B"], cells.n_accounts["B", "C"]) == (1, 1, 1)
    assert cells.n_accounts.sum() == 3
    assert cells.revenue.sum() == 60
    assert (
        migration.migration_claim(table)
        == "Since the scoring before, 1 of 3 accounts rose and 1 fell; 1 kept their tier"
    )
    assert "1个升级、1个降级" in migration.migration_claim(table, "zh")
    ax = migration.plot_migration(table)
    assert [text.get_text() for text in ax.texts] == ["1", "1", "1"], "an empty cell stays blank"


def test_one_scoring_is_no_migration():
    one = SCORES[SCORES.scored_at == "2025-01-31"]
    for scores in (one, SCORES.head(0)):
        moves = migration.moves_table(scores, ACCOUNTS, Tiers())
        assert moves.empty
        assert migration.migration_table(moves).empty


def test_two_monthly_snapshots_give_a_migration(tmp_path):
    data = kam.load("data/sample")
    for day in ("2025-10-31", "2025-11-30"):
        monthly.bring(monthly.export(data, dt.date.fromisoformat(day), tmp_path / day), tmp_path / "ws", day)
    loaded = kam.load(tmp_path / "ws")
    accounts = segmentation.account_table(loaded, loaded.settings.tiers)
    moves = migration.moves_table(loaded.frame("score_snapshots"), accounts, loaded.settings.tiers)
    assert len(moves) > 100
    then = kam.load(tmp_path / "ws", "2025-10-31")
    tiers = segmentation.account_table(then, then.settings.tiers).set_index("account_id").tier
    assert moves.set_index("account_id").from_tier.to_dict() == tiers[moves.account_id].to_dict()
    assert (
        moves.set_index("account_id").to_tier.to_dict()
        == accounts.set_index("account_id").tier[moves.account_id].to_dict()
    )
    assert 0 < len(migration.movers(moves)) < len(moves) / 2
