"""What an attacker or a curious colleague would try; each attack of docs/security.md that needs the whole kit."""

import os
import stat
import subprocess
import sys

import tiny_project

import kamlib as kam
from kamlib.batch.run import Call, run
from kamlib.workspace import prepare

MAPPING = """\
name: Tiny
files: {a: accounts.csv, o: orders.csv}
tables:
  accounts: {from: a, columns: {account_id: account_id, account_name: account_name}}
  orders: {from: o, columns: {order_id: order_id, account_id: account_id, order_date: order_date, amount: amount}}
"""


def open_to_others(folder):
    """Return what in `folder` others than its owner could read or change, were they let into the folder."""
    return [path for path in folder.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()]


def test_what_the_commands_write_is_for_their_owner_only(tmp_path):
    root = tiny_project.make(tmp_path)
    given = set(root.rglob("*"))
    with (root / "data/sample/orders.csv").open("a") as orders:
        orders.write("O99,nobody,2025-01-15,1.00\n")  # a row to set aside
    (root / "tiny.yml").write_text(MAPPING, encoding="utf-8")
    given |= {root / "tiny.yml"}
    previous = os.umask(0o022)
    try:
        for call in (
            ["import", "data/sample", "--from", "tiny.yml", "--into", "brought/workspace"],
            ["run", "--data", "data/sample", "--only", "01,02"],
            ["check", "data/sample"],
        ):
            command = [sys.executable, "-m", "kamlib.cli", *call]
            assert subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0, call
    finally:
        os.umask(previous)
    assert (root / "runs/2025-12-15/report.html").is_file()
    assert list((root / "brought/workspace").rglob("orders.csv"))
    assert [path for path in open_to_others(root) if path not in given] == []


def test_what_the_library_writes_lies_in_folders_for_their_owner_only(tmp_path, monkeypatch):
    root = tiny_project.make(tmp_path)
    monkeypatch.chdir(root)
    previous = os.umask(0o022)
    try:
        assert run(Call(only="01")) == 0
        prepare(kam.load("data/sample"), root / "prepared")
    finally:
        os.umask(previous)
    for folder in ("runs", "runs/2025-12-15", "runs/2025-12-15/exhibits", "runs/2025-12-15/data", "prepared"):
        assert stat.S_IMODE((root / folder).stat().st_mode) == 0o700, folder
