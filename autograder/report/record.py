"""Report: everything known about one graded submission.  ``msgspec.json.schema(Report)`` is its schema."""

from __future__ import annotations

import msgspec

from autograder.report.by_hand import ByHand
from autograder.report.problems import NotGraded, Problem
from autograder.report.status import Status, overall
from autograder.report.verdict import ExerciseResult

__all__ = ["FORMAT", "MOST_TEXT", "Report", "WrittenAnswer", "grade_cell"]

FORMAT = 2
"""Version of the schema.  1: a verdict had ``timing``, ``footprint`` and ``growth`` in place of ``measurement``."""
MOST_TEXT = 20_000
"""Characters of a written answer that a report keeps."""


class WrittenAnswer(msgspec.Struct, frozen=True):
    """A written question, which is graded by hand.

    text: the answer as it was handed in, at most ``MOST_TEXT`` characters; sha256: of all of it; both are empty where
    there is no answer, and in reports of earlier releases; mark: in no stored report, see ``autograder.report.marks``.
    """

    name: str
    max_points: float
    answered: bool
    text: str = ""
    sha256: str = ""
    mark: ByHand | None = None

    @property
    def points(self) -> float | None:
        """The points given by hand; 0 where nothing was answered; None where an answer is still to be marked."""
        if self.mark is not None and self.mark.points is not None:
            return self.mark.points
        return None if self.answered else 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one graded submission; it can be reproduced from its seed and hashes.

    format: version of the schema;
    capstones, bonus: whether capstones were trained, and bonus exercises graded; left_out: exercises that this run
    graded only in part or not at all: the rest counts in neither the points nor the maximum; earlier_sha256: of the
    earlier assignments it was graded on; pseudonym: the student's on the class's leaderboard, empty for most;
    seconds: the wall time of grading; official: false for a verdict in the student's own process.
    isolation: "full", "partial" or "none", proved before student code was loaded ("" if none ran);
    isolation_missing: missing layers, with the reason; tried: what the code attempted and no exercise needs, each a
    continuation of “tried to”; set_aside: files of this hand-in that were not graded.
    counts_written: whether written questions are part of points and maximum: in no stored report, but in a report
    that ``autograder.report.marks`` read, once the assignment is marked by hand.
    """

    format: int = FORMAT
    student: str
    assignment: str
    title: str = ""
    file: str = ""
    submission_sha256: str = ""
    checks_sha256: str = ""
    seed: int = 0
    official: bool = True
    isolation: str = ""
    isolation_missing: list[str] = []
    tried: list[str] = []
    backend: str = "numpy"
    capstones: bool = True
    bonus: bool = True
    left_out: list[str] = []
    earlier_sha256: str = ""
    pseudonym: str = ""
    versions: dict[str, str] = {}
    problems: list[Problem] = []
    set_aside: list[NotGraded] = []
    exercises: list[ExerciseResult] = []
    written: list[WrittenAnswer] = []
    seconds: float = 0.0
    graded_at: str = ""
    counts_written: bool = False

    @property
    def points(self) -> float:
        """Points as they count, bonus points among them: they may exceed the maximum."""
        by_hand = sum(answer.points or 0.0 for answer in self.written) if self.counts_written else 0.0
        return round(sum(exercise.points for exercise in self.exercises) + by_hand, 2)

    @property
    def bonus_points(self) -> float:
        """Points earned in bonus exercises."""
        return round(sum(exercise.points for exercise in self.exercises if exercise.bonus), 2)

    @property
    def max_points(self) -> float:
        """Maximum of the points without bonus points, and without written questions before they count."""
        by_hand = sum(answer.max_points for answer in self.written) if self.counts_written else 0.0
        return round(sum(exercise.max_points for exercise in self.exercises if not exercise.bonus) + by_hand, 2)

    @property
    def to_mark(self) -> list[WrittenAnswer]:
        """The answers that are still to be marked."""
        return [answer for answer in self.written if answer.points is None]

    @property
    def open_by_hand(self) -> float:
        """Points of answers that count and are still to be marked."""
        return round(sum(answer.max_points for answer in self.to_mark), 2) if self.counts_written else 0.0

    @property
    def listed(self) -> list[ExerciseResult]:
        """The exercises that platforms list: all but optional steps that were left as they are."""
        untouched = Status.NOT_ATTEMPTED
        return [exercise for exercise in self.exercises if not (exercise.optional and exercise.status is untouched)]

    @property
    def status(self) -> Status:
        """The assignment as a whole; a bonus exercise matters where nothing else was graded or the grader failed."""
        counted = [exercise.status for exercise in self.exercises if not exercise.bonus]
        extra = [exercise.status for exercise in self.exercises if exercise.bonus]
        return overall([*counted, *(status for status in extra if not counted or status is Status.BROKEN)])


def grade_cell(exercise: str) -> str:
    """Name the notebook's cell that holds an exercise's points."""
    return f"check_{exercise}"
