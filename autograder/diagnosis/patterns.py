"""The registry of patterns: relations between observed and expected numbers, which need no list of mistakes.

Each examines one name in all cases of a check, and reports a finding only where the relation holds for every number
of every case up to rounding.
"""

from __future__ import annotations

from autograder.diagnosis.modes import other_mode
from autograder.diagnosis.multiples import another_gradient, extra_or_missing_factor, factor, rows_scaled
from autograder.diagnosis.order import ORDER
from autograder.diagnosis.pattern import NumberPattern
from autograder.diagnosis.probing import SENSITIVITY, SLOPES, ignored, limited
from autograder.diagnosis.regions import REGIONS
from autograder.diagnosis.shapes import SHAPES
from autograder.diagnosis.shares import among_equals, one_share
from autograder.diagnosis.steps import STEPS, after_the_first
from autograder.diagnosis.substitutes import as_if
from autograder.diagnosis.terms import TERMS
from autograder.diagnosis.values import another_letter, curve, inverted_mask, nearly_right, signs, zeros

__all__ = ["PATTERNS"]

PATTERNS: tuple[NumberPattern, ...] = (
    other_mode,
    zeros,
    another_letter,
    *SHAPES,
    *ORDER,
    factor,
    another_gradient,
    curve,
    inverted_mask,
    extra_or_missing_factor,
    among_equals,
    *REGIONS,
    nearly_right,
    *TERMS,
    rows_scaled,
    signs,
    *SENSITIVITY,
    *STEPS,
    limited,
    ignored,
    as_if,
    *SLOPES,
    one_share,
    after_the_first,
)
"""In the order in which they are asked, the simplest explanation first; the first that holds is reported."""
