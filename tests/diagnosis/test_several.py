"""What is said of two mistakes at once, of nearly a planted one, and of an exercise that uses a wrong one."""

from dataclasses import replace

import pytest

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.report import Status
from autograder.submission import Submission
from dlkit.extraction import Extraction
from tests.diagnosis.judging import ROOT


@pytest.fixture(scope="module")
def launcher():
    with open_launcher() as launcher:
        yield launcher


def graded(launcher, assignment, exercise, edits, only=()):
    """Results of the reference with these edits of one exercise, without training and measuring."""
    loaded = catalogue.load(assignment, ROOT)
    untimed = [
        replace(each, checks=[check for check in each.checks if not check.budget])
        for each in loaded.assignment.exercises
        if not each.capstone
    ]
    grader = Grader(
        replace(loaded, assignment=replace(loaded.assignment, exercises=untimed)), launcher, Options(seed=5)
    )
    source = loaded.source_of(loaded.assignment.exercise(exercise))
    for correct, wrong in edits:
        assert source.count(correct) == 1
        source = source.replace(correct, wrong)
    grader.limit_to({exercise, *only})
    chunks = loaded.variant(loaded.assignment.exercise(exercise), source)
    return {result.name: result for result in grader.grade(Submission("hand_in.py", Extraction(chunks), "")).exercises}


def first_failure(result):
    return next(verdict for verdict in result.verdicts if verdict.status is Status.FAILED)


def test_a_planted_mistake_and_something_else_are_both_explained(launcher):
    edits = [
        ("xp.multiply(active, to_z[t], out", "xp.multiply(active, -to_z[t], out"),
        ("self.bn.grad += du[:, 2 * hidden :].sum(axis=0)", "self.bn.grad += 2 * du[:, 2 * hidden :].sum(axis=0)"),
    ]
    failure = first_failure(graded(launcher, "07_recurrent", "GRU", edits)["GRU"])
    assert failure.mistakes == ["reverses the sign of the update gate"]
    assert failure.pattern == "factor 2"
    assert "dbn is the expected value times 2" in failure.hint


def test_nearly_a_planted_mistake_is_named(launcher):
    wrong = "p = self.probability\n        return (p - self.target) / (p * (1 - p) + 1e-9) / p.size"
    edits = [("return (self.probability - self.target) / self.probability.size", wrong)]
    failure = first_failure(graded(launcher, "03_losses", "BinaryCrossEntropy", edits)["BinaryCrossEntropy"])
    assert failure.mistakes == ["gives the gradient by the probability"]


def test_small_errors_of_another_kind_are_not_taken_for_a_planted_mistake(launcher):
    edits = [("xp.maximum(squares, 0, out=squares)", "squares = xp.maximum(squares, 0) + 1e-8")]
    result = graded(launcher, "01_foundations", "pairwise_distances", edits)["pairwise_distances"]
    failure = first_failure(result)
    assert failure.check == "nearly equal rows have a distance"
    assert failure.mistakes == []


def test_an_exercise_that_uses_a_wrong_one_says_so(launcher):
    edits = [("+= columns[:, :, i, j]", "= columns[:, :, i, j]")]
    results = graded(launcher, "06_convolution", "col2im", edits, only={"Conv2d", "im2col"})
    failure = first_failure(results["Conv2d"])
    assert failure.sentence.endswith("; col2im, which it uses, is not correct yet: correct that first")
    assert "which it uses" not in first_failure(results["col2im"]).sentence
    assert all(verdict.status is Status.PASSED for verdict in results["im2col"].verdicts)
