"""Company names as they are compared: written one way, whoever typed them, and without what says nothing.

`normal_names` makes 上海晟程冶金設備（集團）有限公司 into 上海晟程冶金设备, and "Müller GmbH & Co. KG" into "muller". `alike`
decides, of two such names that differ by a few letters, whether they can be the same company.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Indel, Levenshtein

_TWINS = str.maketrans(
    "АВЕЅІЈКМНОРСТХУаеѕіјорсхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧονŁłØøĐđıÆæŒœ", "ABESIJKMHOPCTXYaesijopcxyABEZHIKMNOPTYXovLlOoDdiAaOo"
)
"""Cyrillic and Greek letters that look like Latin ones, and Latin ones that no accent can be taken from."""
_FORM_ZH = re.compile("股份有限公司|有限责任公司|有限公司|股份公司|集团公司|集团|股份|总公司|(?<![分子])公司$")
_CITY = re.compile(r"^([\u4e00-\u9fff]{2,3}?)[省市](?:([\u4e00-\u9fff]{2,3}?)市)?(?=[\u4e00-\u9fff]{2})")
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|【([^【】]*)】")
_INITIALS = re.compile(r"\b(?:[a-z]\.\s?){2,}")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"[^\W_]+")
_FORMS = frozenset(
    "ltd limited inc incorporated corp corporation co company llc llp lp plc gmbh mbh ag kg kgaa ohg ug se sa sas sarl "
    "srl spa sl slu bv nv ab as asa oy oyj aps pte pty pvt private sdn bhd kk spzoo doo kft zrt rt jsc ojsc ooo oao zao "
    "pao pt tbk ltda eirl cv saoc wll fze fzco jv group holding holdings and".split()
)
"""Legal forms at the end or the beginning of a Latin name, and what stands between them."""
_COUNTING = frozenset("0123456789一二三四五六七八九十百零〇甲乙丙丁东南西北中分子新老大小上下河湖")
"""Chinese letters and digits that tell works, branches and regions of one group apart."""


@dataclass(frozen=True)
class Name:
    """A normalised name: `text` in words, `place` what stood in brackets (上海, China), or ""."""

    text: str
    place: str = ""

    @property
    def solid(self) -> str:
        """The name without blanks, which is what similarity is measured on."""
        return self.text.replace(" ", "")


def normal_names(names: Sequence[str]) -> list[list[Name]]:
    """Return each company's names: the one written down and, where that is bilingual, its Chinese and Latin halves."""
    from opencc import OpenCC

    plain = "\n".join(" ".join(unicodedata.normalize("NFKC", name).translate(_TWINS).split()) for name in names)
    return [_variants(text.casefold()) for text in OpenCC("t2s").convert(plain).split("\n")] if names else []


def alike(one: Name, other: Name, replaced: int = 0) -> bool:
    """Return whether what differs between two similar names may be a slip, and does not tell two companies apart.

    Bracketed places must not contradict each other. In Chinese a letter may be missing, unless it counts or points
    (第四工程, 第五工程); a replaced one makes another company (骏泽, 骏固), unless `replaced` allows for so many. In
    Latin every word must have its like on the other side: "Nord" is no slip for "Süd", nor is a word that only one has.
    """
    if one.place and other.place and one.place != other.place:
        return False
    han = "".join(_HAN.findall(one.text)), "".join(_HAN.findall(other.text))
    return _same_but_a_letter(*han, replaced) and _same_words(
        _HAN.sub(" ", one.text).split(), _HAN.sub(" ", other.text).split()
    )


def _variants(text: str) -> list[Name]:
    whole = _normal(text)
    han, latin = "".join(_HAN.findall(whole.text)), _HAN.sub(" ", whole.text).split()
    if len(han) < 4 or len(latin) < 2:
        return [whole]
    return [whole, Name(han, whole.place), Name(" ".join(latin), whole.place)]


def _normal(text: str) -> Name:
    """A number in brackets belongs to the name, words in brackets are a place."""
    numbered = [found for groups in _BRACKETS.findall(text) for found in groups if any(c.isdigit() for c in found)]
    places = [_bare(found) for groups in _BRACKETS.findall(text) for found in groups if found not in numbered]
    name = " ".join(filter(None, map(_bare, [_BRACKETS.sub(" ", text), *numbered])))
    return Name(name or _bare(text) or text, " ".join(sorted(filter(None, places))))


def _bare(text: str) -> str:
    """Words without accents, punctuation and legal forms; "" when nothing else would be left."""
    spread = unicodedata.normalize("NFD", text.replace("'", "").replace("’", ""))
    text = "".join(letter for letter in spread if not unicodedata.combining(letter))
    text = _INITIALS.sub(lambda found: re.sub(r"[.\s]", "", found[0]) + " ", text)
    text = re.sub(r"\bsp\.? ?z ?o\.? ?o\b", "spzoo", text).replace("&", " and ").replace("+", " and ")
    words = " ".join(_WORD.findall(text))
    kept = _CITY.sub(r"\1\2", _FORM_ZH.sub("", words)).split()
    while kept and kept[-1] in _FORMS:
        kept = kept[:-1]
    while kept and kept[0] in _FORMS | {"the"}:
        kept = kept[1:]
    return " ".join(kept)


def _same_but_a_letter(one: str, other: str, replaced: int) -> bool:
    """Whether one Chinese name is the other with letters left out, or so many replaced, that do not count or point."""
    if one == other:
        return True
    changed = [op for op in Levenshtein.opcodes(one, other) if op.tag != "equal"]
    tags = {op.tag for op in changed}
    odd = "".join(one[op.src_start : op.src_end] + other[op.dest_start : op.dest_end] for op in changed)
    if _COUNTING & set(odd):
        return False
    return tags in ({"insert"}, {"delete"}) or (tags == {"replace"} and Levenshtein.distance(one, other) <= replaced)


def _same_words(one: list[str], other: list[str]) -> bool:
    """Whether the Latin words pair up, apart from blanks, and from slips inside longer words: Velcrest is not Belcrest."""
    rest_one, rest_other = list(one), list(other)
    for word in one:
        if word in rest_other:
            rest_one.remove(word)
            rest_other.remove(word)
    if "".join(rest_one) == "".join(rest_other):
        return True
    return len(rest_one) == len(rest_other) and all(
        a[0] == b[0]
        and min(len(a), len(b)) > 3
        and not any(c.isdigit() for c in a + b)
        and Indel.normalized_similarity(a, b) >= 0.8
        for a, b in zip(sorted(rest_one), sorted(rest_other), strict=True)
    )
