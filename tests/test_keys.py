"""The key of the pseudonyms: made once, for its owner only, never among the outputs."""

import re
import stat

import pytest

from kamlib.errors import InputError
from kamlib.privacy import keys


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    return tmp_path


def test_it_is_made_at_first_use_and_stays_the_same(at_home):
    key = keys.share_key(None, at_home / "runs")
    path = at_home / "config/kam/share.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert re.fullmatch(rb"[0-9a-f]{64}", key)
    assert keys.share_key(None, at_home / "runs") == key
    path.unlink()
    assert keys.share_key(None, at_home / "runs") != key


def test_a_file_wins_over_the_environment_and_that_over_the_own_key(at_home, monkeypatch):
    file = at_home / "team.key"
    file.touch(mode=0o600)
    file.write_text("a key that the team shares\n")
    monkeypatch.setenv(keys.VARIABLE, "a key from the environment")
    assert keys.share_key(file, at_home / "runs") == b"a key that the team shares"
    assert keys.share_key(None, at_home / "runs") == b"a key from the environment"
    assert not (at_home / "config").exists()


def test_a_key_that_protects_nobody_is_refused(at_home, monkeypatch):
    file = at_home / "runs/share.key"
    file.parent.mkdir()
    file.write_text("k" * 40)
    with pytest.raises(InputError, match="lies among the outputs"):
        keys.share_key(file, at_home / "runs")
    file.chmod(0o644)
    with pytest.raises(InputError, match="can be read by others: .* Run chmod 600 on it"):
        keys.share_key(file, at_home / "other")
    with pytest.raises(InputError, match="absent cannot be read .No such file or directory.. Give a text file"):
        keys.share_key(at_home / "absent", at_home / "other")
    monkeypatch.setenv(keys.VARIABLE, "short")
    with pytest.raises(InputError, match="KAM_SHARE_KEY: the key has 5 letters"):
        keys.share_key(None, at_home / "other")
