"""Exact numbers for readers: nothing is rounded but the mark, and a number that is cut says so."""

from __future__ import annotations

from fractions import Fraction

__all__ = ["exact", "percent", "rounded"]

MOST_DIGITS = 6
SHOWN_DIGITS = 4


def exact(value: Fraction) -> str:
    """A number in decimals if that takes at most six, else its first four decimals and an ellipsis: 78.75, 7.3333…."""
    for digits in range(MOST_DIGITS + 1):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            return _placed(int(scaled), digits)
    return _placed(int(value * 10**SHOWN_DIGITS), SHOWN_DIGITS) + "…"


def percent(share: Fraction) -> str:
    """A share in percent, as ``exact``."""
    return f"{exact(100 * share)} %"


def rounded(value: Fraction, places: int) -> Fraction:
    """Round a number that is not negative half up: 0.5 becomes 1, at the given decimal."""
    return Fraction((value * 10**places + Fraction(1, 2)) // 1, 10**places)


def _placed(number: int, digits: int) -> str:
    if not digits:
        return str(number)
    sign, text = "-" if number < 0 else "", str(abs(number)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}"
