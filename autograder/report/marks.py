"""Marks given by hand: their store in a run's folder, and the report as it counts with them.

``read_marked`` is the one way to read a report of a run, for pages, totals and exports alike.

``marking.json``               of the class: which assignments are marked by hand, and the comment bank
``marks/STUDENT/marks.json``   of one student: a mark for each written question and each changed exercise

STUDENT is the name of the student's folder in ``reports/``.  Nothing here is written by grading, so that marks
survive it.  Written questions count in points and maximum once an assignment has begun to be marked, for all
students at once; before, the report is as it was graded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from autograder.report.by_hand import ByHand
from autograder.report.record import Report, WrittenAnswer
from autograder.report.storage import ReportError, read_stored
from autograder.report.verdict import ExerciseResult

__all__ = [
    "GRADEBOOK",
    "MARKING",
    "MARKS_FORMAT",
    "AssignmentMarks",
    "Begun",
    "Counted",
    "Mark",
    "Marking",
    "Marks",
    "marked",
    "marks_path",
    "read_counted",
    "read_marked",
    "read_marking",
    "read_marks",
]

MARKS_FORMAT = 1
MARKING = "marking.json"
GRADEBOOK = "gradebook"
"""The source of a mark that was read from nbgrader's gradebook."""
SAME_POINTS = 0.005


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """One decision by hand, on a written question or an exercise.

    points: None where there is a comment alone, or where the mark was taken back; by, at: who gave it, and when (UTC);
    revision: counts changes, so that two graders cannot overwrite each other's; source: ``gradebook`` if it was read
    there, else empty;
    answer_sha256, question_sha256: of the answer that was marked, and of the question's text then;
    automatic: of an exercise, the points found automatically when it was marked.
    """

    points: float | None = None
    comment: str = ""
    by: str = ""
    at: str = ""
    revision: int = 0
    source: str = ""
    answer_sha256: str = ""
    question_sha256: str = ""
    automatic: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing (any more)."""
        return self.points is None and not self.comment


class AssignmentMarks(msgspec.Struct, frozen=True, omit_defaults=True):
    """One student's marks in one assignment, by the name of the question or exercise."""

    questions: dict[str, Mark] = {}
    exercises: dict[str, Mark] = {}


class Marks(msgspec.Struct, frozen=True):
    """One student's marks: the content of ``marks/STUDENT/marks.json``."""

    format: int = MARKS_FORMAT
    assignments: dict[str, AssignmentMarks] = {}


class Begun(msgspec.Struct, frozen=True):
    """When marking of an assignment by hand began (UTC), and the points of its questions by name.

    They count for everybody since then, also for who handed in nothing that could be read.
    """

    at: str
    questions: dict[str, float] = {}


class Marking(msgspec.Struct, frozen=True):
    """What a class shares: the content of ``marking.json``.

    begun: by assignment; comments: the comment bank, by assignment and by question or exercise.
    """

    format: int = MARKS_FORMAT
    begun: dict[str, Begun] = {}
    comments: dict[str, dict[str, list[str]]] = {}


class Counted(NamedTuple):
    """A report as it counts, and the bytes of all that it was read from."""

    report: Report
    content: bytes


def marks_path(out: Path, student: str) -> Path:
    """The path of one student's marks."""
    return out / "marks" / student / "marks.json"


def read_marks(out: Path, student: str) -> Marks:
    """One student's marks; empty if there are none.  ReportError if the file cannot be read."""
    return _read(marks_path(out, student), Marks)


def read_marking(out: Path) -> Marking:
    """What the class shares; empty if nothing was marked.  ReportError if the file cannot be read."""
    return _read(out / MARKING, Marking)


def read_marked(out: Path, student: str, assignment: str) -> Report:
    """The report of one student's hand-in as it counts, with the marks given by hand.

    student: the name of the folder in ``out/reports``.  ReportError if the report or the marks cannot be read.
    """
    return read_counted(out, student, assignment).report


def read_counted(out: Path, student: str, assignment: str) -> Counted:
    """The same with the bytes that decide it, which are those of the report alone where there are no marks."""
    report, content = read_stored(out / "reports" / student / f"{assignment}.json")
    marks = read_marks(out, student).assignments.get(assignment, AssignmentMarks())
    begun = read_marking(out).begun.get(assignment)
    if begun or marks.questions or marks.exercises:
        content += b"\n" + msgspec.json.encode((begun, marks))
        report = marked(report, marks, begun.questions if begun else None)
    return Counted(report, content)


def marked(report: Report, marks: AssignmentMarks, questions: Mapping[str, float] | None) -> Report:
    """The report with these marks.

    questions: points of the written questions by name, which are part of points and maximum; None before marking began.
    """
    there = {one.name for one in report.written}
    added = ((name, most) for name, most in (questions or {}).items() if name not in there)
    written = [*report.written, *(WrittenAnswer(name, most, answered=False) for name, most in added)]
    return replace(
        report,
        counts_written=questions is not None and bool(written),
        written=[_answer(one, marks.questions.get(one.name)) for one in written],
        exercises=[_exercise(one, marks.exercises.get(one.name)) for one in report.exercises],
    )


def _answer(answer: WrittenAnswer, mark: Mark | None) -> WrittenAnswer:
    if mark is None or mark.is_empty:
        return answer
    return replace(answer, mark=_by_hand(mark, changed=mark.answer_sha256 not in ("", answer.sha256)))


def _exercise(exercise: ExerciseResult, mark: Mark | None) -> ExerciseResult:
    if mark is None or mark.is_empty:
        return exercise
    moved = mark.automatic is not None and abs(mark.automatic - exercise.points) > SAME_POINTS
    return replace(exercise, by_hand=_by_hand(mark, changed=moved and mark.points is not None))


def _by_hand(mark: Mark, *, changed: bool) -> ByHand:
    return ByHand(mark.points, mark.comment, mark.by, mark.at, mark.source == GRADEBOOK, changed)


T = TypeVar("T", Marks, Marking)


def _read(path: Path, kind: type[T]) -> T:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return kind()
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read as marks ({error}). Restore it from a copy, or move it away."
        raise ReportError(message) from error
    if found.format > MARKS_FORMAT:
        message = (
            f"{path} was written by a later version of autograder (format {found.format}, this one reads up to "
            f"{MARKS_FORMAT}). Update it (pip install --upgrade dlkit-course)."
        )
        raise ReportError(message)
    return found
