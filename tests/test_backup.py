"""A backup brings back what was there, byte for byte; what is damaged or hostile is found, named, and brings nothing."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamlib.errors import InputError
from kamlib.workspace import backup
from kamlib.workspace.backup import back_up, restore, verify


def made(folder: Path, files: dict[str, bytes]) -> Path:
    """A workspace of any files; its snapshot's manifest proves those below it."""
    home = folder / "snapshots" / "2025-01-31"
    (home / "set_aside").mkdir(parents=True)
    (folder / "kam.toml").write_bytes(b'currency = "CNY"\n')
    for name, content in files.items():
        (home / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (home / "prepared.json").write_text(json.dumps({"files": hashes}))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def workspace(tmp_path) -> Path:
    long = "set_aside/" + "长" * 60 + ".csv"
    return made(tmp_path / "ws", {"orders.parquet": bytes(range(256)) * 5, "empty": b"", long: b"a,b\n"})


def refusing(tmp_path: Path, file: Path, match: str) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=match):
        restore(file, tmp_path / "back")
    assert sorted(tmp_path.iterdir()) == before, "nothing is in place"


def test_what_was_restored_is_what_was_backed_up(workspace, tmp_path):
    proved = back_up(workspace, tmp_path / "b.tar")
    assert set(proved.files) == set(contents(workspace))
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert restore(tmp_path / "b.tar", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(workspace)
    assert not restore(tmp_path / "b.tar", tmp_path / "back"), "it is there already, equal"
    with tarfile.open(tmp_path / "b.tar") as tar:  # any tar opens it
        assert set(tar.getnames()[1:]) == set(contents(workspace))


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.text("abü长 '=", min_size=1, max_size=90).filter(str.strip), st.binary(max_size=2000), max_size=4
    )
)
def test_any_files_come_back(files):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        workspace = made(folder / "ws", {name: content for name, content in files.items() if len(name.encode()) < 200})
        back_up(workspace, folder / "b.tar")
        restore(folder / "b.tar", folder / "back")
        assert contents(folder / "back") == contents(workspace)


def test_a_flipped_bit_anywhere_is_found_and_its_file_named(workspace, tmp_path):
    back_up(workspace, tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    spots = {}  # where the content of each member lies
    with tarfile.open(tmp_path / "b.tar") as tar:
        for member in tar.getmembers():
            spots[member.name] = range(member.offset_data, member.offset_data + member.size)
    chance = random.Random(5)
    places = [chance.randrange(len(whole)) for _ in range(300)] + [spot[0] for spot in spots.values() if spot]
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << chance.randrange(8)
        (tmp_path / "flipped.tar").write_bytes(flipped)
        with pytest.raises(InputError) as caught:
            verify(tmp_path / "flipped.tar")
        for name, spot in spots.items():
            if place in spot:
                assert (name if "kam-backup" not in name else "list of files") in str(caught.value)
    refusing(tmp_path, tmp_path / "flipped.tar", "damaged")


def test_each_damaged_file_is_named_and_the_others_are_not(workspace, tmp_path):
    back_up(workspace, tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(whole.replace(b"a,b\n", b"a;b\n").replace(b'"CNY"', b'"CNX"'))
    with pytest.raises(InputError) as caught:
        restore(tmp_path / "b.tar", tmp_path / "back")
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "kam.toml is damaged. Use another backup.",
        f"snapshots/2025-01-31/set_aside/{'长' * 60}.csv is damaged. Use another backup.",
    ]
    for short in (0, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "b.tar").write_bytes(whole[:short])
        refusing(tmp_path, tmp_path / "b.tar", "damaged")
    (tmp_path / "b.tar").write_bytes(whole + b"\0")
    refusing(tmp_path, tmp_path / "b.tar", "end is damaged")


def hostile(*names: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """A tar as an attacker would make it: a true list of files, then members of his own."""
    files = {name: [1, hashlib.sha256(b"x").hexdigest()] for name in names}
    content = json.dumps({"format": 1, "version": "1", "made": "", "files": files}).encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo(f"kam-backup.{hashlib.sha256(content).hexdigest()}.json")
        info.size, info.mode = len(content), 0o600
        tar.addfile(info, io.BytesIO(content))
        for name in names:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, 0o600
            info.size = 1 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"x"))
    return stream.getvalue()


INSIDE = "snapshots/2025-01-31/orders.parquet"


@pytest.mark.parametrize(
    "tar",
    [
        hostile("../evil"), hostile("/etc/evil"), hostile("snapshots/2025-01-31/../../../evil"), hostile("evil.txt"),
        hostile("snapshots/2025-01-31/a\\b"), hostile("snapshots/.part-x/orders.parquet"),
        hostile(INSIDE, kind=tarfile.SYMTYPE, link="/etc/passwd"), hostile(INSIDE, kind=tarfile.LNKTYPE, link="../x"),
        hostile(INSIDE, kind=tarfile.CHRTYPE), hostile(INSIDE, kind=tarfile.FIFOTYPE), hostile(INSIDE, kind=tarfile.DIRTYPE),
        b"", b"\0" * 10240, b"PK\x03\x04" * 3000,
    ],
)  # fmt: skip
def test_hostile_members_are_refused(tmp_path, tar):
    (tmp_path / "b.tar").write_bytes(tar)
    refusing(tmp_path, tmp_path / "b.tar", "damaged|does not belong")
    assert not (tmp_path.parent / "evil").exists()


def test_what_is_there_is_not_written_over(workspace, tmp_path):
    back_up(workspace, tmp_path / "b.tar")
    with pytest.raises(InputError, match="is there already"):
        back_up(workspace, tmp_path / "b.tar")
    other = made(tmp_path / "other", {"orders.parquet": b"1"})
    before = contents(other)
    with pytest.raises(InputError, match="holds something else"):
        restore(tmp_path / "b.tar", other)
    assert contents(other) == before
    with pytest.raises(InputError, match="cannot be read"):
        restore(tmp_path / "none.tar", tmp_path / "back")
    with pytest.raises(InputError, match="is no workspace"):
        back_up(tmp_path / "none", tmp_path / "c.tar")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        back_up(workspace, tmp_path / "file" / "c.tar")
    with pytest.raises(InputError, match="cannot be written"):
        restore(tmp_path / "b.tar", tmp_path / "file" / "back")


def test_a_damaged_workspace_is_not_backed_up(workspace, tmp_path):
    (workspace / "snapshots/2025-01-31/orders.parquet").write_bytes(b"rotten")
    with pytest.raises(InputError, match=r"orders\.parquet is damaged or gone"):
        back_up(workspace, tmp_path / "b.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ws"]


def test_what_does_not_belong_is_told_and_leftovers_stay_behind(workspace, tmp_path):
    (workspace / "snapshots/.part-2025-02-28").mkdir()
    (workspace / "snapshots/.part-2025-02-28/half").write_text("half")
    assert not [name for name in back_up(workspace, tmp_path / "b.tar").files if "half" in name]
    (workspace / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="does not belong"):
        back_up(workspace, tmp_path / "c.tar")


def test_a_list_of_another_version_is_said_to_be_one(tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "FORMAT", 2)
    back_up(made(tmp_path / "ws", {}), tmp_path / "b.tar")
    monkeypatch.setattr(backup, "FORMAT", 1)
    refusing(tmp_path, tmp_path / "b.tar", "another version")
