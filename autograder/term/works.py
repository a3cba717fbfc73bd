"""What a mark needs of one report: points, maximum and kind of every part, exactly as the report states them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import msgspec

from autograder.export.feedback import by_hand, open_points
from autograder.render.reading import left_out, nothing_handed_in, unread
from autograder.report import Report, read_marked

WRITTEN = "written questions"
"""The part of the points of all written questions, in a report that counts them."""

__all__ = ["Part", "Work", "report_in", "work_of"]


class Part(msgspec.Struct, frozen=True):
    """One exercise of a report; bonus: whether its points are no part of the maximum."""

    name: str
    points: Fraction
    most: Fraction
    bonus: bool = False


class Work(msgspec.Struct, frozen=True):
    """One student's work on one assignment.

    handed_in: whether there was a file; unread: whether it could not be read; still_open: points that wait for the
    grader's own fault; by_hand: of written questions that do not count yet; to_mark: of answers that count and have no
    mark; left_out: what the run did not grade, in one sentence.
    """

    assignment: str
    parts: tuple[Part, ...]
    handed_in: bool = True
    unread: bool = False
    still_open: Fraction = Fraction(0)
    by_hand: Fraction = Fraction(0)
    to_mark: Fraction = Fraction(0)
    left_out: str = ""


def report_in(out: Path, student: str, assignment: str) -> Report:
    """The report that counts: every report of a term is read here.  ReportError if it cannot be read."""
    return read_marked(out, student, assignment)


def work_of(report: Report) -> Work:
    """Take what a mark needs out of a report; what counts beyond its exercises is one part, the written questions."""
    parts = [
        Part(one.name, _exactly(one.points), _exactly(one.max_points), one.bonus)
        for one in report.exercises
        if not one.optional
    ]
    written = Part(
        WRITTEN,
        _exactly(report.points) - sum((part.points for part in parts), Fraction(0)),
        _exactly(report.max_points) - sum((part.most for part in parts if not part.bonus), Fraction(0)),
    )
    return Work(
        report.assignment,
        (*parts, written) if written.most else tuple(parts),
        not nothing_handed_in(report),
        unread(report),
        _exactly(open_points(report)),
        _exactly(by_hand(report)),
        _exactly(report.open_by_hand),
        left_out(report),
    )


def _exactly(points: float) -> Fraction:
    """The number that a report shows, not the nearest binary one."""
    return Fraction(repr(points))
