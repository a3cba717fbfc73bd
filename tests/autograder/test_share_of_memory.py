"""Memory as a share of a large array, beyond the reference: what a step of AdamInPlace takes, seen from outside."""

from dataclasses import replace

import numpy as np
import pytest

from autograder.checks import Case, Memory, Seeded
from autograder.course.catalogue import load
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.grading.workplace import Context, Workplace
from autograder.isolation.launcher import Spawner
from autograder.measuring import memory
from autograder.report import Footprint, Status
from autograder.spec import Bench, Run, SpecError, Stored
from autograder.submission import Submission
from dlkit.extraction import Extraction

NAME, MATCHES = "sparing with memory", "20 steps match the reference"
LARGE = Seeded((9000, 1000))
SIZE = 36_000_000


@pytest.fixture(scope="module")
def loaded(root):
    """Assignment 14 with two checks of AdamInPlace."""
    whole = load("14_performance", root)
    exercise = whole.assignment.exercise("AdamInPlace")
    exercise = replace(exercise, checks=[exercise.find(MATCHES), exercise.find(NAME)])
    return replace(whole, assignment=replace(whole.assignment, exercises=[exercise]))


@pytest.fixture
def graded(loaded, zygote):
    """The verdict on the memory of AdamInPlace with these methods in place of the reference's."""

    def grade(methods="", launcher=zygote):
        (exercise,) = loaded.assignment.exercises
        source = loaded.source_of(exercise)
        chunks = loaded.variant(exercise, exercise.varied(source, methods) if methods else source)
        report = Grader(loaded, launcher, Options(seed=1)).grade(Submission("p.py", Extraction(chunks), ""))
        first, last = report.exercises[0].verdicts
        assert first.status is Status.PASSED
        return last

    return grade


STATE = """
def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    super().__init__(parameters, lr)
    self.betas, self.eps, self.t, self.own = betas, eps, 0, None
    self.m, self.v = self.new_state(), self.new_state()
    self.scratch = [{scratch} for p in self.parameters]
"""
STEP = """
def step(self):
    self.t += 1
    beta1, beta2 = self.betas
    for p, m, v, w in zip(self.parameters, self.m, self.v, self.scratch):
        {takes}
        np.subtract(p.grad, m, out=w)
        w *= 1 - beta1
        m += w
        np.multiply(p.grad, p.grad, out=w)
        w -= v
        w *= 1 - beta2
        v += w
        np.divide(v, 1 - beta2**self.t, out=w)
        np.sqrt(w, out=w)
        w += self.eps
        np.divide(m, w, out=w)
        w *= self.lr / (1 - beta1**self.t)
        p.data -= w
"""


def adam(takes="pass", scratch="np.zeros(p.shape, p.data.dtype)"):
    """An Adam that works in place, apart from what it ``takes`` before."""
    return STATE.format(scratch=scratch) + STEP.format(takes=takes)


MODEST = {
    "the reference": "",
    "zeros that are in memory only when they are written to": adam(),
    "a tenth of the parameter": adam("np.ones(m.size // 10, m.dtype)"),
}
WASTEFUL = {
    "an array for one product": adam("(1 - beta1) * p.grad"),
    "an array in place of the scratch array": adam("w = np.empty_like(m)", "None"),
}
IN_ADVANCE = {
    "an array that the first step makes": adam("self.own = np.zeros_like(m) if self.own is None else self.own"),
    "an array in the first step, then none": adam("self.own = np.ones_like(m)[:0] if self.own is None else self.own"),
}


@pytest.mark.parametrize("kind", MODEST)
def test_steps_that_take_next_to_nothing_pass(kind, graded):
    verdict = graded(MODEST[kind])
    assert (verdict.status, verdict.sentence) == (Status.PASSED, "")
    assert verdict.measurement.reference_peak < 1e6


@pytest.mark.parametrize("kind", WASTEFUL)
def test_steps_that_make_arrays_fail(kind, graded):
    verdict = graded(WASTEFUL[kind])
    assert (verdict.status, verdict.points) == (Status.FAILED, 0)
    assert "uses too much memory" in verdict.sentence
    assert "× the parameter beyond the reference’s memory (" in verdict.measurement.words


@pytest.mark.parametrize("kind", IN_ADVANCE)
def test_what_an_earlier_step_took_counts_as_well(kind, graded, monkeypatch):
    assert graded(IN_ADVANCE[kind]).status is Status.FAILED
    monkeypatch.setattr(memory, "used", lambda ours, _theirs: ours.grew)  # the growth in the last step alone
    assert graded(IN_ADVANCE[kind]).status is Status.PASSED


def test_a_step_that_leaves_out_large_parameters_fails(graded):
    verdict = graded(adam("if m.size > 1_000_000: continue"))
    assert verdict.status is Status.FAILED
    assert "some rows of the parameter" in verdict.sentence


def test_where_memory_cannot_be_measured_it_costs_nothing(graded):
    with Spawner() as spawner:
        verdict = graded(launcher=spawner)
    assert (verdict.status, verdict.sentence) == (Status.SKIPPED, "memory is measured on Linux")


@pytest.mark.parametrize(("kind", "status"), [("", Status.PASSED), ("an array for one product", Status.FAILED)])
def test_a_learner_is_measured_beside_the_stored_peak(kind, status, loaded, zygote):
    (exercise,) = loaded.assignment.exercises
    source, check = loaded.source_of(exercise), exercise.find(NAME)
    text = exercise.varied(source, WASTEFUL[kind]) if kind else source
    options = Options(seed=1)
    submission = Submission("p.py", Extraction(loaded.variant(exercise, text)), "")
    place = Workplace(Context(loaded, zygote, options), exercise, submission, loaded.earlier)
    nothing = loaded.subject(exercise)
    bench = Bench(lambda: place.fresh(options.limits), None, None, nothing, np.random.default_rng(1))
    judged = check.budget.estimate(check, bench, Stored("", peak=50_000))
    assert (judged.status, judged.measurement.estimated) == (status, True)
    assert check.budget.estimate(check, bench, Stored("")) is None


# --- how it is written -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "inputs", "against", "why"),
    [
        ("parameter", {"parameter": LARGE}, "frozen", "is measured against the reference"),
        ("parameter", {"parameter": (9000, 1000)}, "reference", "'parameter', which is no Seeded input"),
        ("gradient", {"parameter": LARGE}, "reference", "'gradient', which is no Seeded input"),
        ("parameter", {"parameter": Seeded((100, 100))}, "reference", "has 40000 bytes"),
    ],
)
def test_a_share_is_one_of_a_large_input(of, inputs, against, why):
    with pytest.raises(SpecError, match=why):
        Memory(Case(**inputs), at_most=0.1, of=of, against=against)


def test_the_share_is_of_the_bytes_beyond_the_reference():
    share = Memory(Case(parameter=LARGE), at_most=0.1, of="parameter")
    assert share.size == SIZE
    assert share.ratio(SIZE + 50_000, 50_000) == 1
    assert share.ratio(0, 50_000) == share.ratio(90_000, 50_000) == memory.FLOOR / SIZE
    assert replace(share, dtype="float64").size == 2 * SIZE


def test_a_seeded_input_has_a_seed_for_every_call():
    run, rng = Run(Case(parameter=LARGE), "float64"), np.random.default_rng(0)
    first, second = (run.draw(rng).inputs["parameter"] for _ in range(2))
    assert first.seed != second.seed
    assert (first.shape, first.dtype) == (LARGE.shape, "float64")
    assert run.draw(rng).describe() == "parameter (9000, 1000)"


def test_words_and_unit_name_the_array():
    figures = Footprint(0.99, 0.125, 35_800_000, 50_000, of="parameter")
    assert figures.words.startswith("0.99 × the parameter beyond the reference’s memory (35.8 MB at its peak against")
    assert figures.unit == "× the parameter"
    assert Footprint(1.1, 2.0, 2, 2).unit == "× the reference"
