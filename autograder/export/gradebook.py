"""Writes reports into nbgrader's gradebook: automatic scores are written, manual ones are left unchanged.

All reports of one call are one transaction: after an error or a kill, the gradebook is unchanged.  Writing the same
reports again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from autograder.export.database import Row, open_gradebook
from autograder.export.errors import ExportError
from autograder.export.layout import Layout, find_layout, refuse_misfit
from autograder.report import Report, Status, grade_cell

__all__ = ["Summary", "submissions_of", "write_gradebook"]

NO_RESPONSE = "No response."  # nbgrader's own words
NAME_LENGTH = 128  # of a student in nbgrader's tables; SQLite takes any


@dataclass
class Summary:
    """How many reports are new in the gradebook, changed it, or were there already.

    waiting: cells of these submissions that wait for manual grading.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    waiting: int = 0

    def __str__(self) -> str:
        """One line for a person."""
        return (
            f"{self.added} new, {self.changed} changed, {self.unchanged} unchanged; "
            f"{self.waiting} cells wait for manual grading"
        )


@dataclass(frozen=True)
class Score:
    """A report's score of one cell: its points (None if it is graded by hand), and whether it needs attention."""

    points: float | None
    by_hand: bool = False


def write_gradebook(reports: Iterable[Report], root: Path, url: str, submitted: Path | None = None) -> Summary:
    """Write the reports into the gradebook at ``url``, one in memory at a time.

    root: the course, whose released notebooks lay out assignments that are new in the gradebook;
    submitted: the folder of hand-ins, where nbgrader's ``timestamp.txt`` gives the time of each.
    Raises ExportError and then writes nothing.
    """
    summary = Summary()
    layouts: dict[str, Layout] = {}
    seen: set[tuple[str, str]] = set()
    with open_gradebook(url) as gradebook:
        for report in reports:
            _refuse_name(report, seen, gradebook)
            if report.assignment not in layouts:
                layouts[report.assignment] = find_layout(gradebook, report, root)
            layout = layouts[report.assignment]
            refuse_misfit(layout, report)
            _write(gradebook, report, layout, _handed_in_at(submitted, report), summary)
            gradebook.db.expunge_all()
    return summary


def submissions_of(out: Path) -> Path | None:
    """Find the folder of hand-ins that a run graded, from its ``run.json``; None if it is unknown or gone."""
    try:
        run = msgspec.json.decode((out / "run.json").read_bytes(), type=_Run)
    except (OSError, msgspec.DecodeError):
        return None
    folder = Path(run.submissions)
    return folder if folder.is_dir() else None


class _Run(msgspec.Struct):
    submissions: str


def _refuse_name(report: Report, seen: set[tuple[str, str]], gradebook: Row) -> None:
    """Raise ExportError for a second report of the same name, and for a name that the database cannot hold."""
    key = (report.student, report.assignment)
    if key in seen:
        message = (
            f"There are two reports of '{report.student}' for {report.assignment}, but a gradebook holds one. "
            "Rename one of the two folders and grade again."
        )
        raise ExportError(message)
    seen.add(key)
    if len(report.student) > NAME_LENGTH and gradebook.engine.dialect.name != "sqlite":
        message = (
            f"The gradebook allows names of {NAME_LENGTH} characters, but '{report.student[:30]}…' has "
            f"{len(report.student)}. Rename the folder and grade again."
        )
        raise ExportError(message)


def _write(gradebook: Row, report: Report, layout: Layout, handed_in: datetime | None, summary: Summary) -> None:
    from nbgrader.api import MissingEntry

    gradebook.update_or_create_student(report.student)
    try:
        submission = gradebook.find_submission(report.assignment, report.student)
        is_new = False
    except MissingEntry:
        submission = gradebook.add_submission(report.assignment, report.student)
        is_new = True
    anew = None not in (handed_in, submission.timestamp) and handed_in != submission.timestamp
    if handed_in is not None:
        submission.timestamp = handed_in
    grades, comments = _rows(gradebook, submission, layout)
    for name, score in _scores(report, layout).items():
        _mark(grades[layout.graded[name][0]], score, anew=anew)
    for cell_id, most in (layout.graded[grade_cell(n)] for n in report.left_out if grade_cell(n) in layout.graded):
        grades[cell_id].needs_manual_grade &= most > 0  # bonus points that nobody grades wait for nobody
    for name, silent in _silences(report).items():
        if name in layout.solutions:
            _remark(comments[layout.solutions[name]], silent=silent)
    has_changed = bool(gradebook.db.new) or any(gradebook.db.is_modified(row) for row in gradebook.db.dirty)
    gradebook.db.commit()
    summary.added += is_new
    summary.changed += has_changed and not is_new
    summary.unchanged += not (has_changed or is_new)
    summary.waiting += sum(grade.needs_manual_grade for grade in grades.values())


def _rows(gradebook: Row, submission: Row, layout: Layout) -> tuple[dict[str, Row], dict[str, Row]]:
    """The submission's grades and comments by cell; created if it is older than the notebook's cells."""
    from nbgrader.api import Comment, Grade, SubmittedNotebook

    notebook = next((one for one in submission.notebooks if one.notebook_id == layout.notebook_id), None)
    if notebook is None:
        notebook = SubmittedNotebook(notebook_id=layout.notebook_id, assignment=submission)
        gradebook.db.add(notebook)
    grades = {grade.cell_id: grade for grade in notebook.grades}
    comments = {comment.cell_id: comment for comment in notebook.comments}
    for cell_id, _ in layout.graded.values():
        if cell_id not in grades:
            grades[cell_id] = Grade(cell_id=cell_id, notebook=notebook, needs_manual_grade=True)
            gradebook.db.add(grades[cell_id])
    for cell_id in layout.solutions.values():
        if cell_id not in comments:
            comments[cell_id] = Comment(cell_id=cell_id, notebook=notebook)
            gradebook.db.add(comments[cell_id])
    return grades, comments


def _scores(report: Report, layout: Layout) -> dict[str, Score]:
    """The report's score of each cell; other cells stay unchanged."""
    found = (
        {} if report.submission_sha256 else dict.fromkeys(layout.graded, Score(0.0))
    )  # as in nbgrader: no file, no points
    for name in report.left_out:
        found.pop(grade_cell(name), None)
    for exercise in report.exercises:
        if exercise.name not in report.left_out:
            is_broken = exercise.status is Status.BROKEN
            found[grade_cell(exercise.name)] = Score(exercise.points, by_hand=is_broken)
    for answer in report.written:
        found[answer.name] = Score(None, by_hand=True) if answer.answered else Score(0.0)
    return found


def _silences(report: Report) -> dict[str, bool]:
    """Whether the answer is empty, by the name of its cell."""
    found = {exercise.name: exercise.status is Status.NOT_ATTEMPTED for exercise in report.exercises}
    return found | {answer.name: not answer.answered for answer in report.written}


def _mark(grade: Row, score: Score, *, anew: bool) -> None:
    """Write an automatic score; a manual one stays, and is flagged for review if the work has changed.

    anew: the work was handed in again since the gradebook was last written.
    """
    has_moved = anew or grade.auto_score != score.points
    grade.auto_score = score.points
    is_marked = grade.manual_score is not None
    if (is_marked or grade.extra_credit is not None) and not has_moved:
        return
    grade.needs_manual_grade = score.by_hand or is_marked


def _remark(comment: Row, *, silent: bool) -> None:
    """Record, as nbgrader does, that the answer is empty; comments by people stay."""
    if comment.auto_comment in (None, NO_RESPONSE):
        comment.auto_comment = NO_RESPONSE if silent else None


def _handed_in_at(submitted: Path | None, report: Report) -> datetime | None:
    """The time of the hand-in in UTC, if nbgrader recorded it in readable form; else None."""
    from nbgrader.utils import parse_utc

    path = Path(submitted or "", report.student, report.assignment, "timestamp.txt")
    if submitted is None or not path.is_file():  # reading a pipe of this name would never end
        return None
    try:
        with path.open(encoding="utf-8") as file:
            found: datetime = parse_utc(file.read(100).strip())
    except (OSError, ValueError, OverflowError):
        return None
    return found
