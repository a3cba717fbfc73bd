"""Reads a whole term and writes its pages and its table: what ``autograder course`` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import msgspec
from rich.console import Console

from autograder.classroom.class_list import read_class_list
from autograder.classroom.runs import keep
from autograder.classroom.student_pages import STAMP, is_current, stamp_of, stamped
from autograder.course import catalogue
from autograder.render.reading import NAME, clean
from autograder.render.term_pages import draw_course_page, draw_term_page
from autograder.term.course_file import Term, read_course_file
from autograder.term.errors import UsageError, refuse_unknown
from autograder.term.marks import Mark, Marking
from autograder.term.people import Found, People, find_people, reports_in
from autograder.term.rules import rules_of
from autograder.term.times import arrivals
from autograder.term.views import STUDENTS, course_page, marks_table, page_name, students_of_term, term_page
from autograder.term.works import Work, report_in, work_of

__all__ = ["MARKS", "TimesFile", "read_marking", "write_term"]

MARKS = "marks.csv"
INDEX = "index.html"
HEAD = 128
MOST_TOLD = 12

TimesFile = tuple[Path, str]
"""A CSV file of times, and the assignment that it is about, "" where the file has a column of assignments."""


def write_term(
    console: Console,
    path: Path,
    *,
    root: Path | None,
    out: Path | None = None,
    now: datetime | None = None,
    times: Sequence[tuple[str, Path]] = (),
    semicolons: bool = False,
) -> int:
    """Compute all marks of a term, and write the course's page, one per student, and the table; return the exit status.

    The status is 1 if something needs an instructor's attention.
    root: the course whose assignments may be named; None if it is not known, and names cannot be checked.
    out: folder of the pages; now: the date of the pages, by default this moment; times: further CSV files, each with
    its assignment or "".
    Raises UsageError for whatever is wrong in the course file or its folders.
    """
    term = read_course_file(path)
    out = out or term.folder / term.out
    if (out / "run.json").exists() or (out / "reports").exists():
        message = f"{out} holds a run of autograder grade, whose pages would be overwritten. Name another --out."
        raise UsageError(message)
    marking, people, notes = read_marking(term, path.name, root=root, now=now, times=times)
    marks = [marking.mark(person) for person in people.persons]
    drawn = _write_students(out, marking, marks)
    page = course_page(marking, marks, notes, people.strangers)
    keep(out / INDEX, draw_course_page(page, students_of_term(term, marks)), within=out)
    keep(out / MARKS, marks_table(term, marks, semicolons=semicolons), within=out)
    students = "1 student" if len(marks) == 1 else f"{len(marks)} students"
    for sentence in (
        f"Page of the course: {out / INDEX}",
        f"Marks of {students}: {out / MARKS}; {drawn} of their pages in {out / STUDENTS} are new.",
        *notes,
    ):
        console.print(sentence, soft_wrap=True, markup=False, highlight=False)
    for one in page.remarks[:MOST_TOLD]:
        where = f"{clean(one.student, NAME)}, {one.assignment}" if one.assignment else clean(one.student, NAME)
        console.print(f"  {where}: {clean(one.sentence)}", soft_wrap=True, markup=False, highlight=False)
    if len(page.remarks) > MOST_TOLD:
        console.print(f"  {len(page.remarks) - MOST_TOLD} more need your attention: see the page of the course.")
    return 1 if page.remarks else 0


def read_marking(
    term: Term,
    name: str,
    *,
    root: Path | None,
    now: datetime | None = None,
    times: Iterable[tuple[str, Path]] = (),
) -> tuple[Marking, People, list[str]]:
    """Read everything that the marks of a term depend on; return it, everybody, and sentences about the course.

    name: of the course file, for messages; the rest as in ``write_term``.
    """
    folders = {one: term.folder / one for one in _folders(term)}
    every = reports_in(folders)
    known = {one.assignment for one in every} | set(catalogue.names(root) if root else ())
    for planned in term.assignments:
        refuse_unknown(
            planned.name, known, f"{name}, [assignments.{planned.name}]", "assignment", only_misspelt=root is None
        )
    roster = read_class_list(term.folder / term.roster) if term.roster else None
    found = [one for one in every if _counts(term, one)]
    people = find_people(found, folders, roster)
    works = _works(found, folders, people)
    names = [planned.name for planned in term.assignments]
    tables = [(term.folder / term.times, "")] if term.times else []
    tables += [(term.folder / planned.times, planned.name) for planned in term.assignments if planned.times]
    for assignment, path in times:
        if assignment:
            refuse_unknown(assignment, names, "--times", "assignment")
        tables.append((path, assignment))
    arrived = arrivals(found, folders, people, term.zone, tables=tables, known=names)
    usual = _usual(works)
    exercises = {one: {part.name: part.most for part in work.parts} for one, work in usual.items()}
    rules = rules_of(term, people, exercises, name)
    marking = Marking(rules, works, arrived, usual, (now or datetime.now(UTC)).astimezone(UTC))
    return marking, people, _notes(term, every, usual, marking)


def _folders(term: Term) -> list[str]:
    """The folders of all runs, once each."""
    own = [planned.graded for planned in term.assignments]
    shared = () if all(own) else term.graded
    return list(dict.fromkeys([*shared, *(name for names in own for name in names)]))


def _counts(term: Term, found: Found) -> bool:
    """Whether a report counts: its assignment is one of the course's, and lies in a folder that counts for it."""
    planned = next((one for one in term.assignments if one.name == found.assignment), None)
    return planned is not None and found.graded in (planned.graded or term.graded)


def _works(found: Sequence[Found], folders: Mapping[str, Path], people: People) -> dict[tuple[str, str], Work]:
    """Each student's work.  UsageError if somebody has two reports of one assignment."""
    works: dict[tuple[str, str], Work] = {}
    places: dict[tuple[str, str], Found] = {}
    for one in found:
        key = (people.owners[one.graded, one.student], one.assignment)
        if key in places:
            first, second = (f"{each.graded}/reports/{each.student}" for each in (places[key], one))
            message = (
                f"{clean(key[0], NAME)} has two reports of {one.assignment}, in {first} and {second}. Name one folder "
                f"as graded in [assignments.{one.assignment}], or grade again without the other hand-in."
            )
            raise UsageError(message)
        places[key] = one
        works[key] = work_of(report_in(folders[one.graded], one.student, one.assignment))
    return works


def _usual(works: Mapping[tuple[str, str], Work]) -> dict[str, Work]:
    """Of each assignment the work with the largest maximum, without its points: nobody's own."""
    best: dict[str, Work] = {}
    for (_, assignment), work in works.items():
        if assignment not in best or _most(work) > _most(best[assignment]):
            best[assignment] = work
    none = Fraction(0)
    return {
        name: Work(name, tuple(msgspec.structs.replace(part, points=none) for part in work.parts), handed_in=False)
        for name, work in best.items()
    }


def _most(work: Work) -> Fraction:
    return sum((part.most for part in work.parts if not part.bonus), Fraction(0))


def _notes(term: Term, every: Sequence[Found], usual: Mapping[str, Work], marking: Marking) -> list[str]:
    """Sentences about the course: what is graded and not part of it, and what is due and not graded."""
    names = {planned.name for planned in term.assignments}
    others = sorted({one.assignment for one in every} - names)
    told = [f"Graded, but not in the course file, so they count nothing: {', '.join(others)}."] if others else []
    late = [one.name for one in term.assignments if one.due <= marking.now and one.name not in usual]
    if late:
        told.append(f"Due, but not graded yet, so they do not count yet: {', '.join(late)}.")
    by_hand = sorted({assignment for (_, assignment), work in marking.works.items() if work.by_hand})
    if by_hand:
        told.append(f"Points of written questions are no part of these marks yet: {', '.join(by_hand)}.")
    return told


def _write_students(out: Path, marking: Marking, marks: Sequence[Mark]) -> int:
    """Write the pages that are missing or out of date, and remove those of who is gone; return how many are new."""
    drawn, current = 0, set()
    for mark in marks:
        page = term_page(marking, mark)
        path = out / STUDENTS / f"{page_name(mark.person.key)}.html"
        current.add(path.name)
        stamp = stamp_of(msgspec.json.encode(page))
        if not is_current(path, stamp, within=out):
            keep(path, stamped(draw_term_page(page), stamp), within=out)
            drawn += 1
    for path in (out / STUDENTS).glob("*.html"):
        if path.name not in current and not path.is_symlink():
            with suppress(OSError):
                with path.open("rb") as file:
                    ours = STAMP.match(file.read(HEAD))
                if ours:
                    path.unlink()
    return drawn
