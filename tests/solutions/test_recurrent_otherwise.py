"""Correct solutions of 07_recurrent that are written in other ways than the reference pass every check."""

import numpy as np
import pytest

from tests.solutions.alternatives import ALTERNATIVES

ASSIGNMENT = "07_recurrent"
OTHERWISE = {exercise: entry.source for exercise, entry in ALTERNATIVES[ASSIGNMENT]}


@pytest.mark.parametrize("name", OTHERWISE)
def test_another_right_solution_passes_every_check(loaded, name):
    exercise = loaded.assignment.exercise(name)
    reference = loaded.subject(exercise)
    subject = loaded.subject(exercise, loaded.variant(exercise, OTHERWISE[name]))
    rng = np.random.default_rng(3)
    asked = 0
    for check in exercise.checks:
        if check.budget:
            continue
        backend = check.backend or "numpy"
        for case in check.cases(rng, reference):
            expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
            found = check.judge(check.observe(subject.on(backend), case), expected, case)
            assert found is None, (check.name, found.sentence)
            asked += 1
    assert asked > 3


def test_every_exercise_but_the_capstones_is_solved_in_another_way(loaded):
    assert list(OTHERWISE) == [exercise.name for exercise in loaded.assignment.exercises if not exercise.capstone]
