"""Numerical gradients: directions, step, kinks.

A slope along one random direction costs five evaluations, whatever the size of the input, and a
wrong entry anywhere shows in almost every direction.

Source: Nocedal & Wright, Numerical Optimization (2006), section 8.1 (step and error of central
differences); directions as in Chainer's gradient_check.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlkit.backend import Array, array_module, to_numpy

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Difference", "difference", "directional_derivative", "elementwise_gradient", "step_size"]

MAX_DRAWS = 20
LONGER = 32
"""Times the step, where rounding may hide the slope."""
RELATIVE = 1e-6
"""Share of the slope below which a kink is ignored: it changes the slope by at most twice that."""
CURVATURE = 64
"""Share of the slope, in units of h², by which a smooth function may bend: decides in float32 and below."""
ROUNDINGS = 32
"""Rounding errors of ``f`` and of its argument, in units of the last place, that do not count as a kink."""


@dataclass(frozen=True)
class Difference:
    """A directional derivative: its value, and whether a kink (or a jump) lies within the step."""

    value: float
    kink: bool


def step_size(x: Array) -> float:
    """Step that balances the truncation h² against the rounding of x ± h: h = (ε max(1, |x|))^⅓.

    x: floats of any shape, on any backend; ε is the spacing of its dtype at 1.
    Raises TypeError for an array that is not of floats.
    """
    if x.dtype.kind != "f":
        message = f"Numerical gradients need floats, not {x.dtype}: convert with x.astype(float)."
        raise TypeError(message)
    largest = float(to_numpy(abs(x).max())) if x.size else 0.0
    return float((float(np.finfo(x.dtype).eps) * max(1.0, largest)) ** (1 / 3))


def difference(
    f: Callable[[Array], float], x: Array, direction: Array, h: float | None = None, *, roundings: float = ROUNDINGS
) -> Difference:
    """Slope of the scalar function ``f`` at ``x`` along ``direction``, by central differences.

    f: maps an array of x's shape and dtype to a Python float; called five times.
    x, direction: floats of one shape, on one backend; the direction is best of unit length.
    h: step, by default ``step_size(x)``.      roundings: as ``ROUNDINGS``.

    The value is Richardson's (4 S(h/2) - S(h)) / 3 of the central differences S, with error O(h⁴).

    Kinks are found by the slopes on the right and on the left, at h and at h/2.  Of a smooth
    function the gap between right and left halves with the step, and their mean stays:

        bend  = gap(h) - 2 gap(h/2)      = O(h³)
        drift = mean(h) - mean(h/2)      = O(h²)

    A slope that jumps by J at the distance τh (ReLU, max) gives |bend| = |1 - 3τ| J and drift = τJ/2
    where τ ≤ ½, and bend = 2 drift = (1 - τ) J beyond, so max(|bend|, 2 |drift|) is J/4 or more
    unless the kink lies at the edge, where it moves the value by a sixth of that.

    A function that is not finite there gives a value that is not finite, and no kink.
    Raises TypeError where x is not of floats.
    """
    h = step_size(x) if h is None else h
    far, near = h * direction, h / 2 * direction
    here = float(f(x))
    right, left = (float(f(x + far)) - here) / h, (here - float(f(x - far))) / h
    near_right, near_left = (float(f(x + near)) - here) / (h / 2), (here - float(f(x - near))) / (h / 2)

    mean, near_mean = (right + left) / 2, (near_right + near_left) / 2
    bend = (right - left) - 2 * (near_right - near_left)
    drift = mean - near_mean

    slope = max(abs(right), abs(left), abs(near_right), abs(near_left))
    size = max(1.0, abs(here)) + slope * _norm(x)
    rounding = roundings * float(np.finfo(x.dtype).eps) * size / h
    allowed = max(RELATIVE, CURVATURE * h * h) * slope + rounding
    return Difference((4 * near_mean - mean) / 3, max(abs(bend), 2 * abs(drift)) > allowed)


def directional_derivative(f: Callable[[Array], float], x: Array, rng: np.random.Generator) -> tuple[Array, float]:
    """Draw a direction of unit length along which ``f`` has no kink; return it with its slope.

    f: maps an array of x's shape and dtype to a Python float; called five times a draw.
    x: floats of any shape, at least one; the direction has its shape, dtype and backend.
    Where all 20 draws seem to meet a kink it may be rounding (of a sum of many terms, whose slope is zero: a bias
    before a norm).  Then 20 more are tried with a longer step, and as many times the rounding.
    Raises ArithmeticError where every one of these meets a kink as well, ValueError where x is empty and
    TypeError where it is not of floats.
    """
    if not x.size:
        message = "An empty array has no direction: pass at least one number."
        raise ValueError(message)
    h = step_size(x)
    for longer in (1, LONGER):
        for _ in range(MAX_DRAWS):
            drawn = rng.normal(size=x.shape)
            direction = array_module(x).asarray(np.asarray(drawn / np.linalg.norm(drawn), dtype=x.dtype))
            slope = difference(f, x, direction, longer * h, roundings=longer * ROUNDINGS)
            if not slope.kink:
                return direction, slope.value
    message = f"All {MAX_DRAWS} directions have a kink within {h:.1e}: draw other inputs."
    raise ArithmeticError(message)


def elementwise_gradient(f: Callable[[Array], float], x: Array, h: float | None = None) -> Array:
    """Gradient of the scalar function ``f`` at ``x``, element by element; does not write to ``x``.

    f: maps an array of x's shape and dtype to a Python float; called twice an element.
    x: floats of any shape.
    h: step, by default ``step_size(x)``.
    Returns an array of x's shape, dtype and backend.  Raises TypeError where x is not of floats.
    """
    default = step_size(x)
    h = default if h is None else h
    gradient = array_module(x).zeros_like(x)
    bumped = x.copy()
    for index in np.ndindex(x.shape):
        bumped[index] = x[index] + h
        above = float(f(bumped))
        bumped[index] = x[index] - h
        gradient[index] = (above - float(f(bumped))) / (2 * h)
        bumped[index] = x[index]
    return gradient


def _norm(x: Array) -> float:
    """Euclidean length of x, in float64 so that a long float16 array cannot overflow."""
    flat = to_numpy(x).astype(np.float64).ravel()
    return math.sqrt(float(flat @ flat))
