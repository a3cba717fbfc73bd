"""Class 42: what one exercise leaves behind for the next; and, of 15, answers remembered from another seed."""

import numpy as np
import pytest

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.worker import Zygote
from autograder.submission import Submission
from dlkit.extraction import take
from tests.autograder.conftest import untimed
from tests.hostile.conftest import LIMITS
from tests.hostile.harness import HEAD, ROOT, tanh

LEFT_BEHIND = """
class Tanh(Layer):
    def forward(self, x):
        {leave}
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return (1 - self.y**2) * dy


class ReLU(Layer):
    def forward(self, x):
        self.x = x
        return {take}(x, 0 * x)

    def backward(self, dy):
        return {take}(dy, 0 * dy) * (self.x > 0)
"""
PLACES = {
    "in NumPy": ("np.loot = np.maximum", "getattr(np, 'loot', lambda x, _: 0 * x)"),
    "in the class that layers are made from": ("Layer.loot = np.maximum", "getattr(Layer, 'loot', lambda x, _: 0 * x)"),
    "in a name of its own module": ("globals()['LOOT'] = np.maximum", "globals().get('LOOT', lambda x, _: 0 * x)"),
    "in a builtin": (
        "__import__('builtins').loot = np.maximum",
        "vars(__import__('builtins')).get('loot', lambda x, _: 0 * x)",
    ),
}


@pytest.fixture(scope="module")
def zygote():
    with Zygote() as zygote:
        yield zygote


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_left_for_the_next_exercise(zygote, place, threads):
    leave, found = PLACES[place]
    loaded = untimed(catalogue.load("02_layers", ROOT), {"Tanh", "ReLU"})
    chunks = take([("layers.py", 1, HEAD + LEFT_BEHIND.format(leave=leave, take=found))])
    report = Grader(loaded, zygote, Options(seed=7, limits=LIMITS, threads=threads)).grade(
        Submission("layers.py", chunks, "")
    )
    points = {result.name: result.points for result in report.exercises}
    assert points["Tanh"] > 0
    assert points["ReLU"] == 0


def test_answers_learnt_under_one_seed_are_worth_nothing_under_another(zygote):
    loaded = untimed(catalogue.load("02_layers", ROOT), {"Tanh"})
    learnt = Grader(loaded, zygote, Options(seed=1, limits=LIMITS))
    check = loaded.assignment.exercise("Tanh").find("forward matches the reference")
    inputs = [case.inputs["x"] for case, _ in learnt.answers.of(loaded.assignment.exercise("Tanh"), check)]
    table = {value: np.tanh(value) for x in inputs for value in np.ravel(getattr(x, "array", x)).tolist()}
    source = tanh("return np.vectorize(lambda value: KNOWN.get(float(value), 0.0))(x)", before=f"KNOWN = {table}")
    submission = Submission("layers.py", take([("layers.py", 1, source)]), "")
    assert learnt.grade(submission).points > 0
    assert Grader(loaded, zygote, Options(seed=2, limits=LIMITS)).grade(submission).points == 0
