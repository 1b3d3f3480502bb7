"""What a credit code, a phone number and an e-mail address must look like."""

from __future__ import annotations


def is_credit_code(code: str) -> bool:
    """Return whether `code` is an 18-character 统一社会信用代码 with the right check digit, and no placeholder."""
    from stdnum.cn import uscc

    return uscc.is_valid(code) and len(set(code)) > 2


def phone_digits(cell: str) -> str:
    """Return SQL for the digits of a phone number without country code and extension; null where it is none."""
    digits = f"regexp_replace(regexp_replace({cell}, '(?i)(转|分机|ext|x|#).*$', ''), '\\D', '', 'g')"
    bare = f"ltrim(regexp_replace(ltrim({digits}, '0'), '^86(\\d{{10,11}})$', '\\1'), '0')"
    return f"CASE WHEN length({bare}) BETWEEN 7 AND 15 AND length(replace({bare}, left({bare}, 1), '')) > 0 THEN {bare} END"


def is_email(cell: str) -> str:
    """Return SQL for whether a text has the form of an e-mail address."""
    return f"regexp_full_match({cell}, '[^@\\s]+@[^@\\s]+\\.[^@\\s.]{{2,}}')"
