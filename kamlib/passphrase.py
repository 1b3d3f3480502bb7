"""The passphrase of encrypted workspaces: from a key file, the environment variable or a prompt.

It is taken out of the environment at once, so that no child process inherits it, and held by this process only. It is
never an argument of a command, which others could read in the process list.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from kamlib.errors import InputError
from kamlib.files import secret_text
from kamlib.language import say

VARIABLE = "KAM_PASSPHRASE"
SHORTEST = 12
"""Letters that a new passphrase has at least."""
_held: list[str] = []


def take(key_file: Path | None = None) -> None:
    """Hold the passphrase in the first line of `key_file`, else the one in the environment, from where it is removed."""
    found = os.environ.pop(VARIABLE, "")
    if key_file:
        why = "whoever has it can open the workspace", "持有者即可打开工作区"
        found = (secret_text(key_file, f"--key-file {key_file}", why).splitlines() or [""])[0]
        if not found:
            raise InputError(
                f"--key-file {key_file}: its first line is empty. Write the passphrase there.",
                f"--key-file {key_file}：第一行为空。请在第一行写入口令。",
            )
    if found:
        _held[:] = [found]


def ask(what: str, new: bool = False) -> str:
    """Return the passphrase of `what`; a `new` one is typed twice. InputError where there is nobody to ask, or where a new one is
    too short."""
    take()
    if _held:
        return _long_enough(_held[0], what) if new else _held[0]
    if not (sys.stdin and sys.stdin.isatty()):
        if new:
            raise InputError(
                f"To encrypt {what}, give a new passphrase in {VARIABLE}, or with --key-file FILE.",
                f"加密 {what} 需要新口令：请通过环境变量 {VARIABLE} 或 --key-file FILE 提供。",
            )
        raise InputError(
            f"{what} is encrypted: give its passphrase in {VARIABLE}, or with --key-file FILE.",
            f"{what} 已加密：请通过环境变量 {VARIABLE} 或 --key-file FILE 提供口令。",
        )
    en, zh = ("New passphrase", "的新口令") if new else ("Passphrase", "的口令")
    typed = getpass.getpass(say(None, f"{en} of {what}: ", f"{what} {zh}："))
    if not typed:
        raise InputError(
            "An empty passphrase protects nothing. Call again and type one.",
            "空口令起不到保护作用。请重新执行并输入口令。",
        )
    if new:
        _long_enough(typed, what)
    if new and getpass.getpass(say(None, "Once more: ", "请再输入一次：")) != typed:
        raise InputError("The two passphrases differ. Call again.", "两次输入的口令不一致。请重新执行。")
    _held[:] = [typed]
    return typed


def _long_enough(phrase: str, what: str) -> str:
    if len(phrase) < SHORTEST:
        raise InputError(
            f"The new passphrase of {what} has {len(phrase)} letters and could be guessed. Use {SHORTEST} or more.",
            f"{what} 的新口令只有 {len(phrase)} 个字符，容易被猜中。请使用 {SHORTEST} 个以上字符。",
        )
    return phrase
