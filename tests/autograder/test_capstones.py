"""A capstone is graded one training after the other: one that reaches its goal is enough."""

from dataclasses import replace

import numpy as np
import pytest

from autograder.checks import ModelExercise, Task
from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.grading.session import Session
from autograder.report import Status
from autograder.spec import Assignment
from autograder.submission import Submission
from dlkit.extraction import Extraction, take


def task(rng):
    """Two classes, distinguished by the sign of the only column."""
    x, x_test = rng.normal(size=(2, 40, 1))
    return Task(x, (x[:, 0] > 0).astype(int), x_test, (x_test[:, 0] > 0).astype(int))


MODEL = """
class Model:
    def __init__(self, sign):
        self.sign = sign

    def eval(self):
        pass

    def forward(self, x):
        return SCORES

def train_sign(x, y, *, rng):
    sign = 1 if y[x[:, 0].argmax()] else -1
    LUCK
    return Model(sign)
"""
SCORES = "__import__('numpy').concatenate([-x, x], axis=1) * self.sign"


@pytest.fixture
def graded(root, zygote, monkeypatch):
    """Grade a function that trains; the verdict, and how often it was called."""
    whole = catalogue.load("02_layers", root)
    exercise = ModelExercise("train_sign", task=task, accuracy=0.9, points=2, disguised="labels")
    loaded = replace(whole, assignment=Assignment("02_layers", title="Layers", exercises=[exercise]))
    alone = Session._observe_alone
    calls = []
    monkeypatch.setattr(Session, "_observe_alone", lambda *args: calls.append(1) or alone(*args))

    def grade(luck="pass", scores=SCORES, seed=0, threads=1):
        source = MODEL.replace("LUCK", luck).replace("SCORES", scores)
        grader = Grader(loaded, zygote, Options(seed=seed, threads=threads))
        submission = Submission("layers.py", Extraction(take([("cell 1", 1, source)]).chunks), "ab12")
        calls.clear()
        (verdict,) = grader.grade(submission).exercises[0].verdicts
        return verdict, len(calls)

    return grade


@pytest.mark.parametrize("threads", [1, 3])
def test_a_training_that_reaches_the_goal_is_the_last(graded, threads):
    verdict, trainings = graded(threads=threads)
    assert (verdict.status, verdict.points, trainings) == (Status.PASSED, 2, 1)


def test_after_a_miss_another_seed_is_tried(graded):
    """Half of all seeds fail; over ten gradings some need a second training, and some a third."""
    unlucky = "sign *= 1 if rng.random() < 0.5 else -1"
    found = [graded(unlucky, seed=seed) for seed in range(10)]
    assert {trainings for verdict, trainings in found if verdict.status is Status.PASSED} > {1}
    assert all(trainings == 3 for verdict, trainings in found if verdict.status is Status.FAILED)


def test_three_misses_fail_and_the_nearest_is_reported(graded):
    verdict, trainings = graded("sign *= -1")
    assert (verdict.status, verdict.points, trainings) == (Status.FAILED, 0, 3)
    assert verdict.sentence.endswith(", in the best of 3 trainings")


@pytest.mark.parametrize(
    ("luck", "scores", "said"),
    [("raise ValueError('no')", SCORES, "ValueError"), ("pass", "x[:3]", "scores"), ("pass", "None", "scores")],
)
def test_what_another_seed_would_not_change_is_tried_once(graded, luck, scores, said):
    verdict, trainings = graded(luck, scores)
    assert (verdict.status, trainings) == (Status.FAILED, 1)
    assert said in verdict.sentence or "the model's forward: expected" in verdict.sentence


def test_the_cases_are_three_seeds():
    (check,) = ModelExercise("train_sign", task=task, accuracy=0.9).checks
    assert check.name == "reaches 90 % on unseen data"
    assert len(check.cases(np.random.default_rng(0), None)) == 3
