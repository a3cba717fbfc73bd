"""Class 40, name by name: packages that would do the work are not available, whatever is installed."""

import pytest

from autograder.submission import Submission
from dlkit.extraction import take
from tests.hostile.harness import tanh

NAMES = (
    "torch",
    "jax",
    "autograd",
    "tensorflow",
    "scipy.signal",
    "sklearn.neural_network",
    "cupyx",
    "numba",
    "pydoc_data.topics",
    "solutions",
)


@pytest.mark.parametrize("name", NAMES)
def test_an_import_that_would_do_the_work_is_refused(graders, name):
    source = tanh(f"import importlib; importlib.import_module({name!r})")
    report = graders().grade(Submission("layers.py", take([("layers.py", 1, source)]), ""))
    top = name.partition(".")[0]
    assert report.points == 0
    assert f"import {top}" in report.tried
    assert f"{top} may not be imported in an exercise" in report.exercises[0].verdicts[0].sentence


def test_the_manual_that_a_model_is_judged_on_cannot_be_opened(graders):
    from pydoc_data import topics

    body = f"raise LookupError(len(open({topics.__file__!r}).read()))"
    report = graders().grade(Submission("layers.py", take([("layers.py", 1, tanh(body))]), ""))
    assert report.points == 0
    assert "PermissionError" in report.exercises[0].verdicts[0].sentence
