"""Fills a gradebook downloaded from Canvas for one assignment.

Canvas reads the header's column of the assignment, the row ``Points Possible``, and finds students by ID, SIS User ID,
SIS Login ID, then name (its ``lib/gradebook_importer.rb``); all of these stay unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.export.errors import ExportError
from autograder.export.filling import Wanted, column_named, columns_named, points_of, share_of, unmarked
from autograder.export.formula import uses_commas
from autograder.export.roster import listed, match
from autograder.export.sheet import Sheet
from autograder.render.reading import clean
from autograder.report import Report

__all__ = ["fill"]

IDENTIFIERS = ("SIS Login ID", "SIS User ID", "ID", "Integration ID", "Student")
NUMBERED = re.compile(r"(.*?)\s*\(\d+\)")
"""The header of an assignment's column: its title and its number."""
EXCUSED = "ex"


def fill(sheet: Sheet, reports: Sequence[Report], wanted: Wanted) -> list[str]:
    """Write one assignment's points into the sheet; return sentences on what was done, and who was not found.

    Raises ExportError if a required column is missing.
    """
    if not columns_named(sheet, ("Student",)) and not columns_named(sheet, ("LastName",)):
        message = (
            f"{wanted.path} is not a Canvas gradebook: it has no column 'Student'. Export it from Canvas' gradebook."
        )
        raise ExportError(message)
    column = _assignment_column(sheet, reports[0], wanted)
    students = [row for row in range(1, sheet.height) if _is_student(sheet, row)]
    possible = _points_possible(sheet, column)
    if "read only" in possible:
        message = (
            f"{wanted.path}: Canvas computes '{sheet.cell(0, column)}' itself. Choose an assignment with --column."
        )
        raise ExportError(message)
    keys = [column_named(sheet, wanted, wanted.match, "--match")] if wanted.match else columns_named(sheet, IDENTIFIERS)
    found = match(reports, [{row: sheet.cell(row, key) for row in students} for key in keys])
    comma = uses_commas([possible, *(sheet.cell(row, column) for row in students)])
    excused = [row for row in found.rows if sheet.cell(row, column).strip().casefold() == EXCUSED]
    for row, report in found.rows.items():
        text = points_of(report, share_of(possible), wanted, comma=comma)
        if row not in excused:
            sheet.put(row, column, text)
    told = found.sentences([sheet.cell(row, 0) for row in students if row not in found.rows], len(excused))
    if excused:
        told.append(f"Excused in Canvas, left unchanged: {listed([sheet.cell(row, 0) for row in excused])}.")
    told += unmarked(found.rows.values())
    return [f"Column '{clean(sheet.cell(0, column), 80)}': {told[0]}", *told[1:]]


def _assignment_column(sheet: Sheet, report: Report, wanted: Wanted) -> int:
    if wanted.column:
        return column_named(sheet, wanted, wanted.column, "--column")
    module = report.assignment.split("_", 1)[-1]
    names = {" ".join(name.casefold().split()) for name in (report.assignment, report.title, module) if name}
    titles = {i: found.group(1) for i, h in enumerate(sheet.row(0)) if (found := NUMBERED.fullmatch(h.strip()))}
    hits = [i for i, title in titles.items() if " ".join(title.casefold().split()) in names]
    if len(hits) == 1:
        return hits[0]
    there = ", ".join(f"'{clean(sheet.cell(0, i), 60)}'" for i in titles) or "none"
    what = "several columns" if hits else "no column"
    message = f"{wanted.path} has {what} for {report.assignment}. Choose one with --column. Its assignments: {there}."
    raise ExportError(message)


def _points_possible(sheet: Sheet, column: int) -> str:
    rows = [row for row in range(1, sheet.height) if "points possible" in sheet.cell(row, 0).casefold()]
    return sheet.cell(rows[0], column).casefold() if rows else ""


def _is_student(sheet: Sheet, row: int) -> bool:
    """Whether a row belongs to a student: not the maxima, not the notes on manual posting, not blank."""
    cells = sheet.row(row)
    if "points possible" in cells[0].casefold():
        return False
    return not all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell, re.IGNORECASE) for cell in cells)
