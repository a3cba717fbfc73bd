"""The grader's own failures: one report per hand-in concerned, and the traceback in a file for the instructor.

Any exception about one hand-in is a problem of that hand-in's report.  ``OUT/errors`` is laid out like
``OUT/reports``; when a hand-in is graded later, its file is removed.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from autograder.classroom.finding import Entry
from autograder.course.catalogue import Loaded
from autograder.grading.grader import unreadable
from autograder.report import ExerciseResult, Report, Status, Verdict
from autograder.spec import Scope
from autograder.writing import refuse_links, write_atomically

__all__ = ["FOLDER", "bare", "broken", "drawn", "drawn_class", "fault_path", "faults_in", "record_fault"]

FOLDER = "errors"
NOT_SHOWN = "the details cannot be shown; the points are unchanged"


def fault_path(out: Path, entry: Entry) -> Path:
    """The path of one hand-in's traceback."""
    return out / FOLDER / entry.student / f"{entry.assignment}.txt"


def faults_in(out: Path, entries: list[Entry]) -> list[Path]:
    """Tracebacks of these hand-ins, including those of their pages and exports."""
    return [path for path in (fault_path(out, entry) for entry in entries) if path.is_file()]


def record_fault(out: Path, entry: Entry, text: str, *, within: Path | None = None) -> None:
    """Store a traceback for the instructor; an empty one removes what an earlier run left.

    within: the folder named by the user, below which no link is followed; ``out`` by default.
    """
    path, within = fault_path(out, entry), within or out
    refuse_links(path, within)
    if text:
        write_atomically(path, text.encode("utf-8", "replace"), within=within)
    else:
        path.unlink(missing_ok=True)


def broken(loaded: Loaded, entry: Entry, reason: str, *, seed: int, scope: Scope) -> Report:
    """Make the report of a hand-in that the grader itself failed on: every check is broken, at no cost to the student.

    reason: what happened, as the name of an exception; students see nothing more of it.
    """
    sentence = (
        f"The grader itself failed on this hand-in ({reason}), so it was not graded. Your instructor has the details."
    )
    file = Path(entry.path).name
    return unreadable(loaded, entry.student, file, sentence, seed=seed, status=Status.BROKEN, scope=scope)


def drawn(out: Path, entry: Entry, report: Report, draw: Callable[[Report], str]) -> tuple[str, Report]:
    """Draw one report; if that fails, only its points, with the traceback recorded.  Also return the drawn report."""
    try:
        return draw(report), report
    except Exception:  # noqa: BLE001 - a page that cannot be drawn stops no other
        record_fault(out, entry, traceback.format_exc())
        points = bare(report)
        return draw(points), points


def drawn_class(reports: list[Report], draw: Callable[[list[Report]], str]) -> tuple[str, list[Report]]:
    """Draw the page of a class; of reports that fail, only the points.  Also return the drawn reports."""
    try:
        return draw(reports), reports
    except Exception:  # noqa: BLE001 - the report at fault is looked for
        shown = _those_that_can_be_drawn(reports, draw)
        return draw(shown), shown


def _those_that_can_be_drawn(reports: list[Report], draw: Callable[[list[Report]], str]) -> list[Report]:
    """The same reports, with only the points of those at fault, which are found by halves."""
    try:
        draw(reports)
    except Exception:  # noqa: BLE001 - whatever it is
        if len(reports) == 1:
            return [bare(reports[0])]
        half = len(reports) // 2
        return [part for those in (reports[:half], reports[half:]) for part in _those_that_can_be_drawn(those, draw)]
    return reports


def bare(report: Report) -> Report:
    """The same report with only names, statuses and points."""
    exercises = [
        ExerciseResult(
            result.name,
            [Verdict(v.check, v.part, v.status, v.points, v.max_points, NOT_SHOWN) for v in result.verdicts],
            result.bonus,
            result.by_hand,
        )
        for result in report.exercises
    ]
    return msgspec.structs.replace(report, exercises=exercises, problems=[], tried=[])
