"""The exercise Embedding: ids of any shape, repeated ids, padding."""

import numpy as np

from autograder.checks import Case, LayerExercise, Lookup, Rng, Speed


def of(vocab_size, features, padding_idx=None):
    return {"vocab_size": vocab_size, "features": features, "padding_idx": padding_idx, "rng": Rng(5)}


def looked_up(rng):
    """Ids with repetitions in one row and across rows, with and without padding, of one axis, two and three."""
    yield Case(of(4, 3), ids=np.array([2]))
    yield Case(of(7, 2), ids=rng.integers(7, size=9))
    yield Case(of(6, 4, 0), ids=np.array([[0, 3, 3, 0], [5, 0, 3, 1], [2, 2, 0, 0]]))
    yield Case(of(5, 3, 4), ids=np.concatenate([[4, 4, 1, 1], rng.integers(5, size=8)]).reshape(3, 2, 2))
    yield Case(of(90, 4, 7), ids=rng.integers(60, 90, size=(2, 5)).astype(np.uint8))  # 4 · 60 and more, in 8 bits
    yield Case(of(5, 1, 2), ids=np.concatenate([[[2, 0, 0]], rng.integers(5, size=(4, 3))]))


def row_of_padding(case):
    padding_idx = case.arguments["padding_idx"]
    return {} if padding_idx is None else {"W": padding_idx}


embedding = LayerExercise(
    "Embedding",
    cases=looked_up,
    has_parameters=True,
    lookup=Lookup(constant=row_of_padding),
    wide=Case(of(4096, 16), ids=lambda rng: rng.integers(4096, size=4096)),
    # A loop over the ids takes 4 times the reference, a sum for each word of the vocabulary or a product with one-hot
    # rows 100 times.
    speed=Speed(Case(of(8000, 8), ids=lambda rng: rng.integers(8000, size=4096)), at_most=12.0),
)
