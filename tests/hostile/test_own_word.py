"""Class 45: numbers that the submission's own process reports.  They explain; points need what they cannot replace."""

from dataclasses import replace

import numpy as np
import pytest

from autograder.checks.judges import AGAIN
from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.worker import Zygote
from autograder.report import Status
from autograder.spec import Assignment
from autograder.submission import Submission
from dlkit.extraction import take
from tests.hostile.conftest import LIMITS
from tests.hostile.harness import ROOT, tanh

UNCHANGED, DEVICE = "inputs are not modified", "stays on the device"
SHOWS_COPIES = """
import sys

def show_copies():
    kinds = [getattr(module, "Executor", None) for module in list(sys.modules.values())]
    kind = next(kind for kind in kinds if isinstance(kind, type))
    if hasattr(kind, "shown"):
        return
    kind.shown, kind.real_put, kind.real_fetch = {}, kind.put, kind.fetch
    def put(self, handle, value):
        self.real_put(handle, value)
        kind.shown[handle] = np.array(value)
    def fetch(self, handle):
        return kind.shown[handle] if handle in kind.shown else self.real_fetch(handle)
    kind.put, kind.fetch = put, fetch
"""
CHANGES = tanh(
    "y = np.tanh(x)\nx *= 0.5\nself.y = y\nreturn y",
    "return dy * (1 - self.y**2)",
    before=SHOWS_COPIES + "\nshow_copies()\n",
    body="def __init__(self):\n    show_copies()",
)
TAKES = tanh(
    "x = getattr(x, '_host', x)\nself.y = np.tanh(x)\nreturn self.y",
    "dy = getattr(dy, '_host', dy)\nreturn dy * (1 - self.y**2)",
)


@pytest.fixture(scope="module")
def grade():
    """Grade a Tanh at the checks of its forward; the verdicts by check.  judged: replaces the judge of one check."""
    whole = catalogue.load("02_layers", ROOT)
    exercise = whole.assignment.exercise("Tanh")

    def course(judged):
        checks = [replace(each, judge=judged.get(each.name, each.judge)) for each in exercise.checks]
        assignment = Assignment(
            whole.assignment.name, title=whole.assignment.title, exercises=[replace(exercise, checks=checks)]
        )
        return replace(whole, assignment=assignment)

    with Zygote() as zygote:

        def graded(source, **judged):
            grader = Grader(course(judged), zygote, Options(seed=1, limits=LIMITS))
            (result,) = grader.grade(Submission("layers.py", take([("layers.py", 1, source)]), "")).exercises
            return {verdict.check: verdict for verdict in result.verdicts}

        yield graded


def first_look(observed, expected, case):
    """The inputs as the worker reports them: what decided before."""
    del expected
    same = all(np.array_equal(observed.get(name), x) for name, x in case.inputs.items())
    assert same, AGAIN


def test_inputs_that_are_shown_as_they_were_are_used_again(grade):
    verdict = grade(CHANGES)[UNCHANGED]
    assert (verdict.status, verdict.points) == (Status.FAILED, 0)
    assert AGAIN in verdict.sentence


def test_without_the_second_use_the_word_of_the_worker_would_do(grade):
    assert grade(CHANGES, **{UNCHANGED: first_look})[UNCHANGED].status is Status.PASSED


def test_what_opens_the_stand_in_is_named(grade):
    verdicts = grade(TAKES)
    verdict = verdicts[DEVICE]
    assert (verdict.status, verdict.points) == (Status.FAILED, 0)
    assert "opens the stand-in for a GPU" in verdict.sentence
    assert verdicts["forward matches the reference"].status is Status.PASSED
