"""silu_kernel and softmax_kernel: kernels for a GPU; elsewhere these exercises are skipped, and cost nothing."""

import numpy as np

from autograder.checks import Case, KernelExercise


def any_arrays(rng):
    """One number, several axes, more numbers than threads; large ones of both signs."""
    for shape in [(1,), (3, 5), (2, 3, 4), (1000, 7)]:
        yield Case(x=rng.normal(0, 3, shape))
    yield Case(x=np.array([-1000.0, -88.0, -1.0, 0.0, 1.0, 88.0, 1000.0]))


def silu(x):
    return x * 0.5 * (1 + np.tanh(x / 2))


def some_rows(rng):
    """One row, one column, more columns than threads, a number that no block of threads divides; large scores."""
    for shape in [(1, 1), (3, 1), (1, 5), (70, 256), (5, 1000), (300, 33)]:
        yield Case(x=rng.normal(0, 3, shape))
    yield Case(x=rng.choice([-1000.0, 1000.0], size=(4, 300)))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


elementwise = KernelExercise("silu_kernel", cases=any_arrays, formula=silu)
rowwise = KernelExercise("softmax_kernel", cases=some_rows, formula=softmax)
