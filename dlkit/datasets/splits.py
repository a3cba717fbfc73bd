"""A data set split in two: a training part and a test part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from dlkit.backend import NumpyArray

__all__ = ["Split", "split"]


@dataclass(frozen=True, eq=False)
class Split:
    """Training and test part of a data set.

    x_train (n, …), y_train (n,), x_test (m, …), y_test (m,): NumPy arrays.
    """

    x_train: NumpyArray
    y_train: NumpyArray
    x_test: NumpyArray
    y_test: NumpyArray


def split(x: NumpyArray, y: NumpyArray, *, test: int, rng: np.random.Generator) -> Split:
    """Shuffle and split off ``test`` samples; row i of x stays with row i of y.

    x (n, …) and y (n, …): arrays of one length, not written to.
    test: size of the test part, from 0 to n.
    Raises ValueError where the lengths differ or ``test`` is outside its range.
    """
    if len(x) != len(y):
        message = f"x has {len(x)} rows and y has {len(y)}: the numbers must be equal."
        raise ValueError(message)
    if not 0 <= test <= len(x):
        message = f"The test part cannot have {test} of {len(x)} samples: choose from 0 to {len(x)}."
        raise ValueError(message)
    order = rng.permutation(len(x))
    held_out, kept = order[:test], order[test:]
    return Split(x[kept], y[kept], x[held_out], y[held_out])
