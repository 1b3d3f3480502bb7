"""Every case of the corpus in `hostile`: imported with the very rows and money, or refused in a sentence; never a stack
trace, a hang, more than 4 GiB, or a row lost unseen."""

from __future__ import annotations

import pytest
from hostile import cases
from hostile.run import faults, run_all

CASES = cases()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What every case gave; they run in processes of their own, so that none can harm this one."""
    return run_all(CASES, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_is_imported_right_or_refused_in_a_sentence(outcomes, case):
    outcome = outcomes[case.name]
    assert not faults(case, outcome), outcome.text


def test_the_corpus_is_large_and_no_case_stands_twice():
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)
    files = [(str(sorted(case.files.items(), key=lambda item: item[0])), case.mapping) for case in CASES]
    assert len(set(files)) == len(CASES), "two cases bring the same files"
