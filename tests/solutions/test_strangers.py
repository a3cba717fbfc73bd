"""Correct implementations by strangers lose no point, whatever they name, store, and write in loops."""

from pathlib import Path

import pytest

from autograder.course import catalogue
from autograder.isolation.launcher import open_launcher
from autograder.report import Status
from tests.diagnosis.judging import Judges, result_of
from tests.sampling import parameters
from tests.solutions.strangers import RIGHT

ROOT = Path(__file__).resolve().parents[2]
CASES = [(name, right) for name, rights in RIGHT.items() for right in rights]
PAIRS = {name: number // 2 for number, name in enumerate(sorted({right.exercise for _, right in CASES}))}
"""Of every two exercises one implementation is tried every time."""


@pytest.fixture(scope="module")
def graders():
    """One for every assignment, without training and timing."""
    with open_launcher() as launcher:
        yield Judges(launcher, seed=3).graders


@pytest.mark.parametrize("name", catalogue.names(ROOT))
def test_every_exercise_is_written_by_strangers(name):
    written = {right.exercise for right in RIGHT[name]}
    assert [
        e.name for e in catalogue.load(name, ROOT).assignment.exercises if not e.capstone and e.name not in written
    ] == []


@pytest.mark.parametrize(
    ("name", "right"),
    parameters(CASES, lambda case: PAIRS[case[1].exercise], lambda case: f"{case[1].exercise}: {case[1].name}"),
)
def test_a_right_implementation_loses_nothing(graders, name, right):
    loaded = catalogue.load(name, ROOT)
    exercise = loaded.assignment.exercise(right.exercise)
    source = right.source if right.whole else exercise.varied(loaded.source_of(exercise), right.source)
    result = result_of(graders[name], right.exercise, source)
    assert result.verdicts
    skipped = {check.name for check in exercise.checks if check.device_only}
    lost = [v for v in result.verdicts if v.status is not Status.PASSED and v.check not in skipped]
    assert [(v.check, v.sentence) for v in lost] == []
