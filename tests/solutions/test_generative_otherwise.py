"""Correct solutions of 10_generative that are written in other ways than the reference pass every check."""

import numpy as np
import pytest

from autograder.course.mistake_files import REPLACE_METHODS
from tests.solutions.alternatives import ALTERNATIVES

ASSIGNMENT = "10_generative"
OTHERWISE = ALTERNATIVES[ASSIGNMENT]


@pytest.mark.parametrize(("name", "entry"), OTHERWISE, ids=lambda each: getattr(each, "name", each))
def test_another_right_solution_passes_every_check(loaded, name, entry):
    exercise = loaded.assignment.exercise(name)
    whole = entry.replaces != REPLACE_METHODS
    source = entry.source if whole else exercise.varied(loaded.source_of(exercise), entry.source)
    reference, subject = loaded.subject(exercise), loaded.subject(exercise, loaded.variant(exercise, source))
    rng = np.random.default_rng(3)
    asked = 0
    for check in exercise.checks:
        if check.budget:
            continue
        for case in check.cases(rng, reference):
            expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
            found = check.judge(check.observe(subject.on(check.backend or "numpy"), case), expected, case)
            assert found is None, (check.name, found.sentence)
            asked += 1
    assert asked > 3
