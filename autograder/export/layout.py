"""An assignment's cells in the gradebook: found there, or laid out from the released notebook."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from autograder.export.database import Row
from autograder.export.errors import ExportError
from autograder.report import Report, grade_cell

__all__ = ["Layout", "find_layout", "refuse_misfit"]

SAME_POINTS = 0.005  # points are counted in hundredths


@dataclass(frozen=True)
class Layout:
    """One notebook of an assignment: its graded cells (id and points) and its solution cells (id), by name."""

    notebook_id: str
    graded: dict[str, tuple[str, float]]
    solutions: dict[str, str]


def find_layout(gradebook: Row, report: Report, root: Path) -> Layout:
    """Find the report's assignment in the gradebook; if it has no notebook there, lay it out from the released one.

    An assignment that nbgrader generated is used unchanged.  Raises ExportError.
    """
    from nbgrader.api import MissingEntry

    try:
        notebooks = gradebook.find_assignment(report.assignment).notebooks
    except MissingEntry:
        notebooks = []
    if not notebooks:
        notebooks = [_lay_out(gradebook, report.assignment, root)]
    wanted = set(_points(report))
    notebook = max(notebooks, key=lambda notebook: len(wanted & {cell.name for cell in _graded(notebook)}))
    return Layout(
        notebook.id,
        {cell.name: (cell.id, cell.max_score) for cell in _graded(notebook)},
        {cell.name: cell.id for cell in notebook.solution_cells},
    )


def refuse_misfit(layout: Layout, report: Report) -> None:
    """Raise ExportError if the report grades a cell that is missing there or has other points."""
    cure = f"Run nbgrader generate_assignment {report.assignment} --force, or name another gradebook"
    for name, points in _points(report).items():
        if name not in layout.graded:
            message = (
                f"{report.assignment} has no cell '{name}' in the gradebook, but the reports grade it. "
                f"{cure}; nothing was written."
            )
            raise ExportError(message)
        theirs = layout.graded[name][1]
        if abs(theirs - points) > SAME_POINTS:
            message = (
                f"{report.assignment}: '{name}' is worth {theirs:g} points in the gradebook and {points:g} in the "
                f"reports. {cure}; nothing was written."
            )
            raise ExportError(message)


def _points(report: Report) -> dict[str, float]:
    """The points of every cell in the report, except those that the run left out in whole or in part."""
    graded = [exercise for exercise in report.exercises if exercise.name not in report.left_out]
    found = {grade_cell(exercise.name): 0.0 if exercise.bonus else exercise.max_points for exercise in graded}
    return found | {answer.name: answer.max_points for answer in report.written}


def _graded(notebook: Row) -> list[Row]:
    return [*notebook.grade_cells, *notebook.task_cells]


def _lay_out(gradebook: Row, assignment: str, root: Path) -> Row:
    """Write assignment, notebook and cells, as ``nbgrader generate_assignment`` would for the same notebook."""
    import nbformat
    from nbgrader import utils

    path = _released(assignment, root)
    notebook = nbformat.read(path, as_version=4)
    gradebook.update_or_create_assignment(assignment)
    kernel = json.dumps(notebook.metadata.get("kernelspec", {}))
    row = gradebook.add_notebook(path.stem, assignment, kernelspec=kernel)
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
    return row


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
