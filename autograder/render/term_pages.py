"""The pages of a course over a term: the course's, and one per student, as plain data that is already computed."""

from __future__ import annotations

import msgspec

from autograder.render.html import MOST_ROWS, environment
from autograder.render.searchable import Searchable, table_script

__all__ = ["AssignmentOfTerm", "CoursePage", "Remark", "StepsOf", "TermPage", "draw_course_page", "draw_term_page"]

MOST_REMARKS = 12
"""Remarks before the rest is folded."""


class StepsOf(msgspec.Struct, frozen=True):
    """One assignment on a student's page: texts of its row, and the steps to its points."""

    assignment: str
    state: str
    due: str
    points: str = ""
    most: str = ""
    share: str = ""
    weight: str = ""
    product: str = ""
    steps: tuple[str, ...] = ()


class TermPage(msgspec.Struct, frozen=True):
    """One student's page: the mark so far ("" if nothing counts yet), its scale, the assignments, the steps to the sum.

    rules: the course's rules in sentences; at: the date of the page.
    """

    title: str
    student: str
    mark: str
    scale: str
    at: str
    assignments: tuple[StepsOf, ...]
    steps: tuple[str, ...]
    rules: tuple[str, ...]
    days: str = ""


class AssignmentOfTerm(msgspec.Struct, frozen=True):
    """One assignment on the course's page; mean: of the shares that count, "" if there are none."""

    assignment: str
    due: str
    weight: str
    most: str
    handed_in: int
    missing: int
    late: int
    mean: str


class Remark(msgspec.Struct, frozen=True):
    """Something that an instructor should look at: whose, which assignment, a sentence."""

    student: str
    assignment: str
    sentence: str


class CoursePage(msgspec.Struct, frozen=True):
    """The course's page.  median, mean: of the marks, "" if there are none; notes: sentences about the course."""

    title: str
    at: str
    scale: str
    students: int
    median: str
    mean: str
    assignments: tuple[AssignmentOfTerm, ...]
    remarks: tuple[Remark, ...]
    notes: tuple[str, ...]
    rules: tuple[str, ...]
    sources: tuple[tuple[str, int], ...]


def draw_term_page(page: TermPage) -> str:
    """Draw one student's page over the term."""
    return environment().get_template("term.html").render(page=page)


def draw_course_page(page: CoursePage, table: Searchable) -> str:
    """Draw the course's page with the table of all students."""
    script, source = table_script()
    template = environment().get_template("course.html")
    return template.render(
        page=page,
        table=table,
        script=script,
        script_source=source,
        most_rows=MOST_ROWS,
        most_remarks=MOST_REMARKS,
    )
