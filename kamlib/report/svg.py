"""Charts inside a page: matplotlib's SVG made small, safe and free of names that would clash with the next chart's."""

from __future__ import annotations

import re
from xml.etree import ElementTree

XLINK = "{http://www.w3.org/1999/xlink}href"
DRAWS = {"svg", "g", "path", "use", "rect", "circle", "clipPath", "pattern", "defs", "image", "linearGradient", "stop"}
BLANK = "fill:#ffffff"
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
LOCAL = re.compile(r"url\(#([\w.-]+)\)")


class Glyphs:
    """The letter shapes of all charts of a page, each kept once: they are most of what matplotlib writes."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def name(self, shape: str) -> str:
        """Return the id under which the page has the letter with this outline."""
        return self.names.setdefault(shape, f"l{len(self.names)}")

    def svg(self) -> str:
        """Return the invisible drawing that the charts refer to."""
        paths = "".join(
            f'<path id="{name}" d="{shape}" transform="scale(.015625)"/>' for shape, name in self.names.items()
        )
        return f'<svg class="letters" aria-hidden="true" width="0" height="0"><defs>{paths}</defs></svg>'


def inline(text: str, prefix: str, label: str, glyphs: Glyphs) -> str:
    """Return the SVG document `text` as an element for a page, with ids that begin with `prefix`.

    Its letters move to `glyphs`; its white ground goes, so that the page's shows; anything but shapes is left out.
    """
    root = ElementTree.fromstring(text)
    _strip_namespaces(root)
    letters = _take_letters(root, glyphs)
    _drop(root)
    _rename(root, prefix, letters)
    for element in root.iter():
        _shorten(element)
    _flatten(root)
    view = root.get("viewBox", "0 0 1 1")
    root.attrib.clear()
    root.attrib.update({"class": "chart", "role": "img", "aria-label": label, "viewBox": view})
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _strip_namespaces(root: ElementTree.Element) -> None:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if XLINK in element.attrib:
            element.set("href", element.attrib.pop(XLINK))
        element.text = element.tail = None


def _take_letters(root: ElementTree.Element, glyphs: Glyphs) -> dict[str, str]:
    """Move outlines of letters out of the tree; return their new ids by their old ones."""
    found = {}
    for defs in root.iter("defs"):
        for path in list(defs):
            if path.tag == "path" and path.get("transform") == "scale(0.015625)":
                found[path.get("id")] = glyphs.name(_path(path.get("d", ""), 0))
                defs.remove(path)
    return found


def _drop(root: ElementTree.Element) -> None:
    """Remove what is not a shape, empty definitions, outside images, and the white ground of figure and axes."""
    for parent in list(root.iter()):
        for child in list(parent):
            outside = child.tag == "image" and not child.get("href", "").startswith("data:image/png;base64,")
            empty = child.tag == "defs" and not len(child)
            if child.tag not in DRAWS or outside or empty:
                parent.remove(child)
        if parent.get("id", "").startswith(("figure_", "axes_")) and len(parent):
            ground = parent[0].find("path")
            if ground is not None and BLANK in ground.get("style", "").replace(" ", ""):
                parent.remove(parent[0])


def _rename(root: ElementTree.Element, prefix: str, letters: dict[str, str]) -> None:
    """Keep the ids that something refers to, under a name of their own; let references follow."""
    wanted = {e.get("href", "").removeprefix("#") for e in root.iter("use")}
    wanted |= {name for e in root.iter() for value in e.attrib.values() for name in LOCAL.findall(value)}
    names = {old: f"{prefix}{i}" for i, old in enumerate(sorted(wanted - set(letters)))} | letters
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id" and value in names:
                element.set("id", names[value])
            elif key == "id" or key.startswith("on"):
                del element.attrib[key]
            elif key == "href" and element.tag == "use":
                element.set("href", "#" + names.get(value.removeprefix("#"), ""))
            else:
                element.set(key, LOCAL.sub(lambda m: f"url(#{names.get(m[1], '')})", value))


def _shorten(element: ElementTree.Element) -> None:
    for key, value in element.attrib.items():
        if key == "d":
            element.set(key, _path(value, 2))
        elif key == "transform":
            element.set(key, re.sub(r"(\w+)\(([^)]*)\)", _transform, value))
        elif key == "style":
            element.set(key, NUMBER.sub(lambda m: _digits(m[0], 2), value.replace(": ", ":").replace("; ", ";")))
        elif key in ("x", "y", "width", "height"):
            element.set(key, _digits(value, 2))


def _transform(match: re.Match) -> str:
    digits = 2 if match[1] in ("translate", "rotate") else 5
    return f"{match[1]}({NUMBER.sub(lambda m: _digits(m[0], digits), match[2])})"


def _path(data: str, digits: int) -> str:
    """Write a path with fewer digits and without the blanks that nobody needs."""
    data = NUMBER.sub(lambda m: _digits(m[0], digits), data)
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", re.sub(r"\s+", " ", data)).replace(" -", "-").strip()


def _digits(number: str, digits: int) -> str:
    try:
        text = f"{float(number):.{digits}f}"
    except ValueError:
        return number
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return {"-0": "0"}.get(text, re.sub(r"^(-?)0\.", r"\1.", text))


def _flatten(parent: ElementTree.Element) -> None:
    """Dissolve groups that carry nothing."""
    for child in list(parent):
        _flatten(child)
    children = []
    for child in parent:
        children.extend(child if child.tag == "g" and not child.attrib else [child])
    parent[:] = children
