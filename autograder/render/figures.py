"""Data of a class's figures: the distribution of points, and the results of each exercise and check."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.render.reading import RIGHT
from autograder.report import Report, Status

__all__ = ["Column", "Rate", "distribution", "exercise_rates", "share", "troubled", "versions"]

MOST_COLUMNS = 12
STEPS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def share(part: float, whole: float) -> str:
    """Write a share as a CSS length."""
    return f"{100 * max(0.0, min(1.0, part / whole if whole else 0.0)):.2f}%"


@dataclass
class Column:
    """One column of the distribution: from (inclusive) to (exclusive, but for the last)."""

    low: float
    high: float
    students: int
    height: str = "0%"


def distribution(reports: Sequence[Report]) -> list[Column]:
    """Sort students into columns of equal width by their points."""
    most = max((max(report.max_points, report.points) for report in reports), default=0.0)
    if most <= 0:
        return []
    step = next((step for step in STEPS if most / step <= MOST_COLUMNS), most)
    count = max(1, int(-(-most // step)))
    columns = [Column(i * step, min((i + 1) * step, most), 0) for i in range(count)]
    for report in reports:
        columns[max(0, min(int(report.points // step), count - 1))].students += 1
    fullest = max(column.students for column in columns)
    for column in columns:
        column.height = share(column.students, fullest)
    return columns


@dataclass
class Rate:
    """How many students passed, failed or did not reach an exercise or a check."""

    name: str
    part: str = ""
    counts: Counter[Status] = field(default_factory=Counter)
    checks: list[Rate] = field(default_factory=list)
    exercise: str = ""
    points: list[float] = field(default_factory=list)
    max_points: float = 0.0
    bonus: bool = False

    @property
    def median(self) -> float:
        """Median of the points."""
        return statistics.median(self.points) if self.points else 0.0

    @property
    def mean(self) -> float:
        """Mean of the points."""
        return statistics.fmean(self.points) if self.points else 0.0

    @property
    def shares(self) -> list[float]:
        """Each student's share of the points (0…1)."""
        return [points / self.max_points if self.max_points else 0.0 for points in self.points]

    @property
    def students(self) -> int:
        """The number of students."""
        return self.counts.total()

    @property
    def right(self) -> int:
        """Those who earned all points."""
        return sum(self.counts[status] for status in RIGHT)

    @property
    def failed(self) -> int:
        """Those whose work was checked and is not correct, and those on whom the grader itself failed."""
        return self.counts[Status.FAILED] + self.counts[Status.BROKEN]

    @property
    def not_reached(self) -> int:
        """Those who wrote nothing that could be checked, or failed something earlier."""
        return self.counts[Status.NOT_ATTEMPTED] + self.counts[Status.SKIPPED]

    @property
    def tried(self) -> int:
        """Those who wrote something that could be checked."""
        return self.students - self.not_reached

    @property
    def bars(self) -> list[tuple[str, int]]:
        """The counts by kind, from correct to untouched; the names are those of style classes."""
        begun = self.counts[Status.PARTLY]
        rest = self.students - self.right - self.failed - begun
        return [("right", self.right), ("begun", begun), ("not right", self.failed), ("untouched", rest)]


def exercise_rates(reports: Sequence[Report]) -> list[Rate]:
    """Count the results of each exercise and of each of its checks."""
    rates: dict[str, Rate] = {}
    checks: dict[str, dict[tuple[str, str], Rate]] = {}
    for report in reports:
        for exercise in report.exercises:
            rate = rates.setdefault(exercise.name, Rate(exercise.name, bonus=exercise.bonus))
            rate.counts[exercise.status] += 1
            rate.points.append(exercise.points)
            rate.max_points = max(rate.max_points, exercise.max_points)
            own = checks.setdefault(exercise.name, {})
            for verdict in exercise.verdicts:
                one = own.setdefault(
                    (verdict.part, verdict.check), Rate(verdict.check, verdict.part, exercise=exercise.name)
                )
                one.counts[verdict.status] += 1
    for name, rate in rates.items():
        rate.checks = list(checks[name].values())
    return list(rates.values())


def troubled(rates: Iterable[Rate]) -> list[Rate]:
    """Every check that somebody fails, the most failed first."""
    checks = [check for rate in rates for check in rate.checks if check.failed]
    return sorted(checks, key=lambda check: (-check.failed, -check.not_reached, check.exercise, check.name))


def versions(reports: Sequence[Report]) -> list[tuple[str, str]]:
    """Collect the versions used to grade the class."""
    found: dict[str, set[str]] = {}
    for report in reports:
        for name, version in report.versions.items():
            found.setdefault(name, set()).add(version)
    return [(name, ", ".join(sorted(versions))) for name, versions in found.items()]
