"""The language of a session: set once, by the command line or by a notebook, and spoken by all that people read."""

from __future__ import annotations

import os
from contextvars import ContextVar

LANGUAGES = ("en", "zh")
VARIABLE = "KAM_LANG"
_LANG: ContextVar[str] = ContextVar("lang", default="en")


def use(lang: str) -> None:
    """Set the language used from here on, "en" or "zh"."""
    _LANG.set(lang)


def usual() -> str:
    """Return the language of a user who names none: that in the environment, else English."""
    return os.environ.get(VARIABLE) or "en"


def language() -> str:
    """Return the language in use, "en" or "zh"."""
    return _LANG.get()


def say(lang: str | None, en: str, zh: str) -> str:
    """Return the sentence of the language asked for, None: of the session's; both are written side by side where they
    are used."""
    return zh if (lang or language()) == "zh" else en
