"""What right code shows whatever it draws, set apart from what depends on the draw."""

from __future__ import annotations

from collections.abc import Callable

from autograder.checks.drawing import is_float
from autograder.spec import Case, Observations

__all__ = ["RAW", "ApartFromChance", "set_apart"]

ApartFromChance = Callable[[Observations, Case], Observations]
"""Given what was seen of one call (``y``, ``dx`` …) and its case: what is the same for every right way to draw."""

RAW = "_raw"
"""What was seen before chance was set apart."""


def set_apart(apart: ApartFromChance | None, seen: Observations, case: Case) -> Observations:
    """What is compared: all that was seen; or, where numbers are drawn, shapes, dtypes and what ``apart`` finds."""
    if apart is None:
        return seen
    case = case.with_changes(inputs={name: getattr(x, "array", x) for name, x in case.inputs.items()})
    blank = {name: 0 * value if is_float(value) else value for name, value in seen.items()}
    try:
        return {**blank, **apart(seen, case), RAW: seen}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return {**blank, RAW: seen}  # what is no array of the wanted shape has nothing that could be set apart
