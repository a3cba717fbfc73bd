"""Restores the released cells of a submitted notebook: its graded cells are those of the gradebook, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode, v4
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.nbgrader.reading import rebuilt

__all__ = ["Sanitize"]


class Sanitize(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """The first of ``Autograde.sanitize_preprocessors``; nbgrader's own have nothing to change after it.

    Metadata always come from the gradebook, not from the student's cells: a cell without a known id is not graded, of
    several with one id the last counts, a missing one is restored, a locked one gets its released text.
    Tags (``skip-execution``, ``raises-exception``), outputs and attachments other than pictures are removed.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the notebook with the released graded cells and the student's texts."""
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as gradebook:
            released = _released(gradebook.find_notebook(about["notebook"], about["assignment"]))
        clean = rebuilt(nb)
        clean.cells = _repaired(clean.cells, released)
        return clean, resources


@dataclass(frozen=True)
class _Released:
    """A cell as it was released."""

    name: str
    kind: str
    source: str
    locked: bool
    metadata: dict[str, Any]


def _released(notebook: Any) -> dict[str, _Released]:
    """Read every cell in the gradebook, in order."""
    points = {cell.name: float(cell.max_score) for cell in (*notebook.grade_cells, *notebook.task_cells)}
    graded, solutions, tasks = (
        {cell.name for cell in cells} for cells in (notebook.grade_cells, notebook.solution_cells, notebook.task_cells)
    )
    found = {}
    for cell in notebook.source_cells:
        metadata = {
            "schema_version": 3,
            "grade_id": cell.name,
            "grade": cell.name in graded,
            "solution": cell.name in solutions,
            "locked": cell.locked,
            "task": cell.name in tasks,
            "cell_type": cell.cell_type,
            **({"checksum": cell.checksum} if cell.checksum else {}),
            **({"points": points[cell.name]} if cell.name in points else {}),
        }
        found[cell.name] = _Released(cell.name, cell.cell_type, cell.source or "", cell.locked, metadata)
    return found


def _repaired(cells: list[NotebookNode], released: dict[str, _Released]) -> list[NotebookNode]:
    names = [_name_of(cell) for cell in cells]
    last = {name: number for number, name in enumerate(names) if name in released}
    kept = []
    for number, (cell, name) in enumerate(zip(cells, names, strict=True)):
        cell.metadata.pop("nbgrader", None)
        kept.append(_restored(cell, released[name]) if last.get(name) == number else cell)
    before = -1
    for name, cell in released.items():
        places = [number for number, other in enumerate(kept) if _name_of(other) == name]
        if places:
            before = places[0]
        elif "points" in cell.metadata:
            before = before + 1 if before >= 0 else len(kept)
            kept.insert(before, _restored(v4.new_markdown_cell(cell.source, id=f"back{before}"), cell))
    return kept


def _name_of(cell: NotebookNode) -> str:
    own = cell.metadata.get("nbgrader")
    name = own.get("grade_id") if isinstance(own, dict) else None
    return name if isinstance(name, str) else ""


def _restored(cell: NotebookNode, released: _Released) -> NotebookNode:
    """Return the cell with the released metadata and kind, and with the released text if it is locked."""
    make = v4.new_code_cell if released.kind == "code" else v4.new_markdown_cell
    more = {"attachments": cell.attachments} if released.kind == "markdown" and "attachments" in cell else {}
    source = released.source if released.locked else cell.source
    return make(source, id=cell.id, metadata={"nbgrader": dict(released.metadata)}, **more)
