"""Memory: measured from outside, as a ratio, and reported in megabytes."""

from dataclasses import replace

import pytest

from autograder.course.catalogue import load
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.launcher import Spawner
from autograder.isolation.worker import Worker
from autograder.measuring import memory
from autograder.report import Footprint, Status
from autograder.spec import Assignment
from autograder.subject import RemoteSubject
from autograder.submission import Submission
from dlkit.extraction import Extraction

NAME = "sparing with memory"


@pytest.fixture
def softmax(root):
    loaded = load("02_layers", root)
    whole = loaded.assignment
    exercise = replace(
        whole.exercise("Softmax"), checks=[c for c in whole.exercise("Softmax").checks if c.part != "speed"]
    )
    return replace(loaded, assignment=Assignment(whole.name, title=whole.title, exercises=[exercise]))


@pytest.fixture
def graded(softmax, zygote):
    """Grade Softmax with these methods in place of the reference's; the memory check's verdict."""

    def grade(methods="", launcher=zygote):
        (exercise,) = softmax.assignment.exercises
        chunks = [
            replace(chunk, source=exercise.varied(chunk.source, methods)) if "Softmax" in chunk.defines else chunk
            for chunk in softmax.reference.chunks
        ]
        report = Grader(softmax, launcher, Options(seed=1)).grade(
            Submission("layers.py", Extraction(tuple(chunks)), "")
        )
        return next(verdict for verdict in report.exercises[0].verdicts if verdict.check == NAME)

    return grade


def test_the_reference_takes_its_own_memory(graded):
    verdict = graded()
    assert verdict.status is Status.PASSED
    assert 0.7 < verdict.measurement.ratio < 1.4
    assert verdict.measurement.reference_peak > 1e6


def test_a_whole_jacobian_is_too_much_and_is_said_in_megabytes(graded, softmax):
    (exercise,) = softmax.assignment.exercises
    verdict = graded(exercise.variants["bulky"])
    assert (verdict.status, verdict.points) == (Status.FAILED, 0)
    assert verdict.measurement.ratio > 10
    assert verdict.sentence.startswith("correct, but uses too much memory")
    assert "× the reference’s memory (" in verdict.measurement.words
    assert "MB at its peak against" in verdict.measurement.words


KEEPS = """
def forward(self, x):
    e = array_module(x).exp(x - x.max(axis=self.axis, keepdims=True))
    self.history = [x + n for n in range(40)]
    self.y = e / e.sum(axis=self.axis, keepdims=True)
    return self.y
"""


def test_what_stays_after_the_call_is_said(graded):
    verdict = graded(KEEPS)
    assert verdict.status is Status.FAILED
    assert "MB stay allocated after the call" in verdict.sentence


def test_what_is_given_back_before_the_end_still_counts(graded):
    methods = """
def backward(self, dy):
    spent = np.ones(20_000_000)
    del spent
    return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))
"""
    verdict = graded(methods)
    assert verdict.status is Status.FAILED
    assert verdict.measurement.peak > 1.5e8
    assert verdict.measurement.kept < 5e7


def test_where_memory_cannot_be_measured_it_costs_nothing(graded):
    with Spawner() as spawner:
        verdict = graded(launcher=spawner)
    assert verdict.status is Status.SKIPPED
    assert verdict.sentence == "memory is measured on Linux"


def test_a_wrong_output_while_measured_fails(graded):
    verdict = graded("\ndef backward(self, dy):\n    return 0 * dy if dy.size > 100_000 else super().backward(dy)\n")
    assert verdict.status is not Status.PASSED


def test_the_peak_of_a_worker_is_seen_from_outside(zygote):
    source = "import numpy as np\ndef f(n): return float(np.ones(n).sum())\n"
    with Worker(zygote) as worker:
        worker.ask("load", name="work", chunks=[["work.py", 1, source]])
        before, _ = worker.memory()
        RemoteSubject(worker).run("f", 10_000_000)
        after, peak = worker.memory()
    assert peak - before > 7e7
    assert after - before < 2e7


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (Footprint(5.31, 2.0, 12_000_000, 2_300_000), "uses too much memory"),
        (
            Footprint(5.31, 2.0, 12_000_000, 2_300_000, kept=8_000_000),
            "uses too much memory; 8.0 MB stay allocated after the call",
        ),
    ],
)
def test_the_sentence(figures, said):
    assert memory.sentence(figures) == said
