"""Charts inside a page: matplotlib's SVG made small, safe and free of names that would clash with the next chart's."""

from __future__ import annotations

import re
from itertools import count
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

XLINK = "{http://www.w3.org/1999/xlink}href"
SHAPES = {"svg", "g", "path", "use", "rect", "circle", "clipPath", "pattern", "defs", "image"}
LETTER = "scale(0.015625)"  # the transform by which matplotlib's letters are known
LETTER_GRID, CHART_GRID = 1 / 8, 10  # steps per unit that coordinates are rounded to: far below what an eye can see
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
STYLE = re.compile(r"(?:[\w\s:;.,#%-]|url\(#[\w-]+\))*")  # what may enter the page's style sheet
LOCAL = re.compile(r"url\(#([\w.-]+)\)")


class Shared:
    """What the charts of a page have in common, each kept once: letters, texts and styles."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.styles: dict[str, str] = {}
        self.ids = (f"i{number}" for number in count())

    def letter(self, outline: str) -> str:
        """Return the id under which the page has the letter with this outline."""
        return self.letters.setdefault(outline, f"l{len(self.letters)}")

    def text(self, letters: str) -> str:
        """Return the id under which the page has this row of letters."""
        return self.texts.setdefault(letters, f"t{len(self.texts)}")

    def style(self, style: str) -> str:
        """Return the class under which the page has this style."""
        return self.styles.setdefault(style, f"s{len(self.styles)}")

    def css(self) -> str:
        """Return the styles as CSS."""
        return "\n".join(f".{name}{{{style}}}" for style, name in self.styles.items())

    def svg(self) -> str:
        """Return the invisible drawing that the charts refer to."""
        letters = "".join(f'<path id="{id}" d="{d}" transform="scale(.125)"/>' for d, id in self.letters.items())
        texts = "".join(f'<g id="{id}">{letters}</g>' for letters, id in self.texts.items())
        return f'<svg class="letters" aria-hidden="true" width="0" height="0"><defs>{letters}{texts}</defs></svg>'


def inline(text: str, label: str, shared: Shared) -> str:
    """Return the SVG document `text` as an element for a page, named `label` for those who cannot see it.

    What it has in common with other charts moves to `shared`; its white ground goes, so that the page's shows; anything
    but shapes is left out.
    """
    root = ElementTree.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text = element.tail = None
        if XLINK in element.attrib:
            element.set("href", element.attrib.pop(XLINK))
    view = root.get("viewBox", "0 0 1 1")
    root.attrib.clear()
    letters = _take_letters(root, shared)
    _drop(root)
    _rename(root, letters, shared)
    for element in root.iter():
        _shorten(element, shared)
    _flatten(root)
    look = {"viewBox": view, "preserveAspectRatio": "xMinYMid"}
    root.attrib.update({"class": "chart", "role": "img", "aria-label": label} | look)
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


def _take_letters(root: Element, shared: Shared) -> dict[str, str]:
    """Move the letters out of the tree, and the texts made of them; return the letters' new ids by their old ones."""
    ids = {}
    for defs in root.iter("defs"):
        for path in list(defs):
            if path.tag == "path" and path.get("transform") == LETTER:
                ids[path.get("id")] = shared.letter(_path(path.get("d", ""), LETTER_GRID))
                defs.remove(path)
    for group in list(root.iter("g")):
        uses = [child for child in group if child.tag != "defs"]
        if uses and all(child.tag == "use" and child.get("href", "")[1:] in ids for child in uses):
            row = "".join(_letter(child, ids) for child in uses)
            group[:] = []
            group.tag = "use"
            group.set("href", "#" + shared.text(row))
    return ids


def _letter(use: Element, ids: dict[str, str]) -> str:
    shift = re.fullmatch(r"translate\((\S+) 0\)", use.get("transform", "translate(0 0)"))
    place = f' x="{_digits(shift[1], 0)}"' if shift else f' transform="{use.get("transform")}"'
    return f'<use href="#{ids[use.get("href", "")[1:]]}"{place}/>'.replace(' x="0"', "")


def _drop(root: Element) -> None:
    """Remove what is not a shape, pictures from outside, and the white ground of figure and axes."""
    for parent in list(root.iter()):
        for child in list(parent):
            outside = child.tag == "image" and not child.get("href", "").startswith("data:image/png;base64,")
            if child.tag not in SHAPES or outside or (child.tag == "defs" and not len(child)):
                parent.remove(child)
        if parent.get("id", "").startswith(("figure_", "axes_")) and len(parent):
            ground = parent[0].find("path")
            if ground is not None and "fill: #ffffff" in ground.get("style", ""):
                parent.remove(parent[0])


def _rename(root: Element, letters: dict[str, str], shared: Shared) -> None:
    """Keep the ids that something refers to, under names that no other chart has; let references follow."""
    wanted = {value[1:] for e in root.iter("use") if (value := e.get("href", ""))}
    wanted |= {name for e in root.iter() for value in e.attrib.values() for name in LOCAL.findall(value)}
    present = {e.get("id") for e in root.iter()}
    names = {old: next(shared.ids) for old in sorted(wanted & present)} | letters
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key.startswith("on") or (key == "id" and value not in names):
                del element.attrib[key]
            elif key == "id":
                element.set(key, names[value])
            elif key == "href" and element.tag == "use":
                element.set(key, "#" + names.get(value[1:], value[1:]))
            elif key != "href":
                element.set(key, LOCAL.sub(lambda match: f"url(#{names.get(match[1], match[1])})", value))


def _shorten(element: Element, shared: Shared) -> None:
    for key, value in list(element.attrib.items()):
        if key == "d":
            element.set(key, _path(value, CHART_GRID))
        elif key == "transform":
            element.set(key, re.sub(r"(\w+)\(([^)]*)\)", _transform, value))
        elif key in ("x", "y", "width", "height"):
            element.set(key, _digits(value, 2))
        elif key == "style":
            del element.attrib[key]
            if STYLE.fullmatch(value):
                style = NUMBER.sub(lambda match: _digits(match[0], 2), value)
                element.set("class", shared.style(style.replace(": ", ":").replace("; ", ";")))


def _transform(match: re.Match) -> str:
    digits = 2 if match[1] in ("translate", "rotate") else 5
    return f"{match[1]}({NUMBER.sub(lambda m: _digits(m[0], digits), match[2])})"


def _path(data: str, grid: float) -> str:
    """Write a path of lines and curves with coordinates on a grid, each relative to the point before."""
    if re.search(r"[^MLQCZz\d\s.e-]", data):
        return data
    out, here, start, before = [], (0, 0), (0, 0), ""
    for command, numbers in re.findall(r"([MLQCZz])([^A-Za-z]*(?:e-\d+[^A-Za-z]*)*)", data):
        if command in "Zz":
            out.append("z")
            here, before = start, "z"
            continue
        points = [round(float(number) * grid) for number in numbers.split()]
        steps = [_digits(str((point - here[i % 2]) / max(grid, 1)), 1) for i, point in enumerate(points)]
        here = (points[-2], points[-1])
        start = here if command == "M" else start
        name = command.lower()
        out.append((" " if name == before and name != "m" else name) + " ".join(steps))
        before = name
    return "".join(out).replace(" -", "-")


def _digits(number: str, digits: int) -> str:
    """Write a number with at most so many digits after the point, and none that say nothing."""
    text = f"{float(number):.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else re.sub(r"^(-?)0\.", r"\1.", text)


def _flatten(parent: Element) -> None:
    """Dissolve groups that carry nothing."""
    for child in list(parent):
        _flatten(child)
    children = []
    for child in parent:
        children.extend(child if child.tag == "g" and not child.attrib else [child])
    parent[:] = children
