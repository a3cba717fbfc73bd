"""Shared by Canvas gradebooks and Moodle worksheets: finding columns, writing points."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.export.errors import ExportError
from autograder.export.feedback import by_hand
from autograder.export.formula import decimal
from autograder.export.sheet import Sheet
from autograder.render.reading import clean, number
from autograder.report import Report

__all__ = ["Wanted", "column_named", "columns_named", "points_of", "share_of", "unmarked"]


@dataclass(frozen=True)
class Wanted:
    """How to fill a sheet.

    path: of the downloaded sheet, for messages; column, match, feedback: headers, if they are not found automatically;
    scale: scale points to the sheet's maximum if it differs from the report's.
    """

    path: Path
    column: str | None = None
    match: str | None = None
    feedback: str | None = None
    scale: bool = False


def column_named(sheet: Sheet, wanted: Wanted, name: str, option: str) -> int:
    """The column with this header.  ExportError if there is none, or more than one."""
    found = columns_named(sheet, (name,))
    if len(found) == 1:
        return found[0]
    headers = ", ".join(f"'{clean(header, 60)}'" for header in sheet.row(0)[:30])
    what = f"has no column '{name}'" if not found else f"has {len(found)} columns '{name}'"
    message = f"{wanted.path} {what}. Choose one with {option}: {headers}."
    raise ExportError(message)


def columns_named(sheet: Sheet, names: Sequence[str]) -> list[int]:
    """Columns whose header is one of these, whatever the case, in the order of the names."""
    headers = [_plain(header) for header in sheet.row(0)]
    return [i for name in names for i, header in enumerate(headers) if header == _plain(name)]


def _plain(header: str) -> str:
    return " ".join(header.casefold().split())


def unmarked(reports: Iterable[Report]) -> list[str]:
    """A sentence on answers that are still to be marked, whose points are therefore not in the sheet."""
    waiting = sum(bool(report.open_by_hand) for report in reports)
    if not waiting:
        return []
    who = "1 student has" if waiting == 1 else f"{waiting} students have"
    return [f"{who} answers that are still to be marked: they count 0 until then."]


def share_of(text: str) -> float | None:
    """A cell as a number of points, with any decimal mark; None if it is not a number."""
    text = text.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def points_of(report: Report, most: float | None, wanted: Wanted, *, comma: bool) -> str:
    """A report's points for a column with this maximum.

    Raises ExportError if the maximum differs from the assignment's and ``scale`` is not set.
    """
    own = report.max_points
    if most is None or most in (own, round(own + by_hand(report), 2)):
        return decimal(report.points, comma=comma)
    if not wanted.scale:
        without = f" without {', '.join(report.left_out)}, which this run left out" if report.left_out else ""
        message = (
            f"{wanted.path} has at most {number(most)} points, but {report.assignment} has {number(own)}{without}. "
            "Change it there, or scale the points with --scale."
        )
        raise ExportError(message)
    return decimal(round(most * report.points / own, 2) if own else 0.0, comma=comma)
