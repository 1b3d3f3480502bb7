"""A corpus of hostile files. A case is a name, the files, and what must hold: refused with these words, or imported
with these rows and this money. One module per family; `run` runs them; `tests/test_hostile.py` asserts.

    python -m hostile.run            # in tests/: run everything and show what each case gives
    python -m hostile.run quotes     # only cases whose name holds the word
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

FAMILIES = (
    "encodings", "lines", "packed", "values", "keys", "workbooks", "damaged_workbooks", "parquet", "places", "settings",
    "mappings", "automatic",
)  # fmt: skip

ACCOUNTS = b"account_id,account_name\na,Alpha\nb,Beta\n"
ORDERS = b"order_id,account_id,order_date,amount\no1,a,2025-01-01,100\no2,b,2025-02-01,50.5\n"
MONEY = 150.5
"""What the two orders sum to."""

Content = bytes | str | Callable[[Path], object]
"""What a file holds; or what makes the file, given its path."""


@dataclass(frozen=True)
class Case:
    """`rows` are read, kept and set aside of `table`; without them the files must be refused. `words` must stand in the
    output, whichever it is. `money` is what the kept orders are worth, `money_aside` the others."""

    name: str
    files: dict[str, Content]
    words: tuple[str, ...]
    rows: tuple[int, int, int] | None = None
    table: str = "orders"
    money: float = MONEY
    money_aside: float = 0.0
    mapping: str | None = field(default=None, repr=False)
    """A mapping file, or "auto": then the files go through `kam import`, else through `kam check` and `kamlib.load`."""

    def build(self, folder: Path) -> None:
        """Write the files; accounts and orders are there unless the case brings its own."""
        folder.mkdir(parents=True)
        if self.mapping == "auto":
            for name, content in self.files.items():
                write(folder / name, content)
            return
        own = {name.split(".")[0].casefold() for name in self.files}
        base = {f"{name}.csv": content for name, content in BASE.items() if name not in own}
        base |= {} if self.mapping is not None else {"kam.toml": GATES}
        for name, content in (base | self.files).items():
            write(folder / name, content)


GATES = "[quality.stop]\nvalidity = 0.0\nuniqueness = 0.0\nreferential = 0.0\ncompleteness = 0.0\n"
"""The quality gates are open: what is tested is what becomes of each row."""
BASE = {"accounts": ACCOUNTS, "orders": ORDERS}


def write(path: Path, content: Content) -> None:
    """Write a file, or let it be made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if callable(content):
        content(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def refused(name: str, files: dict[str, Content], *words: str) -> Case:
    """Return a case that must be refused with these words."""
    return Case(name, files, words)


def imported(name: str, files: dict[str, Content], read: int, kept: int, *words: str, **more: object) -> Case:
    """Return a case of which `read` rows must be read and `kept` kept, the others set aside."""
    return Case(name, files, words, (read, kept, read - kept), **more)


def orders(*lines: str, header: str = "order_id,account_id,order_date,amount") -> str:
    """Return a table of orders with these lines."""
    return "\n".join([header, *lines]) + "\n"


def cases(word: str = "") -> list[Case]:
    """Return the cases of all families whose name, with that of the family before it, holds `word`."""
    found = []
    for family in FAMILIES:
        for case in import_module(f"hostile.{family}").CASES:
            object.__setattr__(case, "name", f"{family}: {case.name}")
            found.append(case)
    return [case for case in found if word in case.name]
