"""Compares the hand-ins of a class, one assignment after the other, and writes the ranked pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rich.console import Console

from autograder.authorship.exporting import export, refuse_form
from autograder.authorship.hand_ins import HandIn, Released, read_hand_ins, released
from autograder.authorship.matching import matched
from autograder.authorship.ranking import Pair, Ranking, rank
from autograder.classroom.finding import find_hand_ins
from autograder.classroom.grading import unpacked
from autograder.classroom.progress import progress
from autograder.classroom.runs import keep
from autograder.course import catalogue
from autograder.render.reading import NAME, clean
from autograder.render.similarity import Row, pair_page, ranked_page
from autograder.spec import Assignment

__all__ = ["compare_class"]

MOST_PAIRS = 100_000
"""Pairs in the table of an assignment; a class of 447 has fewer."""
SHOWN = 5
RISKY = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a cell that a spreadsheet would calculate."""


def compare_class(
    console: Console,
    root: Path,
    folder: Path,
    out: Path,
    *,
    assignment: str | None = None,
    most: int = 50,
    exported: tuple[str, Path] | None = None,
) -> None:
    """Compare every two hand-ins of each assignment; write pages and tables below ``out``.

    most: pairs that are shown side by side; exported: write folders for another tool in place of pages.
    Raises UsageError if there is nothing to compare, scikit-learn is missing, or ``out`` cannot be written.
    """
    if exported:
        refuse_form(exported[0])
    name = catalogue.find(assignment, root) if assignment else None
    with unpacked(folder) as (place, packed, _):
        found = find_hand_ins(place, root, name, packed=packed, without=[out])
        handed_in = [entry for entry in found.entries if entry.files or entry.files is None]
        ordered = sorted(handed_in, key=lambda entry: entry.assignment)
        for each, group in groupby(ordered, key=lambda entry: entry.assignment):
            entries = list(group)
            loaded = catalogue.load(each, root)
            stub = released(loaded)
            with progress(console, f"Reading {each}", len(entries)) as advance:
                hand_ins, left = read_hand_ins(entries, loaded, stub, advance)
            if exported:
                command = export(exported, each, hand_ins, stub, found.names)
                console.print(f"{each}: {len(hand_ins)} hand-ins. {command}", soft_wrap=True, markup=False)
                continue
            ranking = rank(hand_ins, stub.grams, MOST_PAIRS)
            compared = _Compared(loaded.assignment, hand_ins, left, stub, ranking, found.names)
            _write(out, compared, most)
            _tell(console, out, compared)


@dataclass(frozen=True)
class _Compared:
    """One assignment of a class; left: who was not compared, and why; names: of students by id."""

    assignment: Assignment
    hand_ins: list[HandIn]
    left: list[tuple[str, str]]
    stub: Released
    ranking: Ranking
    names: Mapping[str, str]

    @property
    def title(self) -> str:
        """The title of its page."""
        return f"{self.assignment.name}: {self.assignment.title}"

    def pair(self, pair: Pair) -> tuple[HandIn, HandIn]:
        """The hand-ins of a pair."""
        return self.hand_ins[pair.first], self.hand_ins[pair.second]

    def name(self, student: str) -> str:
        """A student's name, or the id."""
        return self.names.get(student, student)


def _write(out: Path, compared: _Compared, most: int) -> None:
    """Write an assignment's page, its pairs side by side, and its table."""
    assignment, rows = compared.assignment.name, list[Row]()
    for number, pair in enumerate(compared.ranking.pairs[:most], 1):
        one, other = compared.pair(pair)
        both = compared.name(one.student), compared.name(other.student)
        sides = matched(one, other, compared.stub.grams, both)
        row = Row(*both, pair.similarity, (sides[0].share, sides[1].share), f"{assignment}/{number}.html")
        rows.append(row)
        page = pair_page(compared.title, row, sides, f"../{assignment}.html")
        keep(out / assignment / f"{number}.html", page, within=out)
    for stale in (out / assignment).glob("*.html"):
        if stale.stem.isdigit() and int(stale.stem) > len(rows):  # of an earlier comparison
            stale.unlink()
    keep(out / f"{assignment}.csv", _table(compared), within=out)
    page = ranked_page(
        compared.title,
        rows,
        hand_ins=len(compared.hand_ins),
        pairs=compared.ranking.count,
        middle=compared.ranking.middle,
        table=f"{assignment}.csv",
        left_out=[(compared.name(student), why) for student, why in compared.left],
    )
    keep(out / f"{assignment}.html", page, within=out)


def _table(compared: _Compared) -> str:
    """All ranked pairs as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["similarity", "student_1", "name_1", "file_1", "student_2", "name_2", "file_2"])
    for pair in compared.ranking.pairs:
        cells = [cell for one in compared.pair(pair) for cell in (one.student, compared.name(one.student), one.file)]
        writer.writerow([f"{pair.similarity:.4f}", *map(_cell, cells)])
    return text.getvalue()


def _cell(text: str) -> str:
    """One cell, safe in a spreadsheet."""
    text = clean(text)
    return f"'{text}" if text.startswith(RISKY) else text


def _tell(console: Console, out: Path, compared: _Compared) -> None:
    """Print the most similar pairs, and where the page is."""
    ranking, assignment = compared.ranking, compared.assignment.name
    what = "1 pair" if ranking.count == 1 else f"{ranking.count} pairs"
    lines = [f"{assignment}: {len(compared.hand_ins)} hand-ins, {what}, median similarity {ranking.middle:.2f}"]
    for pair in ranking.pairs[:SHOWN]:
        both = " and ".join(clean(compared.name(one.student), NAME) for one in compared.pair(pair))
        lines.append(f"  {pair.similarity:.2f}  {both}")
    lines.append(f"Page: {out / assignment}.html")
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
