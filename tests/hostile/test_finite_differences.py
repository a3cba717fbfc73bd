"""Classes 37 and 46: a correct forward, and a backward that gets its numbers from it, or from a copy of it."""

from dataclasses import replace

import pytest

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.worker import Zygote
from autograder.report import Status
from autograder.submission import Submission
from dlkit.extraction import take
from tests.autograder.conftest import untimed
from tests.hostile.conftest import LIMITS
from tests.hostile.harness import ROOT, tanh

FORWARD = "self.x = x\nreturn np.tanh(x)"
STEP = "(f(-2 * h) - 8 * f(-h) + 8 * f(h) - f(2 * h)) / (12 * h)"
"""Differences of fourth order: correct to more digits than are required."""
LINEAR = """
import numpy as np
from dlkit import Layer, Parameter


class Linear(Layer):
    def __init__(self, in_features, out_features, *, rng):
        self.W = Parameter(rng.normal(size=(in_features, out_features)))
        self.b = Parameter(np.zeros(out_features))

    def forward(self, x):
        self.x = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        x = self.x
        dx = self.slope(x, x, dy)
        self.W.grad += self.slope(self.W.data, x, dy)
        self.b.grad += self.slope(self.b.data, x, dy)
        return dx

    def slope(self, array, x, dy):
        found = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + 1
            above = self.forward(x)
            array[index] = kept - 1
            found[index] = ((above - self.forward(x)) * dy).sum() / 2
            array[index] = kept
        return found
"""
ELEMENT_BY_ELEMENT = f"""
x, h, dx = self.x, 1e-3, np.zeros_like(self.x)
for index in np.ndindex(x.shape):
    e = np.zeros_like(x)
    e[index] = 1
    f = lambda d: (self.forward(x + d * e) * dy).sum()
    dx[index] = {STEP}
return dx
"""
SUBMISSIONS = {
    "all elements at once": (
        "Tanh",
        tanh(FORWARD, f"x, h = self.x, 1e-3\nf = lambda d: self.forward(x + d)\nreturn dy * {STEP}"),
    ),
    "element by element": ("Tanh", tanh(FORWARD, ELEMENT_BY_ELEMENT)),
    "every weight by itself": ("Linear", LINEAR),
    "one complex step": ("Tanh", tanh(FORWARD, "return dy * self.forward(self.x + 1e-30j).imag / 1e-30")),
    "all steps in one call": (
        "Tanh",
        tanh(
            FORWARD,
            "x, h = self.x, 1e-3\na, b, c, d = self.forward(np.stack([x - 2 * h, x - h, x + h, x + 2 * h]))\n"
            "return dy * (a - 8 * b + 8 * c - d) / (12 * h)",
        ),
    ),
    "in a thread": (
        "Tanh",
        tanh(
            FORWARD,
            """
            import threading
            x, h, found = self.x, 1e-3, {}
            def run(d): found[d] = self.forward(x + d)
            for d in (-2 * h, -h, h, 2 * h):
                thread = threading.Thread(target=run, args=(d,))
                thread.start()
                thread.join()
            f = found.get
            return dy * """
            + STEP,
        ),
    ),
}

COPY = """
x, h, dx = self.x, 1e-3, np.zeros_like(self.x)
for index in np.ndindex(x.shape):
    for step, factor in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
        moved = x.copy()
        moved[index] += step * h
        dx[index] += factor * (np.tanh(moved) * dy).sum() / (12 * h)
return dx
"""
UNCOUNTED = {
    "a copy of the formula, number by number": ("Tanh", tanh(FORWARD, COPY)),
    "the counter of calls switched off": (
        "Tanh",
        tanh(FORWARD, f"sys.setprofile(None)\n{ELEMENT_BY_ELEMENT}", before="import sys"),
    ),
    "every weight by itself, by a copy": (
        "Linear",
        LINEAR.replace("self.forward(x)", "(x @ self.W.data + self.b.data)"),
    ),
}


def without_cost(loaded):
    """The assignment with the cost of gradients left unmeasured: the defence that these attack."""

    def free(exercise):
        return replace(exercise, checks=[replace(check, cost=None) for check in exercise.checks])

    exercises = [free(exercise) for exercise in loaded.assignment.exercises]
    return replace(loaded, assignment=replace(loaded.assignment, exercises=exercises))


@pytest.fixture(scope="module")
def zygote():
    with Zygote() as zygote:
        yield zygote


@pytest.mark.parametrize("how", SUBMISSIONS)
def test_a_backward_that_tries_out_forward_earns_nothing(zygote, how):
    name, source = SUBMISSIONS[how]
    loaded = untimed(catalogue.load("02_layers", ROOT), {name})
    grader = Grader(loaded, zygote, Options(seed=7, limits=LIMITS))
    (result,) = grader.grade(Submission("layers.py", take([("layers.py", 1, source)]), "")).exercises
    backward = [verdict for verdict in result.verdicts if verdict.part == "backward"]
    assert {verdict.status for verdict in backward} <= {Status.FAILED, Status.SKIPPED}
    assert sum(verdict.points for verdict in backward) == 0
    assert any("backward called forward" in verdict.sentence or "complex" in verdict.sentence for verdict in backward)
    assert any(verdict.points for verdict in result.verdicts if verdict.part == "forward")


@pytest.mark.parametrize("how", UNCOUNTED)
def test_differences_that_nobody_can_count_cost_too_much(zygote, how):
    name, source = UNCOUNTED[how]
    loaded = untimed(catalogue.load("02_layers", ROOT), {name})
    points = []
    for course in (loaded, without_cost(loaded)):
        grader = Grader(course, zygote, Options(seed=7))
        (result,) = grader.grade(Submission("layers.py", take([("layers.py", 1, source)]), "")).exercises
        backward = [verdict for verdict in result.verdicts if verdict.part == "backward"]
        points.append(sum(verdict.points for verdict in backward))
        if course is loaded:
            assert "calls of forward" in backward[0].sentence
    assert points[0] == 0 < points[1]


def test_computing_again_what_was_not_kept_is_no_trial(zygote):
    source = tanh(FORWARD, "return dy * (1 - self.forward(self.x) ** 2)")
    grader = Grader(untimed(catalogue.load("02_layers", ROOT), {"Tanh"}), zygote, Options(seed=7, limits=LIMITS))
    report = grader.grade(Submission("layers.py", take([("layers.py", 1, source)]), ""))
    assert report.points == report.max_points
