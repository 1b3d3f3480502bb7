"""What a terminal may be shown: names and cells are written by others, and a terminal obeys some of their letters."""

from __future__ import annotations

import re

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but for tab and line feed, letters that turn the direction of a text, and bytes that are none."""


def shown(text: object) -> str:
    r"""Return the text with what a terminal would obey written out: \x1b, \u202e."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))
