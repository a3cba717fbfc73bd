"""Report: everything known about one graded submission.  ``msgspec.json.schema(Report)`` is its schema."""

from __future__ import annotations

import msgspec

from autograder.report.problems import NotGraded, Problem
from autograder.report.status import Status, overall
from autograder.report.verdict import ExerciseResult

__all__ = ["FORMAT", "Report", "WrittenAnswer", "grade_cell"]

FORMAT = 2
"""Version of the schema.  1: a verdict had ``timing``, ``footprint`` and ``growth`` in place of ``measurement``."""


class WrittenAnswer(msgspec.Struct, frozen=True):
    """A written question: graded by hand, so only whether there is an answer is known."""

    name: str
    max_points: float
    answered: bool


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

    @property
    def points(self) -> float:
        """Points from automatic grading, bonus points among them: they may exceed the maximum."""
        return round(sum(exercise.points for exercise in self.exercises), 2)

    @property
    def bonus_points(self) -> float:
        """Points earned in bonus exercises."""
        return round(sum(exercise.points for exercise in self.exercises if exercise.bonus), 2)

    @property
    def max_points(self) -> float:
        """Maximum of automatic grading; bonus points and written questions are extra."""
        return round(sum(exercise.max_points for exercise in self.exercises if not exercise.bonus), 2)

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
