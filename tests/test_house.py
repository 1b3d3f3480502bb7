"""The house rules that a program can check: set-up files agree, words are complete, modules stay readable."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MODULES = sorted((ROOT / "kamlib").rglob("*.py"))
DECLARATIONS = {"tables.py"}  # data, not code: read by looking up, not in one sitting


def test_environment_yml_says_what_pyproject_says():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, packages = environment["dependencies"]
    assert python == f"python{PROJECT['project']['requires-python']}"
    assert pip == "pip"
    (editable,) = packages["pip"]
    extras = re.fullmatch(r"-e \.\[([\w,]+)\]", editable)[1].split(",")
    assert set(extras) <= set(PROJECT["project"]["optional-dependencies"])
    assert "dev" in extras


def test_the_lock_pins_and_hashes_everything_and_names_no_index():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if entry and not entry.startswith("#")]
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]
    locked = {re.split(r"[\[=]", entry)[0].lower() for entry in entries}
    asked = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]
    for requirement in asked:
        assert re.match(r"[\w.-]+", requirement)[0].lower() in locked, requirement


def test_every_word_has_both_languages_and_one_meaning():
    home = {}
    for path in sorted((ROOT / "kamlib/words").glob("*.yml")):
        for key, pair in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            assert isinstance(pair, list), f"{path.name}: {key}"
            assert len(pair) == 2, f"{path.name}: {key}"
            assert all(isinstance(text, str) and text.strip() for text in pair), f"{path.name}: {key}"
            assert key not in home, f"{key} stands in {home.get(key)} and in {path.name}: keep one"
            home[key] = path.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(path):
    source = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source)), "say in a docstring what the module is for"
    if path.name not in DECLARATIONS:
        assert len(source.splitlines()) <= 320


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_are_short_and_public_ones_documented(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef):
            continue
        docstring = node.body[0] if ast.get_docstring(node) else None
        lines = node.end_lineno - node.body[0].lineno + 1
        if docstring:
            lines -= docstring.end_lineno - docstring.lineno + 1
        assert lines <= 40, f"{node.name} has {lines} lines: split it"


def test_nothing_in_kamlib_prints_or_shows():
    for path in MODULES:
        if {"cli", "batch"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in ("print", "plt.show"), f"{path.name}:{node.lineno} calls {name}"
