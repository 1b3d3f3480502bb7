"""What others wrote is shown and not obeyed, whatever a command prints."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest
import tiny_project
from crm_exports import ACCOUNTS, DEALS
from rich.console import Console

from kamlib import cli
from kamlib.batch.plan import Notebook
from kamlib.batch.progress import Progress
from kamlib.terminal import shown

RED = "\x1b]0;owned\x07\x1b[31m\u202eevil\x9b2J\u2066"
WRITTEN = r"\x1b]0;owned\x07\x1b[31m\u202eevil\x9b2J\u2066"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def kam(monkeypatch, capfd, *arguments: object) -> tuple[int, str]:
    """Call `kam`; return its exit code and all it printed."""
    monkeypatch.setattr(sys, "argv", ["kam", *map(str, arguments)])
    try:
        cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    return code, "".join(capfd.readouterr())


def test_what_a_terminal_would_obey_is_written_out():
    assert shown(RED) == WRITTEN
    assert shown("a\tb\nc\r\x00\udcff") == "a\tb\nc\\r\\x00\\udcff"
    assert shown("订单 “A” – naïve, \u200fעברית 📈") == "订单 “A” – naïve, \u200fעברית 📈"


def test_check_shows_hostile_files_headers_and_cells(tmp_path, monkeypatch, capfd):
    folder = tmp_path / f"{RED}data"
    folder.mkdir()
    (folder / "accounts.csv").write_text(f"account_id,account_name,{RED}\na,Alpha,1\n")
    (folder / "orders.csv").write_text(
        f"order_id,account_id,order_date,amount\no1,a,2025-01-01,1\n{RED}2,a,x{RED}x,1\n"
    )
    (folder / f"{RED}.csv").write_text("x\n")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.csv")).write_text("x\n")
    code, text = kam(monkeypatch, capfd, "check", folder)
    assert code in (0, 2)
    assert not OBEYED.search(text)
    assert f"{WRITTEN}data can" in text
    assert f"accounts.csv · {WRITTEN}: column unknown" in text
    assert f"row 3 'x{WRITTEN}x'" in text
    assert f"{WRITTEN}.csv: file of no known table" in text
    assert r"\udcff.csv: file of no known table" in text


def test_import_shows_hostile_files_headers_and_cells(tmp_path, monkeypatch, capfd):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "Accounts.csv").write_text(ACCOUNTS)
    (folder / "Deals.csv").write_text(DEALS.replace("Lead Source", RED).replace("05/03/2026", f"x{RED}x"))
    (folder / f"{RED}.txt").write_text("x")
    code, text = kam(monkeypatch, capfd, "import", folder, "--as-of", "2026-03-17", "--into", tmp_path / f"{RED}ws")
    assert code == 0
    assert not OBEYED.search(text)
    assert f"{WRITTEN}.txt: no table" in text
    assert f"'x{WRITTEN}x'" in text
    assert f"{WRITTEN}ws" in text


@pytest.mark.parametrize("command", ["check", "history", "import"])
def test_a_refusal_shows_a_hostile_name(tmp_path, monkeypatch, capfd, command):
    into = ["--into", tmp_path / "ws"] if command == "import" else []
    code, text = kam(monkeypatch, capfd, command, tmp_path / RED, *into)
    assert code == 2
    assert text.startswith("kam: ")
    assert WRITTEN in text
    assert not OBEYED.search(text)


@pytest.mark.parametrize("call", [[f"--{RED}"], [RED], ["run", f"--lan{RED}"], ["run", RED]])
def test_a_wrong_call_shows_a_hostile_argument(monkeypatch, capfd, call):
    code, text = kam(monkeypatch, capfd, *call)
    assert code == 2
    assert text.startswith("Usage: kam ")
    assert WRITTEN in text
    assert not OBEYED.search(text)


def test_params_shows_what_a_notebook_declares(tmp_path, monkeypatch, capfd):
    root = tiny_project.make(tmp_path)
    (path,) = root.glob("notebooks/01*.ipynb")
    said = path.read_text(encoding="utf-8").replace(
        "# accounts named", "# " + json.dumps(RED)[1:-1].replace("\\", "\\\\")
    )
    path.write_text(said.replace("\\\\u", "\\u"), encoding="utf-8")
    monkeypatch.chdir(root)
    code, text = kam(monkeypatch, capfd, "params", "01")
    assert code == 0
    assert WRITTEN in text
    assert not OBEYED.search(text)


def test_progress_shows_the_words_of_a_notebook():
    told = Console(file=io.StringIO(), highlight=False)
    with Progress([Notebook(Path("01_alpha.ipynb"))], "en", told) as progress:
        progress.start("01")
        progress.at("01", RED)
        assert progress.lines["01"].text == WRITTEN
        progress.end("01", "failed", RED)
    assert WRITTEN in told.file.getvalue()
    assert not OBEYED.search(told.file.getvalue())
