"""Writes reports into nbgrader's gradebook: automatic scores are written, manual ones are left unchanged.

Every ``BATCH`` reports are one transaction.  After an error or a kill, whole batches are in the gradebook and nothing
of the others; the same call then writes the rest, because writing the same reports again changes nothing.  Two calls
at the same time take turns, batch by batch.  A report that cannot be written is left out, and costs no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from autograder.export.database import Database, RowError, open_gradebook
from autograder.export.errors import ExportError
from autograder.export.marking import Work, write_batch
from autograder.export.summary import LeftOut, Summary
from autograder.report import Report, ReportError, read_marked

__all__ = ["Summary", "reports_at", "submissions_of", "write_gradebook"]

BATCH = 100
NAME_LENGTH = 128  # of a student in nbgrader's tables; SQLite takes any


def write_gradebook(
    reports: Iterable[Report | ReportError], root: Path, url: str, submitted: Path | None = None
) -> Summary:
    """Write the reports into the gradebook at ``url``, one batch in memory at a time.

    reports: or in place of one the error with which it was read, which is then left out with its reason;
    root: the course, whose released notebooks lay out assignments that are new in the gradebook;
    submitted: the folder of hand-ins, where nbgrader's ``timestamp.txt`` gives the time of each.
    Raises ExportError if the gradebook cannot be written; the batches before stay.
    """
    summary = Summary()
    try:
        with open_gradebook(url) as database:
            for batch in _batches(reports, database, submitted, summary):
                _write(database, batch, root, summary)
    except ExportError as error:
        if not summary.written:
            raise
        message = f"{error} {summary.written} reports were written before; the same command writes the rest."
        raise ExportError(message) from error
    return summary


def reports_at(paths: Iterable[Path]) -> Iterator[Report | ReportError]:
    """Read each report of a run, as it counts, when it is needed; give the error of one that cannot be read.

    paths: ``OUT/reports/STUDENT/ASSIGNMENT.json``.
    """
    for path in paths:
        try:
            yield read_marked(path.parents[2], path.parent.name, path.stem)
        except ReportError as error:
            yield error


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


def _batches(
    reports: Iterable[Report | ReportError], database: Database, submitted: Path | None, summary: Summary
) -> Iterator[list[Work]]:
    """Put together what is written at once; what no gradebook can hold is left out."""
    seen: set[tuple[str, str]] = set()
    works: list[Work] = []
    for report in reports:
        if isinstance(report, ReportError):
            summary.left_out.append(LeftOut("", "", str(report)))
            continue
        if reason := _unfit(report, seen, database):
            summary.leave_out(report, reason)
            continue
        seen.add((report.student, report.assignment))
        works.append(Work(report, _handed_in_at(submitted, report)))
        if len(works) == BATCH:
            yield works
            works = []
    if works:
        yield works


def _write(database: Database, works: list[Work], root: Path, summary: Summary) -> None:
    """Write a batch; if the database refuses one of its values, write halves, until what it refuses is alone."""
    try:
        summary.include(database.transact(lambda gradebook: write_batch(gradebook, works, root)))
    except RowError as error:
        if len(works) == 1:
            summary.leave_out(works[0].report, str(error))
            return
        middle = len(works) // 2
        _write(database, works[:middle], root, summary)
        _write(database, works[middle:], root, summary)


def _unfit(report: Report, seen: set[tuple[str, str]], database: Database) -> str:
    """Why no row can hold this report: its name is taken by another one, or the database cannot store it; or ``""``."""
    if (report.student, report.assignment) in seen:
        return (
            "There are two reports of this name, but a gradebook holds one: the first is there. "
            "Rename one of the two folders and grade again."
        )
    if not _is_text(report.student) or not _is_text(report.assignment):
        return "A database holds no name with a NUL or half a character in it. Rename the folder and grade again."
    if len(report.student) > NAME_LENGTH and not database.on_sqlite:
        return (
            f"The gradebook allows names of {NAME_LENGTH} characters, and this one has {len(report.student)}. "
            "Rename the folder and grade again."
        )
    return ""


def _is_text(name: str) -> bool:
    return "\0" not in name and not any("\ud800" <= char <= "\udfff" for char in name)


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
