"""From marks to what pages and the table show: numbers as texts, the rules as sentences."""

from __future__ import annotations

import csv
import hashlib
import io
import statistics
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from urllib.parse import quote

from autograder.export.formula import harmless
from autograder.render.reading import NAME, clean
from autograder.render.searchable import Cell, Heading, Row, Searchable
from autograder.render.term_pages import AssignmentOfTerm, CoursePage, Remark, StepsOf, TermPage
from autograder.term.course_file import Late, Term
from autograder.term.dates import in_words, length_in_words
from autograder.term.figures import exact, percent, rounded
from autograder.term.marks import COUNTED, Line, Mark, Marking

__all__ = ["STUDENTS", "course_page", "marks_table", "page_name", "rules_in_words", "students_of_term", "term_page"]

STUDENTS = "students"
"""Folder of the students' pages."""
GRADED = (*COUNTED, "dropped")
SHOWN_PLACES = 1
LONGEST, KEPT = 180, 60
"""Bytes of an id that are the name of a file as they are, and of the beginning of a longer one."""


def term_page(marking: Marking, mark: Mark) -> TermPage:
    """One student's page."""
    term = marking.term
    lines = [_steps(line, in_words(line.due, term.zone)) for line in mark.lines]
    budget = term.late.budget
    return TermPage(
        term.title,
        mark.person.label,
        "" if mark.mark is None else exact(mark.mark),
        exact(term.scale),
        in_words(marking.now, term.zone),
        tuple(lines),
        mark.steps,
        rules_in_words(term),
        f"Late days: {mark.days} of {budget} used." if budget else "",
    )


def _steps(line: Line, due: str) -> StepsOf:
    """One assignment on a student's page; what is dropped has no product."""
    if line.state not in GRADED:
        return StepsOf(line.assignment, line.state, due, steps=line.steps)
    product = exact(line.weight * line.share) if line.state in COUNTED else ""
    numbers = (exact(line.points), exact(line.most), percent(line.share), exact(line.weight), product)
    return StepsOf(line.assignment, line.state, due, *numbers, line.steps)


def page_name(key: str) -> str:
    """The name of a student's page without its ending: the id, of one that is too long for a file its beginning."""
    content = key.encode("utf-8", "surrogateescape")
    if len(content) <= LONGEST:
        return key
    return f"{content[:KEPT].decode('ascii', 'ignore')}-{hashlib.sha256(content).hexdigest()[:16]}"


def course_page(marking: Marking, marks: Sequence[Mark], notes: Sequence[str], strangers: Sequence[str]) -> CoursePage:
    """The course's page.  notes: sentences about the course; strangers: students who are on no roster."""
    term = marking.term
    having = [mark.mark for mark in marks if mark.mark is not None]
    remarks = [Remark(name, "", "Is not on the roster.") for name in strangers]
    remarks += [
        Remark(mark.person.label, line.assignment, told)
        for mark in marks
        for line in mark.lines
        for told in line.attention
    ]
    arrived = [line.arrived for mark in marks for line in mark.lines if line.arrived is not None]
    sources = Counter(
        one.source or "without a record of the time" if one.at or not one.source else f"{one.source}, not believed"
        for one in arrived
    )
    if not term.states_zone:
        notes = [
            *notes,
            "The course states no timezone: dates without an offset, and times of a zip, are taken as UTC.",
        ]
    else:
        notes = [*notes, f"Dates without an offset, and times of a zip, are taken in {term.zone.key}."]
    return CoursePage(
        term.title,
        in_words(marking.now, term.zone),
        exact(term.scale),
        len(marks),
        exact(rounded(Fraction(statistics.median(having)), term.places)) if having else "",
        exact(rounded(sum(having, Fraction(0)) / len(having), term.places)) if having else "",
        tuple(_assignment(marking, marks, number) for number in range(len(term.assignments))),
        tuple(remarks),
        tuple(notes),
        rules_in_words(term),
        tuple(sources.most_common()),
    )


def _assignment(marking: Marking, marks: Sequence[Mark], number: int) -> AssignmentOfTerm:
    term, planned = marking.term, marking.term.assignments[number]
    lines = [mark.lines[number] for mark in marks]
    graded = [line for line in lines if line.state in GRADED]
    shares = [line.share for line in graded]
    weight = {"equal": "1", "points": "its maximum"}.get(term.weights) or exact(planned.weight or Fraction(0))
    usual = marking.usual.get(planned.name)
    most = marking.rules.adjusted("", usual).most if usual else None
    return AssignmentOfTerm(
        planned.name,
        in_words(planned.due, term.zone),
        weight,
        "" if most is None else exact(most),
        sum(line.arrived is not None for line in lines),
        sum(line.state == "missing" or (line.state == "dropped" and line.arrived is None) for line in lines),
        sum(line.late for line in lines),
        f"{_shown(100 * sum(shares, Fraction(0)) / len(shares))} %" if shares else "",
    )


def _shown(value: Fraction) -> str:
    return exact(rounded(value, SHOWN_PLACES))


def students_of_term(term: Term, marks: Sequence[Mark]) -> Searchable:
    """The table of all students: the mark, and the share of each assignment in percent where it counts."""
    headings = [
        Heading("Student", "student", ".html"),
        Heading("Mark", "points", most=float(term.scale)),
        *(Heading(one.name, "number") for one in term.assignments),
    ]
    rows = []
    for mark in marks:
        cells: list[Cell] = [None if mark.mark is None else float(mark.mark)]
        cells += [
            float(rounded(100 * line.share, SHOWN_PLACES)) if line.state in COUNTED else None for line in mark.lines
        ]
        rows.append(Row(mark.person.label, quote(page_name(mark.person.key), safe="", errors="surrogateescape"), cells))
    return Searchable(headings, rows, f"{STUDENTS}/")


def marks_table(term: Term, marks: Sequence[Mark], *, semicolons: bool = False) -> bytes:
    """CSV of the marks in UTF-8 with a byte order mark and CRLF: id, name, mark; points, maximum, state, time of each.

    semicolons: between cells, with decimal commas, as spreadsheets in many countries expect.
    """
    header = ["id", "name", "mark", "late days used"]
    for planned in term.assignments:
        header += [f"{planned.name}{what}" for what in ("", " maximum", " state", " handed in")]
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";" if semicolons else ",", lineterminator="\r\n")
    writer.writerow(map(_cell, header))
    for mark in marks:
        cells = [mark.person.key, clean(mark.person.name, NAME), _decimal(mark.mark, term.places, comma=semicolons)]
        cells.append(str(mark.days))
        for line in mark.lines:
            graded = line.state in GRADED
            at = line.arrived.at if line.arrived else None
            cells += [
                _decimal(line.points if graded else None, 4, comma=semicolons),
                _decimal(line.most if graded else None, 4, comma=semicolons),
                line.state,
                f"{at.astimezone(term.zone):%Y-%m-%d %H:%M:%S%z}" if at else "",
            ]
        writer.writerow(map(_cell, cells))
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def _cell(text: str) -> str:
    return harmless(text.encode("utf-8", "replace").decode())


def _decimal(value: Fraction | None, places: int, *, comma: bool) -> str:
    if value is None:
        return ""
    text = exact(rounded(value, places))
    return text.replace(".", ",") if comma else text


def rules_in_words(term: Term) -> tuple[str, ...]:
    """The rules of the course in sentences, for students and instructors alike."""
    weights = {
        "stated": "Each assignment has the weight that the course states.",
        "equal": "All assignments have the same weight.",
        "points": "Each assignment weighs as much as its maximum.",
    }
    told = [
        "The mark so far is the sum of weight × share over what counts, divided by the sum of these weights.",
        "A share is the points after all deductions, divided by the maximum.",
        weights[term.weights],
        "Bonus points are added to the points and are no part of the maximum.",
        "What was not handed in counts 0 once it is due, and nothing before. What is excused does not count.",
    ]
    if term.drop_lowest:
        lowest = "lowest share is" if term.drop_lowest == 1 else f"{term.drop_lowest} lowest shares are"
        told.append(
            f"The {lowest} dropped, of equal ones the one that was due first. At least one assignment always counts."
        )
    if kept := [one.name for one in term.assignments if one.keep]:
        told.append(f"Never dropped: {', '.join(kept)}.")
    told += _late_in_words(term.late, "")
    for planned in term.assignments:
        if planned.late:
            told += _late_in_words(planned.late, f"{planned.name}: ")
    return tuple(told)


def _late_in_words(late: Late, prefix: str) -> list[str]:
    """The policy for late hand-ins; prefix: the assignment that it is for, if it is for one alone."""
    told = []
    if late.percent:
        of = "of the earned points" if late.of == "earned" else "of the maximum"
        told.append(f"{prefix}Late: {exact(late.percent)} % {of} for each {late.per} that has begun since it was due.")
    else:
        told.append(f"{prefix}Late hand-ins lose nothing for each day.")
    if late.grace:
        told.append(
            f"{prefix}Lateness up to {length_in_words(late.grace)} is forgiven; beyond, it counts from the due date."
        )
    if late.cut_off is not None:
        told.append(f"{prefix}Later than {length_in_words(late.cut_off)}: 0 points.")
    if late.floor:
        of = "the earned points" if late.of == "earned" else "the maximum"
        told.append(f"{prefix}Deductions leave {exact(late.floor)} % of {of}, and never more than was earned.")
    if late.budget:
        most = f", at most {late.at_once} for one assignment" if late.at_once is not None else ""
        told.append(
            f"{prefix}Late days without a deduction: {late.budget} over the term{most}. They are used in the order of "
            "the due dates, as few as save the most points."
        )
    return told
