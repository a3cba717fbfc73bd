"""Writes a batch of reports into the gradebook: what its reports need is read, compared and written together.

nbgrader's interface reads and writes one cell at a time; here the same rows, with the same defaults, go through its
tables in a few statements for the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from autograder.export.database import Row
from autograder.export.errors import ExportError
from autograder.export.layout import Layout, find_layout, points_in, refuse_misfit
from autograder.export.summary import Summary
from autograder.report import Report, Status, grade_cell

__all__ = ["Work", "write_batch"]

NO_RESPONSE = "No response."  # nbgrader's own words
BY_HAND = "By hand: "
"""How a comment begins that was written here and may be replaced: of nbgrader's two, the one that is no person's."""
Values = dict[str, Any]
"""A row of a table, by column."""


@dataclass(frozen=True)
class Work:
    """A report, and when the work was handed in, if that is known."""

    report: Report
    handed_in: datetime | None = None


@dataclass(frozen=True)
class Score:
    """A report's score of one cell: its points (None if it is graded by hand), and whether it needs attention.

    imported: whether the points were given by hand in a gradebook, then automatic: those without it. Where this
    gradebook holds such points itself, they are not written a second time.
    """

    points: float | None
    by_hand: bool = False
    imported: bool = False
    automatic: float | None = None


def write_batch(gradebook: Row, works: Sequence[Work], root: Path) -> Summary:
    """Write the reports in the transaction that is open; those that do not fit the gradebook are left out."""
    summary = Summary()
    fitting = _fitting(gradebook, works, root, summary)
    rows = _Rows(gradebook.db, [(work.report.student, layout) for work, layout in fitting])
    for work, layout in fitting:
        _write(rows, work, layout, summary)
    rows.write()
    return summary


def _fitting(gradebook: Row, works: Sequence[Work], root: Path, summary: Summary) -> list[tuple[Work, Layout]]:
    """The reports that fit the gradebook, each with the layout of its assignment; the others are left out."""
    wanted: dict[str, set[str]] = {}
    for work in works:
        wanted.setdefault(work.report.assignment, set()).update(points_in(work.report))
    layouts: dict[str, Layout | ExportError] = {}
    for name, cells in wanted.items():
        try:
            layouts[name] = find_layout(gradebook, name, cells, root)
        except ExportError as error:
            layouts[name] = error
    fitting = []
    for work in works:
        try:
            fitting.append((work, _checked(layouts[work.report.assignment], work.report)))
        except ExportError as error:
            summary.leave_out(work.report, str(error))
    return fitting


def _checked(layout: Layout | ExportError, report: Report) -> Layout:
    if isinstance(layout, ExportError):
        raise layout
    refuse_misfit(layout, report)
    return layout


class _Table:
    """Rows of one of nbgrader's tables: those found, which stay locked until the end, and those added."""

    def __init__(self, session: Row, model: Row, *columns: str) -> None:
        self._session, self._model, self._columns = session, model, ("id", *columns)
        self._before: dict[str, Values] = {}
        self._found: list[Values] = []
        self._added: list[Values] = []

    def read(self, *conditions: Row) -> list[Values]:
        """Read rows and lock them against other writers, as PostgreSQL does; SQLite has one writer at a time."""
        from sqlalchemy import select

        columns = [getattr(self._model, name) for name in self._columns]
        statement = select(*columns).where(*conditions).with_for_update(key_share=True)
        self._found = [dict(row) for row in self._session.execute(statement).mappings()]
        self._before = {row["id"]: dict(row) for row in self._found}
        return self._found

    def add(self, **values: object) -> Values:
        """Add a row under a new id."""
        from nbgrader.api import new_uuid

        row: Values = {"id": new_uuid(), **values}
        self._added.append(row)
        return row

    def has_changed(self, row: Values) -> bool:
        """Whether a row is new or differs from what was read."""
        return self._before.get(row["id"]) != row

    def write(self) -> None:
        """Insert what was added; of what has changed, write the columns that did."""
        from sqlalchemy import insert, update

        if self._added:
            self._session.execute(insert(self._model), self._added)
        changed = [row for row in self._found if self.has_changed(row)]
        if changed:
            self._session.execute(update(self._model), [self._difference(row) for row in changed])

    def _difference(self, row: Values) -> Values:
        before = self._before[row["id"]]
        return {name: value for name, value in row.items() if name == "id" or value != before[name]}


class _Rows:
    """A batch's rows, by what they belong to: read at once, and written at once."""

    def __init__(self, session: Row, wanted: Sequence[tuple[str, Layout]]) -> None:
        from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook

        self._session = session
        self._submissions = _Table(session, SubmittedAssignment, "student_id", "assignment_id", "timestamp")
        self._notebooks = _Table(session, SubmittedNotebook, "assignment_id", "notebook_id")
        self._grades = _Table(
            session, Grade, "notebook_id", "cell_id",
            "auto_score", "manual_score", "extra_credit", "needs_manual_grade",
        )  # fmt: skip
        self._comments = _Table(session, Comment, "notebook_id", "cell_id", "auto_comment")
        students = sorted({student for student, _ in wanted})
        self._new_students = self._missing(Student, students)
        found = self._submissions.read(
            SubmittedAssignment.student_id.in_(students),
            SubmittedAssignment.assignment_id.in_({layout.assignment_id for _, layout in wanted}),
        )
        self._submission_of = {(row["student_id"], row["assignment_id"]): row for row in found}
        found = self._notebooks.read(
            SubmittedNotebook.assignment_id.in_([row["id"] for row in found]),
            SubmittedNotebook.notebook_id.in_({layout.notebook_id for _, layout in wanted}),
        )
        self._notebook_of = {(row["assignment_id"], row["notebook_id"]): row for row in found}
        here = [row["id"] for row in found]
        self._grades_of = _by_cell(self._grades.read(Grade.notebook_id.in_(here)))
        self._comments_of = _by_cell(self._comments.read(Comment.notebook_id.in_(here)))

    def _missing(self, model: Row, ids: list[str]) -> list[Values]:
        from sqlalchemy import select

        known = set(self._session.scalars(select(model.id).where(model.id.in_(ids))))
        return [{"id": name} for name in ids if name not in known]

    def submission(self, student: str, layout: Layout) -> tuple[Values, bool]:
        """The student's submission, and whether it is new: then with its rows for every cell, as nbgrader makes it."""
        key = (student, layout.assignment_id)
        if key in self._submission_of:
            return self._submission_of[key], False
        row = self._submissions.add(student_id=student, assignment_id=layout.assignment_id, timestamp=None)
        self._submission_of[key] = row
        for sheet in layout.sheets:
            self._complete(self._notebook(row, sheet.notebook_id), sheet.graded, sheet.commented)
        return row, True

    def cells(self, submission: Values, layout: Layout) -> tuple[dict[str, Values], dict[str, Values]]:
        """The submission's grades and comments by cell; created if it is older than the notebook's cells."""
        notebook = self._notebook(submission, layout.notebook_id)
        self._complete(notebook, [cell for cell, _ in layout.graded.values()], layout.solutions.values())
        return self._grades_of.setdefault(notebook["id"], {}), self._comments_of.setdefault(notebook["id"], {})

    def has_changed(self, submission: Values, grades: dict[str, Values], comments: dict[str, Values]) -> bool:
        """Whether anything of this submission is to be written."""
        return (
            self._submissions.has_changed(submission)
            or any(map(self._grades.has_changed, grades.values()))
            or any(map(self._comments.has_changed, comments.values()))
        )

    def write(self) -> None:
        """Write all tables, those first to which the others refer."""
        from nbgrader.api import Student
        from sqlalchemy import insert

        if self._new_students:
            self._session.execute(insert(Student), self._new_students)
        for table in (self._submissions, self._notebooks, self._grades, self._comments):
            table.write()

    def _notebook(self, submission: Values, notebook_id: str) -> Values:
        key = (submission["id"], notebook_id)
        if key not in self._notebook_of:
            self._notebook_of[key] = self._notebooks.add(assignment_id=submission["id"], notebook_id=notebook_id)
        return self._notebook_of[key]

    def _complete(self, notebook: Values, graded: Iterable[str], commented: Iterable[str]) -> None:
        """Add the grades and comments that the notebook lacks, with nbgrader's defaults."""
        grades = self._grades_of.setdefault(notebook["id"], {})
        comments = self._comments_of.setdefault(notebook["id"], {})
        for cell in graded:
            if cell not in grades:
                grades[cell] = self._grades.add(
                    notebook_id=notebook["id"], cell_id=cell,
                    auto_score=None, manual_score=None, extra_credit=None, needs_manual_grade=True,
                )  # fmt: skip
        for cell in commented:
            if cell not in comments:
                comments[cell] = self._comments.add(notebook_id=notebook["id"], cell_id=cell, auto_comment=None)


def _by_cell(rows: list[Values]) -> dict[str, dict[str, Values]]:
    """The rows of every notebook, by cell."""
    found: dict[str, dict[str, Values]] = {}
    for row in rows:
        found.setdefault(row["notebook_id"], {})[row["cell_id"]] = row
    return found


# --- one report ------------------------------------------------------------------------------


def _write(rows: _Rows, work: Work, layout: Layout, summary: Summary) -> None:
    report, handed_in = work.report, work.handed_in
    submission, is_new = rows.submission(report.student, layout)
    before = submission["timestamp"]
    anew = None not in (handed_in, before) and handed_in != before
    if handed_in is not None:
        submission["timestamp"] = handed_in
    grades, comments = rows.cells(submission, layout)
    for name, score in _scores(report, layout).items():
        _mark(grades[layout.graded[name][0]], score, anew=anew)
    for cell_id, most in (layout.graded[grade_cell(n)] for n in report.left_out if grade_cell(n) in layout.graded):
        grades[cell_id]["needs_manual_grade"] &= most > 0  # bonus points that nobody grades wait for nobody
    for name, remark in _remarks(report).items():
        if name in layout.solutions:
            _remark(comments[layout.solutions[name]], remark)
    has_changed = rows.has_changed(submission, grades, comments)
    summary.added += is_new
    summary.changed += has_changed and not is_new
    summary.unchanged += not (has_changed or is_new)
    summary.waiting += sum(grade["needs_manual_grade"] for grade in grades.values())


def _scores(report: Report, layout: Layout) -> dict[str, Score]:
    """The report's score of each cell; other cells stay unchanged."""
    found = (
        {} if report.submission_sha256 else dict.fromkeys(layout.graded, Score(0.0))
    )  # as in nbgrader: no file, no points
    for name in report.left_out:
        found.pop(grade_cell(name), None)
    for exercise in report.exercises:
        if exercise.name not in report.left_out:
            found[grade_cell(exercise.name)] = Score(
                exercise.points,
                by_hand=exercise.status is Status.BROKEN,
                imported=exercise.by_hand is not None and exercise.by_hand.imported,
                automatic=exercise.automatic_points,
            )
    for answer in report.written:
        imported = answer.mark is not None and answer.mark.imported
        automatic = None if answer.answered else 0.0
        found[answer.name] = Score(answer.points, answer.points is None, imported, automatic)
    return found


def _remarks(report: Report) -> dict[str, str | None]:
    """What there is to say by the name of the cell: the comment given by hand, or that the answer is empty."""
    silent = {exercise.name: exercise.status is Status.NOT_ATTEMPTED for exercise in report.exercises}
    silent |= {answer.name: not answer.answered for answer in report.written}
    given = {exercise.name: exercise.by_hand for exercise in report.exercises}
    given |= {answer.name: answer.mark for answer in report.written}
    found: dict[str, str | None] = {name: NO_RESPONSE if is_silent else None for name, is_silent in silent.items()}
    return found | {name: f"{BY_HAND}{mark.comment}" for name, mark in given.items() if mark and mark.comment}


def _mark(grade: Values, score: Score, *, anew: bool) -> None:
    """Write an automatic score; a manual one stays, and is flagged for review if the work has changed.

    anew: the work was handed in again since the gradebook was last written.
    """
    is_marked = grade["manual_score"] is not None
    holds_it = score.imported and (is_marked or grade["extra_credit"] is not None)
    points = score.automatic if holds_it else score.points
    has_moved = anew or grade["auto_score"] != points
    grade["auto_score"] = points
    if holds_it and not anew:
        grade["needs_manual_grade"] = False
        return
    if (is_marked or grade["extra_credit"] is not None) and not has_moved:
        return
    grade["needs_manual_grade"] = score.by_hand or is_marked


def _remark(comment: Values, remark: str | None) -> None:
    """Record, as nbgrader does, that the answer is empty, or a mark's comment; those of formgrader and others stay."""
    there = comment["auto_comment"]
    if there in (None, NO_RESPONSE) or there.startswith(BY_HAND):
        comment["auto_comment"] = remark
