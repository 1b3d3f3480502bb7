"""A kam.toml that is none, or that says what cannot be."""

from __future__ import annotations

import os

from hostile import Case, imported, refused


def toml(name: str, text: object, *words: str) -> Case:
    return refused(name, {"kam.toml": text}, "kam.toml", *words)


CASES = [
    imported("an empty kam.toml", {"kam.toml": ""}, 2, 2),
    imported("a kam.toml of comments", {"kam.toml": "# nothing yet\n" * 1000}, 2, 2),
    toml("no TOML", "currency = \n", "not readable as TOML"),
    toml("another encoding", "company = \"Müller\"\n".encode("latin-1"), "not readable as TOML"),
    toml("UTF-16", "currency = 'CNY'\n".encode("utf-16"), "not readable as TOML"),
    toml("NUL", "currency = 'C\0NY'\n", "not readable as TOML"),
    toml("brackets without end", f"stages = {'[' * 100_000}", "kam.toml"),
    toml("tables in tables", f"[{'.'.join('a' * 5000)}]\n", "kam.toml"),
    toml("too large", lambda path: path.open("wb").truncate(3 << 30), "larger than"),
    toml("a folder", lambda path: path.mkdir(), "is a folder"),
    toml("a pipe", os.mkfifo, "is not a file"),
    toml("a link outside", lambda path: path.symlink_to("/etc/hostname"), "is a link out of"),
    toml("a name that is misspelt", "curency = 'CNY'\n", "Did you mean 'currency'"),
    toml("an entry twice", "currency = 'CNY'\ncurrency = 'USD'\n", "not readable as TOML"),
    toml("a number where a text should be", "currency = 7\n", "currency"),
    toml("a text where a table should be", "tiers = 'A'\n", "tiers"),
    toml("a date that is none", "as_of = 2025-02-30\n", "not readable as TOML"),
    toml("a rate that is no number", "[rates]\nUSD = 'seven'\n", "rates"),
    toml("a probability above one", "[[stages]]\nname = 'x'\nprobability = 7\n", "probability"),
    toml("weights below zero", "[tiers]\nweights = { frequency = -1 }\n", "weight"),
    toml("cuts that rise", "[tiers.cuts]\nA = 1\nB = 2\n", "cuts"),
    toml("a window of no months", "window_months = 0\n", "window_months"),
    toml("an infinite window", "window_months = inf\n", "window_months"),
    toml("names of Python", "__class__ = 1\n", "__class__"),
]  # fmt: skip
