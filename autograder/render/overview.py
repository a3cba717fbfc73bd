"""The index page of a run: all its assignments, and every student's points over them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

import msgspec

from autograder.render.reading import RIGHT, nothing_handed_in, unread
from autograder.render.searchable import Cell, Heading, Row, Searchable
from autograder.report import Report

__all__ = ["Totals", "page_of", "totals_of", "totals_table"]

PAGES = "pages/"


class Totals(msgspec.Struct, frozen=True):
    """One assignment of a class.

    most: its maximum; hand_ins: of students who handed something in; median, mean: of what could be read;
    correct: who has everything correct; points: points and maximum by the student's percent-encoded id.
    """

    assignment: str
    title: str
    most: float
    students: int
    hand_ins: int
    median: float
    mean: float
    correct: int
    points: dict[str, tuple[float, float]]

    @property
    def address(self) -> str:
        """The address of the class's page."""
        return page_of(self.assignment)


def page_of(assignment: str) -> str:
    """The address of an assignment's page in its folder."""
    return quote(f"{assignment}.html")


def totals_of(assignment: str, reports: Mapping[str, Report]) -> Totals:
    """Add up one assignment.  reports: by the student's percent-encoded id; at least one."""
    those = list(reports.values())
    counted = [report.points for report in those if not unread(report)] or [0.0]
    return Totals(
        assignment,
        those[0].title,
        max(report.max_points for report in those),
        len(those),
        sum(not nothing_handed_in(report) for report in those),
        round(statistics.median(counted), 2),
        round(statistics.fmean(counted), 2),
        sum(bool(report.exercises) and report.status in RIGHT for report in those),
        {student: (report.points, report.max_points) for student, report in reports.items()},
    )


def totals_table(assignments: Sequence[Totals], label: Callable[[str], str]) -> Searchable:
    """Every student's points: their sum, the maximum, the share, and those of each assignment.

    label: a student's name by the percent-encoded id.
    """
    headings = [
        Heading("Student", "student"),
        Heading("Points", "points", most=sum(one.most for one in assignments)),
        Heading("Maximum", "number"),
        Heading("Share", "share"),
        *(Heading(one.assignment, "number", f"/{page_of(one.assignment)}") for one in assignments),
    ]
    rows = []
    for student in dict.fromkeys(student for one in assignments for student in one.points):
        cells: list[Cell] = [one.points[student][0] if student in one.points else None for one in assignments]
        points = round(sum(cell for cell in cells if cell is not None), 2)
        most = round(sum(one.points.get(student, (0.0, one.most))[1] for one in assignments), 2)
        share = int(1000 * points / most) / 10 if most else None
        rows.append(Row(label(student), student, [points, most, share, *cells]))
    rows.sort(key=lambda row: (row.name.casefold(), row.name))
    return Searchable(headings, rows, PAGES)
