"""Measured values and their limits: of one student, of a class, and outliers."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.render.reading import Finding
from autograder.report import Measurement, Report, Status, Timing, Verdict

__all__ = [
    "ClassMeasure",
    "Measure",
    "class_measures",
    "far_from_the_rest",
    "measured",
    "measures",
    "slow_to_grade",
    "timing_of",
    "words_beside",
]

FAR = 3
"""A value is an outlier above this multiple of the class's median, or below its inverse."""
A_CLASS = 5
"""Fewest students whose median is meaningful."""


@dataclass(frozen=True)
class Measure:
    """What one check measured, and its verdict."""

    exercise: str
    check: str
    status: Status
    figures: Measurement

    @property
    def value(self) -> float:
        """The value that is compared with the limit."""
        return self.figures.value

    @property
    def limit(self) -> float:
        """The limit."""
        return self.figures.limit

    @property
    def kind(self) -> str:
        """The kind of measurement."""
        return self.figures.kind

    @property
    def low(self) -> float:
        """Lower end of the interval that the verdict rests on."""
        return self.figures.interval[0]

    @property
    def high(self) -> float:
        """Upper end of that interval."""
        return self.figures.interval[1]

    def of_limit(self, value: float) -> float:
        """Return a figure as a multiple of the limit."""
        return value / self.limit if self.limit > 0 else 1.0


def measured(exercise: str, verdict: Verdict) -> Measure | None:
    """What a check measured; None if it measures nothing or has no result."""
    if verdict.measurement is None:
        return None
    return Measure(exercise, verdict.check, verdict.status, verdict.measurement)


def measures(report: Report) -> list[Measure]:
    """Collect the measured multiples of the reference of one submission, in order."""
    found = (measured(exercise.name, verdict) for exercise in report.exercises for verdict in exercise.verdicts)
    return [one for one in found if one and one.figures.is_ratio]


def timing_of(verdicts: Iterable[Verdict]) -> Timing | None:
    """The first speed check's figures."""
    return next((verdict.measurement for verdict in verdicts if isinstance(verdict.measurement, Timing)), None)


def words_beside(why: Finding | Verdict) -> str:
    """What was measured, in words; empty if the sentence states it or nothing was measured."""
    figures = why.measurement
    return "" if figures is None or (figures.in_sentence and why.status is Status.FAILED) else figures.words


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
        """Median of the class."""
        return statistics.median(self.ratios)

    @property
    def over(self) -> int:
        """How many exceeded the limit."""
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
    """List who is above ``FAR`` times the class's median of a check or below its inverse, with the median.

    The farthest come first.  Fewer than ``A_CLASS`` students have no meaningful median.
    """
    far = [
        (student, one, median)
        for row in rows
        if len(row.of) >= A_CLASS
        for median in [row.median]
        for student, one in row.of
        if _distance(one.value, median) > FAR
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
