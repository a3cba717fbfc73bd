"""Incorrect implementations by strangers lose a point."""

import pytest

from autograder.isolation.launcher import open_launcher
from tests.diagnosis.judging import Judges, result_of
from tests.diagnosis.wrong import WRONG
from tests.sampling import parameters

NAMES = sorted({exercise for _, exercise, _ in WRONG})
FEWER = {name: number // 2 for number, name in enumerate(NAMES)}
"""Of every two exercises one mistake is tried every time."""


@pytest.fixture(scope="module")
def graders():
    """One for every assignment, without training and timing."""
    with open_launcher() as launcher:
        yield Judges(launcher, seed=3).graders


@pytest.mark.parametrize(
    ("name", "exercise", "entry"),
    parameters(WRONG, lambda case: FEWER[case[1]], lambda case: f"{case[1]}: {case[2].name}"),
)
def test_a_wrong_implementation_loses_points(graders, name, exercise, entry):
    result = result_of(graders[name], exercise, entry.source)
    assert result.points < result.max_points
