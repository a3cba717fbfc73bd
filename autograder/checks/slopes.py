"""What numerical slopes are taken of, and how a gradient is held against one."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.spec import Observations

__all__ = ["has_slope", "real", "weighted_sum"]


def has_slope(observed: Observations, slope: list[Any]) -> bool:
    """Whether an observed gradient has this slope along this direction."""
    name, direction, value = slope
    gradient = observed.get(name)
    if not isinstance(gradient, np.ndarray) or gradient.shape != direction.shape:
        return False
    with np.errstate(all="ignore"):
        size = float(np.linalg.norm(gradient))
        found = float((gradient * direction).sum().real)
        return bool(abs(found - value) <= 1e-5 * max(abs(value), size) + 1e-8)


def weighted_sum(y: Any, weights: Any) -> float:
    """The sum of an output, or of each of a tuple, with these weights."""
    if isinstance(y, tuple):
        return sum(weighted_sum(a, b) for a, b in zip(y, weights, strict=True))
    if np.shape(y) != np.shape(weights):
        message = "the output has not the shape of its gradient"
        raise ValueError(message)
    return real((y * weights).sum())


def real(value: Any) -> float:
    """One number; TypeError where it is complex."""
    if np.iscomplexobj(value):
        message = "the output is complex"
        raise TypeError(message)
    return float(value)
