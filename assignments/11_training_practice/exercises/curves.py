"""The bonus exercises roc_auc and fit_power_law: a measure without a threshold, and a line in logarithms."""

import numpy as np

from autograder.checks import Case, FunctionExercise


def detections(rng):
    """Few positive rows and few negative ones, many ties, all equal, perfect, perfectly wrong, whole numbers."""
    for rows, positive in [(2, 1), (7, 1), (30, 12), (25, 24), (60, 30)]:
        labels = rng.permutation(np.arange(rows) < positive).astype(int)
        yield Case(scores=rng.normal(size=rows) + labels, labels=labels)
    labels = rng.permutation(np.arange(40) < 15).astype(int)
    yield Case(scores=rng.integers(4, size=40) / 4 + labels / 4, labels=labels)
    yield Case(scores=np.full(9, 0.5), labels=np.array([1, 0, 0, 1, 0, 0, 0, 1, 0]))
    for sign in (1, -1):
        yield Case(scores=sign * (labels + 0.5 * rng.random(40)), labels=labels)
    yield Case(scores=np.round(rng.normal(size=50), 1), labels=(rng.random(50) < 0.4).astype(int))


area = FunctionExercise("roc_auc", cases=detections, integers=("labels",))


def points_on_laws(rng):
    """Two points and many, exact and noisy, falling and rising, far from 1, and not in order."""
    for count, a, b, noise in [
        (2, 3.0, 0.5, 0.0),
        (5, 0.2, 1.3, 0.0),
        (9, 7.0, 0.1, 0.2),
        (12, 1e4, 0.7, 0.5),
        (6, 2.0, -0.8, 0.1),
    ]:
        x = rng.permutation(np.geomspace(2, 5000, count) * rng.uniform(0.8, 1.2, count))
        yield Case(x=x, y=a * x**-b * np.exp(noise * rng.normal(size=count)))
    x = 10.0 ** rng.uniform(4, 7, 8)
    yield Case(x=x, y=5 * x**-0.3 * np.exp(0.1 * rng.normal(size=8)))


law = FunctionExercise(
    "fit_power_law", cases=points_on_laws, outputs=("a", "b"), float32=lambda rng: list(points_on_laws(rng))[:3]
)
