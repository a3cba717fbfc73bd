"""Hints, one at a time: where to look, the formula, the step.  Never the code.

Each comes from the author if the exercise has ``hints``, else from the verdict, the docstring and the notebook.
"""

from __future__ import annotations

import ast
import contextlib
import re
from typing import TYPE_CHECKING

from msgspec import structs

from autograder.learner import state
from autograder.learner.formulas import formulas, prose
from autograder.learner.records import Hint, Hinted
from autograder.measuring import KINDS as MEASURED
from autograder.render.reading import RIGHT
from autograder.report import WAITS, ExerciseResult, Status, Verdict

if TYPE_CHECKING:
    from autograder.learner.work import Work
    from autograder.spec import Exercise

__all__ = ["FORMULA", "KINDS", "about", "ladder", "next_hint", "no_more", "shown", "without_step"]

FORMULA = "the formula"
KINDS = ("where to look", FORMULA, "the step")
MOST_FORMULAS = 4


def about(result: ExerciseResult) -> str:
    """What a verdict says, without its numbers: when this changes, hints start again."""
    return "; ".join(
        f"{v.check}: {v.status} {v.mistake or v.pattern}".strip() for v in result.verdicts if v.status not in RIGHT
    )


def shown(work: Work, result: ExerciseResult) -> list[Hint]:
    """The hints that were already given for this verdict."""
    known = state.read(work.loaded.root).hinted.get(state.key(work.assignment.name, result.name))
    count = known.shown if known and known.about == about(result) else 0
    return ladder(work, result)[:count]


def next_hint(work: Work, result: ExerciseResult) -> Hint | None:
    """The next hint, remembered as given; None if all were given or none is needed."""
    hints, before = ladder(work, result), len(shown(work, result))
    if before >= len(hints):
        return None
    name = state.key(work.assignment.name, result.name)
    fresh = Hinted(about(result), before + 1)
    state.change(work.loaded.root, lambda known: known.hinted.update({name: fresh}))
    return hints[before]


def no_more(result: ExerciseResult) -> str:
    """Say why there is no further hint."""
    if result.status in RIGHT:
        return f"{result.name} is correct: no hint is needed."
    if result.status is Status.BROKEN:
        return f"The grader itself failed on {result.name}; it is not your mistake, so there is no hint."
    return "You have seen every hint for this verdict. Change something, and save."


def without_step(result: ExerciseResult) -> ExerciseResult:
    """The result as it is shown beside hints: the hint of a diagnosed mistake is their last step, shown on request."""
    kept = [structs.replace(v, hint="") if v.mistake else v for v in result.verdicts]
    return structs.replace(result, verdicts=kept)


def ladder(work: Work, result: ExerciseResult) -> list[Hint]:
    """Every hint for the first check that did not pass; none if all passed or the grader itself failed."""
    verdict = _first_wrong(result)
    if verdict is None or result.status is Status.BROKEN:
        return []
    exercise = work.assignment.exercise(result.name)
    authored = list(exercise.hints.get(verdict.part, ()))
    derived = _Derived(work, exercise, result, verdict)
    texts = [
        f"Look at {derived.title}. {authored[0]}" if authored and not derived.elsewhere else derived.nudge(),
        authored[1] if len(authored) > 1 else derived.formula(),
        (verdict.hint if verdict.mistake else "") or (authored[-1] if len(authored) == len(KINDS) else derived.step()),
    ]
    given = [(kind, text) for kind, text in zip(KINDS, texts, strict=True) if text]
    return [Hint(result.name, i, len(given), kind, text) for i, (kind, text) in enumerate(given, 1)]


def _first_wrong(result: ExerciseResult) -> Verdict | None:
    kinds = [Status.FAILED, Status.NOT_ATTEMPTED, *([Status.SKIPPED] if result.status is Status.SKIPPED else [])]
    return next((verdict for kind in kinds for verdict in result.verdicts if verdict.status is kind), None)


class _Derived:
    """Hints that need no author: from the verdict, the docstring and the section of the notebook."""

    def __init__(self, work: Work, exercise: Exercise, result: ExerciseResult, verdict: Verdict) -> None:
        self.exercise, self.result, self.verdict = exercise, result, verdict
        part = verdict.part if verdict.part in exercise.parts else exercise.parts[0]
        self.backward = part == "backward"
        self.title = f"{exercise.name}.{part}" if exercise.is_class else exercise.name
        self.measured = next((kind for kind in MEASURED if kind.part == verdict.part), None)
        if self.measured:
            self.title = f"the {self.measured.cost} of {exercise.name}"
        sentences = {one.sentence for one in result.verdicts}
        self.everywhere = len(sentences) == 1 and verdict.status is Status.FAILED
        self.elsewhere = verdict.status is Status.SKIPPED or (self.everywhere and len(result.verdicts) > 1)
        self.prose = prose(work.path, work.submission.extraction.text, exercise.name)
        source = work.sources.get(exercise.name, "")
        self.docstring, self.signature = _described(source, exercise, part)

    def nudge(self) -> str:
        """Where to look."""
        sentence = self.verdict.sentence
        if self.verdict.status is Status.NOT_ATTEMPTED:
            example = " Work the example of the notebook by hand before you write." if "By hand" in self.prose else ""
            return f"{sentence}. Its docstring describes inputs and outputs.{example}"
        if self.verdict.status is Status.SKIPPED:
            return f"{self.exercise.name} {sentence}." if sentence.startswith(WAITS) else f"{sentence}."
        if self.everywhere:
            return sentence  # the whole exercise fails for one reason, such as a syntax error
        where = f" Its result: {self.verdict.places}." if self.verdict.places else ""
        right = [part for part, status in self.result.parts().items() if status in RIGHT]
        other = f" Already correct: {', '.join(right)}." if right else ""
        return f"Look at {self.title}: “{self.verdict.check}” is the first of its checks to fail.{where}{other}"

    def formula(self) -> str:
        """The formula, from the docstring's first line and the notebook's section; none for speed and memory."""
        if self.measured:
            return ""
        _, colon, stated = self.docstring.partition("\n")[0].partition(":  ")
        found = [stated] if colon and not self.backward else []
        found += formulas(self.prose, backward=self.backward)
        if not found and colon:
            found = [stated]
        kept = [one for i, one in enumerate(found) if not any(later.startswith(one) for later in found[i + 1 :])]
        return "; ".join(kept[:MOST_FORMULAS])

    def step(self) -> str:
        """The next thing to do: the part to be written with its shapes, or what the verdict shows."""
        if self.measured and self.verdict.status is not Status.NOT_ATTEMPTED:
            return self.measured.advice
        shapes = _shapes(self.docstring)
        said = f" Shapes: {shapes}." if shapes else ""
        if self.backward:
            said += " A gradient has the shape of its variable: dx that of x, dy that of y."
        if self.verdict.status is Status.NOT_ATTEMPTED:
            return f"Write {self.title}{self.signature}.{said}"
        return f"Take the smallest input, compute {self.title} by hand, and compare it with a print of each line.{said}"


def _described(source: str, exercise: Exercise, part: str) -> tuple[str, str]:
    """The docstring of an exercise and the signature of a part; empty where the text does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "", ""
    docstring, signature = "", ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == exercise.name:
            docstring = ast.get_docstring(node) or ""
        if isinstance(node, ast.FunctionDef) and node.name == part:
            with contextlib.suppress(ValueError, RecursionError):
                signature = f"({re.sub(r'^self(?:, )?', '', ast.unparse(node.args))})"
    return docstring, signature


def _shapes(docstring: str) -> str:
    """The lines below ``Shapes``, as one: ``x (batch, in_features), y (batch, out_features)``."""
    lines = docstring.partition("\nShapes\n")[2].splitlines()
    kept: list[str] = []
    for line in lines:
        if not line.startswith(" "):
            break
        kept += [" ".join(piece.split()) for piece in re.split(r"\s{4,}", line.strip())]
    return "; ".join(kept)
