"""Correct solutions that are written in other ways than the reference pass every check."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from autograder.course import catalogue
from autograder.course.mistake_files import REPLACE_METHODS
from tests.sampling import parameters
from tests.solutions.alternatives import ALTERNATIVES

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENTS = (
    "07_recurrent",
    "09_attention",
    "10_generative",
    "11_training_practice",
    "12_paradigms",
    "13_robustness",
    "14_performance",
    "15_autograd",
)
CASES = [(assignment, name, entry) for assignment in ASSIGNMENTS for name, entry in ALTERNATIVES[assignment]]
PAIRS = {name: number // 2 for number, name in enumerate(sorted({name for _, name, _ in CASES}))}
"""Of every two exercises one solution is tried every time."""


@cache
def loaded(assignment):
    """The assignment with its references."""
    return catalogue.load(assignment, ROOT)


@pytest.mark.parametrize(
    ("assignment", "name", "entry"),
    parameters(CASES, lambda case: PAIRS[case[1]], lambda case: f"{case[0][:2]} {case[1]}: {case[2].name}"),
)
def test_another_right_solution_passes_every_check(assignment, name, entry):
    found = loaded(assignment)
    exercise = found.assignment.exercise(name)
    whole = entry.replaces != REPLACE_METHODS
    source = entry.source if whole else exercise.varied(found.source_of(exercise), entry.source)
    reference, subject = found.subject(exercise), found.subject(exercise, found.variant(exercise, source))
    rng = np.random.default_rng(3)
    asked = 0
    for check in exercise.checks:
        if check.budget or check.device_only:
            continue
        for case in check.cases(rng, reference):
            expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
            wrong = check.judge(check.observe(subject.on(check.backend or "numpy"), case), expected, case)
            assert wrong is None, (check.name, wrong.sentence)
            asked += 1
    assert asked > 3 or all(check.device_only for check in exercise.checks)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_exercise_but_the_capstones_is_solved_in_another_way(assignment):
    solved = {name for name, _ in ALTERNATIVES[assignment]}
    exercises = loaded(assignment).assignment.exercises
    assert [exercise.name for exercise in exercises if not exercise.capstone and exercise.name not in solved] == []
