"""What the user can mend is an `InputError`: what is wrong, where, and what to do. Everything else is our bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """A fault in the user's files, parameters or call.

    The text is one sentence per fault: what, where (file, sheet, row, column, value), and what to do.
    Notebooks show the sentence without a stack trace.
    """

    def _render_traceback_(self) -> list[str]:  # IPython's hook: show the sentence, not sixty lines of stack
        return [f"InputError: {self}"]


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'months'?" for the nearest known name, or "" when none is near."""
    near = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""
