"""Support code that the package brings along is text that runs by itself, and together with any other."""

import numpy as np
import pytest

from autograder.checks.support import packaged_support, packaged_support_files
from autograder.subject import LocalSubject


def test_the_files_are_found():
    assert packaged_support_files() == ["parameters", "placement", "returned", "schedule", "training"]


@pytest.mark.parametrize("name", packaged_support_files())
def test_each_file_runs_by_itself(name):
    names = {}
    exec(compile(packaged_support(name), name, "exec"), names)  # noqa: S102 - trusted text of the package
    assert names["__doc__"].count("\n") == 0


def test_files_run_one_after_the_other_as_an_exercise_names_them():
    text = "\n\n".join(map(packaged_support, packaged_support_files()))
    subject = LocalSubject.live({}, text)
    made = subject.keep("support.parameters", [np.ones(3)], [np.full(3, 2.0)])
    assert made.get("0.data").tolist() == [1, 1, 1]
    assert made.get("0.grad").tolist() == [2, 2, 2]
    subject.make("support.RowLoss")
    subject.make("support.Standing", 0.1)


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(FileNotFoundError):
        packaged_support("nothing")
