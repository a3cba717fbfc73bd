"""Losses whose rows depend on each other, and losses that have parameters."""

import numpy as np
import pytest

from autograder.checks import GRADIENTS, Case, LossExercise
from autograder.subject import LocalSubject

MEAN, ACCUMULATE, ANEW = (
    "the loss is the mean over the batch",
    "gradients accumulate",
    "parameters are read anew in every call",
)
SCALED = """
import numpy as np
from dlkit import Layer, Parameter

class Scaled(Layer):
    def __init__(self):
        self.s = Parameter(np.ones(1))

    def forward(self, x):
        self.x = x
        return (self.s.data * x).sum() * x.sum() / len(x)

    def backward(self):
        total = self.x.sum()
        self.s.grad += total * total / len(self.x)
        return 2 * self.s.data * total / len(self.x) + 0 * self.x
"""


def cases(rng):
    return [Case(x=rng.normal(size=(batch, 3))) for batch in (1, 4)]


def exercise(**options):
    return LossExercise("Scaled", cases=cases, gradient_of=("x",), wide=Case(x=(2, 4000)), **options)


def subject(source=SCALED):
    return LocalSubject.from_chunks("Scaled", [["loss", 1, source]])


def verdict(name, source):
    """What a check of a loss with parameters says of a source."""
    check = exercise(batch_mean=False, has_parameters=True).find(name)
    rng, reference = np.random.default_rng(0), subject()
    for case in check.cases(rng, reference):
        expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
        if wrong := check.judge(check.observe(subject(source), case), expected, case):
            return wrong.sentence
    return "passed"


def names(**options):
    return {check.name for check in exercise(**options).checks}


def test_a_loss_is_a_mean_over_rows_where_nothing_else_is_said():
    assert MEAN in names()
    assert MEAN not in names(batch_mean=False)


def test_only_a_loss_with_parameters_has_gradients_that_accumulate():
    assert not names() & {ACCUMULATE, ANEW}
    assert names(has_parameters=True) >= {ACCUMULATE, ANEW}


@pytest.mark.parametrize("name", [GRADIENTS, ACCUMULATE, ANEW])
def test_a_correct_loss_with_parameters_passes(name):
    assert verdict(name, SCALED) == "passed"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (GRADIENTS, "self.s.grad += total * total", "self.s.grad += total"),
        (ACCUMULATE, "self.s.grad +=", "self.s.grad[:] ="),
        (ANEW, "(self.s.data * x).sum()", "(1.0 * x).sum()"),
    ],
)
def test_a_parameter_of_a_loss_that_is_treated_wrongly_is_noticed(name, old, new):
    assert verdict(name, SCALED.replace(old, new)) != "passed"


FACTOR = """
from dlkit import Loss

class Times(Loss):
    def __init__(self, factor=1.0):
        KEPT.factor = factor

    def forward(self, x):
        self.x, self.kept = x, KEPT.factor
        return self.kept * (x * x).sum() / len(x)

    def backward(self):
        return 2 * self.kept * self.x / len(self.x)
"""


@pytest.mark.parametrize(("kept_on", "is_noticed"), [("self", False), ("Times", True)])
def test_arguments_kept_on_the_class_are_noticed_though_one_spells_out_the_default(kept_on, is_noticed):
    def with_factors(rng):
        return [Case(made_with, x=rng.normal(size=(3, 2))) for made_with in ({"factor": 1.0}, {"factor": 3.0}, {})]

    check = LossExercise("Times", cases=with_factors, gradient_of=("x",)).find("a second object changes nothing")
    reference, other = (
        LocalSubject.from_chunks("Times", [["loss", 1, FACTOR.replace("KEPT", name)]]) for name in ("self", kept_on)
    )
    drawn = check.cases(np.random.default_rng(0), reference)
    assert len(drawn) == 2
    wrong = [check.judge(check.observe(other, case), check.observe(reference, case), case) for case in drawn]
    assert any(wrong) == is_noticed
