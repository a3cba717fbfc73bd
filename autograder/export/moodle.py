"""Fills a grading worksheet downloaded from Moodle for one assignment.

Moodle finds students by the column Identifier and refuses grades changed since the download by the column Last modified
(its ``mod/assign/feedback/offline``); both stay unchanged.  Columns vary by site and language.  Moodle stores feedback
as HTML, so it is written as HTML, with everything escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from autograder.export.errors import ExportError
from autograder.export.feedback import summary
from autograder.export.filling import Wanted, column_named, columns_named, points_of, share_of, unmarked
from autograder.export.formula import harmless, uses_commas
from autograder.export.roster import listed, match
from autograder.export.sheet import Sheet
from autograder.render.reading import clean
from autograder.report import Report

__all__ = ["fill"]

IDENTIFIERS = ("ID number", "Username", "Email address", "Identifier", "Full name")
GRADE, MAXIMUM, FEEDBACK, CHANGEABLE = "Grade", "Maximum Grade", "Feedback comments", "Grade can be changed"

SHORT = re.compile(r"([^@\s]+)@\S+|Participant (\d+)")


def fill(sheet: Sheet, reports: Sequence[Report], wanted: Wanted) -> list[str]:
    """Write points and feedback into the sheet; return sentences on what was done, and who was not found.

    Raises ExportError if a required column is missing.
    """
    keys = [column_named(sheet, wanted, wanted.match, "--match")] if wanted.match else columns_named(sheet, IDENTIFIERS)
    if not keys:
        message = (
            f"{wanted.path} is not a Moodle grading worksheet in English: it has none of {', '.join(IDENTIFIERS)}. "
            "Name the column of students with --match."
        )
        raise ExportError(message)
    grade = column_named(sheet, wanted, wanted.column or GRADE, "--column")
    feedback = _feedback_column(sheet, wanted)
    most, changeable = (columns_named(sheet, (name,))[:1] for name in (MAXIMUM, CHANGEABLE))
    rows = [row for row in range(1, sheet.height) if any(cell.strip() for cell in sheet.row(row))]
    columns = [{row: sheet.cell(row, key) for row in rows} for key in keys]
    columns += [{row: _short(text) for row, text in column.items()} for column in columns]
    found = match(reports, columns)
    comma = uses_commas([sheet.cell(row, column) for row in rows for column in (grade, *most)])
    locked = [row for row in found.rows if changeable and sheet.cell(row, changeable[0]).strip().casefold() == "no"]
    for row, report in found.rows.items():
        limit = share_of(sheet.cell(row, most[0])) if most else None
        points = points_of(report, limit, wanted, comma=comma)
        if row in locked:
            continue
        sheet.put(row, grade, points)
        if feedback is not None:
            sheet.put(row, feedback, _comment(report))
    name = columns_named(sheet, ("Full name",)) or keys
    told = found.sentences([sheet.cell(row, name[0]) for row in rows if row not in found.rows], len(locked))
    if locked:
        told.append(f"Locked in Moodle, left unchanged: {listed([sheet.cell(row, name[0]) for row in locked])}.")
    if feedback is None:
        told.append("The sheet has no column for feedback, so none was written.")
    told += unmarked(found.rows.values())
    return [f"Column '{clean(sheet.cell(0, grade), 80)}': {told[0]}", *told[1:]]


def _short(text: str) -> str:
    """A shorter id of a student: an address before its @, the number of ``Participant 7``."""
    found = SHORT.fullmatch(text.strip())
    return found.group(1) or found.group(2) if found else ""


def _feedback_column(sheet: Sheet, wanted: Wanted) -> int | None:
    if wanted.feedback:
        return column_named(sheet, wanted, wanted.feedback, "--feedback")
    found = columns_named(sheet, (FEEDBACK,))
    return found[0] if found else None


def _comment(report: Report) -> str:
    return harmless("<br>".join(escape(line, quote=False) for line in summary(report)))
