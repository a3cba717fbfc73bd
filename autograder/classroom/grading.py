"""Grade a class with a progress bar, and draw its pages: what ``grade``, ``demo`` and ``report`` share."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder import catalogue
from autograder.catalogue import UsageError
from autograder.classroom.faults import FOLDER, drawn, drawn_class, faults_in
from autograder.classroom.finding import Entry, discover, report_path
from autograder.classroom.processes import grade_all, open_pool
from autograder.classroom.runs import prepare_run
from autograder.export.database import check_gradebook
from autograder.export.gradebook import write_gradebook
from autograder.isolation.launcher import open_launcher
from autograder.render.html import class_page, student_page, warm_up
from autograder.render.terminal import print_class
from autograder.verdict import Report, read_report, write_atomically
from autograder.workplace import start_worker

__all__ = ["draw", "entries_of", "grade_class"]

MOST_FAULTS = 10


def grade_class(
    console: Console,
    root: Path,
    folder: Path,
    out: Path,
    *,
    jobs: int,
    assignment: str | None = None,
    json: bool = False,
    isolation: str = "full",
    gradebook: str | None = None,
    **options: Any,
) -> None:
    """Grade every hand-in in ``folder``, or go on where an earlier run ended, and draw the pages.

    json: print the reports on stdout instead of showing the class; options: as ``prepare_run`` takes them.
    isolation: the least level at which student code is run; proved before anything is written.
    gradebook: address of nbgrader's database, to which the reports go at the end; tried before anything is graded.
    Raises UsageError where there is nothing to grade or ``out`` cannot be written, IsolationError below the level,
    ExportError where the gradebook cannot be written.
    """
    name = catalogue.find(assignment, root) if assignment else None
    if gradebook is not None:
        check_gradebook(gradebook)
    entries = discover(folder, root, name)
    backend = options.get("backend", "numpy")
    with (
        open_launcher(backend=backend) as launcher,
        open_pool(min(jobs, len(entries)), launcher, backend) as pool,
    ):
        for needed in {entry.assignment for entry in entries}:  # while all of that is starting
            catalogue.load(needed, root)
        start_worker(launcher, None, isolation).close()
        run = prepare_run(root, out, folder, entries, isolation=isolation, **options)
        warming = threading.Thread(target=warm_up, daemon=True)
        warming.start()  # while the others grade
        fresh = 0
        with _progress(console, len(entries)) as advance:
            for entry, graded in grade_all(entries, run, pool):
                fresh += graded
                advance(entry.student)
    if fresh < len(entries):
        there = len(entries) - fresh
        console.print(f"{there} of {len(entries)} reports were there from an earlier run and still hold.")
    warming.join()
    draw(console, out, entries, json=json)
    if gradebook is not None:
        reports = (_read(report_path(out, entry)) for entry in entries)
        summary = write_gradebook(reports, root, gradebook, folder)
        console.print(f"Gradebook: {summary}.", soft_wrap=True)


def entries_of(out: Path) -> list[Entry]:
    """What a finished run graded, by its reports.  UsageError where there are none."""
    paths = sorted((out / "reports").glob("*/*.json"))
    if not paths:
        message = f"There are no reports in {out}. Name the --out folder of autograder grade."
        raise UsageError(message)
    return [Entry(path.parent.name, path.stem, "") for path in paths]


def draw(console: Console, out: Path, entries: list[Entry], *, json: bool = False) -> None:
    """Write every student's page and the class's, and show the class; one assignment in memory at a time."""
    printed: list[Report] = []
    for name in sorted({entry.assignment for entry in entries}):
        reports, links = [], {}
        for entry in (entry for entry in entries if entry.assignment == name):
            report = _read(report_path(out, entry))
            page = out / "pages" / entry.student / f"{name}.html"
            html, report = drawn(out, entry, report, student_page)
            write_atomically(page, html)
            links[report.student] = quote(page.relative_to(out).as_posix(), errors="surrogateescape")
            reports.append(report)
        html, reports = drawn_class(reports, partial(class_page, f"{name}: {reports[0].title}", links=links))
        write_atomically(out / f"{name}.html", html)
        if json:
            printed += reports
            continue
        print_class(console, reports)
        console.print(f"Page of the class: {out / f'{name}.html'}", soft_wrap=True, markup=False)
    _name_faults(console, out, entries)
    if json:
        sys.stdout.write(msgspec.json.encode(printed).decode() + "\n")
        return
    console.print(f"A page for every student in {out / 'pages'}, reports in {out / 'reports'}.", soft_wrap=True)


def _name_faults(console: Console, out: Path, entries: list[Entry]) -> None:
    """Say on which hand-ins the grader itself failed, and where the details are."""
    faults = faults_in(out, entries)
    if not faults:
        return
    what = "1 hand-in" if len(faults) == 1 else f"{len(faults)} hand-ins"
    console.print(f"The grader failed on {what}; the details are in {out / FOLDER}:", soft_wrap=True)
    for path in faults[:MOST_FAULTS]:
        console.print(f"  {path.relative_to(out / FOLDER)}", soft_wrap=True, markup=False, highlight=False)


def _read(path: Path) -> Report:
    try:
        return read_report(path)
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read as a report ({error}). Grade again."
        raise UsageError(message) from error


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[str], None]]:
    columns = ("Grading", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)
        yield lambda student: progress.update(task, advance=1, description=student[:24].replace("[", "("))
