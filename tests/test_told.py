"""The history of a workspace on a terminal, in both languages."""

from __future__ import annotations

from pathlib import Path

import monthly
import pandas as pd
import pytest
from typer.testing import CliRunner

from kamlib.cli import app
from kamlib.workspace.told import snapshot_table


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("told")
    orders = pd.DataFrame([("o1", "a", "2025-01-05", 10)], columns=["order_id", "account_id", "order_date", "amount"])
    for name, day, owner, stage, close in (
        ("jan", "2025-01-31", "Ann", "qualification", "2025-03-01"), ("feb", "2025-02-28", "Ann", "needs", "2025-03-01"),
        ("again", "2025-02-28", "Bo", "needs", "2025-04-15"),
    ):  # fmt: skip
        frames = {
            "accounts": pd.DataFrame([("a", "Alpha", owner)], columns=["account_id", "account_name", "owner"]), "orders": orders,
            "deals": pd.DataFrame([("d1", "a", stage, "open", 5, close, "2025-01-01")], columns=[
                "deal_id", "account_id", "stage", "status", "amount", "expected_close", "created_at"]),
        }  # fmt: skip
        monthly.bring(monthly.write(frames, folder / name), folder / "ws", day)
    return folder / "ws"


def test_superseded_snapshots_are_listed_as_such(workspace):
    table = snapshot_table(workspace)
    assert list(zip(table.snapshot_date.astype(str), table.revision, table.counts, strict=True)) == [
        ("2025-01-31", 1, True), ("2025-02-28", 1, False), ("2025-02-28", 2, True),
    ]  # fmt: skip
    assert table.n_rows.tolist() == [3, 3, 3]
    assert table.n_sources.tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ["Stage moves: 1", "Qualification", "Needs confirmed", "Owners changed: 1", "Ann", "Closing dates moved: 1", "45"]),
        ("zh", ["商机阶段变动：1", "验证客户", "需求确定", "负责人变动：1", "预计成交日期变动：1", "不晚于"]),
    ],
)  # fmt: skip
def test_the_command_lists_snapshots_and_what_they_teach(workspace, lang, said):
    outcome = CliRunner().invoke(app, ["history", str(workspace), "--lang", lang])
    assert outcome.exit_code == 0, outcome.output
    for text in (*said, "2025-01-31", "2025-02-28"):
        assert text in outcome.output, outcome.output


def test_history_calls_customers_by_name_and_writes_the_whole(workspace, tmp_path):
    outcome = CliRunner().invoke(app, ["history", str(workspace), "--out", str(tmp_path / "out")])
    moves = pd.read_csv(tmp_path / "out/stage_moves.csv")
    assert len(moves) == 1
    assert moves.account_name[0] in outcome.output
    assert len(pd.read_csv(tmp_path / "out/snapshots.csv")) == 3
    assert pd.read_csv(tmp_path / "out/owners_changed.csv").account_name.notna().all()
