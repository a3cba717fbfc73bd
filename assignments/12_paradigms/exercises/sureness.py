"""The exercise pseudo_label: which rows a model is sure of."""

import numpy as np

from autograder.checks import Case, FunctionExercise


def unsure_rows(rng):
    """Rows of all kinds, none that is sure, all, one row, one class, scores beyond the exponential, equal classes."""
    for batch, classes, size, threshold in [(20, 3, 2.0, 0.7), (6, 4, 0.1, 0.9), (7, 2, 3.0, 0.5), (1, 5, 9.0, 0.6)]:
        yield Case({"threshold": threshold}, scores=rng.normal(0, size, (batch, classes)))
    yield Case({"threshold": 1.0}, scores=rng.normal(size=(3, 1)))
    yield Case(
        {"threshold": 0.99},
        scores=np.array([[2000.0, 1990, 0], [-3000, -3000.5, -4000], [1.0, 900, 2], [-900, 5, 4.5]]),
    )
    yield Case({"threshold": 0.4}, scores=np.array([[1.0, 3, 3], [4, 4, 0.5], [2, 2, 2]]))
    yield Case({"threshold": 0.6}, scores=rng.normal(0, 2, (15, 4)) - 50)


sure = FunctionExercise("pseudo_label", cases=unsure_rows, outputs=("the rows", "the labels"))
