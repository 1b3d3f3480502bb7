"""The trainee's checker: right with the reason, wrong with a hint that grows more concrete, blank without judgement."""

import pytest

from kamlib.practice import Practice, Question, matches

QUESTION = Question(
    id="05.p9",
    answer=lambda data: 40.0,
    because=lambda data: ("Forty it is.", "正是四十。"),
    hints=(("one", "一"), ("two", "二"), ("three", "三")),
    tolerance=0.5,
    traps=((lambda data: 60.0, ("You left out the returns.", "漏了退货。")),),
)


@pytest.fixture
def check():
    practice = Practice.__new__(Practice)
    practice.data, practice.lang, practice.tries, practice.questions = None, "en", {}, {"05.p9": QUESTION}
    return practice


def test_blank_right_trap_and_growing_hints(check):
    assert check("05.p9", None).right is None
    assert repr(check("05.p9", 40.4)) == "Right. Forty it is."
    assert repr(check("05.p9", 60)) == "Not yet. You left out the returns."
    said = [repr(check("05.p9", 7)) for _ in range(4)]
    assert said == ["Not yet. Hint 1: one", "Not yet. Hint 2: two", "Not yet. Hint 3: three", "Not yet. Hint 3: three"]


def test_chinese(check):
    check.lang = "zh"
    assert repr(check("05.p9", 40)) == "正确。正是四十。"


def test_an_unknown_question_names_the_known_ones(check):
    with pytest.raises(KeyError, match="05.p9"):
        check("05.p1", 1)


@pytest.mark.parametrize(
    ("given", "right", "tolerance", "expected"),
    [
        (0.611, 0.61, 0.005, True), (0.62, 0.61, 0.005, False), ("no", 0.61, 1, False), ("Price ", "price", 0, True),
        (["B", "a"], {"A", "b"}, 0, True), ("AB", {"A", "B"}, 0, False), (None, 3.0, 0, False), (3, 3, 0, True),
    ],
)  # fmt: skip
def test_matches(given, right, tolerance, expected):
    assert matches(given, right, tolerance) is expected
