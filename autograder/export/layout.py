"""An assignment's cells in the gradebook: found there, or laid out from the released notebook."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from autograder.export.database import Row
from autograder.export.errors import ExportError
from autograder.report import Report, grade_cell

__all__ = ["Layout", "Sheet", "find_layout", "points_in", "refuse_misfit"]

SAME_POINTS = 0.005  # points are counted in hundredths


@dataclass(frozen=True)
class Sheet:
    """One notebook of an assignment: ids of its cells that have a grade, and of those that have a comment."""

    notebook_id: str
    graded: list[str]
    commented: list[str]


@dataclass(frozen=True)
class Layout:
    """An assignment's notebooks; of the one that is graded its graded cells (id, points) and solution cells (id)."""

    assignment_id: str
    sheets: list[Sheet]
    notebook_id: str
    graded: dict[str, tuple[str, float]]
    solutions: dict[str, str]


def find_layout(gradebook: Row, assignment: str, wanted: set[str], root: Path) -> Layout:
    """Find the assignment in the gradebook; if it has no notebook there, lay it out from the released one.

    wanted: names of the cells that the reports grade, by which one of several notebooks is chosen.
    An assignment that nbgrader generated is used unchanged.  Raises ExportError.
    """
    from nbgrader.api import Assignment, GradeCell, Notebook, SolutionCell, TaskCell
    from sqlalchemy import select

    statement = (
        select(Notebook.id, Notebook.assignment_id)
        .join(Assignment, Assignment.id == Notebook.assignment_id)
        .where(Assignment.name == assignment)
        .order_by(Notebook.name)
    )
    notebooks = gradebook.db.execute(statement).all()
    if not notebooks:
        _lay_out(gradebook, assignment, root)
        notebooks = gradebook.db.execute(statement).all()
    ids = [notebook.id for notebook in notebooks]
    cells, tasks = (_cells(gradebook, kind, ids, kind.max_score) for kind in (GradeCell, TaskCell))
    solutions = _cells(gradebook, SolutionCell, ids)
    chosen = max(ids, key=lambda one: len(wanted & {cell.name for cell in (*cells[one], *tasks[one])}))
    return Layout(
        notebooks[0].assignment_id,
        [
            Sheet(
                one,
                [cell.id for cell in (*cells[one], *tasks[one])],
                [cell.id for cell in (*solutions[one], *tasks[one])],
            )
            for one in ids
        ],
        chosen,
        {cell.name: (cell.id, cell.max_score) for cell in (*cells[chosen], *tasks[chosen])},
        {cell.name: cell.id for cell in solutions[chosen]},
    )


def _cells(gradebook: Row, kind: Row, notebooks: list[str], *more: Row) -> dict[str, list[Row]]:
    """Cells of one kind by notebook: id, name and more."""
    from sqlalchemy import select

    found: dict[str, list[Row]] = {one: [] for one in notebooks}
    columns = (kind.id, kind.name, kind.notebook_id, *more)
    for cell in gradebook.db.execute(select(*columns).where(kind.notebook_id.in_(notebooks))):
        found[cell.notebook_id].append(cell)
    return found


def refuse_misfit(layout: Layout, report: Report) -> None:
    """Raise ExportError if the report grades a cell that is missing there or has other points."""
    name = report.assignment
    cure = f"Run nbgrader generate_assignment {name} --force, or name another gradebook."
    for cell, points in points_in(report).items():
        if cell not in layout.graded:
            message = f"{name} has no cell '{cell}' in the gradebook, but the reports grade it. {cure}"
            raise ExportError(message)
        theirs = layout.graded[cell][1]
        if abs(theirs - points) > SAME_POINTS:
            message = (
                f"{name}: '{cell}' is worth {theirs:g} points in the gradebook and {points:g} in the reports. {cure}"
            )
            raise ExportError(message)


def points_in(report: Report) -> dict[str, float]:
    """The points of every cell in the report, except those that the run left out in whole or in part."""
    graded = [exercise for exercise in report.exercises if exercise.name not in report.left_out]
    found = {grade_cell(exercise.name): 0.0 if exercise.bonus else exercise.max_points for exercise in graded}
    return found | {answer.name: answer.max_points for answer in report.written}


def _lay_out(gradebook: Row, assignment: str, root: Path) -> None:
    """Write assignment, notebook and cells, as ``nbgrader generate_assignment`` would for the same notebook."""
    import nbformat
    from nbgrader import utils

    path = _released(assignment, root)
    notebook = nbformat.read(path, as_version=4)
    gradebook.update_or_create_assignment(assignment)
    kernel = json.dumps(notebook.metadata.get("kernelspec", {}))
    gradebook.add_notebook(path.stem, assignment, kernelspec=kernel)
    for cell in notebook.cells:
        fields = cell.metadata.get("nbgrader")
        if not fields:
            continue
        place = (fields["grade_id"], path.stem, assignment)
        if utils.is_grade(cell):
            gradebook.add_grade_cell(*place, max_score=float(fields["points"]), cell_type=cell.cell_type)
        if utils.is_solution(cell):
            gradebook.add_solution_cell(*place)
        gradebook.add_source_cell(
            *place,
            cell_type=cell.cell_type,
            locked=utils.is_locked(cell),
            source=cell.source,
            checksum=fields.get("checksum"),
        )


def _released(assignment: str, root: Path) -> Path:
    paths = sorted((root / "assignments" / assignment).glob("*.ipynb"))
    if not paths:
        message = (
            f"{assignment} is not in the gradebook, and there is no notebook in assignments/{assignment} to lay it "
            f"out from. Run autograder release {assignment}, or nbgrader generate_assignment {assignment}."
        )
        raise ExportError(message)
    named = [path for path in paths if path.stem == assignment.partition("_")[2]]
    return (named or paths)[0]
