"""The documents: what they name exists, and what is put together from others is current."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest
from typer.main import get_command

from kamlib.batch.plan import select
from kamlib.cli.app import app

ROOT = Path(__file__).parent.parent
PARTS = ["Formula", "Assumptions", "When not to use it", "Source", "In the kit", "Pinned by"]
METHODS = sorted((ROOT / "docs/methods").glob("*.md"))
each = pytest.mark.parametrize("path", METHODS, ids=lambda path: path.stem)


def builder():
    spec = importlib.util.spec_from_file_location("build", ROOT / "docs/build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = builder()


def exists(name):
    """Tell whether the dotted `name` leads to something in kamlib."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[n:]:
            found = getattr(found, attribute, None)
        return found is not None
    return False


@each
def test_a_method_page_has_all_its_parts(path):
    text = path.read_text(encoding="utf-8")
    assert re.match(r"# .+ \(.*[\u4e00-\u9fff].*\)\n\n\w", text), (
        "begin with the name in both languages and one paragraph"
    )
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    assert all(build.part(path, heading).strip() for heading in PARTS)


@each
def test_what_a_method_page_names_exists(path):
    functions = re.findall(r"`(kamlib\.[\w.]+)(?:\(\))?`", build.part(path, "In the kit"))
    assert functions
    assert [name for name in functions if not exists(name)] == []
    shown = {id for notebook in select(ROOT) for id in notebook.exhibits}
    assert set(re.findall(r"\b\d\d\.\d+\b", build.part(path, "In the kit"))) <= shown
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", build.part(path, "Pinned by"))
    assert tests
    for file, name in tests:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{name}"


def test_put_together_pages_are_current():
    for path, text in build.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make docs`"


def test_every_answer_to_a_requirement_exists():
    asked = {number for rows in build.requirements().values() for number in rows}
    assert len(asked) == 185
    assert set(build.answered()) <= asked
    shown = {id for notebook in select(ROOT) for id in notebook.exhibits}
    commands = get_command(app).commands
    for number, answers in build.answered().items():
        assert answers, number
        for answer in answers:
            if build.EXHIBIT.fullmatch(answer):
                assert answer in shown, f"{number}: there is no exhibit {answer}"
            elif answer.startswith("kam "):
                assert answer.split()[1] in commands, f"{number}: {answer}"
            else:
                assert (ROOT / answer).exists(), f"{number}: {answer}"


def test_links_between_documents_lead_somewhere():
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)\s#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"
