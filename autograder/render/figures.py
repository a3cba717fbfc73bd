"""The figures of a class: how points are spread, how each check went, what a person has to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from autograder.render.reading import RIGHT, speed, tried
from autograder.verdict import Report, Status, Verdict, WrittenAnswer

__all__ = [
    "Attention",
    "Column",
    "Question",
    "Rate",
    "attention",
    "distribution",
    "exercise_rates",
    "questions",
    "share",
    "versions",
]

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
    most = max((report.max_points for report in reports), default=0.0)
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
    """How many students did what: of an exercise, or of one check."""

    name: str
    part: str = ""
    counts: Counter[Status] = field(default_factory=Counter)
    checks: list[Rate] = field(default_factory=list)
    points: float = 0.0
    max_points: float = 0.0

    @property
    def students(self) -> int:
        """Everybody."""
        return self.counts.total()

    @property
    def right(self) -> int:
        """Those who earned all of it."""
        return sum(self.counts[status] for status in RIGHT)

    @property
    def tried(self) -> int:
        """Those who wrote something that could be looked at."""
        return self.students - self.counts[Status.NOT_ATTEMPTED] - self.counts[Status.SKIPPED]

    @property
    def bars(self) -> list[tuple[str, int]]:
        """The counts in three kinds, from right to untouched."""
        wrong = self.counts[Status.FAILED] + self.counts[Status.BROKEN]
        begun = self.counts[Status.PARTLY]
        rest = self.students - self.right - wrong - begun
        return [("right", self.right), ("begun", begun), ("not right", wrong), ("untouched", rest)]


def exercise_rates(reports: Sequence[Report]) -> list[Rate]:
    """Count what became of each exercise and of each of its checks."""
    rates: dict[str, Rate] = {}
    checks: dict[str, dict[tuple[str, str], Rate]] = {}
    for report in reports:
        for exercise in report.exercises:
            rate = rates.setdefault(exercise.name, Rate(exercise.name))
            rate.counts[exercise.status] += 1
            rate.points += exercise.points
            rate.max_points += exercise.max_points
            own = checks.setdefault(exercise.name, {})
            for verdict in exercise.verdicts:
                one = own.setdefault((verdict.part, verdict.check), Rate(verdict.check, verdict.part))
                one.counts[verdict.status] += 1
    for name, rate in rates.items():
        rate.checks = list(checks[name].values())
    return list(rates.values())


@dataclass
class Attention:
    """One kind of thing that a person has to look at, and where it is."""

    title: str
    why: str
    rows: list[tuple[str, str, str]]


def attention(reports: Sequence[Report]) -> list[Attention]:
    """List what a person has to look at, by kind; kinds without an entry are left out."""

    def with_status(status: Status) -> list[tuple[str, str, str]]:
        return [
            (report.student, f"{exercise.name}: {verdict.check}", _detail(verdict))
            for report in reports
            for exercise in report.exercises
            for verdict in exercise.verdicts
            if verdict.status is status
        ]

    kinds = [
        Attention(
            "The grader itself failed",
            "No student is to blame. Mend the check, then grade these again.",
            with_status(Status.BROKEN),
        ),
        Attention(
            "Speed too close to call",
            "Full points were given. Measure again on a quiet machine if it matters.",
            with_status(Status.INCONCLUSIVE),
        ),
        Attention(
            "Something is wrong with the file",
            "What could be read was graded.",
            [(report.student, problem.where, problem.sentence) for report in reports for problem in report.problems],
        ),
        Attention(
            "The code tried what no exercise needs",
            "It changed no mark. Look at the code before you draw conclusions.",
            [(report.student, report.file, tried(report)) for report in reports if report.tried],
        ),
    ]
    return [kind for kind in kinds if kind.rows]


def _detail(verdict: Verdict) -> str:
    return " · ".join(part for part in (verdict.sentence, speed(verdict.timing) if verdict.timing else "") if part)


@dataclass
class Question:
    """A written question, and how many answers wait to be read."""

    name: str
    max_points: float
    answered: int = 0
    asked: int = 0


def questions(reports: Sequence[Report]) -> list[Question]:
    """Count the answers to each written question."""
    found: dict[str, Question] = {}
    answers: list[WrittenAnswer] = [answer for report in reports for answer in report.written]
    for answer in answers:
        question = found.setdefault(answer.name, Question(answer.name, answer.max_points))
        question.answered += answer.answered
        question.asked += 1
    return list(found.values())


def versions(reports: Sequence[Report]) -> list[tuple[str, str]]:
    """Collect the versions that the class was graded with."""
    found: dict[str, set[str]] = {}
    for report in reports:
        for name, version in report.versions.items():
            found.setdefault(name, set()).add(version)
    return [(name, ", ".join(sorted(versions))) for name, versions in found.items()]
