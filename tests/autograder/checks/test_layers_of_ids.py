"""Layers whose inputs are ids: no gradient of an input, entries of parameters that get none by definition."""

import numpy as np
import pytest

from autograder.checks import FORWARD, GRADIENTS, Case, LayerExercise, Lookup, SpecError, SubjectRaisedError
from dlkit import Layer, Parameter, scatter_add
from tests.autograder.checks.asking import asked, mutated

PADDING = 1
ANEW = "gradients use the parameters of this call"
NOT_READ_ANEW = "parameters are read anew in every call"
RAISED = {
    "stays on the device": "copies a device array",
    "backward stays on the device": "copies a device array",
    "a second call forgets the first": "broadcast",
    "a second object changes nothing": "broadcast",
}
"""What code that breaks a rule raises, by the check; at all others it gives incorrect values."""


class Table(Layer):
    """Rows by their ids; one row gets no gradient."""

    def __init__(self):
        self.W = Parameter(np.zeros((4, 2)))

    def forward(self, ids):
        self.ids = ids
        return self.W.data[ids]

    def backward(self, dy):
        scatter_add(self.W.grad, self.ids, dy * (self.ids != PADDING)[:, None].astype(dy.dtype))


class Square(Table):
    """The squares of rows: gradients depend on the parameters, and all rows have one."""

    def forward(self, ids):
        return super().forward(ids) ** 2

    def backward(self, dy):
        scatter_add(self.W.grad, self.ids, 2 * dy * self.W.data[self.ids])


class Learning(Table):
    """The padding's row gets a gradient too."""

    def backward(self, dy):
        scatter_add(self.W.grad, self.ids, dy)


class Zeros(Table):
    """Returns zeros where nothing has to be returned."""

    def backward(self, dy):
        super().backward(dy)
        return 0 * dy


class Overwriting(Table):
    """Forgets equal ids."""

    def backward(self, dy):
        self.W.grad[self.ids] += dy * (self.ids != PADDING)[:, None].astype(dy.dtype)


def cases(rng):
    yield Case(ids=rng.integers(4, size=9))
    yield Case(ids=np.array([1, 3, 3, 1, 0]))


WIDE = Case(ids=lambda rng: rng.integers(4, size=4000))


def made(name, **options):
    return LayerExercise(name, cases=cases, has_parameters=True, wide=WIDE, **options)


table, square = made("Table", lookup=Lookup(constant=lambda _: {"W": PADDING})), made("Square")


@pytest.mark.parametrize("check", [check.name for check in table.checks])
@pytest.mark.parametrize("given", [Table, Zeros])
def test_a_correct_table_passes_whatever_its_backward_returns(check, given):
    assert asked(table, check, given, Table) is None


@pytest.mark.parametrize(
    ("exercise", "right", "check"),
    [
        (exercise, right, check.name)
        for exercise, right in ((table, Table), (square, Square))
        for check in exercise.checks
        if check.mutation and check.name != GRADIENTS
    ],
)
def test_every_standard_check_of_layers_of_ids_catches_its_mutation_by_its_values(exercise, right, check):
    broken = mutated(exercise, check, right)
    broken.__name__ = exercise.name
    if check not in (FORWARD, "inputs are not modified", "float32 stays float32", "stays on the device", NOT_READ_ANEW):
        assert asked(exercise, GRADIENTS, broken, right) is None  # nothing else is wrong, and nothing raises
    if raised := RAISED.get(check):
        with pytest.raises(SubjectRaisedError, match=raised):
            asked(exercise, check, broken, right)
    else:
        assert asked(exercise, check, broken, right) is not None


@pytest.mark.parametrize("given", [Learning, Overwriting])
def test_incorrect_gradients_of_a_table_are_found(given):
    assert asked(table, GRADIENTS, given, Table).name == "dW"


def test_a_reference_whose_gradient_lacks_entries_has_to_name_them():
    with pytest.raises(SpecError, match="do not match its own forward"):
        asked(made("Table", lookup=Lookup()), GRADIENTS, Table, Table)


def test_gradients_that_depend_on_no_parameter_cannot_use_old_ones():
    assert ANEW not in [check.name for check in table.checks]
    assert ANEW in [check.name for check in square.checks]
