"""The case studies under notebooks/cases: short, on a planted story, ended by a decision, and committed as they ran."""

import json
import re
from pathlib import Path

import pytest

from kamlib import words
from kamlib.batch import refresh
from kamlib.batch.plan import EXHIBIT, cases
from kamlib.sample import stories

ROOT = Path(__file__).parent.parent
CASES = cases(ROOT)
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)


def text_of(case):
    """Return everything in a case, outputs too, but pictures."""
    outputs = (o for cell in case.cells for o in cell.get("outputs", []))
    said = [
        json.dumps([v for k, v in o.get("data", o).items() if k != "image/png"], ensure_ascii=False) for o in outputs
    ]
    return "\n".join([*(cell["source"] for cell in case.cells), *said])


def test_there_are_five():
    assert [case.path.stem for case in CASES] == ["c1_segmentation", "c2_funnel", "c3_behaviour", "c4_team", "c5_trend"]


@each
def test_it_tells_situation_data_and_decision(case):
    prose = [cell["source"] for cell in case.cells if cell["cell_type"] == "markdown"]
    headings = re.findall(r"^## (.+)$", "\n".join(prose), re.MULTILINE)
    assert headings == ["The situation", "What the data say", "The decision"]
    assert "**Judge it by:**" in prose[-1]
    assert "**What would have misled us:**" in prose[-1]
    assert len(case.cells) <= 24
    assert all(len(source.splitlines()) <= 15 for source in case.code())
    assert len(case.code("nbval-check-output")) == 1


@each
def test_it_is_committed_as_it_ran(case):
    notebook = json.loads(case.path.read_text(encoding="utf-8"))
    meta = notebook["metadata"]["kamlib"]
    assert meta["sample"] == refresh.fingerprint(ROOT), "run `make notebooks`"
    assert meta["seal"] == refresh.seal(case.cells, meta["sample"]), "run `make notebooks`"
    assert case.path.stat().st_size <= 150_000
    assert all(id in words.LABELS for source in case.code() for id in EXHIBIT.findall(source))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("c1_segmentation", stories.GROWING_ACCOUNT), ("c2_funnel", "Proposal and quote"), ("c3_behaviour", "purchases moved"),
        ("c4_team", stories.MIX_REP), ("c5_trend", "Spring Festival"),
    ],
)  # fmt: skip
def test_it_finds_the_planted_story(name, found):
    assert found in text_of(next(case for case in CASES if case.path.stem == name))
