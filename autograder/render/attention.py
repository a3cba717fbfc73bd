"""What needs a person's attention: by kind, with student and place."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.render.reading import nothing_handed_in, number, unread
from autograder.report import Report, Status, Verdict, WrittenAnswer

__all__ = ["Attention", "Question", "attention", "missing_isolation", "questions"]

MOST_OF_ONE = 3
"""Rows of one kind per student, so that no student fills the page."""

Row = tuple[str, str, str]


@dataclass
class Attention:
    """One kind of thing that needs attention, and where it is."""

    title: str
    why: str
    rows: list[Row]

    @property
    def students(self) -> int:
        """How many students it concerns."""
        return len({student for student, _, _ in self.rows})


def attention(reports: Sequence[Report]) -> list[Attention]:
    """List what needs attention, by kind; kinds without an entry are left out."""
    kinds = [
        Attention(
            "The grader itself failed",
            "No student is to blame. Fix the check, then grade these again.",
            _with_status(reports, Status.BROKEN),
        ),
        Attention(
            "Speed too close to the limit to decide",
            "Full points were given. Measure again on a quiet machine if it matters.",
            _with_status(reports, Status.INCONCLUSIVE),
        ),
        Attention(
            "Marked by hand, and changed since",
            "The answer or the automatic points are others than when the mark was given. The mark stands: look again.",
            [row for report in reports for row in _changed(report)],
        ),
        Attention(
            "Nothing handed in",
            "There was no file to grade. Ask the student, or keep the zero.",
            [row for report in reports if nothing_handed_in(report) for row in _problems(report)],
        ),
        Attention(
            "No file could be read",
            "None of these was graded. The sentence says what to hand in instead.",
            [row for report in reports if unread(report) for row in _problems(report)],
        ),
        Attention(
            "Something is wrong with the file",
            "What could be read was graded.",
            [row for report in reports if report.submission_sha256 for row in _problems(report)],
        ),
        Attention(
            "The code tried what no exercise needs",
            "This changed no mark. Read the code before you draw conclusions.",
            [(r.student, r.file, f"tried to {', to '.join(r.tried[:MOST_OF_ONE])}") for r in reports if r.tried],
        ),
    ]
    return [Attention(kind.title, kind.why, list(_few_of_each(kind.rows))) for kind in kinds if kind.rows]


def _with_status(reports: Sequence[Report], status: Status) -> list[Row]:
    return [
        (report.student, f"{exercise.name}: {verdict.check}", _detail(verdict))
        for report in reports
        for exercise in report.exercises
        if not exercise.is_overridden
        for verdict in exercise.verdicts
        if verdict.status is status
    ]


def _changed(report: Report) -> list[Row]:
    rows = [
        (report.student, answer.name, "the answer changed since it was marked")
        for answer in report.written
        if answer.mark is not None and answer.mark.changed
    ]
    return rows + [
        (report.student, exercise.name, f"the checks now find {number(exercise.automatic_points)} points")
        for exercise in report.exercises
        if exercise.by_hand is not None and exercise.by_hand.changed
    ]


def _detail(verdict: Verdict) -> str:
    return " · ".join(
        part for part in (verdict.sentence, verdict.measurement.words if verdict.measurement else "") if part
    )


def _problems(report: Report) -> list[Row]:
    return [(report.student, problem.where, problem.sentence) for problem in report.problems]


def _few_of_each(rows: Iterable[Row]) -> Iterable[Row]:
    """Keep a student's first rows; the last one counts the others."""
    count = Counter(student for student, _, _ in rows)
    seen: Counter[str] = Counter()
    for student, where, what in rows:
        seen[student] += 1
        if seen[student] < MOST_OF_ONE or count[student] == seen[student] == MOST_OF_ONE:
            yield student, where, what
        elif seen[student] == MOST_OF_ONE:
            yield student, "", f"and {count[student] - MOST_OF_ONE + 1} more like it"


@dataclass
class Question:
    """A written question: how many answers there are, and how many are still to be marked; points: those given."""

    name: str
    max_points: float
    answered: int = 0
    asked: int = 0
    to_mark: int = 0
    points: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float | None:
        """The mean of the points given; None where there are none."""
        return statistics.fmean(self.points) if self.points else None


def questions(reports: Sequence[Report]) -> list[Question]:
    """Count the answers to each written question."""
    found: dict[str, Question] = {}
    answers: list[WrittenAnswer] = [answer for report in reports for answer in report.written]
    for answer in answers:
        question = found.setdefault(answer.name, Question(answer.name, answer.max_points))
        question.answered += answer.answered
        question.asked += 1
        question.to_mark += answer.points is None
        if answer.mark is not None and answer.mark.points is not None:
            question.points.append(answer.mark.points)
    return list(found.values())


def missing_isolation(reports: Sequence[Report]) -> list[tuple[str, int]]:
    """Count missing layers of isolation, the most common first."""
    return Counter(what for report in reports for what in dict.fromkeys(report.isolation_missing)).most_common()
