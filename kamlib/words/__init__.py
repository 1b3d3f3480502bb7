"""Every word a reader sees, in English and Chinese, and the numbers as each language writes them.

Column labels come from `tables`; other terms stand in the YAML files of this folder, one per module. The language and
the currency of a session are set once, by `speak`; functions that write sentences also take `lang` and then ignore the
session's.
"""

from __future__ import annotations

import math
from contextvars import ContextVar
from pathlib import Path

import yaml

from kamlib.language import LANGUAGES, language, say, use
from kamlib.tables import TABLES

__all__ = [
    "LANGUAGES",
    "code",
    "currency",
    "language",
    "money",
    "names",
    "number",
    "say",
    "share",
    "short",
    "speak",
    "word",
]

_CURRENCY: ContextVar[str] = ContextVar("currency", default="CNY")
_OWN: ContextVar[dict[str, tuple[str, str]] | None] = ContextVar("own", default=None)


def speak(lang: str | None = None, currency: str | None = None, own: dict[str, tuple[str, str]] | None = None) -> None:
    """Set the language and the currency that labels and numbers use from here on.

    `own` are the company's own words, (English, Chinese) by key: the deal stages of its `kam.toml`.
    """
    if lang:
        use(lang)
    if currency:
        _CURRENCY.set(currency)
    if own is not None:
        _OWN.set(own)


def currency() -> str:
    """Return the currency in use, e.g. "CNY"."""
    return _CURRENCY.get()


def _labels() -> dict[str, tuple[str, str]]:
    labels = {}
    for table in TABLES.values():
        labels[table.name] = (table.en, table.zh)
        for column in table.columns:
            labels.setdefault(column.name, (column.en, column.zh))
    for path in sorted(Path(__file__).parent.glob("*.yml")):
        labels |= {str(key): tuple(pair) for key, pair in yaml.safe_load(path.read_text(encoding="utf-8")).items()}
    return labels


LABELS = _labels()


def word(key: str, lang: str | None = None) -> str:
    """Return the label of `key` in `lang`; an unknown key is data (a region, a product) and comes back as it is."""
    pair = (_OWN.get() or {}).get(str(key)) or LABELS.get(str(key))
    return str(key) if pair is None else pair[LANGUAGES.index(lang or language())]


def code(column: str, value: str, lang: str | None = None) -> str:
    """Return what a value of a coded column is called: under `column.value` where the bare word means something else."""
    return word(f"{column}.{value}" if f"{column}.{value}" in LABELS else value, lang)


def money(value: float, lang: str | None = None, digits: int = 1) -> str:
    """Write an amount as a sentence has it: "CNY 12.3 m" or "1,230.0万元"; "n/a" when it is missing."""
    if value is None or not math.isfinite(value):
        return say(lang, "n/a", "无")
    zh = (lang or language()) == "zh"
    steps = ((1e8, "亿"), (1e4, "万")) if zh else ((1e9, " bn"), (1e6, " m"), (1e3, " k"))
    size, suffix = next(((s, w) for s, w in steps if abs(value) >= s), (1, ""))
    number = f"{abs(value) / size:,.{digits if size > 1 else 0}f}{suffix}"
    sign = "−" if value < 0 and number.strip("0.,") else ""
    if zh:
        unit = "元" if currency() == "CNY" else f" {currency()}"
        return f"{sign}{number}{unit}"
    return f"{sign}{currency()} {number}"


def share(value: float, digits: int = 0) -> str:
    """Write a share as a percentage: 0.613 → "61 %"; "n/a" when it is missing."""
    if value is None or not math.isfinite(value):
        return "n/a"
    text = f"{abs(value) * 100:,.{digits}f}"
    return f"{'−' if value < 0 and float(text.replace(',', '')) else ''}{text} %"


def number(value: float, digits: int = 0) -> str:
    """Write a number with thousands separators; "n/a" when it is missing."""
    if value is None or not math.isfinite(value):
        return "n/a"
    text = f"{abs(value):,.{digits}f}"
    return f"{'−' if value < 0 and float(text.replace(',', '')) else ''}{text}"


def names(items: list[str], lang: str | None = None, most: int = 3) -> str:
    """List the first few names and count the rest: "Ada, Bo, Cy and 4 more"."""
    items = [str(item) for item in items]
    head, rest = items[:most], len(items) - most
    joined = say(lang, ", ", "、").join(head)
    return joined if rest <= 0 else joined + say(lang, f" and {rest} more", f"等 {len(items)} 个")


LEGAL_FORMS = (
    "股份有限公司", "有限责任公司", "有限公司", " Co., Ltd.", " Co., Ltd", " Ltd.", " Ltd", " Co.", " Inc.", " Inc", " LLC",
    " GmbH", " AG", " AB", " B.V.", " S.A.", " S.r.l.", " S.p.A.", " Sp. z o.o.", " Sdn. Bhd.", " Pte.", " plc",
)  # fmt: skip


def short(name: str) -> str:
    """Return a company's name as people say it, without its legal form: for charts and sentences, never for tables."""
    form = next((form for form in LEGAL_FORMS if name.endswith(form) and len(name) > len(form) + 1), "")
    return name.removesuffix(form)
