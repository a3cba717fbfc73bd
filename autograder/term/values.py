"""Values of ``course.toml``: each reader returns what a value means, or names its place and what was expected."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from autograder.term.dates import instant, read_duration
from autograder.term.errors import UsageError

__all__ = ["count", "duration", "flag", "moment", "not_expected", "number", "text", "texts", "word"]


def not_expected(value: object, place: str, expected: str) -> UsageError:
    """The error of a value of another kind, or out of its limits."""
    shown = (
        str(value)[:60] if not isinstance(value, dict | list) else "a table" if isinstance(value, dict) else "a list"
    )
    return UsageError(f"{place}: expected {expected}, got {shown!r}." if shown else f"{place}: expected {expected}.")


def text(value: object, place: str) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise not_expected(value, place, "text in quotation marks")
    return value


def texts(value: object, place: str) -> tuple[str, ...]:
    """One text or a list of them."""
    many = value if isinstance(value, list) else [value]
    if not many:
        raise not_expected(value, place, "at least one text in quotation marks")
    return tuple(text(one, place) for one in many)


def word(value: object, place: str, *, words: tuple[str, ...]) -> str:
    """One of these words."""
    if value not in words:
        raise not_expected(value, place, " or ".join(f'"{word}"' for word in words))
    return str(value)


def flag(value: object, place: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise not_expected(value, place, "true or false")
    return value


def number(value: object, place: str, *, least: Fraction = Fraction(0), most: int | None = None) -> Fraction:
    """A finite number, exactly as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise not_expected(value, place, "a number without quotation marks")
    found = Fraction(value)
    if found < least or (most is not None and found > most):
        limits = f"a number from {float(least):g} to {most}" if most is not None else f"a number from {float(least):g}"
        raise not_expected(value, place, limits)
    return found


def count(value: object, place: str, *, most: int = 1000) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise not_expected(value, place, f"a whole number from 0 to {most}")
    return value


def moment(value: object, place: str, *, zone: ZoneInfo) -> datetime:
    """A date, as ``instant`` reads it."""
    if not isinstance(value, date):
        raise not_expected(value, place, "a date without quotation marks, such as 2026-03-06T23:59:00 or 2026-03-06")
    return instant(value, zone, place)


def duration(value: object, place: str) -> timedelta:
    """A duration, as ``read_duration`` reads it."""
    return read_duration(text(value, place), place)
