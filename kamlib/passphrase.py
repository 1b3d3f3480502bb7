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

VARIABLE = "KAM_PASSPHRASE"
_held: list[str] = []


def take(key_file: Path | None = None) -> None:
    """Hold the passphrase in the first line of `key_file`, else the one in the environment, from where it is removed."""
    found = os.environ.pop(VARIABLE, "")
    if key_file:
        try:
            found = (key_file.read_text(encoding="utf-8").splitlines() or [""])[0]
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise InputError(f"--key-file {key_file} cannot be read ({reason}). Give a text file.") from None
        if not found:
            raise InputError(f"--key-file {key_file}: its first line is empty. Write the passphrase there.")
    if found:
        _held[:] = [found]


def ask(what: str, new: bool = False) -> str:
    """Return the passphrase of `what`; a `new` one is typed twice. InputError where there is nobody to ask."""
    take()
    if _held:
        return _held[0]
    if not (sys.stdin and sys.stdin.isatty()):
        raise InputError(f"{what} is encrypted: give its passphrase in {VARIABLE}, or with --key-file FILE.")
    typed = getpass.getpass(f"{'New passphrase' if new else 'Passphrase'} of {what}: ")
    if not typed:
        raise InputError("An empty passphrase protects nothing. Call again and type one.")
    if new and getpass.getpass("Once more: ") != typed:
        raise InputError("The two passphrases differ. Call again.")
    _held[:] = [typed]
    return typed
