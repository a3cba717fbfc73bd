"""Where hand-ins lie: from a folder to one entry per student and assignment."""

from __future__ import annotations

from pathlib import Path

import msgspec

from autograder import catalogue
from autograder.catalogue import UsageError
from autograder.submission import handed_in

__all__ = ["Entry", "discover", "is_there", "report_path"]


class Entry(msgspec.Struct, frozen=True):
    """One student's hand-in of one assignment: a folder, or a file."""

    student: str
    assignment: str
    path: str


def discover(folder: Path, root: Path, assignment: str | None = None) -> list[Entry]:
    """Find hand-ins laid out ``student/assignment/file``, as nbgrader's ``submitted/`` is.

    In place of the inner folder or of the file there may be a zip file that ``autograder submit`` packed.
    With ``assignment`` every student is listed, also one who handed in nothing, and files may lie in
    the student's folder itself.  Raises UsageError where there is nothing.
    """
    if not folder.is_dir():
        message = f"{folder} is no folder. Name the one that holds a folder for every student."
        raise UsageError(message)
    known = [assignment] if assignment else catalogue.names(root)
    entries = []
    students = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for student in students:
        for name in known:
            path = handed_in(student, name)
            if assignment and not is_there(path) and any(student.glob("*.ipynb")) | any(student.glob("*.py")):
                path = student
            if assignment or is_there(path):
                entries.append(Entry(student.name, name, str(path)))
    if not entries:
        message = (
            f"There is nothing to grade in {folder}: expected STUDENT/ASSIGNMENT/FILE, with an assignment among "
            f"{', '.join(known)}."
        )
        raise UsageError(message)
    return entries


def is_there(path: Path) -> bool:
    """Whether something was handed in; where nobody may look, its report will say so."""
    try:
        return path.exists()
    except OSError:
        return True


def report_path(out: Path, entry: Entry) -> Path:
    """Where a report lies."""
    return out / "reports" / entry.student / f"{entry.assignment}.json"
