"""Kinds of measurement: what each has, and that one more is a class and nothing else."""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import msgspec
import pytest

from autograder.checks import Case, FunctionExercise, LayerExercise, LossExercise
from autograder.course.catalogue import load
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.measuring import KINDS
from autograder.measuring.ratio import Ratio
from autograder.report import Footprint, Pace, Report, Status
from autograder.spec import Assignment, Check, Points, SpecError
from autograder.spec.comparison import compare_all
from autograder.submission import Submission
from dlkit.extraction import Extraction


@pytest.mark.parametrize("word", ["name", "part", "variant", "cost", "advice"])
def test_every_kind_says_of_itself_what_it_is(word):
    found = [getattr(kind, word) for kind in KINDS]
    assert all(found)
    assert len(set(found)) == len(KINDS)


def test_a_check_that_measures_nothing_cannot_be_measured():
    check = Check("is right", "forward", 1.0, cases=None, observe=None, judge=None)
    with pytest.raises(SpecError, match="“is right” measures nothing"):
        check.prepare(None, None)


@pytest.mark.parametrize("make", [FunctionExercise, LayerExercise, partial(LossExercise, gradient_of=("x",))])
def test_exercises_of_every_kind_take_budgets_of_every_kind(make):
    size = Size(Case(x=(2, 2)), at_most=1.5)
    check = make("f", cases=lambda _: [], budgets=[size]).find("returns small numbers")
    assert (check.part, check.budget) == ("size", size)


# --- one more kind ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Size(Ratio):
    """A limit on the bytes of what is returned."""

    name: ClassVar[str] = "returns small numbers"
    part: ClassVar[str] = "size"
    variant: ClassVar[str] = "bulky"
    cost: ClassVar[str] = "size"
    advice: ClassVar[str] = "Look at the dtype of what you return."

    def measure(self, check, bench):
        case = bench.cases(check)[0]
        sizes = []
        for side in (bench.code, bench.reference):
            with side() as subject:
                sizes.append(sum(x.nbytes for x in check.observe(subject, case).values()))
        ours, theirs = sizes
        ratio = ours / theirs
        within = self.half_at is not None and ratio <= self.half_at
        figures = Footprint(ratio, self.at_most, ours, theirs, half_limit=self.half_at, within_half=within)
        return self.judge(figures, "correct, but it returns more bytes than it must")

    def estimate(self, *_):
        return None


@pytest.fixture
def graded(root, zygote):
    """Grade ReLU, that has a check of one more kind, with this line in its forward: the report."""
    loaded = load("02_layers", root)
    exercise = loaded.assignment.exercise("ReLU")
    timed = exercise.find("fast enough")

    def grade(line="", half_at=None):
        size = Size(timed.budget.case, at_most=1.2, half_at=half_at)
        checks = [check for check in exercise.checks if not check.budget]
        checks += [replace(timed, name=size.name, part=size.part, budget=size, judge=compare_all)]
        points = Points(forward=1, backward=2, size=1)
        whole = Assignment("02_layers", title="", exercises=[replace(exercise, checks=checks, points=points, hints={})])
        chunks = [
            replace(chunk, source=chunk.source.replace("return array_module(x).clip(x, 0, np.inf)", line))
            if line and "ReLU" in chunk.defines
            else chunk
            for chunk in loaded.reference.chunks
        ]
        return Grader(replace(loaded, assignment=whole), zygote, Options(seed=1)).grade(
            Submission("layers.py", Extraction(tuple(chunks)), "")
        )

    return grade


WIDE = "return np.maximum(x, 0).astype('float64')"


@pytest.mark.parametrize(
    ("line", "half_at", "status", "points"),
    [("", None, Status.PASSED, 1.0), (WIDE, None, Status.FAILED, 0.0), (WIDE, 3.0, Status.FAILED, 0.5)],
    ids=["small", "large", "large, within the second limit"],
)
def test_a_new_kind_needs_a_class_and_nothing_else(line, half_at, status, points, graded):
    report = graded(line, half_at)
    verdict = report.exercises[0].verdicts[-1]
    assert (verdict.check, verdict.part, verdict.status, verdict.points) == (
        "returns small numbers",
        "size",
        status,
        points,
    )
    assert (verdict.measurement.pace is Pace.OVER) is (status is Status.FAILED)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
