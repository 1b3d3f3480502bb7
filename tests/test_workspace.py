"""The workspace: dated snapshots that are there whole or not at all, and never change."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import monthly
import pandas as pd
import pytest
from typer.testing import CliRunner

import kamlib as kam
from kamlib.cli import app
from kamlib.errors import InputError
from kamlib.sources.check import check_folder
from kamlib.workspace import prepare, snapshots

JAN, FEB = "2025-01-31", "2025-02-28"
ACCOUNTS = pd.DataFrame({"account_id": ["a", "b"], "account_name": ["Alpha", "Beta"], "owner": ["Ann", "Bo"]})


def orders(*amounts: float) -> pd.DataFrame:
    rows = [(f"o{i}", "ab"[i % 2], f"2025-01-{i + 1:02}", amount) for i, amount in enumerate(amounts)]
    return pd.DataFrame(rows, columns=["order_id", "account_id", "order_date", "amount"])


def exported(folder: Path, *amounts: float) -> Path:
    return monthly.write({"accounts": ACCOUNTS, "orders": orders(*amounts)}, folder)


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below `folder`: its SHA-256 and when it was last written."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def revenue(workspace: Path, as_of: str = "") -> float:
    return kam.load(workspace, as_of).frame("orders").amount.sum()


@pytest.fixture
def workspace(tmp_path) -> Path:
    """Two snapshots: 10 in January, 30 in February."""
    monthly.bring(exported(tmp_path / "jan", 10), tmp_path / "ws", JAN)
    monthly.bring(exported(tmp_path / "feb", 10, 20), tmp_path / "ws", FEB)
    return tmp_path / "ws"


def test_each_import_is_a_snapshot_and_a_date_reads_the_newest_not_later(workspace):
    assert sorted(path.name for path in workspace.iterdir()) == ["kam.toml", "snapshots"]
    assert [one.as_of.isoformat() for one in snapshots.every(workspace)] == [JAN, FEB]
    data = kam.load(workspace)
    assert (data.as_of.isoformat(), data.source) == (FEB, workspace)
    assert data.frame("orders").amount.tolist() == [10, 20]
    assert revenue(workspace, "2025-02-27") == 10, "the January snapshot"
    assert kam.load(workspace, "2025-02-27").as_of == dt.date(2025, 2, 27)
    assert kam.load(workspace, "2025-03-31").frame("orders").amount.sum() == 30
    assert revenue(workspace, "2025-01-01") == 10, "before the first snapshot: the first, cut at that day"


def test_the_manifest_says_what_a_snapshot_was_made_from_and_proves_every_file(workspace, tmp_path):
    snapshot = snapshots.held(workspace)[-1]
    manifest = snapshot.manifest
    assert manifest["tables"] == {"accounts": 2, "orders": 2}
    assert manifest["sources"] == {
        name: hashlib.sha256((tmp_path / "feb" / name).read_bytes()).hexdigest()
        for name in ("accounts.csv", "orders.csv")
    }
    files = {str(path.relative_to(snapshot.folder)) for path in snapshot.folder.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == files - {"prepared.json"}
    assert manifest["rules"] == hashlib.sha256((workspace / "kam.toml").read_bytes()).hexdigest()
    assert manifest["mapping"]["name"] == "feb.yml"
    assert dt.datetime.fromisoformat(manifest["made"]).tzinfo
    assert manifest["version"]


def test_importing_the_same_twice_changes_nothing(workspace, tmp_path):
    before = state(workspace)
    assert monthly.bring(tmp_path / "feb", workspace, FEB).snapshot is None
    assert state(workspace) == before
    call = ["import", str(tmp_path / "feb"), "--from", str(tmp_path / "feb.yml"), "--into", str(workspace)]
    outcome = CliRunner().invoke(app, [*call, "--as-of", FEB])
    assert outcome.exit_code == 0
    assert "Nothing changed" in outcome.output
    assert state(workspace) == before


def test_other_files_for_the_same_date_make_a_revision_that_counts(workspace, tmp_path):
    before = state(workspace)
    imported = monthly.bring(exported(tmp_path / "feb", 10, 20, 5), workspace, FEB)
    assert imported.snapshot.folder.name == "2025-02-28.2"
    assert revenue(workspace) == 35
    assert [one.folder.name for one in snapshots.current(workspace)] == [JAN, "2025-02-28.2"]
    assert {name: state(workspace)[name] for name in before} == before, "the first revision stays"
    monthly.bring(exported(tmp_path / "feb", 10, 20), workspace, FEB)
    assert snapshots.held(workspace)[-1].revision == 3


def test_rules_are_edited_by_people_and_kept_as_they_were_in_force(workspace, tmp_path):
    (workspace / "kam.toml").write_text('currency = "CNY"\ncompany = "Edited"\n[tiers.cuts]\nA = 1\nB = 0.5\nC = 0.1\n')
    imported = monthly.bring(tmp_path / "feb", workspace, FEB)
    assert imported.snapshot.revision == 2, "other rules, other tiers"
    assert kam.load(workspace).settings.company == "Edited"
    assert "Edited" in (imported.snapshot.folder / "kam.toml").read_text()
    assert "Edited" not in (workspace / "snapshots" / FEB / "kam.toml").read_text()
    assert set(pd.read_parquet(imported.snapshot.folder / "scores.parquet").tier) == {"A"}
    assert set(pd.read_parquet(workspace / "snapshots" / FEB / "scores.parquet").tier) != {"A"}


def test_a_workspace_without_its_rules_reads_those_of_its_newest_snapshot(workspace, tmp_path):
    rules = (workspace / "kam.toml").read_text()
    (workspace / "kam.toml").unlink()
    prepare(kam.load(workspace), tmp_path / "ready")
    assert (tmp_path / "ready" / "kam.toml").read_text() == rules
    monthly.bring(tmp_path / "feb", workspace, FEB)
    assert (workspace / "kam.toml").read_text() == rules


def test_check_finds_what_a_snapshot_lost(workspace, tmp_path):
    assert check_folder(workspace).usable
    victim = workspace / "snapshots" / FEB / "ledger.json"
    victim.write_text(victim.read_text() + " ")
    (fault,) = check_folder(workspace).faults
    assert "ledger.json is damaged" in fault


def test_no_other_folder_is_written_into(workspace, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        monthly.bring(tmp_path / "jan", other, JAN)
    with pytest.raises(InputError, match="cannot be written"):
        monthly.bring(tmp_path / "jan", other / "thesis.txt" / "ws", JAN)
    (tmp_path / "empty" / "snapshots").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no snapshot yet"):
        kam.load(tmp_path / "empty")


def test_a_disk_that_is_full_leaves_nothing_behind(workspace, tmp_path, monkeypatch):
    before = state(workspace)
    monkeypatch.setattr(
        snapshots.os, "rename", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        monthly.bring(exported(tmp_path / "mar", 1), workspace, "2025-03-31")
    assert state(workspace) == before
    assert len(list((workspace / "snapshots").iterdir())) == 2


# --- killed at any instant ---------------------------------------------------------------------------------------

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["monthly", "kamlib.segmentation.scoring"])


def _import(folder: Path, workspace: Path, day: str) -> None:
    monthly.bring(folder, workspace, day)


def _import_until(step: int, folder: Path, workspace: Path, day: str) -> None:
    """Import, and die without a word at the step: the n-th time that the file system below the workspace is touched."""
    left = iter(range(step))

    def reached(*_: object) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, given: tuple) -> None:
        if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir") and str(workspace) in str(given[0]):
            reached()

    sync = os.fsync
    os.fsync = lambda handle: (reached(), sync(handle))
    sys.addaudithook(audit)
    monthly.bring(folder, workspace, day)


def _run(target, *given: object, seconds: float | None = None) -> int:
    process = FORKS.Process(target=target, args=given)
    process.start()
    if seconds is not None:
        time.sleep(seconds)
        process.kill()
    process.join(60)
    return process.exitcode


def _whole_or_absent(workspace: Path, day: str) -> bool:
    """Whether the snapshot of `day` is there; when it is, every file is as its manifest says."""
    there = [one for one in snapshots.every(workspace) if one.as_of.isoformat() == day]
    for snapshot in there:
        manifest = json.loads((snapshot.folder / "prepared.json").read_text())
        for name, hash in manifest["files"].items():
            assert hashlib.sha256((snapshot.folder / name).read_bytes()).hexdigest() == hash
    return bool(there)


def test_killed_at_every_step_the_last_snapshot_stands_and_the_next_is_whole_or_absent(workspace, tmp_path):
    before, march = state(workspace), exported(tmp_path / "mar", 10, 20, 30)
    absent = present = 0
    for step in range(200):
        code = _run(_import_until, step, march, workspace, "2025-03-31")
        if code == 0:
            break
        assert code == -signal.SIGKILL
        there = _whole_or_absent(workspace, "2025-03-31")
        present, absent = present + there, absent + (not there)
        assert {name: state(workspace)[name] for name in before} == before
        if there or step % 8 == 0:
            assert revenue(workspace) == (60 if there else 30)
        if there:
            for path in sorted((workspace / "snapshots" / "2025-03-31").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            (workspace / "snapshots" / "2025-03-31").rmdir()
    assert absent > 20
    assert present >= 1
    assert revenue(workspace) == 60
    assert not list((workspace / "snapshots").glob(".*")), "leftovers of the killed ones are gone"


def test_killed_at_any_moment_of_the_first_import(tmp_path):
    january = exported(tmp_path / "jan", 10)
    start = time.monotonic()
    assert _run(_import, january, tmp_path / "first", JAN) == 0
    whole = time.monotonic() - start
    for i in range(24):
        workspace = tmp_path / f"ws{i}"
        _run(_import, january, workspace, JAN, seconds=whole * (i + 1) / 24)
        if workspace.is_dir() and snapshots.is_workspace(workspace) and _whole_or_absent(workspace, JAN):
            assert revenue(workspace) == 10
        elif workspace.is_dir():
            assert not (workspace / "kam.toml").exists(), "rules come after the snapshot they belong to"
        if i % 6 == 0:
            monthly.bring(january, workspace, JAN)
            assert revenue(workspace) == 10
            assert sorted(path.name for path in workspace.iterdir()) == ["kam.toml", "snapshots"]


def test_two_imports_at_once_exclude_one_another(workspace, tmp_path):
    before = state(workspace)
    with snapshots.writing(workspace), pytest.raises(InputError, match=r"^Another kam is writing to [^\n]*$"):
        monthly.bring(exported(tmp_path / "mar", 1), workspace, "2025-03-31")
    assert state(workspace) == before
    monthly.bring(tmp_path / "mar", workspace, "2025-03-31")
    assert revenue(workspace) == 1
