"""What tests of one assignment's references start from: the module names its ``ASSIGNMENT``."""

from pathlib import Path

import numpy as np
import pytest

from autograder import catalogue

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


@pytest.fixture
def rng(request):
    """Draws of one's own for every assignment."""
    return np.random.default_rng(int(request.module.ASSIGNMENT[:2]))
