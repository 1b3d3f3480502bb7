"""Which module of which CRM a sheet is, and which header is which of its fields: exactly, by pattern, or nearly."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from kamlib.sources.crm.dictionary import OWN, Module, Vendor, bare
from kamlib.sources.crm.survey import Sheet

EXACT, PATTERN, NEAR, BY_MAPPING = "exact", "pattern", "near", "by your mapping"
_WORTH = {EXACT: 1.0, PATTERN: 0.7, NEAR: 0.5}
_CALLED = 15
"""How many matched headers the right name of a file is worth."""
_KNOWN = 0.01
"""What it is worth more that a header is the vendor's, and not only one of our own labels."""
_SHARE = 0.4
"""The share of its headers that must be known of a sheet that no module is called after."""
_NEAR = 90
"""Likeness, in percent, from which two labels count as nearly the same."""
_SCALED = re.compile(r"[（(【\[]\D*([十百千万亿]|'?000|\bk\b|thousand|million|mio|mn)")
"""A remark that says a column counts in thousands or more: its numbers are not those of the field."""
_MARGIN = 3
"""How many headers a sheet must be more likely of another CRM than of that of most sheets, to be taken for one of it."""


@dataclass
class Matched:
    """A sheet as a module. `headers` gives the header of each (field, part) found; `how` says how a header was found;
    `view` is what the mapping calls the sheet."""

    sheet: Sheet
    vendor: Vendor
    module: Module
    headers: dict[tuple[str, str], str]
    how: dict[str, str]
    called: bool
    entered: dict[str, str] = field(default_factory=dict)
    """Headers of days on which a stage was entered, with the name of the stage."""
    view: str = ""
    dates: str = ""
    comma: bool = False
    signed: set[str] = field(default_factory=set)
    """Headers of amounts with a currency sign."""
    zone: str = ""
    """The time zone of times without one, where it is not the reporting zone."""

    @property
    def score(self) -> float:
        known = {h for (name, _), h in self.headers.items() if self.vendor.name == OWN or not name.startswith("=")}
        return sum(_WORTH[how] for how in self.how.values()) + _CALLED * self.called + _KNOWN * len(known)

    @property
    def key(self) -> str:
        """The field that identifies a row, or "" """
        return next((name for name in self.module.key if self.has(name)), "")

    @property
    def guessed(self) -> str:
        """The header of the number or name that must identify a row where the export has no record id, or "" """
        no_id = "id" in self.module.key and self.key not in ("", self.module.key[0])
        return self.headers.get((self.key, ""), "") if no_id and self.module.fields[self.key].reading != "id" else ""

    @property
    def apart(self) -> list[str]:
        """The fields that, with its name, identify a row where the export has no record id: one name may stand twice."""
        return [name for name in self.module.apart if self.has(name)] if self.key == "name" else []

    def header_of(self, name: str) -> str:
        """The first header of a field that the sheet holds."""
        return next(header for (found, _), header in self.headers.items() if found == name)

    def has(self, name: str) -> bool:
        """Whether the sheet holds the field, under any of the ways it may be given."""
        return any(found == name for found, _ in self.headers)


def match(sheet: Sheet, vendor: Vendor, module: Module) -> Matched:
    """Find the headers of `sheet` among the aliases of the module's fields."""
    plain, renamed = _bare_headers(sheet.headers, module.singular)
    aliases = [
        ((one.name, part), bare(alias))
        for one in module.fields.values()
        for part, listed in ({"": one.aliases} | one.by).items()
        for alias in listed
    ]
    headers: dict[tuple[str, str], str] = {}
    how: dict[str, str] = {}
    for kind in (EXACT, PATTERN, NEAR):
        known = plain if kind == EXACT else renamed
        if kind == NEAR:
            known = _nearly({b: header for b, header in plain.items() if header not in how}, aliases)
        for place, alias in aliases:
            if place not in headers and alias in known:
                headers[place] = known[alias]
                how.setdefault(known[alias], kind)
    called = any(bare(title) == bare(name) for title in sheet.titles if title for name in module.names)
    entered = {}
    if module.entered:
        found = {header: re.match(module.entered, header, re.I) for header in sheet.headers if header not in how}
        entered = {header: next(filter(None, place.groups())) for header, place in found.items() if place}
        how |= dict.fromkeys(entered, PATTERN)
    return Matched(sheet, vendor, module, headers, how, called, entered)


def _bare_headers(headers: tuple[str, ...], singular: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers by their bare form, as they are and as they would be had the module not been renamed: a
    module whose records are an X has the columns `X Owner` and `X Owner.id`."""
    plain: dict[str, str] = {}
    for header in headers:
        plain.setdefault(bare(header), header)
    owners = (re.fullmatch(r"(.+?)[ _]Owner", header, re.I) for header in headers)
    own = next((m[1] for m in owners if m and bare(f"{m[0]}.id") in plain), "")
    if not singular or not own or bare(own) == bare(singular):
        return plain, {}
    start = bare(own)
    return plain, {bare(singular) + b[len(start) :]: h for b, h in plain.items() if b.startswith(start)}


def _nearly(left: dict[str, str], aliases: list[tuple[tuple[str, str], str]]) -> dict[str, str]:
    """Return the headers left by the alias they nearly are: but for a remark in brackets or a slip of the pen."""
    from rapidfuzz import fuzz, process

    known = list(dict.fromkeys(alias for _, alias in aliases))
    found: dict[str, str] = {}
    for b, header in left.items():
        short = re.sub(r"[（(【\[].*?[)）】\]]|[*＊:：]", "", b) if not _SCALED.search(b) else ""
        if short in known:
            found.setdefault(short, header)
        elif len(b) >= 6 and not _SCALED.search(b):
            best = process.extractOne(b, known, scorer=fuzz.ratio, score_cutoff=_NEAR)
            if best and len(best[0]) >= 6:
                found.setdefault(best[0], header)
    return found


def best_matches(sheets: list[Sheet], vendors: list[Vendor]) -> tuple[list[Matched], list[Sheet]]:
    """Return the module that each sheet is most likely, and the sheets that are none. Where it is little more likely of
    another CRM it is taken for one of the CRM of most sheets; and for one of our own tables where it is as likely one,
    unless some sheet is a CRM's for sure."""
    likely = {id(sheet): _likely(sheet, vendors) for sheet in sheets}
    total, main, exported = Counter(), Counter(), False
    for found in likely.values():
        for one in found:
            total[one.vendor.name] += one.score
        for crm in sorted({one.vendor.crm for one in found} - {""}):
            main[crm] += max(one.score for one in found if one.vendor.crm == crm)
        exported |= bool(found) and all(one.score < found[0].score for one in found if one.vendor.name == OWN)
    crm = max(main, key=main.get, default="")
    chosen, strangers = [], []
    for sheet in sheets:
        found = sorted(
            likely[id(sheet)],
            key=lambda one: (-one.score, (one.vendor.name == OWN) == exported, -total[one.vendor.name]),
        )
        near = [one for one in found if one.vendor.crm in ("", crm) and one.score >= found[0].score - _MARGIN]
        if found:
            chosen.append((near or found)[0])
        else:
            strangers.append(sheet)
    return chosen, strangers


def _likely(sheet: Sheet, vendors: list[Vendor]) -> list[Matched]:
    found = [match(sheet, vendor, module) for vendor in vendors for module in vendor.modules.values()]
    found = [one for one in found if one.key and (one.called or len(one.how) >= max(3, _SHARE * len(sheet.headers)))]
    return sorted(found, key=lambda one: -one.score)[:6]
