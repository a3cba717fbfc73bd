"""What a late hand-in loses: grace, deduction per day or hour, floor, cut-off, and late days of the term's budget."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple

from autograder.term.course_file import Late

__all__ = ["Deducted", "after_deduction", "spend", "started"]

DAY = timedelta(days=1)
UNIT = {"day": DAY, "hour": timedelta(hours=1)}


class Deducted(NamedTuple):
    """What is left of the points, and how it came about: units that had begun, and what decided."""

    points: Fraction
    units: int = 0
    why: str = ""


def started(length: timedelta, unit: timedelta) -> int:
    """How many units have begun: 1 for anything up to one unit."""
    return -(-length // unit)


def after_deduction(earned: Fraction, most: Fraction, late_by: timedelta, late: Late) -> Deducted:
    """What is left of the earned points.

    late_by: from the due date, which an extension or late days have moved, to the hand-in; most: the maximum.
    why: "", "grace", "cut-off", "floor" or "deduction".
    """
    if late_by <= timedelta(0):
        return Deducted(earned)
    if late_by <= late.grace:
        return Deducted(earned, why="grace")
    if late.cut_off is not None and late_by > late.cut_off:
        return Deducted(Fraction(0), why="cut-off")
    units = started(late_by, UNIT[late.per])
    base = earned if late.of == "earned" else most
    left = earned - units * late.percent / 100 * base
    lowest = min(earned, late.floor / 100 * base)
    if left < lowest:
        return Deducted(lowest, units, "floor")
    return Deducted(left, units, "deduction")


def spend(earned: Fraction, most: Fraction, late_by: timedelta, late: Late, left: int) -> int:
    """How many late days of those that are left this hand-in uses: the fewest that save the most points."""
    if late_by <= late.grace or not earned:
        return 0
    useful = started(late_by - late.grace, DAY)
    allowed = min(useful, left, useful if late.at_once is None else late.at_once)
    kept = [after_deduction(earned, most, late_by - days * DAY, late).points for days in range(allowed + 1)]
    return kept.index(max(kept))
