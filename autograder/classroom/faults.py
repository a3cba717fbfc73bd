"""The grader's own failures: one report per hand-in that it failed on, and the traceback in a file for the instructor.

Whatever an exception about one hand-in is, it is a problem of that hand-in's report.  ``OUT/errors`` is laid out as
``OUT/reports`` is; a hand-in that is graded later loses its file.
"""

from __future__ import annotations

from pathlib import Path

from autograder.catalogue import Loaded
from autograder.classroom.finding import Entry
from autograder.grade import unreadable
from autograder.verdict import Report, Status, write_atomically

__all__ = ["broken", "fault_path", "faults_in", "record_fault"]

FOLDER = "errors"


def fault_path(out: Path, entry: Entry) -> Path:
    """Where the traceback of one hand-in lies."""
    return out / FOLDER / entry.student / f"{entry.assignment}.txt"


def faults_in(out: Path, entries: list[Entry]) -> list[Path]:
    """Tracebacks of these hand-ins, those of their pages and exports among them."""
    return [path for path in (fault_path(out, entry) for entry in entries) if path.is_file()]


def record_fault(out: Path, entry: Entry, text: str) -> None:
    """Keep a traceback for the instructor; an empty one removes what an earlier run has left."""
    path = fault_path(out, entry)
    if text:
        write_atomically(path, text.encode("utf-8", "replace"))
    else:
        path.unlink(missing_ok=True)


def broken(loaded: Loaded, entry: Entry, reason: str, *, seed: int) -> Report:
    """Make the report of a hand-in that the grader failed on: every check is broken, which is nobody's loss.

    reason: what happened, as the name of an exception; it is all that a student is shown of it.
    """
    sentence = (
        f"The grader failed on this hand-in ({reason}), so nothing in it was graded. Your instructor has the details."
    )
    return unreadable(loaded, entry.student, Path(entry.path).name, sentence, seed=seed, status=Status.BROKEN)
