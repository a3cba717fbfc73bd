"""Incorrect implementations by strangers lose a point."""

from pathlib import Path

import pytest

from autograder.course import catalogue
from autograder.isolation.launcher import open_launcher
from autograder.submission import Submission
from dlkit.extraction import Extraction
from tests.diagnosis.judging import Judges
from tests.diagnosis.wrong import WRONG
from tests.sampling import parameters

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def graders():
    """One for every assignment, without training and timing."""
    with open_launcher() as launcher:
        yield Judges(launcher, seed=3).graders


@pytest.mark.parametrize(
    ("name", "exercise", "entry"),
    parameters(WRONG, lambda case: case[1], lambda case: f"{case[1]}: {case[2].name}"),
)
def test_a_wrong_implementation_loses_points(graders, name, exercise, entry):
    loaded = catalogue.load(name, ROOT)
    chunks = loaded.variant(loaded.assignment.exercise(exercise), entry.source)
    graders[name].limit_to({exercise})
    (result,) = graders[name].grade(Submission("wrong.py", Extraction(chunks), "")).exercises
    assert result.points < result.max_points
