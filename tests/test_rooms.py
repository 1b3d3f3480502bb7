"""Private folders of running commands: swept when their program was killed, left alone while it lives."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kamlib import rooms
from kamlib.errors import InputError


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Where rooms lie, in memory and on the disk."""
    place = tmp_path / "rooms"
    place.mkdir()
    monkeypatch.setattr(rooms, "MEMORY", place)
    monkeypatch.setattr(rooms.tempfile, "tempdir", str(place))
    return place


def aged(place: Path) -> None:
    for path in place.iterdir():
        os.utime(path, (time.time() - 999,) * 2)


@pytest.mark.parametrize("size", [None, 0])
def test_what_a_killed_program_left_is_swept_and_what_is_in_use_is_not(place, size):
    (place / "kam-room-left").mkdir()
    (place / "kam-room-left" / "orders.parquet").write_text("x")
    (place / "of another program").mkdir()
    used, fresh = rooms.room(size), place / "kam-room-fresh"
    aged(place)
    fresh.mkdir()
    rooms.sweep()
    assert {path.name for path in place.iterdir()} == {Path(used.name).name, fresh.name, "of another program"}
    assert stat.S_IMODE(os.stat(used.name).st_mode) == 0o700
    used.cleanup()
    assert not Path(used.name).exists()


def test_the_next_command_of_any_kind_sweeps_what_a_kill_left(tmp_path):
    program = (
        "import pathlib, sys, time\nfrom kamlib import rooms\nroom = rooms.room()\n"
        "pathlib.Path(room.name, 'orders.parquet').write_text('x')\nprint(room.name, flush=True)\ntime.sleep(60)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    room = Path(process.stdout.readline().strip())
    os.utime(room, (time.time() - 999,) * 2)
    call = [sys.executable, "-m", "kamlib.cli", "check", str(tmp_path / "nothing")]
    assert subprocess.run(call, env=environment, capture_output=True, check=False).returncode == 2
    assert (room / "orders.parquet").exists(), "its program lives"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    subprocess.run(call, env=environment, capture_output=True, check=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_alone_has_no_neighbours_and_messages_name_where_it_lies(tmp_path, place):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(name)
    with rooms.alone(tmp_path / "a.csv") as folder:
        assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("a.csv", "a.csv")]
    assert not folder.exists()
    with pytest.raises(InputError) as raised, rooms.alone(tmp_path / "a.csv") as folder:
        raise InputError(f"{folder / 'a.csv'}: is wrong.")
    assert str(raised.value) == f"{tmp_path / 'a.csv'}: is wrong."
