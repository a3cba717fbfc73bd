"""Golden values as ``tests/golden`` wrote them down."""

import json
from pathlib import Path

import numpy as np
import pytest

from autograder.course import catalogue

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "golden"


def read_golden(name):
    """The header and the arrays of one file: ``07_recurrent``."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return json.loads(str(file["header"])), {key: file[key] for key in file.files if key != "header"}


class GoldenCalls:
    """The calls of one file, and the references of the assignment that they are compared with."""

    def __init__(self, assignment, file=None):
        self.loaded = catalogue.load(assignment, ROOT)
        header, self.arrays = read_golden(file or assignment)
        self.calls = list(enumerate(header["calls"]))

    def subject_of(self, exercise, array_library="numpy"):
        """The reference, where its arrays live."""
        return self.loaded.subject(self.loaded.assignment.exercise(exercise)).on(array_library)

    def calls_of(self, *exercises):
        """Parametrize a test by ``number`` and ``call``."""
        chosen = [(number, call) for number, call in self.calls if call["exercise"] in exercises]
        names = [f"{number}-{call['exercise']}" for number, call in chosen]
        return pytest.mark.parametrize(("number", "call"), chosen, ids=names)

    def arrays_of(self, number, call):
        """The arrays of one call by name."""
        return {name: self.arrays[f"{number}.{name}"] for name in call["arrays"]}


def agree(found, expected, dtype="float64"):
    """Require the same shape, and the same numbers up to the rounding of their dtype."""
    assert np.shape(found) == np.shape(expected)
    limit = 1e-10 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, expected, rtol=limit, atol=limit * max(1, np.abs(expected).max()))
