"""Invented names of companies and people, credit codes with valid check digits, and unreachable phone numbers."""

from __future__ import annotations

from pathlib import Path

import yaml

from kamlib.sample.stream import Stream

NAMES = yaml.safe_load(Path(__file__).with_name("names.yml").read_text(encoding="utf-8"))
CHINESE, ABROAD = NAMES["chinese"], NAMES["abroad"]
CITIES: dict[str, dict[str, str]] = CHINESE["cities"]
FIELDS: dict[str, list[str]] = CHINESE["fields"]

_CODE_CHARS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORG_CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def person(draw: Stream, region: str) -> tuple[str, str]:
    """Return an invented name and its form in an e-mail address."""
    if region in ABROAD:
        first, last = draw.pick(ABROAD[region]["given"]), draw.pick(ABROAD[region]["surnames"])
        return f"{first} {last}", f"{first}.{last}".lower()
    (surname, latin), (given, latin_given) = (draw.pick(CHINESE[part]).split() for part in ("surnames", "given"))
    return surname + given, f"{latin}.{latin_given}"


def chinese_company(draw: Stream, city: str, industry: str, kind: str, taken: set[str]) -> str:
    """Return an invented company name whose brand is not in `taken`, which then holds it."""
    while (brand := draw.pick(CHINESE["brand_first"]) + draw.pick(CHINESE["brand_second"])) in taken:
        pass
    taken.add(brand)
    field = draw.pick(FIELDS.get(kind) or FIELDS[industry])
    return f"{city}{brand}{field}{draw.weighted({'有限公司': 7, '股份有限公司': 2, '集团有限公司': 1})}"


def organisation_check(body: str) -> str:
    """Return the check character of an eight-character organisation code (GB 11714)."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    rest = 11 - sum(_ORG_CHARS.index(c) * w for c, w in zip(body, weights, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def credit_check(body: str) -> str:
    """Return the check character of the first seventeen characters of a social credit code (GB 32100)."""
    total = sum(_CODE_CHARS.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return _CODE_CHARS[(31 - total % 31) % 31]


def credit_code(draw: Stream, division: str) -> str:
    """Return an invented 18-character 统一社会信用代码 with both check characters right."""
    body = "MA" + "".join(draw.pick(_CODE_CHARS) for _ in range(6))
    code = f"91{division}{body}{organisation_check(body)}"
    return code + credit_check(code)
