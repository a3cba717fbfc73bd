"""The exercise truncated_svd: tall and wide matrices, singular values apart, signs fixed."""

import numpy as np

from autograder.checks import Case, FunctionExercise


def matrix(rng, rows, features, values):
    """A matrix with these singular values, whose singular vectors have one clearly largest entry each."""
    count = len(values)
    while True:
        U, _ = np.linalg.qr(rng.normal(size=(rows, count)))
        V, _ = np.linalg.qr(rng.normal(size=(features, count)))
        largest = np.sort(abs(V), axis=0)
        if features == 1 or (largest[-1] - largest[-2]).min() > 0.01:
            return U * np.array(values) @ V.T


def matrices(rng):
    """One column, one row, tall, wide, rank below both sides, and a mean far from zero."""
    yield Case({"k": 1}, x=rng.normal(size=(5, 1)))
    yield Case({"k": 1}, x=matrix(rng, 1, 4, [3.0]))
    yield Case({"k": 2}, x=matrix(rng, 9, 4, [5.0, 3.0, 1.0, 0.5]))
    yield Case({"k": 3}, x=matrix(rng, 4, 7, [40.0, 25.0, 12.0, 3.0]))
    yield Case({"k": 2}, x=matrix(rng, 8, 6, [2.0, 1.2]))
    for values in ([5.0, 4.9, 1.0], [5.0, 3.0, 2.9, 1.0]):  # close, so that few steps of an iteration are too few
        yield Case({"k": 2}, x=matrix(rng, 7, 5, values))
    yield Case({"k": 2}, x=matrix(rng, 14, 12, np.linspace(10, 8, 12)))  # also where it takes a few vectors more
    yield Case({"k": 4}, x=matrix(rng, 12, 4, [0.9, 0.5, 0.3, 0.2]))
    yield Case({"k": 3}, x=matrix(rng, 15, 5, [9.0, 5.0, 3.0, 2.0, 1.0]) + 4)


svd = FunctionExercise(
    "truncated_svd",
    cases=matrices,
    outputs=("U", "s", "V"),
    float32=lambda rng: list(matrices(rng))[2:5:2],
)
