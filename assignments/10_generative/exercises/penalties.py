"""Penalties on a code: units that are rarely active, codes that hardly change."""

import numpy as np

from autograder.checks import FORWARD, Case, LayerExercise, LossExercise, New, Rng


def codes(rng):
    """Activities on both sides of rho, one row alone, one unit alone; units that are hardly ever active, or always."""
    for (batch, units), rho, weight in [
        ((1, 3), 0.4, 1.0),
        ((6, 1), 0.05, 0.3),
        ((4, 5), 0.2, 2.5),
        ((7, 2), 0.7, 0.8),
    ]:
        yield Case({"rho": rho, "weight": weight}, code=rng.uniform(0.03, 0.97, size=(batch, units)))
    small = rng.uniform(0.002, 0.008, size=(3, 4))
    yield Case({"rho": 0.1}, code=np.where(np.arange(4) % 2, small, 1 - small))


sparse_penalty = LossExercise("SparsePenalty", cases=codes, gradient_of=("code",))


def at_the_ends(rng):
    """Mean activities from a thousandth to a hundred thousandth, and as near to 1."""
    for size in (1e-3, 1e-5):
        small = size * rng.uniform(0.5, 1.5, size=(4, 2))
        yield Case({"rho": 0.05}, code=np.concatenate([small, 1 - small], axis=1))


@sparse_penalty.check(
    "activities near 0 and near 1 count as they are",
    cases=at_the_ends,
    part="forward",
    needs=("forward",),
    after=(FORWARD,),
)
def near_the_ends(subject, case):
    return {"R": subject.make("SparsePenalty", **case.arguments).call("forward", *case.inputs.values())}


def near_both_ends(rng, shape):
    """Numbers between 0 and 1, every third of them very near an end."""
    h, small = rng.uniform(0.03, 0.97, size=shape), rng.uniform(1e-4, 2e-3, size=shape)
    which = rng.permutation(np.arange(h.size) % 6).reshape(shape)
    return np.select([which == 1, which == 2], [small, 1 - small], h)


def activities(rng):
    """One row alone, one unit alone, more inputs than units and fewer."""
    for batch, in_features, units in [(1, 3, 2), (5, 2, 4), (6, 4, 1), (4, 5, 3)]:
        matrix = New("support.weights", in_features, units, rng=Rng(0))
        yield Case({"W": matrix}, h=near_both_ends(rng, (batch, units)))


contractive_penalty = LayerExercise(
    "ContractivePenalty", cases=activities, has_parameters=True, support_files=("autoencoders",)
)
