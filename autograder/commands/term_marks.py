"""Commands about marks over time: of a whole term, and before and after grading again."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from autograder.commands.options import CourseOption, JsonOption, open_console, print_json, root_of, usage

__all__ = ["register"]

MOST_TOLD = 2000
"""Characters of one change at the terminal."""


def course(
    file: Annotated[Path, typer.Argument(help="The file that describes the course: docs/course.md.")] = Path(
        "course.toml"
    ),
    *,
    out: Annotated[Path | None, typer.Option(help="Folder for the pages; by default what the file states.")] = None,
    at: Annotated[str | None, typer.Option(metavar="DATE", help="Marks as of this date; by default now.")] = None,
    times: Annotated[
        list[str] | None,
        typer.Option(metavar="[ASSIGNMENT=]FILE", help="CSV file of hand-in times, which replace recorded ones."),
    ] = None,
    semicolons: Annotated[
        bool, typer.Option("--semicolons", help="marks.csv: ; between cells, decimal commas.")
    ] = False,
    kit: CourseOption = None,
) -> None:
    """Add up a term: a page of the course, one per student with every step, and a table of the marks.

    The exit status is 0 if all is well, 1 if something needs your attention, 2 for a usage error.
    """
    from autograder.course.catalogue import UsageError
    from autograder.term.course_file import read_course_file
    from autograder.term.writing_term import write_term

    zone = read_course_file(file).zone
    try:
        root = root_of(kit)
    except UsageError:
        if kit is not None:
            raise
        root = None  # the reports alone name the assignments
    status = write_term(
        open_console(),
        file,
        root=root,
        out=out,
        now=_moment(at, zone) if at else None,
        times=[_times(one) for one in times or ()],
        semicolons=semicolons,
    )
    if status:
        raise typer.Exit(status)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """Read ``--at``: a date, whose end is meant, or a date and a time."""
    from autograder.term.dates import instant

    try:
        found = date.fromisoformat(text) if len(text) == len("2026-03-06") else datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--at: expected a date such as 2026-03-06 or 2026-03-06T12:00, got '{text[:60]}'."
        raise usage(message) from error
    return instant(found, zone, "--at")


def _times(text: str) -> tuple[str, Path]:
    """Read ``--times``: a file, or an assignment and a file."""
    if Path(text).is_file():
        return "", Path(text)
    assignment, equals, path = text.partition("=")
    if not equals or not path:
        message = f"--times: there is no file {text[:200]}. Name a CSV file, or ASSIGNMENT=FILE."
        raise usage(message)
    return assignment, Path(path)


def changes(
    out: Annotated[Path, typer.Argument(help="A folder that autograder grade wrote.")] = Path("graded"),
    *,
    assignment: Annotated[str | None, typer.Option(help="Only this assignment, by its full name.")] = None,
    student: Annotated[list[str] | None, typer.Option(help="Only this student, by id or name.")] = None,
    every: Annotated[
        bool, typer.Option("--every", help="Every time it was graded again, not only the last one and other points.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List the points before and after grading again, per student: after checks, points or hand-ins changed."""
    from autograder.classroom.class_record import read_record
    from autograder.classroom.history import changes_in, in_words
    from autograder.classroom.pages import entries_of
    from autograder.render.page import Page

    label = read_record(out).labels()
    entries = [
        entry
        for entry in entries_of(out)
        if assignment in (None, entry.assignment)
        and (not student or {entry.student, label(entry.student)} & {*student})
    ]
    if not entries:
        message = f"There are no reports of this student and assignment in {out}. Name both as its pages do."
        raise usage(message)
    found = changes_in(out, entries, every=every)
    if json:
        print_json({"changes": found})
        return
    page = Page(open_console())
    differing = [one for one in found if one.differs]
    for one in found if every else differing:
        page.line(page.text(in_words(one, label(one.student)), limit=MOST_TOLD), hang=2)
    changed, same = ({(one.student, one.assignment) for one in those} for those in (differing, found))
    total = "1 hand-in" if len(entries) == 1 else f"{len(entries)} hand-ins"
    again = f" Graded again with the same points: {len(same - changed)}." if same - changed else ""
    page.line(page.text(f"Other points: {len(changed)} of {total}.{again}"))


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (course, changes):
        app.command()(command)
