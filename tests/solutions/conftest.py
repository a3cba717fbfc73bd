"""What tests of one assignment's references start from: the module names its ``ASSIGNMENT``."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from autograder.course import catalogue

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def loaded(request):
    """The assignment with its references."""
    return catalogue.load(request.module.ASSIGNMENT, ROOT)


@pytest.fixture(scope="module")
def reference(loaded):
    """The references as a subject, on NumPy."""
    return loaded.subject(loaded.assignment.exercises[0])


@pytest.fixture
def subject(reference, array_library):
    """The references as a subject, on the array library of this run."""
    return reference.on(array_library)


@pytest.fixture(scope="module")
def names(reference):
    """The references themselves, by name."""
    return reference._executor.names


@pytest.fixture(scope="module")
def answers(loaded):
    """Every check of an exercise with its cases and what is expected of each: drawn once for all tests.

    Takes the exercise's name and a seed; of the last three that were asked for, the answers are kept.
    """

    @lru_cache(maxsize=3)
    def drawn(name, seed):
        exercise = loaded.assignment.exercise(name)
        reference, rng = loaded.subject(exercise), np.random.default_rng(seed)
        return [
            (
                check,
                [
                    (case, check.expect(reference, case, rng) if check.expect else check.observe(reference, case))
                    for case in check.cases(rng, reference)
                ],
            )
            for check in exercise.checks
            if not check.budget
        ]

    return drawn


@pytest.fixture
def rng(request):
    """Draws of one's own for every assignment."""
    return np.random.default_rng(int(request.module.ASSIGNMENT[:2]))
