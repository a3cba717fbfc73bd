"""The exercise low_rank_factorize: two thin matrices, of which only the product is determined."""

import numpy as np

from autograder.checks import Case, FunctionExercise


def matrix(rng, rows, columns, values):
    """A matrix with these singular values."""
    U, _ = np.linalg.qr(rng.normal(size=(rows, len(values))))
    V, _ = np.linalg.qr(rng.normal(size=(columns, len(values))))
    return U * np.array(values) @ V.T


def matrices(rng):
    """Tall, wide and square; rank 1 and full; one row; a matrix of lower rank than asked for, and zeros."""
    yield Case({"rank": 1}, W=matrix(rng, 4, 3, [5.0, 2.0, 1.0]))
    yield Case({"rank": 2}, W=matrix(rng, 3, 6, [4.0, 3.0, 0.5]))
    yield Case({"rank": 3}, W=matrix(rng, 5, 5, [9.0, 3.0, 2.0, 1.0, 0.1]))
    yield Case({"rank": 3}, W=rng.normal(size=(7, 3)))
    yield Case({"rank": 1}, W=rng.normal(size=(1, 5)))
    yield Case({"rank": 3}, W=matrix(rng, 5, 4, [2.0, 1.0]))
    yield Case({"rank": 2}, W=np.zeros((3, 4)))
    yield Case({"rank": 2}, W=matrix(rng, 6, 4, [300.0, 200.0, 100.0, 1.0]))
    yield Case({"rank": 1}, W=matrix(rng, 4, 6, [0.03, 0.02]))
    yield Case({"rank": 2}, W=matrix(rng, 6, 5, [4.0, 2.0, 1.96, 0.5]))  # few steps of an iteration are too few


def product(seen, case):
    """The shapes of both factors, and their product."""
    del case
    A, B = seen.get("A"), seen.get("B")
    if not all(isinstance(each, np.ndarray) and each.ndim == 2 for each in (A, B)):
        return {"the factors": "not two matrices"}
    shapes = {"the shape of A": str(A.shape), "the shape of B": str(B.shape)}
    return {**shapes, "A B": A @ B} if A.shape[1] == B.shape[0] else shapes


factors = FunctionExercise(
    "low_rank_factorize",
    cases=matrices,
    outputs=("A", "B"),
    invariant=product,
    float32=lambda rng: list(matrices(rng))[:4],
)
