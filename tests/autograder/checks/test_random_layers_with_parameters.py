"""A layer that draws numbers and has parameters: their gradients add up, and follow parameters that change."""

import numpy as np
import pytest

from autograder.checks import GRADIENTS, Case, LayerExercise, new_rng
from dlkit import Layer, Parameter, asarray
from tests.autograder.checks.asking import asked, mutated

ACCUMULATE, ANEW, UPSTREAM = (
    "gradients accumulate",
    "gradients use the parameters of this call",
    "the upstream gradient is not modified",
)


class Holes(Layer):
    """y = w x + 1 for what is kept of x, and 1 for the rest."""

    def __init__(self, *, rng):
        self.rng, self.w = rng, Parameter(np.ones(3))

    def forward(self, x):
        self.seen = x * asarray((self.rng.random(x.shape) < 0.5).astype(x.dtype))
        self.kept = self.seen != 0
        return self.seen * self.w.data + 1

    def backward(self, dy):
        self.w.grad += (dy * self.seen).sum(axis=0)
        return dy * self.w.data * self.kept


class Others(Holes):
    """The same by other draws."""

    def forward(self, x):
        self.rng.random(7)
        return super().forward(x)


class Overwriting(Holes):
    """Keeps only the gradient of the last call."""

    def backward(self, dy):
        self.zero_grad()
        return super().backward(dy)


class Doubling(Holes):
    """Adds the gradient twice where there is one already."""

    def backward(self, dy):
        again = bool(abs(self.w.grad).max() > 0)
        dx = super().backward(dy)
        return super().backward(dy) if again else dx


class Remembering(Holes):
    """Computes gradients with the parameters of its first call."""

    def backward(self, dy):
        self.first = getattr(self, "first", self.w.data * 1)
        return super().backward(dy) * 0 + dy * self.first * self.kept


def cases(rng):
    for batch in (20, 30):
        x = rng.uniform(0.5, 2, size=(batch, 3))
        yield Case({"rng": new_rng(rng)}, parameters={"w": rng.uniform(1, 2, size=3)}, x=x)


def apart(seen, case):
    kept = seen["y"] != 1
    found = {"y": np.where(kept, seen["y"] - 1 - case.inputs["x"] * case.parameters["w"], 0)}
    if "dx" in seen:
        found["dx"] = seen["dx"] - case.upstream * case.parameters["w"] * kept
        found["dw"] = seen["dw"] - (case.upstream * case.inputs["x"] * kept).sum(axis=0)
    return found


def exercise_of():
    return LayerExercise("Holes", cases=cases, points=1, has_parameters=True, invariant=apart)


@pytest.mark.parametrize("check", [ACCUMULATE, ANEW])
@pytest.mark.parametrize("seed", range(3))
def test_other_draws_pass(check, seed):
    assert asked(exercise_of(), check, Others, Holes, seed=seed) is None


@pytest.mark.parametrize(
    ("check", "layer"),
    [(ACCUMULATE, Overwriting), (ACCUMULATE, Doubling), (ANEW, Remembering)],
    ids=str,
)
def test_what_a_second_call_does_wrong_is_caught(check, layer):
    exercise = exercise_of()
    assert asked(exercise, check, layer, Holes) is not None
    assert asked(exercise, GRADIENTS, layer, Holes) is None


@pytest.mark.parametrize("check", [ACCUMULATE, ANEW])
def test_the_mutation_passes_the_gradients_and_fails_its_check(check):
    exercise = exercise_of()
    planted = mutated(exercise, check, Holes)
    assert asked(exercise, GRADIENTS, planted, Holes) is None
    assert asked(exercise, check, planted, Holes) is not None


class Pair(Layer):
    """Two inputs whose sum is returned: the gradient of both is the upstream gradient itself."""

    def forward(self, x, z):
        return x + z

    def backward(self, dy):
        return dy, dy


def test_gradients_that_are_the_upstream_gradient_itself_do_not_hide_that_it_is_modified():
    def draw(rng):
        yield Case(x=rng.normal(size=(2, 3)), z=rng.normal(size=(2, 3)))

    exercise = LayerExercise("Pair", cases=draw, points=1, has_cost=False, has_memory=False)
    planted = mutated(exercise, UPSTREAM, Pair)
    assert asked(exercise, GRADIENTS, planted, Pair) is None
    assert asked(exercise, UPSTREAM, planted, Pair) is not None
    assert asked(exercise, UPSTREAM, Pair, Pair) is None
