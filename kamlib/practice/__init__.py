"""Questions for trainees: predict, compute, read a chart, decide. Answers are computed from the data in use.

    check = kam.Practice(data, "05", lang=lang)
    check("05.p1", 0.62)      # right, with the reason, or one of three hints that grow more concrete

Questions stand in this folder, one file per notebook, with the notebook's name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from kamlib import words
from kamlib.workspace import Data

Answer = float | int | str | set
Pair = tuple[str, str]
HOMES = {
    "01": "segmentation", "02": "relationships", "03": "funnel", "04": "lifecycle",
    "05": "finance", "06": "satisfaction", "07": "churn", "08": "appraisal", "09": "forecast", "10": "dossier",
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """One question. `answer(data)` computes the right answer; texts are (English, Chinese) pairs.

    `traps` are likely wrong answers, each with the hint that answers it (None: not wrong on this data). `because(data)` is the reason given when the
    answer is right. Numbers are right within `tolerance`; texts whatever their case; sets when equal.
    """

    id: str
    answer: Callable[[Data], Answer]
    because: Callable[[Data], Pair]
    hints: tuple[Pair, Pair, Pair]
    tolerance: float = 0.0
    traps: tuple[tuple[Callable[[Data], Answer | None], Pair], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What `check` says of an answer; `right` is None when none was given yet."""

    right: bool | None
    text: str

    def __repr__(self) -> str:
        return self.text


class Practice:
    """Checks answers to the questions of one notebook, locally and without keeping anything."""

    def __init__(self, data: Data, notebook: str, *, lang: str = "en") -> None:
        self.data, self.lang = data, lang
        self.questions = {q.id: q for q in import_module(f"kamlib.practice.{HOMES[notebook]}").QUESTIONS}
        self.tries: dict[str, int] = {}

    def __call__(self, id: str, answer: Answer | None) -> Verdict:
        """Return the verdict on `answer`; each wrong try on the same question brings a more concrete hint."""
        if id not in self.questions:
            raise KeyError(f"'{id}' is not a question here; questions: {', '.join(self.questions)}")
        question = self.questions[id]
        if answer is None or answer is ...:
            return Verdict(
                None,
                words.say(
                    self.lang,
                    "Not answered yet: put your answer in the place of None.",
                    "尚未作答：请把 None 换成你的答案。",
                ),
            )
        if matches(answer, question.answer(self.data), question.tolerance):
            return Verdict(True, self._pick(("Right. ", "正确。")) + self._pick(question.because(self.data)))
        for trap, hint in question.traps:
            wrong = trap(self.data)
            if wrong is not None and matches(answer, wrong, question.tolerance):
                return Verdict(False, self._pick(("Not yet. ", "还不对。")) + self._pick(hint))
        count = self.tries[id] = self.tries.get(id, 0) + 1
        step = min(count, len(question.hints))
        return Verdict(
            False,
            self._pick((f"Not yet. Hint {step}: ", f"还不对。提示 {step}：")) + self._pick(question.hints[step - 1]),
        )

    def _pick(self, pair: Pair) -> str:
        return pair[words.LANGUAGES.index(self.lang)]


def matches(given: Answer, right: Answer, tolerance: float) -> bool:
    """Return whether an answer is right: numbers within `tolerance`, texts whatever their case, sets when equal."""
    if isinstance(right, str):
        return str(given).strip().casefold() == right.casefold()
    if isinstance(right, set):
        return not isinstance(given, (str, int, float)) and {str(g).casefold() for g in given} == {
            str(r).casefold() for r in right
        }
    try:
        return math.isclose(float(given), float(right), rel_tol=1e-9, abs_tol=tolerance)
    except (TypeError, ValueError):
        return False
