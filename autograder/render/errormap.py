"""Maps of errors, entry by entry: in levels that a page shades, or in characters.

Levels, not numbers: an exact error would reveal the expected value.
"""

from __future__ import annotations

__all__ = ["levels", "telling", "text_map"]

RIGHT, NO_NUMBER = ".", "?"
SHADES = "-+*#"
ROUNDING = 1e-9
"""Share of the largest error below which an entry counts as correct."""


def telling(heat: list[list[float]]) -> bool:
    """Whether a map shows more than errors everywhere."""
    flat = [value for row in heat for value in row]
    return len(flat) > 1 and 0.0 < sum(value == 0 for value in flat) < len(flat)


def levels(heat: list[list[float]]) -> list[list[int]]:
    """Turn a table of |error| into levels: 0 correct, 1 to 4 by size, −1 not a number."""
    largest = max((value for row in heat for value in row), default=0.0)
    return [[_level(value, largest) for value in row] for row in heat]


def text_map(heat: list[list[float]]) -> list[str]:
    """Draw a table of |error| with one line per row: “.” correct, “-+*#” by size, “?” not a number."""
    signs = (RIGHT, *SHADES, NO_NUMBER)  # the last is at −1
    return [" ".join(signs[level] for level in row) for row in levels(heat)]


def _level(error: float, largest: float) -> int:
    if error < 0:
        return -1
    if error <= ROUNDING * largest or error == 0:
        return 0
    return min(len(SHADES), 1 + int(len(SHADES) * error / largest))
