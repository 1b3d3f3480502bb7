"""Tier migration: hysteresis by hand, what the account did against what the scale did, and dates read as they were known."""

from __future__ import annotations

import datetime as dt
from random import Random

import monthly
import pandas as pd
import pytest
import small_company

import kamlib as kam
from kamlib import segmentation
from kamlib.segmentation import migration, scoring
from kamlib.settings import Tiers

CUTS = Tiers().cuts


@pytest.mark.parametrize(
    ("scores", "tier"),
    [
        ([90, 84], "A"),  # one point below the cut: not yet
        ([90, 84, 84], "B"),  # twice below it
        ([90, 84, 86], "A"),
        ([90, 82.9], "B"),  # two points and more below it
        ([80, 86], "B"),
        ([80, 86, 85.5], "A"),
        ([80, 87], "A"),
        ([90, 69], "B"),  # past two cuts, the second by one point only
        ([90, 69, 69], "C"),
        ([50, 86], "B"),  # up past three, the last by one point only
        ([None, 86], "A"),  # first graded
        ([86, None], "A"),  # not graded again
    ],
)
def test_a_tier_changes_two_points_past_the_cut_or_at_the_second_scoring(scores, tier):
    columns = [pd.Series([score], dtype=float) for score in scores]
    assert migration.held_tiers(columns, CUTS).tolist() == [tier]


def test_a_changed_scale_is_no_improvement(sample):
    """D.11-15: percentile tiers called "improvement". Nothing changes but the others; the move is the scale's."""
    rule = sample.settings.tiers
    accounts = segmentation.account_table(sample, rule)
    ((day, graded, pinned),) = migration.graded_on(sample, rule, [sample.as_of])
    lax = {name: tuple(value / 2 for value in band) for name, band in pinned.bands.items()}
    lax = pinned.model_copy(update={"bands": lax})
    then = scoring.tiers(sample, lax)
    then = then[then["account_id"].isin(graded["account_id"])]
    moves = migration.moves_table(sample, [(day, then, lax), (day, graded, pinned)], accounts, rule)
    moved = moves[moves["from_composite_score"] != moves["to_composite_score"]].dropna(subset="from_composite_score")
    assert len(moved) > 100
    assert moved["own_change_score"].abs().max() < 1e-6
    assert set(moved["moved_by"]) == {"scale"}


def test_the_parts_of_a_change_add_up_and_name_the_indicator_that_carried_it(sample):
    rule = sample.settings.tiers
    accounts = segmentation.account_table(sample, rule)
    graded = migration.graded_on(sample, rule, migration.scoring_days(sample))
    moves = migration.moves_table(sample, graded, accounts, rule)
    parts = moves["own_change_score"] + moves["scale_change_score"]
    change = moves["to_composite_score"] - moves["from_composite_score"]
    assert (parts - change).abs().max() <= 0.1 + 1e-9, "composites are rounded to one digit"
    assert set(moves["moved_by"].dropna()) <= {*scoring.INDICATORS, "scale"}
    table = migration.migration_table(moves)
    assert table["n_accounts"].sum() == len(moves)
    assert table.groupby("from_tier")["row_share"].sum().round(9).isin([0, 1]).all()
    claim = migration.migration_claim(table)
    rose, fell = (
        (moves["from_tier"] + moves["held_tier"]).isin(["BA", "CA", "DA", "CB", "DB", "DC"]).sum(),
        (moves["from_tier"] + moves["held_tier"]).isin(["AB", "AC", "AD", "BC", "BD", "CD"]).sum(),
    )
    assert f"{rose} of " in claim
    assert f"{fell} fell" in claim
    assert len(migration.movers(moves)) == rose + fell
    assert "按现行规则重算" in migration.given_claim(sample.frame("score_snapshots"), graded, "zh")


def test_both_dates_are_graded_as_they_were_known(sample):
    rule = sample.settings.tiers
    days = migration.scoring_days(sample)
    assert [str(day) for day in days] == ["2024-12-31", "2025-06-30", "2025-12-31"]
    (_, graded, _) = migration.graded_on(sample, rule, days[:1])[0]
    alone = scoring.tiers(kam.load("data/sample", "2024-12-31"), rule)
    alone = alone[alone["account_id"].isin(graded["account_id"])]
    pd.testing.assert_frame_equal(graded.reset_index(drop=True), alone.reset_index(drop=True))


def test_without_scorings_the_dates_lie_half_a_year_apart_as_far_as_the_record_reaches():
    frames = small_company.make(Random(3), dt.date(2025, 12, 31), accounts=5)
    frames.pop("score_snapshots")
    frames["orders"] = frames["orders"].assign(order_date=pd.Timestamp("2023-03-01"))
    long = small_company.data(frames, dt.date(2025, 12, 31))
    assert [str(day) for day in migration.scoring_days(long)] == ["2025-01-01", "2025-07-02", "2025-12-31"]
    frames["orders"] = frames["orders"].assign(order_date=pd.Timestamp("2025-03-01"))
    short = small_company.data(frames, dt.date(2025, 12, 31))
    assert migration.scoring_days(short) == [dt.date(2025, 12, 31)]
    rule = short.settings.tiers
    graded = migration.graded_on(short, rule, migration.scoring_days(short))
    moves = migration.moves_table(short, graded, segmentation.account_table(short, rule), rule)
    assert moves.empty
    assert migration.migration_table(moves).empty


def test_who_is_new_and_who_was_lost_since_is_told_apart():
    moves = pd.DataFrame({
        "account_id": list("abc"), "from_tier": ["new_since", "B", "B"], "to_tier": ["D", "lost_since", "B"],
        "held_tier": ["D", "lost_since", "B"], "is_held": False, "revenue": 1.0,
    })  # fmt: skip
    table = migration.migration_table(moves)
    assert "new: 1, lost: 1" in migration.migration_claim(table)
    assert "0 of 1 accounts rose" in migration.migration_claim(table)
    assert migration.movers(moves).empty
    ax = migration.plot_migration(table)
    assert [text.get_text() for text in ax.texts] == ["1\n50 %", "1\n50 %", "1\n100 %"]


def test_two_monthly_snapshots_are_the_dates_compared(tmp_path):
    data = kam.load("data/sample")
    for day in ("2025-10-31", "2025-11-30"):
        monthly.bring(monthly.export(data, dt.date.fromisoformat(day), tmp_path / day), tmp_path / "ws", day)
    loaded = kam.load(tmp_path / "ws")
    rule = loaded.settings.tiers
    accounts = segmentation.account_table(loaded, rule)
    graded = migration.graded_on(loaded, rule, migration.scoring_days(loaded))
    assert [str(day) for day, _, _ in graded] == ["2025-10-31", "2025-11-30"]
    moves = migration.moves_table(loaded, graded, accounts, rule)
    now = accounts.set_index("account_id")["tier"]
    known = moves[moves["to_tier"] != "lost_since"]
    assert known.set_index("account_id")["to_tier"].to_dict() == now[known["account_id"]].to_dict()
    assert len(moves) > 100
    assert migration.given_claim(loaded.frame("score_snapshots"), graded).startswith("0 of ")
