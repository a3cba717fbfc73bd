"""Points and their classes: iris, and the interleaved spirals."""

from __future__ import annotations

import numpy as np

from dlkit.backend import NumpyArray

__all__ = ["iris", "spirals"]


def iris() -> tuple[NumpyArray, NumpyArray]:
    """Iris flowers: x (150, 4) float64 in centimetres, y (150,) int64 in 0…2, ordered by class.

    Columns: length and width of the sepal, length and width of the petal.  Classes: setosa,
    versicolor, virginica, 50 each.

    Source: Fisher, The use of multiple measurements in taxonomic problems (1936), as scikit-learn
    ships it.
    """
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.int64)


def spirals(
    n_per_class: int, n_classes: int = 2, *, noise: float = 0.03, rng: np.random.Generator
) -> tuple[NumpyArray, NumpyArray]:
    """Interleaved spirals around the origin: x (n_per_class n_classes, 2) float64, y int64, ordered by class.

    Each arm makes 1½ turns from radius 0.1 to 1; arm k starts 2πk/n_classes further.
    noise: standard deviation of a Gaussian added to both coordinates, 0 or more.
    Raises ValueError for a count below one or a negative noise.

    Source: Lang & Witbrock, Learning to tell two spirals apart (1988).
    """
    if n_per_class < 1 or n_classes < 1 or noise < 0:
        message = (
            f"spirals needs at least one point, one class and no negative noise, "
            f"not {n_per_class}, {n_classes} and {noise}."
        )
        raise ValueError(message)
    along = np.linspace(0, 1, n_per_class)
    radius = 0.1 + 0.9 * along
    y = np.repeat(np.arange(n_classes, dtype=np.int64), n_per_class)
    angle = 2 * np.pi * (1.5 * np.tile(along, n_classes) + y / n_classes)
    x = np.tile(radius, n_classes)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + rng.normal(0, noise, x.shape), y
