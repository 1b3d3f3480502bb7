"""Documents with a password: opened with it, and by no other way."""

import io
import stat
import zipfile
from types import SimpleNamespace

import msoffcrypto
import openpyxl
import pytest

from kamlib.errors import InputError
from kamlib.privacy import office

SECRET = "Ostermark Automazione"


def workbook():
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"] = SECRET
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("password", ["s3cret", "密码 with blanks", "x" * 255])
def test_it_opens_with_the_password_only(tmp_path, password):
    path = tmp_path / "book.xlsx"
    office.save(path, workbook(), password)
    content = path.read_bytes()
    assert SECRET.encode() not in content
    assert not zipfile.is_zipfile(path)
    locked = msoffcrypto.OfficeFile(io.BytesIO(content))
    assert locked.is_encrypted()
    locked.load_key(password=password, verify_password=True)
    clear = io.BytesIO()
    locked.decrypt(clear, verify_integrity=True)
    assert openpyxl.load_workbook(clear).active["A1"].value == SECRET
    with pytest.raises(msoffcrypto.exceptions.InvalidKeyError):
        locked.load_key(password=password[:-1] + "?", verify_password=True)


def test_nothing_lies_beside_it_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "deep" / "book.xlsx"
    path.parent.mkdir()
    office.save(path, workbook())
    assert zipfile.is_zipfile(path), "without a password it is as it was"
    office.protect(path, "s3cret")
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="cannot be given a password"):
        office.protect(path, "again")
    (path.parent / "no.xlsx").write_text("no workbook")
    with pytest.raises(InputError, match="cannot be given a password"):
        office.protect(path.parent / "no.xlsx", "s3cret")
    assert (path.parent / "no.xlsx").read_text() == "no workbook"


def test_where_the_password_comes_from(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("from a file\r\nsecond line\n")
    monkeypatch.setenv(office.VARIABLE, "from the environment")
    assert office.password(tmp_path / "file") == "from a file"
    assert office.password() == "from the environment"
    monkeypatch.delenv(office.VARIABLE)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(InputError, match="Set KAM_OFFICE_PASSWORD, or give a file"):
        office.password()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    typed = iter(["one", "one", "one", "two", "", ""])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    assert office.password() == "one"
    with pytest.raises(InputError, match="The two passwords differ"):
        office.password()
    with pytest.raises(InputError, match="1 to 255 letters; this one has 0"):
        office.password()
    with pytest.raises(InputError, match="cannot be read"):
        office.password(tmp_path / "absent")
