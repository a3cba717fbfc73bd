"""The exercise confusion_matrix: pairs that occur often and never, few bits, no rows."""

import numpy as np

from autograder.checks import Case, FunctionExercise


def pairs_of_classes(rng):
    """Both kinds of errors, classes that are never true or never predicted, one class, no rows.

    In eight bits many classes, and few of which one pair occurs more than 127 or 255 times.
    """
    for rows, classes in [(1, 2), (30, 3), (200, 5)]:
        labels = rng.integers(classes, size=rows)
        predicted = np.where(rng.random(rows) < 0.5, labels, rng.integers(classes, size=rows))
        yield Case({"classes": classes}, labels=labels, predicted=predicted)
    yield Case({"classes": 6}, labels=rng.integers(1, 3, size=40), predicted=rng.integers(2, 5, size=40))
    yield Case({"classes": 1}, labels=np.zeros(7, int), predicted=np.zeros(7, int))
    many = rng.integers(190, 200, size=(2, 300)).astype(np.uint8)
    yield Case({"classes": 200}, labels=many[0], predicted=many[1])
    few = rng.integers(12, 16, size=(2, 50)).astype(np.int8)
    yield Case({"classes": 16}, labels=few[0], predicted=few[1])
    for dtype in (np.int8, np.uint8):
        often = rng.permutation(np.repeat([0, 1, 2], [300, 280, 20])).astype(dtype)
        yield Case({"classes": 3}, labels=often, predicted=np.where(rng.random(600) < 0.98, often, 2).astype(dtype))
    yield Case({"classes": 3}, labels=np.array([], int), predicted=np.array([], int))


confusion = FunctionExercise("confusion_matrix", cases=pairs_of_classes)
