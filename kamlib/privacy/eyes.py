"""Through whose eyes a run sees the data: a role's, a stranger's, or nobody's in particular."""

from __future__ import annotations

from typing import Any

from kamlib import quality
from kamlib.errors import InputError
from kamlib.files import file_name
from kamlib.privacy.pseudonyms import Pseudonyms, share
from kamlib.privacy.roles import restrict
from kamlib.workspace import Data

Given = dict[str, dict[str, Any]]
NAMING = ("account", "owner")
"""Parameters whose value names somebody."""


def seen(data: Data, role: str = "", user: str = "", key: bytes = b"", lang: str = "en") -> Data:
    """Return what `role` lets `user` see of `data`, with pseudonyms for names when there is a key.

    InputError when the quality of the whole is below what the rules ask for.
    """
    if role or key:
        quality.accepted(data)
    if role:
        data = restrict(data, role, user)
    elif user:
        raise InputError(
            f"--user {user}: say in which role, e.g. --role rep.", f"--user {user}：请同时指定角色，例如 --role rep。"
        )
    return share(data, key, lang) if key else data


def renamed(given: Given, data: Data, key: bytes, lang: str = "en") -> Given:
    """Return the parameters given, by notebook, with pseudonyms where they name somebody in `data`."""
    names = Pseudonyms(data, key, lang)

    def rename(name: str, value: Any) -> Any:
        other = names.of(value) if isinstance(value, str) and value else value
        if name in NAMING and value and other == value:
            raise InputError(
                f"-p {name}={value}: nobody is called that. Write the id, or the name as the tables do.",
                f"-p {name}={value}：没有这个名称。请填写编号，或与数据表一致的名称。",
            )
        return other

    return {number: {name: rename(name, value) for name, value in values.items()} for number, values in given.items()}


def folder_name(data: Data) -> str:
    """Return the name of a run folder: the date, and through whose eyes the data are seen."""
    access = data.ledger.access
    parts = [file_name(part) for part in (access.role, access.user) if part]
    return "-".join([data.as_of.isoformat(), *parts, *["shared"] * access.shared])
