"""Matches students of the reports with rows of a platform's sheet, by identifier, address or name."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.render.reading import NAME, clean
from autograder.report import Report

__all__ = ["Matched", "listed", "match"]

MOST_NAMED = 12
BULK = re.compile(r"(.+)_(\d+)_assignsubmission_.*", re.DOTALL)
"""A folder of Moodle's bulk download: name and participant number."""


@dataclass
class Matched:
    """Rows by number with their reports; who is missing in the sheet; who occurs more than once."""

    rows: dict[int, Report] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)

    def sentences(self, without: Sequence[str], left: int) -> list[str]:
        """Report how many rows were filled and who was not found.

        without: names in the sheet without a report; left: rows that were found and left unchanged.
        """
        told = [f"{len(self.rows) - left} of {len(self.rows) + len(without)} rows were filled."]
        if self.missing:
            told.append(f"Not in the sheet: {listed(self.missing)}.")
        if self.ambiguous:
            told.append(f"Ambiguous, so nothing was filled in: {listed(self.ambiguous)}.")
        if without:
            told.append(f"In the sheet without a report: {listed(without)}.")
        return told


def match(reports: Iterable[Report], columns: Sequence[Mapping[int, str]]) -> Matched:
    """Find each student's row.

    columns: by decreasing reliability, each from row number to cell; the first that contains the student decides.
    """
    indices = [_index(column) for column in columns]
    found = Matched()
    claims: dict[int, list[Report]] = defaultdict(list)
    for report in reports:
        rows = next((rows for index in indices if (rows := _rows(index, report.student))), set())
        if len(rows) == 1:
            claims[rows.pop()].append(report)
        else:
            (found.ambiguous if rows else found.missing).append(report.student)
    for row, those in claims.items():
        if len(those) == 1:
            found.rows[row] = those[0]
        else:
            found.ambiguous += [report.student for report in those]
    return found


def listed(names: Sequence[str]) -> str:
    """Name some, and count the rest."""
    shown = ", ".join(clean(name, NAME) or "without a name" for name in names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown


def _index(column: Mapping[int, str]) -> dict[str, set[int]]:
    index: dict[str, set[int]] = defaultdict(set)
    for row, text in column.items():
        for key in _keys(text):
            index[key].add(row)
    return index


def _rows(index: Mapping[str, set[int]], student: str) -> set[int]:
    bulk = BULK.fullmatch(student)
    for name in (bulk.group(2), bulk.group(1)) if bulk else (student,):
        for key in _keys(name):
            if key in index:
                return set(index[key])
    return set()


def _keys(text: str) -> list[str]:
    """Spellings of a name: as it is, and ``Lovelace, Ada`` reversed."""
    plain = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    keys = [plain] if plain else []
    last, comma, first = plain.partition(", ")
    if comma:
        keys.append(f"{first} {last}")
    return keys
