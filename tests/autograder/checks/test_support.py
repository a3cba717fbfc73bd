"""Support code that the package brings along is text that runs by itself, and together with any other."""

from copy import deepcopy

import numpy as np
import pytest

from autograder.checks.support import packaged_support, packaged_support_files, training
from autograder.subject import LocalSubject


def test_the_files_are_found():
    assert packaged_support_files() == ["expressions", "parameters", "placement", "returned", "schedule", "training"]


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


def test_a_copy_of_a_watched_network_runs_by_itself():
    """Counting and following are no functions bound to the original: a copy uses what its own forward remembered."""
    network = training.Perceptron(3, 4, rng=np.random.default_rng(0))
    log = training.Log({"model": network}, ["model"])
    copy = deepcopy(network)
    x = np.random.default_rng(1).normal(size=(5, 3))
    copy.forward(x)
    dx = copy.backward(np.ones((5, 1)))
    assert log.calls == {"model": 1}
    assert not any(parameter.grad.any() for parameter in network.parameters())
    assert not any(each.any() for each in log.reached["model"][0])
    network.forward(x)
    np.testing.assert_array_equal(network.backward(np.ones((5, 1))), dx)
    assert all(each.any() for each in log.reached["model"][0])
