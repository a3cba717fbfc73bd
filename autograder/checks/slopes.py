"""Numerical slopes: what they are computed from, and how a gradient is compared with one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograder.isolation.tree import Value
from autograder.spec import Observations
from dlkit.backend import NumpyArray

__all__ = ["SLOPES", "Slope", "has_slope", "real", "weighted_sum"]

SLOPES = "_slopes"
"""Slopes that prove expected gradients, beside them; released files have none, for theirs were proved before."""
Slope = list[Value]
"""``[name, direction, slope]``: of which gradient, along which direction, how steep; a list, as it is stored."""


def has_slope(observed: Observations, slope: Slope) -> bool:
    """Whether an observed gradient has this slope along this direction."""
    name, direction, value = slope
    gradient = observed.get(name)
    if not isinstance(gradient, np.ndarray) or gradient.shape != direction.shape:
        return False
    with np.errstate(all="ignore"):
        size = float(np.linalg.norm(gradient))
        found = float((gradient * direction).sum().real)
        return bool(abs(found - value) <= 1e-5 * max(abs(value), size) + 1e-8)


def weighted_sum(y: Value, weights: Sequence[NumpyArray]) -> float:
    """The sum of an output, or of each of several, with these weights; ValueError where they differ in shape."""
    outputs = y if isinstance(y, tuple | list) else [y]
    if [np.shape(output) for output in outputs] != [np.shape(weight) for weight in weights]:
        message = "the output and its upstream gradient differ in shape"
        raise ValueError(message)
    return sum(real((output * weight).sum()) for output, weight in zip(outputs, weights, strict=True))


def real(value: Value) -> float:
    """One number; TypeError where it is complex."""
    if np.iscomplexobj(value):
        message = "the output is complex"
        raise TypeError(message)
    return float(value)
