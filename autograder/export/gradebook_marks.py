"""Reads what people gave in nbgrader's formgrader: scores by hand, extra credit, comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.export.database import Row, open_gradebook, shown
from autograder.export.errors import ExportError

__all__ = ["GivenByHand", "given_by_hand"]

CELL_PREFIX = "check_"


@dataclass(frozen=True)
class GivenByHand:
    """What a person gave for one cell.

    exercise: its name, or ""; question: its name where the cell is no exercise's; points: the cell's score with extra
    credit, None for a comment alone; automatic: the cell's automatic score.
    """

    student: str
    assignment: str
    exercise: str
    question: str
    points: float | None
    automatic: float | None
    comment: str


def given_by_hand(url: str) -> list[GivenByHand]:
    """Everything that people gave in a gradebook.  ExportError if it cannot be read, or does not exist."""
    _refuse_no_gradebook(url)
    with open_gradebook(url) as database:
        return database.transact(lambda gradebook: list(_given(gradebook.db)))


def _refuse_no_gradebook(url: str) -> None:
    """Opening would create the file."""
    from sqlalchemy.engine import make_url

    place = shown(url)
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).is_file():
        message = f"There is no gradebook at {place}. Name nbgrader's own: sqlite:///COURSE/gradebook.db."
        raise ExportError(message)


def _given(session: Row) -> Iterator[GivenByHand]:
    from nbgrader.api import Assignment, BaseCell, Comment, Grade, SubmittedAssignment, SubmittedNotebook
    from sqlalchemy import select

    def rows(kind: Row, *columns: Row) -> Row:
        return session.execute(
            select(SubmittedAssignment.student_id, Assignment.name, BaseCell.name, *columns)
            .join(SubmittedNotebook, SubmittedNotebook.id == kind.notebook_id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .join(BaseCell, BaseCell.id == kind.cell_id)
            .order_by(SubmittedAssignment.student_id, Assignment.name, BaseCell.name)
        )

    said = {tuple(row[:3]): (row[3] or "").strip() for row in rows(Comment, Comment.manual_comment)}
    for student, assignment, cell, automatic, manual, extra in rows(
        Grade, Grade.auto_score, Grade.manual_score, Grade.extra_credit
    ):
        solution = cell.removeprefix(CELL_PREFIX)  # nbgrader keeps comments at the cells that students write
        comment = said.get((student, assignment, cell)) or said.get((student, assignment, solution), "")
        is_given = manual is not None or bool(extra)
        if not is_given and not comment:
            continue
        base = automatic if manual is None else manual
        points = round((base or 0.0) + (extra or 0.0), 2) if is_given else None
        exercise = solution if cell != solution else ""
        yield GivenByHand(student, assignment, exercise, "" if exercise else cell, points, automatic, comment)
