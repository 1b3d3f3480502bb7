"""Workbooks and decks that open with a password only.

The encryption is Office's own (ECMA-376 agile: AES-256, SHA-512, 100 000 rounds), by msoffcrypto-tool; Excel, WPS and
LibreOffice ask for the password. The document is encrypted in memory, so that it is never on the disk in the clear.
"""

from __future__ import annotations

import getpass
import io
import os
import sys
from pathlib import Path

from kamlib.errors import InputError
from kamlib.files import write_atomically
from kamlib.language import say

VARIABLE = "KAM_OFFICE_PASSWORD"
LONGEST = 255  # what Office accepts


def save(path: Path, content: bytes, password: str = "") -> None:
    """Write a workbook or deck, whole or not at all, readable by its owner only; encrypted if there is a password."""
    write_atomically(path, protected(content, password) if password else content)


def protect(path: Path, password: str) -> None:
    """Replace the workbook or deck at `path` by itself, encrypted."""
    save(path, path.read_bytes(), password)


def protected(content: bytes, password: str) -> bytes:
    """Return the document encrypted. InputError when it is no Office document, or is encrypted already."""
    from msoffcrypto.exceptions import EncryptionError, FileFormatError
    from msoffcrypto.format.ooxml import OOXMLFile

    out = io.BytesIO()
    try:
        OOXMLFile(io.BytesIO(content)).encrypt(password, out)
    except (EncryptionError, FileFormatError, OSError) as error:
        raise InputError(
            f"The document cannot be given a password ({error}). Give a workbook or deck without one.",
            f"无法为该文档设置密码（{error}）。请提供未设密码的工作簿或演示文稿。",
        ) from None
    return out.getvalue()


def password(file: Path | None = None) -> str:
    """Return the password: the first line of `file`, else the environment variable, else what is typed at a prompt.

    It is never taken from the command line, which everybody on the machine can read.
    """
    if file:
        try:
            return _checked(file.read_text(encoding="utf-8").split("\n")[0].rstrip("\r"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{file} cannot be read ({error}). Give a text file with the password in its first line.",
                f"{file} 无法读取（{error}）。请指定第一行为密码的文本文件。",
            ) from None
    if VARIABLE in os.environ:
        return _checked(os.environ[VARIABLE], VARIABLE)
    if not sys.stdin.isatty():
        raise InputError(
            f"There is nobody to ask for the password. Set {VARIABLE}, or give a file that holds it.",
            f"无法在此输入密码。请设置环境变量 {VARIABLE}，或指定存有密码的文件。",
        )
    typed = getpass.getpass(say(None, "Password of the document: ", "文档密码："))
    if typed != getpass.getpass(say(None, "Once more: ", "请再输入一次：")):
        raise InputError(
            "The two passwords differ. Nothing was written; try again.",
            "两次输入的密码不一致。未写入任何内容，请重试。",
        )
    return _checked(typed, say(None, "the prompt", "输入的内容"))


def _checked(text: str, where: str) -> str:
    if not 0 < len(text) <= LONGEST:
        raise InputError(
            f"{where}: a password has 1 to {LONGEST} letters; this one has {len(text)}.",
            f"{where}：密码须为 1 到 {LONGEST} 个字符，现为 {len(text)} 个。",
        )
    return text
