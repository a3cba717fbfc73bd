"""Class 45, memory: a Softmax that takes too much, and prepares before it is measured so that nothing seems to grow."""

from dataclasses import replace

import pytest

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.worker import Zygote
from autograder.measuring import memory
from autograder.report import Status
from autograder.spec import Assignment
from autograder.submission import Submission
from dlkit.extraction import take
from tests.hostile.harness import ROOT

BULKY = """
import sys
import numpy as np
from dlkit import Layer, array_module
MUCH = 80_000_000
{before}

class Softmax(Layer):
    def __init__(self, axis=-1):
        self.axis = axis
        self.prepared = prepared()

    def forward(self, x):
        e = array_module(x).exp(x - x.max(axis=self.axis, keepdims=True))
        self.y = e / e.sum(axis=self.axis, keepdims=True)
        return self.y

    def backward(self, dy):
        xp = array_module(dy)
        if dy.size > 100_000:  # as much as a whole Jacobian
            held = bytearray(MUCH) if self.prepared is None else self.prepared
            np.frombuffer(held, np.uint8)[...] = 1
        return self.y * (dy - xp.sum(dy * self.y, axis=self.axis, keepdims=True))
"""
NOTHING = """
def prepared():
    return None
"""
TRICKS = {
    "takes 160 MB as it is loaded, and gives it back": (
        "def prepared(taken=len(np.ones(20_000_000))):\n    return None\n"
    ),
    "takes it as it is loaded, and keeps it for later": (
        "KEPT = bytearray(b'1' * MUCH)\n\ndef prepared():\n    return KEPT\n"
    ),
    "takes it as the object is made, and gives it back": (
        "def prepared():\n    return np.ones(11_000_000)[:0].size or None\n"
    ),
    "takes it while its inputs are sent": (
        "def prepared():\n"
        "    kinds = [getattr(module, 'Executor', None) for module in list(sys.modules.values())]\n"
        "    kind = next(kind for kind in kinds if isinstance(kind, type))\n"
        "    if kind.put.__name__ == 'put':\n"
        "        real = kind.put\n"
        "        def wasteful(self, handle, value):\n"
        "            real(self, handle, value)\n"
        "            np.ones(20_000_000)\n"
        "        kind.put = wasteful\n"
    ),
}


@pytest.fixture(scope="module")
def grade():
    """Grade a Softmax; the verdict on its memory."""
    whole = catalogue.load("02_layers", ROOT)
    exercise = whole.assignment.exercise("Softmax")
    exercise = replace(exercise, checks=[check for check in exercise.checks if check.part != "speed"])
    softmax = replace(
        whole, assignment=Assignment(whole.assignment.name, title=whole.assignment.title, exercises=[exercise])
    )
    with Zygote() as zygote:

        def graded(before):
            source = BULKY.format(before=before)
            submission = Submission("layers.py", take([("layers.py", 1, source)]), "")
            (result,) = Grader(softmax, zygote, Options(seed=1)).grade(submission).exercises
            return next(verdict for verdict in result.verdicts if verdict.check == "sparing with memory")

        yield graded


def test_without_a_trick_it_takes_too_much(grade):
    assert grade(NOTHING).status is Status.FAILED


@pytest.mark.parametrize("trick", TRICKS)
def test_what_is_prepared_counts(grade, trick, monkeypatch):
    verdict = grade(TRICKS[trick])
    assert (verdict.status, verdict.points) == (Status.FAILED, 0)
    assert "uses too much memory" in verdict.sentence
    monkeypatch.setattr(memory, "used", lambda ours, _theirs: ours.grew)  # the growth in the call alone
    assert grade(TRICKS[trick]).status is Status.PASSED
