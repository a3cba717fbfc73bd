"""Mistakes in the random code of 05 are recognised in draws that were never seen before."""

from dataclasses import replace

import pytest

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.submission import Submission
from dlkit.extraction import Extraction
from tests.autograder.conftest import QUICK, ROOT
from tests.sampling import parameters

LOADED = catalogue.load("05_regularization", ROOT)
GENERATOR = dict.fromkeys(("normal_init", "xavier_init", "he_init", "gaussian_noise"), "rng")
GENERATOR |= dict.fromkeys(("random_shift", "random_flip", "random_crop"), "rng") | {"Mixup": "self.rng"}
"""Of every exercise that draws, but for Dropout: the name of the generator where it draws."""
MISTAKES = [(e, m) for e in LOADED.assignment.exercises if e.name in GENERATOR for m in e.mistakes]
BEGIN = "### BEGIN SOLUTION\n"


@pytest.fixture(scope="module")
def grader(zygote):
    return Grader(LOADED, zygote, Options(seed=11, limits=QUICK))


def with_other_draws(source, generator):
    """The source, with ten numbers drawn and thrown away first."""
    head, _, body = source.partition(BEGIN)
    indent = body[: len(body) - len(body.lstrip())]
    return f"{head}{BEGIN}{indent}{generator}.random(10)\n{body}"


@pytest.mark.parametrize(
    ("exercise", "mistake"),
    parameters(MISTAKES, lambda pair: GENERATOR[pair[0].name], lambda pair: f"{pair[0].name}: {pair[1].name}"),
)
def test_a_mistake_is_recognised_whatever_is_drawn(grader, exercise, mistake):
    source = with_other_draws(mistake.apply(LOADED.source_of(exercise), exercise.name), GENERATOR[exercise.name])
    chunks = (replace(c, source=source) if c.defines == (exercise.name,) else c for c in LOADED.reference.chunks)
    grader.limit_to({exercise.name})
    [result] = grader.grade(Submission("regularization.ipynb", Extraction(tuple(chunks)), "")).exercises
    first = next(v for v in result.verdicts if str(v.status) not in ("passed", "skipped"))
    assert first.mistake == mistake.name
