"""Exercises that run on a GPU only: skipped in one sentence elsewhere, at nobody's cost, and judged by a formula."""

import numpy as np
import pytest

from autograder.authoring.audit import audit
from autograder.authoring.mutation.survivors import find_survivors
from autograder.checks import COMPUTES, Case, KernelExercise
from autograder.course import catalogue
from autograder.course.answers import Answers
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.report import Status
from autograder.submission import Submission
from dlkit.extraction import Extraction
from tests.solutions.references import ROOT

NAME = "14_performance"
KERNELS = frozenset({"silu_kernel", "softmax_kernel"})


@pytest.fixture(scope="module")
def loaded():
    return catalogue.load(NAME, ROOT)


def graded(loaded, zygote, backend="numpy"):
    grader = Grader(loaded, zygote, Options(seed=2, only=KERNELS, backend=backend))
    return grader.grade(Submission("performance.py", Extraction(loaded.reference.chunks), ""))


def test_without_a_gpu_every_check_is_skipped_in_one_sentence(loaded, zygote):
    report = graded(loaded, zygote)
    verdicts = [verdict for exercise in report.exercises for verdict in exercise.verdicts]
    assert {verdict.status for verdict in verdicts} == {Status.SKIPPED}
    assert {verdict.sentence for verdict in verdicts} == {
        "runs on a GPU only (--backend cupy): here it neither earns points nor costs any"
    }


def test_what_is_skipped_is_no_part_of_the_maximum(loaded, zygote):
    report = graded(loaded, zygote)
    assert (report.points, report.max_points) == (0, 0)
    assert all(exercise.bonus for exercise in report.exercises)


def test_the_audit_counts_what_it_cannot_prove_here(loaded):
    found = audit(ROOT, [NAME], seed=3, only=KERNELS)
    assert found.failures == []
    exercises = [loaded.assignment.exercise(name) for name in KERNELS]
    assert found.left_out == sum(len(exercise.mistakes) for exercise in exercises) > 0
    assert found.mistakes == 0


def test_every_mistake_of_a_kernel_still_stands_in_its_text(loaded):
    for name in KERNELS:
        exercise = loaded.assignment.exercise(name)
        source = loaded.source_of(exercise)
        for mistake in exercise.mistakes:
            assert mistake.apply(source, name) != source


def test_what_is_expected_needs_no_reference(loaded):
    answers = Answers(loaded, 3)
    for name in sorted(KERNELS):
        exercise = loaded.assignment.exercise(name)
        for case, expected in answers.of(exercise, exercise.find(COMPUTES)):
            assert expected["the result"].shape == case.inputs["x"].shape
            assert expected["the result"].dtype == case.inputs["x"].dtype


# --- the judge, on functions of NumPy ---------------------------------------------------------


def cases(rng):
    yield Case(x=rng.normal(size=(3, 2)))


HALVED = KernelExercise("halved", cases=cases, formula=lambda x: x / 2)


class Subject:
    """A function, as checks see one."""

    def __init__(self, function):
        self.function = function

    def run(self, _name, *inputs, **arguments):
        return self.function(*inputs, **arguments)


def judged(function):
    check = HALVED.find(COMPUTES)
    found = []
    for case in check.cases(np.random.default_rng(0), None):
        observed = check.observe(Subject(function), case)
        found.append(check.judge(observed, check.expect(None, case, None), case))
    return [mismatch.sentence if mismatch else "" for mismatch in found]


def test_a_kernel_that_computes_the_formula_passes_in_both_dtypes():
    assert judged(lambda x: x * x.dtype.type(0.5)) == ["", ""]


def test_another_formula_fails():
    assert all("wrong" in sentence for sentence in judged(lambda x: x / 3))


def test_another_dtype_fails():
    assert judged(lambda x: (x / 2).astype("float64")) == ["", "the result: expected float32, got float64"]


@pytest.mark.gpu
def test_kernels_compute_on_a_gpu(loaded, zygote):
    pytest.importorskip("cupy", reason="CuPy is not installed here")
    report = graded(loaded, zygote, backend="cupy")
    assert [verdict.sentence for exercise in report.exercises for verdict in exercise.verdicts] == [""] * 4


def test_mutants_of_kernels_are_not_called_survivors():
    found = find_survivors(ROOT, [NAME], seed=3, only=KERNELS)
    assert (found.survivors, found.failures) == ([], [])
