"""Invariants of code that draws: what every correct implementation shows, whatever it draws."""

from __future__ import annotations

from collections.abc import Callable

from autograder.checks.drawing import is_float
from autograder.spec import Case, Observations

__all__ = ["RAW", "Invariant", "invariant_of"]

Invariant = Callable[[Observations, Case], Observations]
"""From what one call showed (``y``, ``dx`` …) and its case: what is the same for every correct way to draw."""

RAW = "_raw"
"""What was observed, before it was reduced to its invariants."""


def invariant_of(apart: Invariant | None, seen: Observations, case: Case) -> Observations:
    """What is compared: everything observed; or, where numbers are drawn, shapes, dtypes and what ``apart`` returns."""
    if apart is None:
        return seen
    case = case.with_changes(inputs={name: getattr(x, "array", x) for name, x in case.inputs.items()})
    blank = {name: 0 * value if is_float(value) else value for name, value in seen.items()}
    try:
        return {**blank, **apart(seen, case), RAW: seen}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return {**blank, RAW: seen}  # an array of another shape has no invariants
