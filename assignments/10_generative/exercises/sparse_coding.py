"""sparse_coding: ISTA, compared after several numbers of steps."""

import numpy as np

from autograder.checks import Case, FunctionExercise, Speed


def dictionaries(rng):
    """More atoms than features and fewer; no step, one, many; no penalty, some, and one that leaves nothing.

    First atoms of very different lengths, so that the code is still far from its limit after hundreds of steps.
    """
    D = rng.normal(size=(3, 4)) * np.array([[1], [0.2], [0.04]])
    yield Case({"penalty": 0.001, "steps": 200}, x=2 * rng.normal(size=(4, 4)), D=D)
    for (batch, features, atoms), penalty, steps in [
        ((1, 3, 2), 0.2, 1),
        ((5, 2, 4), 0.3, 40),
        ((4, 5, 3), 0.0, 7),
        ((6, 4, 7), 0.5, 12),
        ((3, 4, 2), 50.0, 5),
        ((2, 3, 3), 0.2, 0),
        ((7, 3, 5), 0.1, 3),
    ]:
        x, D = 2 * rng.normal(size=(batch, features)), rng.normal(size=(atoms, features))
        yield Case({"penalty": penalty, "steps": steps}, x=x, D=D)


sparse_coding = FunctionExercise(
    "sparse_coding",
    cases=dictionaries,
    float32=True,
    speed=Speed(Case({"penalty": 0.1, "steps": 20}, x=(512, 16), D=(24, 16)), at_most=10.0),
)
