"""What was measured, beside its limit: one student's figures, a class's, and those far from the rest."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.render.reading import growth, memory, speed
from autograder.report.verdict import Report, Status, Verdict

__all__ = ["ClassMeasure", "Measure", "class_measures", "far_from_the_rest", "measured", "measures", "slow_to_grade"]

FAR = 3
"""So many times the class's median, or as small a part of it, is far from the rest."""
A_CLASS = 5
"""Students from which a median says what is usual."""


@dataclass(frozen=True)
class Measure:
    """One figure that is held against a limit, with the interval that it was judged by, and all of it in words.

    kind: "speed" or "memory", multiples of the reference, or "growth", an exponent.
    """

    exercise: str
    check: str
    status: Status
    kind: str
    value: float
    limit: float
    low: float
    high: float
    words: str

    def of_limit(self, value: float) -> float:
        """Return a figure as a multiple of the limit."""
        return value / self.limit if self.limit > 0 else 1.0


def measured(exercise: str, verdict: Verdict) -> Measure | None:
    """What a check measured; None where it measures nothing, or came to nothing."""
    about = exercise, verdict.check, verdict.status
    if timing := verdict.timing:
        low = timing.low or min(timing.pairs, default=timing.ratio)
        high = timing.high or max(timing.pairs, default=timing.ratio)
        return Measure(*about, "speed", timing.ratio, timing.limit, low, high, speed(timing))
    if figures := verdict.footprint:
        return Measure(*about, "memory", figures.ratio, figures.limit, figures.ratio, figures.ratio, memory(figures))
    if fitted := verdict.growth:
        low, high = fitted.low or fitted.exponent, fitted.high or fitted.exponent
        return Measure(*about, "growth", fitted.exponent, fitted.limit, low, high, growth(fitted))
    return None


def measures(report: Report) -> list[Measure]:
    """Collect the multiples of the reference that were measured of one submission, in its order."""
    found = (measured(exercise.name, verdict) for exercise in report.exercises for verdict in exercise.verdicts)
    return [one for one in found if one and one.kind != "growth"]


@dataclass
class ClassMeasure:
    """One check's ratios across a class."""

    exercise: str
    check: str
    kind: str
    limit: float
    of: list[tuple[str, Measure]] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Every student's ratio."""
        return [one.value for _, one in self.of]

    def of_limit(self, value: float) -> float:
        """Return a ratio as a multiple of the limit."""
        return value / self.limit if self.limit > 0 else 1.0

    @property
    def median(self) -> float:
        """What is usual."""
        return statistics.median(self.ratios)

    @property
    def over(self) -> int:
        """How many did not keep within the limit."""
        return sum(one.status is Status.FAILED for _, one in self.of)


def class_measures(reports: Iterable[Report]) -> list[ClassMeasure]:
    """Collect each measured check's ratios, in the order of the assignment."""
    found: dict[tuple[str, str], ClassMeasure] = {}
    for report in reports:
        for one in measures(report):
            key = one.exercise, one.check
            row = found.setdefault(key, ClassMeasure(*key, one.kind, one.limit))
            row.of.append((report.student, one))
    return list(found.values())


def far_from_the_rest(rows: Iterable[ClassMeasure]) -> list[tuple[str, Measure, float]]:
    """Name who is over ``FAR`` times the class's median of a check or below that part of it, with the median.

    The farthest come first.  Fewer than ``A_CLASS`` students have no median to be far from.
    """
    far = [
        (student, one, row.median)
        for row in rows
        if len(row.of) >= A_CLASS
        for student, one in row.of
        if _distance(one.value, row.median) > FAR
    ]
    return sorted(far, key=lambda item: -_distance(item[1].value, item[2]))


def _distance(ratio: float, median: float) -> float:
    low, high = sorted((max(ratio, 1e-9), max(median, 1e-9)))
    return high / low


def slow_to_grade(reports: Sequence[Report]) -> list[Report]:
    """Submissions that took over three times the class's median and a second more, the slowest first."""
    if not reports:
        return []
    usual = statistics.median(report.seconds for report in reports)
    slow = [report for report in reports if report.seconds > max(FAR * usual, usual + 1)]
    return sorted(slow, key=lambda report: -report.seconds)
