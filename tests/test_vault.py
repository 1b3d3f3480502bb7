"""Encryption at rest: nothing in the clear on the disk, the passphrase nowhere, a kill at any step harmless."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import monthly
import pandas as pd
import pyrage
import pytest
import tiny_project
from typer.testing import CliRunner

import kamlib as kam
from kamlib import passphrase, rooms
from kamlib.cli import app
from kamlib.errors import InputError
from kamlib.sources.mapping import import_data
from kamlib.workspace import vault
from kamlib.workspace.backup import back_up, restore, verify

PHRASE = "Correct horse 电池 staple"
JAN, FEB = "2025-01-31", "2025-02-28"
SECRETS = ("Zyxwvut Holdings", "Ottoline Quux")


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """The passphrase is in the environment, as a user has it; each test begins as a new program does."""
    monkeypatch.setenv(passphrase.VARIABLE, PHRASE)
    monkeypatch.setattr(passphrase, "_held", [])
    vault._identity.cache_clear()


@pytest.fixture
def cheap(monkeypatch):
    """Protect keys by a toy that takes no second; the real step is tested by those who do not use it."""
    monkeypatch.setattr(pyrage.passphrase, "encrypt", lambda text, phrase: phrase.encode() + b"\0" + text)

    def decrypt(key, phrase):
        if key.split(b"\0")[0] != phrase.encode():
            raise pyrage.DecryptError("Decryption failed")
        return key.split(b"\0")[1]

    monkeypatch.setattr(pyrage.passphrase, "decrypt", decrypt)


def exported(folder: Path, *amounts: float) -> Path:
    accounts = pd.DataFrame(
        {"account_id": ["a", "b"], "account_name": ["Zyxwvut Holdings", "Beta"], "owner": "Ottoline Quux"}
    )
    rows = [(f"o{i}", "ab"[i % 2], f"2025-01-{i + 1:02}", amount) for i, amount in enumerate(amounts)]
    orders = pd.DataFrame([*rows, ("o99", "nobody Zyxwvut Holdings", "2025-01-01", 1)],
                          columns=["order_id", "account_id", "order_date", "amount"])  # fmt: skip
    return monthly.write({"accounts": accounts, "orders": orders}, folder)


def bring(folder: Path, workspace: Path, day: str, encrypt: bool = False):
    return import_data(folder.with_suffix(".yml"), folder, workspace, day, encrypt=encrypt)


@pytest.fixture
def workspace(tmp_path, cheap) -> Path:
    bring(exported(tmp_path / "in" / "jan", 10), tmp_path / "ws", JAN, encrypt=True)
    bring(exported(tmp_path / "in" / "feb", 10, 20), tmp_path / "ws", FEB)
    return tmp_path / "ws"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def in_the_clear(*folders: Path) -> list[str]:
    """Files that hold a name of the data or the passphrase, as they are or inside Parquet."""
    found = []
    for folder in folders:
        for name, content in files(folder).items():
            texts = [content]
            if name.endswith(".parquet"):
                texts.append(pd.read_parquet(folder / name).to_csv().encode())
            if any(secret.encode() in text for secret in (*SECRETS, PHRASE) for text in texts):
                found.append(name)
    return found


def revenue(workspace: Path) -> float:
    return kam.load(workspace).frame("orders").amount.sum()


def test_an_encrypted_workspace_stays_one_and_shows_nothing(workspace):
    names = [name for name in files(workspace) if name not in ("kam.toml", "key.age")]
    assert len(names) > 12
    assert all(name.endswith(".age") for name in names)
    assert all(
        content.startswith(b"age-encryption.org/v1\n") for name, content in files(workspace).items() if name in names
    )
    assert in_the_clear(workspace) in ([], ["key.age"])  # the toy of `cheap` shows the phrase
    assert not [
        path for path in workspace.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077 and path.suffix == ".age"
    ]
    assert revenue(workspace) == 30
    assert kam.load(workspace, JAN).frame("orders").amount.sum() == 10
    assert kam.load(workspace).has("score_snapshots")
    before = files(workspace)
    feb = workspace.parent / "in" / "feb"
    assert bring(feb, workspace, FEB).snapshot is None, "the same again changes nothing"
    assert files(workspace) == before
    for call in (["check"], ["history"], ["diff", JAN, FEB]):
        outcome = CliRunner().invoke(app, [call[0], str(workspace), *call[1:]])
        assert outcome.exit_code == 0, (call, outcome.output)
    assert files(workspace) == before


def test_the_stand_alone_format_opens_it(tmp_path):
    """As `age -d -i key.age x.age` does: the key by its passphrase, each file by the key. The real, slow step."""
    bring(exported(tmp_path / "jan", 10), tmp_path / "ws", JAN, encrypt=True)
    assert (tmp_path / "ws" / "key.age").read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
    key = pyrage.passphrase.decrypt((tmp_path / "ws" / "key.age").read_bytes(), PHRASE).decode()
    assert key.startswith("AGE-SECRET-KEY-1")
    identity = pyrage.x25519.Identity.from_str(key.strip())
    sealed = tmp_path / "ws" / "snapshots" / JAN / "prepared.json.age"
    assert json.loads(pyrage.decrypt(sealed.read_bytes(), [identity]))["tables"] == {"accounts": 2, "orders": 1}
    assert in_the_clear(tmp_path / "ws") == []


def test_the_stand_alone_tool_opens_it_and_what_that_tool_made_is_opened(tmp_path, cheap):
    """In both directions by the tool itself, a key file instead of a passphrase, which it asks of a terminal only."""
    age = shutil.which("age")
    if age is None:
        pytest.skip("the stand-alone tool is not here: apt-get install age")
    bring(exported(tmp_path / "jan", 10), tmp_path / "ws", JAN, encrypt=True)
    key, sealed = tmp_path / "key.txt", tmp_path / "ws" / "snapshots" / JAN / "prepared.json.age"
    key.write_bytes((tmp_path / "ws" / "key.age").read_bytes().split(b"\0")[1])
    opened = subprocess.run([age, "-d", "-i", key, sealed], capture_output=True, check=True).stdout
    assert json.loads(opened)["tables"] == {"accounts": 2, "orders": 1}
    to = str(pyrage.x25519.Identity.from_str(key.read_text().strip()).to_public())
    sealed.write_bytes(subprocess.run([age, "-r", to], input=opened, capture_output=True, check=True).stdout)
    assert kam.load(tmp_path / "ws").frame("orders").amount.sum() == 10


def test_the_stand_alone_tool_and_the_passphrase(tmp_path):
    """The real, slow step, typed into a terminal: the key that kam made by the tool, and one that the tool made by kam."""
    age = shutil.which("age")
    if age is None:
        pytest.skip("the stand-alone tool is not here: apt-get install age")
    bring(exported(tmp_path / "jan", 10), tmp_path / "ws", JAN, encrypt=True)
    key = tmp_path / "ws" / "key.age"
    typed([age, "-d", "-o", tmp_path / "key.txt", key], PHRASE)
    secret = (tmp_path / "key.txt").read_text()
    assert secret.startswith("AGE-SECRET-KEY-1")
    typed([age, "-p", "-o", tmp_path / "again.age", tmp_path / "key.txt"], PHRASE, PHRASE)
    (tmp_path / "again.age").replace(key)
    vault._identity.cache_clear()
    assert kam.load(tmp_path / "ws").frame("orders").amount.sum() == 10


def typed(command: list, *lines: str) -> None:
    """Run a program in a terminal of its own and type a line at each prompt."""
    import pty

    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], list(map(str, command)))
    said = b""
    for line in lines:
        prompts = said.count(b": ")
        while said.count(b": ") == prompts:
            said += os.read(terminal, 1024)
        os.write(terminal, line.encode() + b"\n")
    with contextlib.suppress(OSError):  # its end
        while chunk := os.read(terminal, 1024):
            said += chunk
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0, said


def test_a_wrong_passphrase_is_one_line_and_writes_nothing(workspace, tmp_path, monkeypatch):
    before = files(tmp_path)
    feb = tmp_path / "in" / "feb"
    calls = (
        ["run", "--data", str(workspace), "--out", str(tmp_path / "runs")], ["check", str(workspace)], ["history", str(workspace)],
        ["import", str(feb), "--from", str(feb.with_suffix(".yml")), "--into", str(workspace), "--as-of", "2025-03-31"],
        ["diff", str(workspace), JAN, FEB], ["decrypt", str(workspace)], ["encrypt", str(workspace)],
    )  # fmt: skip
    for call in calls:
        monkeypatch.setattr(passphrase, "_held", [])
        monkeypatch.setenv(passphrase.VARIABLE, "wrong")
        outcome = CliRunner().invoke(app, call)
        assert isinstance(outcome.exception, InputError), (call, outcome.output, outcome.exception)
        assert "the passphrase is wrong" in str(outcome.exception)
        assert "\n" not in str(outcome.exception)
        assert files(tmp_path) == before, call


def test_where_nobody_can_be_asked_it_says_so_and_a_prompt_asks_twice_for_a_new_one(tmp_path, cheap, monkeypatch):
    monkeypatch.delenv(passphrase.VARIABLE)
    january = exported(tmp_path / "jan", 10)
    with pytest.raises(InputError, match="^To encrypt .* KAM_PASSPHRASE, or with --key-file"):
        bring(january, tmp_path / "ws", JAN, encrypt=True)
    assert not (tmp_path / "ws").exists()
    asked = []
    monkeypatch.setattr(passphrase.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(
        passphrase.getpass, "getpass", lambda text: asked.append(text) or ("x" if len(asked) == 2 else "typed by hand")
    )
    with pytest.raises(InputError, match="differ"):
        bring(january, tmp_path / "ws", JAN, encrypt=True)
    bring(january, tmp_path / "ws", JAN, encrypt=True)
    assert len(asked) == 4
    monkeypatch.setattr(passphrase, "_held", [])
    assert revenue(tmp_path / "ws") == 10
    assert len(asked) == 5
    monkeypatch.setattr(passphrase, "_held", [])
    monkeypatch.setattr(passphrase.getpass, "getpass", lambda text: "")
    with pytest.raises(InputError, match="protects nothing"):
        revenue(tmp_path / "ws")


def test_a_key_file_holds_the_passphrase_in_its_first_line(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv(passphrase.VARIABLE, "wrong")
    (tmp_path / "key.txt").write_text(f"{PHRASE}\nmore\n", encoding="utf-8")
    (tmp_path / "key.txt").chmod(0o640)
    monkeypatch.setattr(passphrase, "_held", [])
    outcome = CliRunner().invoke(app, ["check", str(workspace), "--key-file", str(tmp_path / "key.txt")])
    assert "can be read by others" in str(outcome.exception)
    (tmp_path / "key.txt").chmod(0o600)
    assert CliRunner().invoke(app, ["check", str(workspace), "--key-file", str(tmp_path / "key.txt")]).exit_code == 0
    (tmp_path / "key.txt").write_text("\n")
    for bad in ("key.txt", "none.txt"):
        outcome = CliRunner().invoke(app, ["check", str(workspace), "--key-file", str(tmp_path / bad)])
        assert "--key-file" in str(outcome.exception)


def test_encrypt_and_decrypt_in_place_give_back_the_same(workspace, tmp_path):
    sealed = files(workspace)
    assert CliRunner().invoke(app, ["decrypt", str(workspace)]).exit_code == 0
    clear = files(workspace)
    assert {name.removesuffix(".age") for name in sealed} == {*clear, "key"}
    assert revenue(workspace) == 30
    assert vault.decrypt(workspace) == 0
    passphrase._held[:] = ["short"]
    outcome = CliRunner().invoke(app, ["encrypt", str(workspace)])
    assert "Use 12 or more" in str(outcome.exception)
    assert files(workspace) == clear
    passphrase._held[:] = ["another one, longer"]
    assert CliRunner().invoke(app, ["encrypt", str(workspace)]).exit_code == 0
    assert in_the_clear(workspace) == []
    assert vault.encrypt(workspace) == 0
    assert revenue(workspace) == 30
    vault.decrypt(workspace)
    assert files(workspace) == clear


def test_a_backup_stays_encrypted_and_is_proved_without_the_passphrase(workspace, tmp_path, monkeypatch):
    monkeypatch.delenv(passphrase.VARIABLE, raising=False)
    monkeypatch.setattr(passphrase, "_held", [])
    back_up(workspace, tmp_path / "b.tar")
    content = (tmp_path / "b.tar").read_bytes()
    assert not any(secret.encode() in content for secret in SECRETS)
    verify(tmp_path / "b.tar")
    assert restore(tmp_path / "b.tar", tmp_path / "back")
    assert files(tmp_path / "back") == files(workspace)
    passphrase._held[:] = [PHRASE]
    assert revenue(tmp_path / "back") == 30


def test_a_damaged_file_is_named(workspace):
    sealed = workspace / "snapshots" / FEB / "orders.parquet.age"
    whole = sealed.read_bytes()
    for place in (30, 120, len(whole) - 5):
        content = bytearray(whole)
        content[place] ^= 1
        for damaged in (bytes(content), whole[:place]):
            sealed.write_bytes(damaged)
            with pytest.raises(InputError, match=r"orders\.parquet\.age is damaged"):
                kam.load(workspace)


def test_a_workspace_in_the_clear_is_not_mixed(tmp_path, cheap):
    january = exported(tmp_path / "jan", 10)
    bring(january, tmp_path / "ws", JAN)
    with pytest.raises(InputError, match="kam encrypt first"):
        bring(january, tmp_path / "ws", FEB, encrypt=True)
    assert "key.age" not in files(tmp_path / "ws")
    (tmp_path / "not").mkdir()
    outcome = CliRunner().invoke(app, ["encrypt", str(tmp_path / "not")])
    assert "is no workspace" in str(outcome.exception)


# --- killed ------------------------------------------------------------------------------------------------------

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["monthly", "kamlib.segmentation.scoring"])


def _in_place_until(step: int, what: str, workspace: Path, identity: str) -> None:
    """Encrypt or decrypt, and die without a word at the n-th step in the workspace."""
    key = pyrage.x25519.Identity.from_str(identity)
    room = rooms.room(0)
    opened = vault.Vault(workspace, key, room)
    vault.unlock = lambda _: opened
    left = iter(range(step))

    def audit(event: str, given: tuple) -> None:
        touching = event in ("open", "os.rename", "os.remove", "os.chmod") and str(workspace) in str(given[0])
        if touching and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)
    getattr(vault, what)(workspace)


@pytest.mark.parametrize("what", ["encrypt", "decrypt"])
def test_killed_at_any_step_everything_can_be_read(workspace, tmp_path, what):
    opened = vault.unlock(workspace)
    if what == "encrypt":
        vault.decrypt(workspace)
        vault.create(workspace)
        opened = vault.unlock(workspace)
    start, steps = files(workspace), []
    for step in range(0, 400, 7):
        shutil.rmtree(workspace)
        for name, content in start.items():
            (workspace / name).parent.mkdir(parents=True, exist_ok=True)
            (workspace / name).write_bytes(content)
        process = FORKS.Process(target=_in_place_until, args=(step, what, workspace, str(opened.identity)))
        process.start()
        process.join(60)
        steps.append(process.exitcode)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert revenue(workspace) == 30
        assert kam.load(workspace, JAN).frame("orders").amount.sum() == 10
    assert steps[-1] == 0
    assert len(steps) > 10
    left = [name for name in files(workspace) if name.startswith("snapshots")]
    assert all(name.endswith(".age") == (what == "encrypt") for name in left)


def test_what_lies_in_the_clear_meanwhile_is_private_and_goes(workspace, tmp_path, monkeypatch):
    data = kam.load(workspace)
    room = Path(data.room.name)
    assert stat.S_IMODE(room.stat().st_mode) == 0o700
    assert list(room.rglob("orders.parquet"))
    if rooms.MEMORY.is_dir():
        assert room.is_relative_to(rooms.MEMORY)
    del data
    assert not room.exists()
    monkeypatch.setattr(rooms, "MEMORY", tmp_path / "none")
    assert not Path(rooms.room(0).name).is_relative_to(tmp_path / "none")


def test_a_request_to_terminate_removes_what_lies_in_the_clear(tmp_path):
    bring(exported(tmp_path / "jan", 10), tmp_path / "ws", JAN, encrypt=True)
    program = (
        "import pathlib, sys, time\n"
        "import kamlib.workspace.told as told\n"
        "from kamlib import cli\n"
        "def hold(workspace, **_):\n"
        "    data = told.load(workspace)\n"
        "    pathlib.Path(workspace, '..', 'room').write_text(data.room.name)\n"
        "    time.sleep(60)\n"
        "told.history_text = hold\n"
        "sys.argv = ['kam', 'history', sys.argv[1]]\n"
        "cli.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "ws")], env={**os.environ, passphrase.VARIABLE: PHRASE}
    )
    for _ in range(600):
        if (tmp_path / "room").exists() and (tmp_path / "room").read_text():
            break
        time.sleep(0.1)
    room = Path((tmp_path / "room").read_text())
    assert list(room.rglob("orders.parquet"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130
    assert not room.exists()


# --- a run -------------------------------------------------------------------------------------------------------


def test_a_run_leaves_no_copy_and_hands_the_passphrase_to_nobody(tmp_path):
    """By the command line, as users call it: what kernels see of the environment, and every byte that was written."""
    root = tiny_project.make(tmp_path)
    (notebook,) = root.glob("notebooks/01*.ipynb")
    content = json.loads(notebook.read_text(encoding="utf-8"))
    spy = "import os, pathlib\npathlib.Path(run_dir, 'seen').write_text(repr(dict(os.environ)) + data_dir)"
    content["cells"].append(
        {"cell_type": "code", "metadata": {}, "source": spy, "outputs": [], "execution_count": None, "id": "spy"}
    )
    notebook.write_text(json.dumps(content), encoding="utf-8")
    january = exported(tmp_path / "in" / "jan", 10, 20)
    bring(january, tmp_path / "ws", JAN, encrypt=True)
    environment = {**os.environ, passphrase.VARIABLE: PHRASE}
    call = [sys.executable, "-m", "kamlib.cli", "run", "--data", str(tmp_path / "ws"), "--only", "01,02"]
    outcome = subprocess.run(call, cwd=root, env=environment, capture_output=True, text=True, check=False)
    run = root / "runs" / JAN
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert outcome.returncode in (0, 1), outcome.stderr
    assert manifest["data_kept"] is False
    assert not (run / "data").exists()
    assert PHRASE not in (seen := (run / "seen").read_text())
    assert passphrase.VARIABLE not in seen
    assert "kam-room-" in seen
    assert not Path(seen.rpartition("}")[2]).exists(), "gone with the run"
    assert not [name for name, content in files(tmp_path).items() if PHRASE.encode() in content]
    assert PHRASE not in outcome.stdout + outcome.stderr

    manifest["notebooks"]["01"]["status"] = "failed"
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    again = [sys.executable, "-m", "kamlib.cli", "run", "--only-failed"]
    bare = {name: value for name, value in os.environ.items() if name != passphrase.VARIABLE}
    asked = subprocess.run(
        again, cwd=root, env=bare, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert asked.returncode == 2
    assert "is encrypted" in asked.stderr
    done = subprocess.run(again, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert json.loads((run / "manifest.json").read_text(encoding="utf-8"))["notebooks"]["01"]["status"] == "done"
    assert not (run / "data").exists()
