"""Grade a class, and draw its pages: what ``grade``, ``demo`` and ``report`` share."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from urllib.parse import quote

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.classroom.class_list import ClassList, read_class_list
from autograder.classroom.class_record import SET_ASIDE, ClassRecord, set_stale_aside, update_record
from autograder.classroom.faults import FOLDER, drawn, drawn_class, faults_in
from autograder.classroom.finding import Entry, Found, find_hand_ins, report_path
from autograder.classroom.merging import encoded, join
from autograder.classroom.parts import WHOLE, Part
from autograder.classroom.processes import open_pool
from autograder.classroom.runs import Run, keep, prepare_run, refuse_other_run
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.export.database import check_gradebook
from autograder.export.gradebook import reports_at, write_gradebook
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.render.html import class_page, leaderboard_page, student_page, warm_up
from autograder.render.not_graded import not_graded_of, print_not_graded, to_look_at
from autograder.render.reading import NAME, clean
from autograder.render.terminal import print_class
from autograder.report import NotGraded, Report, Status, read_report
from autograder.submission.archive import ArchiveError, unpack
from autograder.submission.files import shown

__all__ = ["draw", "entries_of", "grade_class", "merge_parts", "opened"]

EVERY_S = 30.0
"""Seconds between two lines about progress, where there is no terminal for a progress bar."""
MOST_FAULTS = 10


def grade_class(
    console: Console,
    root: Path,
    folder: Path,
    out: Path,
    options: Options,
    *,
    jobs: int,
    assignment: str | None = None,
    students: Sequence[str] = (),
    roster: Path | None = None,
    json: bool = False,
    gradebook: str | None = None,
    part: Part = WHOLE,
    cluster: str | None = None,
) -> int:
    """Grade every hand-in in ``folder``, or resume an earlier run, and draw the pages; return the exit status.

    The status is 0 if everything was graded, 1 if something was seen and not graded, the grader itself failed, or the
    gradebook lacks a report that could not be written.
    students: grade only these again, within the class; roster: a CSV file with every student's id and name.
    json: print one JSON object on stdout instead of showing the class.
    options: without a seed, that of the resumed run is used; the isolation is proved before anything is written.
    gradebook: address of nbgrader's database, which receives the reports at the end; tested before grading.
    part: the share of the class to grade; of less than all no page is drawn, as ``merge_parts`` does that.
    cluster: address of a Dask scheduler, whose machines then grade; by default this one does, in ``jobs`` processes.
    Raises UsageError if there is nothing to grade or ``out`` cannot be written, IsolationError below the level,
    ExportError if the gradebook cannot be written.
    """
    name = catalogue.find(assignment, root) if assignment else None
    scope = [name] if name else catalogue.names(root)
    class_list = read_class_list(roster) if roster else None
    if gradebook is not None:
        check_gradebook(gradebook)
    refuse_other_run(root, out, folder, part)
    with _unpacked(folder) as (place, packed, left):
        found = find_hand_ins(place, root, name, packed=packed, without=[out])
        found.not_graded += left
        strangers = _enlist(found, class_list, name, place) if class_list else []
        if part != WHOLE:
            _limit_to(part, found)
        entries = _chosen(found, students)
        with opened(cluster, options, max(min(jobs, len(entries)), 1)) as graders:
            needed = sorted({entry.assignment for entry in entries})
            for each in needed:  # while the processes start
                catalogue.load(each, root)
            graders.prove(root, needed)
            run = prepare_run(root, out, folder, found.entries, options, part=part)
            stale = set_stale_aside(out, found.entries, scope)
            expected = [] if part == WHOLE else [encoded(entry) for entry in found.entries]
            record = update_record(out, ClassRecord(found.names, found.not_graded, expected), scope)
            _grade(console, entries, run, graders)
        if part != WHOLE:
            return _tell_part(console, out, part, found.entries)
        graded = [entry for entry in found.entries if report_path(out, entry).is_file()]
        status = draw(console, out, graded, _with_waiting(record, found, graded, place), json=json, stale=stale)
        _tell(console, out, stale, strangers)
        if gradebook is not None:
            status |= _fill_gradebook(console, out, graded, root, gradebook, submitted=place)
    return status


def merge_parts(
    console: Console,
    root: Path,
    folders: Sequence[Path],
    out: Path,
    *,
    unfinished: bool = False,
    json: bool = False,
    gradebook: str | None = None,
) -> int:
    """Join the parts of a class in ``out``, and draw the pages; return the exit status, as ``grade_class`` does.

    folders: of each part, as ``grade_class`` wrote it; unfinished: also where something is missing.
    Raises UsageError as ``join``, ExportError if the gradebook cannot be written.
    """
    if gradebook is not None:
        check_gradebook(gradebook)
    merged = join(folders, out, unfinished=unfinished)
    if not merged.entries:
        message = f"There are no reports in {' or '.join(map(str, folders))}. Grade the parts first."
        raise UsageError(message)
    status = draw(console, out, merged.entries, merged.record, json=json, stale=merged.stale)
    _tell(console, out, merged.stale, [])
    if gradebook is not None:
        submitted = Path(merged.run.submissions)
        status |= _fill_gradebook(
            console, out, merged.entries, root, gradebook, submitted=submitted if submitted.is_dir() else None
        )
    return status


def _fill_gradebook(
    console: Console, out: Path, entries: Sequence[Entry], root: Path, gradebook: str, *, submitted: Path | None
) -> int:
    """Write all reports into the gradebook; return the exit status, 1 if some were left out.

    submitted: the folder of hand-ins, which may hold their times.
    """
    reports = reports_at(report_path(out, entry) for entry in entries)
    summary = write_gradebook(reports, root, gradebook, submitted)
    for sentence in (f"Gradebook: {summary}.", *summary.sentences()):
        console.print(sentence, soft_wrap=True, markup=False)
    return 1 if summary.left_out else 0


@contextmanager
def _unpacked(folder: Path) -> Iterator[tuple[Path, bool, list[NotGraded]]]:
    """The folder of hand-ins, unpacked if it is a zip; and what was not unpacked."""
    if not folder.is_file():
        yield Path(os.path.abspath(folder)), False, []  # noqa: PTH100 - links stay
        return
    with TemporaryDirectory() as name:
        place = Path(name).resolve()
        try:
            left = unpack(folder, place)
        except ArchiveError as error:
            message = f"{error} Or unpack it, and name the folder."
            raise UsageError(message) from error
        except OSError as error:
            message = f"{folder} cannot be unpacked ({error.strerror}). Unpack it yourself, and name the folder."
            raise UsageError(message) from error
        yield place, True, [NotGraded(shown(path), reason) for path, reason in left]


def _enlist(found: Found, class_list: ClassList, assignment: str | None, place: Path) -> list[str]:
    """Give students their names, and list who handed in nothing; return who is not on the list."""
    matched = class_list.match({entry.student: None for entry in found.entries}, found.names)
    found.names |= matched.names
    if assignment:
        found.entries += [Entry(student, assignment, str(place / student), []) for student in matched.absent]
        found.entries.sort(key=lambda entry: (entry.student, entry.assignment))
    return matched.strangers


def _limit_to(part: Part, found: Found) -> None:
    """Leave out what other parts grade; files of nobody are listed by each."""
    found.entries = [entry for entry in found.entries if part.holds(entry.student)]
    found.names = {student: name for student, name in found.names.items() if part.holds(student)}
    found.not_graded = [row for row in found.not_graded if not row.student or part.holds(row.student)]


def _tell_part(console: Console, out: Path, part: Part, entries: Sequence[Entry]) -> int:
    """Report what a part graded, and what follows; the exit status is 1 if the grader itself failed on something."""
    what = "1 report" if len(entries) == 1 else f"{len(entries)} reports"
    text = (
        f"{str(part).capitalize()}: {what} in {out / 'reports'}. When all parts are there, autograder merge joins them."
    )
    console.print(text, soft_wrap=True, markup=False)
    _name_faults(console, out, list(entries))
    return 1 if faults_in(out, list(entries)) else 0


def _chosen(found: Found, students: Sequence[str]) -> list[Entry]:
    """The entries to grade: all, or those of these students, again.  UsageError if one is missing."""
    if not students:
        return found.entries
    chosen: list[Entry] = []
    for wanted in students:
        those = [entry for entry in found.entries if wanted in (entry.student, found.names.get(entry.student))]
        if len({entry.student for entry in those}) != 1:
            names = sorted({entry.student for entry in those or found.entries})
            listed = ", ".join(clean(name, NAME) for name in names[:12]) + (", …" if len(names) > 12 else "")  # noqa: PLR2004
            what = "No student" if not those else "More than one student"
            message = f"{what} is called '{wanted}'. Choose one of: {listed}."
            raise UsageError(message)
        chosen += [msgspec.structs.replace(entry, again=True) for entry in those]
    return chosen


def _with_waiting(record: ClassRecord, found: Found, graded: Sequence[Entry], place: Path) -> ClassRecord:
    """The record, with hand-ins of other students that have no report from an earlier run."""
    done = {(entry.student, entry.assignment) for entry in graded}
    reason = "has no report yet: this run was limited by --student."
    rows = [
        NotGraded(shown(os.path.relpath(entry.path, place)), reason, "other", entry.assignment, shown(entry.student))
        for entry in found.entries
        if (entry.student, entry.assignment) not in done
    ]
    return ClassRecord(record.names, [*record.not_graded, *rows])


class Graders(Protocol):
    """Processes that grade: of this machine, or of several."""

    refused: dict[str, str]
    machines: int

    def prove(self, root: Path, assignments: Sequence[str]) -> None:
        """Refuse to begin where student code cannot be isolated, before anything is written."""
        ...

    def grade_all(self, entries: Sequence[Entry], run: Run) -> Iterator[tuple[Entry, bool]]:
        """Grade every entry; yield each when its report is written, with whether it was graded now or before."""
        ...


@contextmanager
def opened(cluster: str | None, options: Options, jobs: int) -> Iterator[Graders]:
    """Processes of this machine, or the machines of a cluster."""
    if cluster:
        from autograder.classroom.cluster.client import open_cluster

        with open_cluster(cluster, options) as machines:
            yield machines
        return
    with open_launcher(backend=options.backend) as launcher, open_pool(jobs, launcher, options) as pool:
        yield pool


def _grade(console: Console, entries: list[Entry], run: Run, graders: Graders) -> None:
    """Grade with a progress bar, or with an occasional line."""
    warming = threading.Thread(target=warm_up, daemon=True)
    warming.start()  # during grading
    fresh = 0
    with _progress(console, len(entries)) as advance:
        for entry, graded in graders.grade_all(entries, run):
            fresh += graded
            advance(entry.student)
    if fresh < len(entries):
        there = len(entries) - fresh
        console.print(f"{there} of {len(entries)} reports from an earlier run are up to date and were kept.")
    for machine, reason in graders.refused.items():
        console.print(f"Not used: {machine} {reason}.", soft_wrap=True, markup=False)
    warming.join()


def _tell(console: Console, out: Path, stale: Sequence[Path], strangers: Sequence[str]) -> None:
    """Report which reports were set aside, and which students are on no list."""
    if stale:
        names = ", ".join(f"{clean(path.parent.name, NAME)}/{path.stem}" for path in stale[:12])
        more = f" and {len(stale) - 12} more" if len(stale) > 12 else ""  # noqa: PLR2004 - as many as fit a few lines
        text = f"Set aside, because their hand-ins are gone: {names}{more}. They are in {out / SET_ASIDE}."
        console.print(text, soft_wrap=True, markup=False)
    if strangers:
        names = ", ".join(clean(name, NAME) for name in strangers[:12]) + (", …" if len(strangers) > 12 else "")  # noqa: PLR2004
        console.print(f"Graded, but not on the roster: {names}.", soft_wrap=True, markup=False)


def entries_of(out: Path) -> list[Entry]:
    """The entries that a finished run graded, from its reports.  UsageError if there are none."""
    paths = sorted((out / "reports").glob("*/*.json"))
    if not paths:
        message = f"There are no reports in {out}. Name the --out folder of autograder grade."
        raise UsageError(message)
    return [Entry(path.parent.name, path.stem, "") for path in paths]


def draw(
    console: Console,
    out: Path,
    entries: list[Entry],
    record: ClassRecord,
    *,
    json: bool = False,
    stale: Sequence[Path] = (),
) -> int:
    """Write all pages of students and of the class, and show the class; one assignment in memory at a time.

    stale: reports that were set aside, for ``json``.  The exit status is 1 if something needs attention.
    """
    printed: list[Report] = []
    aside = list(record.not_graded)
    is_broken = False
    for name in sorted({entry.assignment for entry in entries}):
        reports, links, own = [], {}, []
        for entry in (entry for entry in entries if entry.assignment == name):
            report = read_report(report_path(out, entry))
            printed += [report] if json else []
            own += not_graded_of(report)
            report = msgspec.structs.replace(report, student=record.label(report.student))
            page = out / "pages" / entry.student / f"{name}.html"
            html, report = drawn(out, entry, report, student_page)
            keep(page, html, within=out)
            links[report.student] = quote(page.relative_to(out).as_posix(), errors="surrogateescape")
            reports.append(report)
        aside += own
        is_broken = is_broken or any(report.status is Status.BROKEN for report in reports)
        not_graded = record.labelled([*record.about(name), *own])
        title = f"{name}: {reports[0].title}"
        html, reports = drawn_class(reports, partial(class_page, title, links=links, not_graded=not_graded))
        keep(out / f"{name}.html", html, within=out)
        board = _keep_leaderboard(out, name, title, reports)
        if not json:
            print_class(console, reports)
            console.print(f"Page of the class: {out / f'{name}.html'}", soft_wrap=True, markup=False)
            if board:
                console.print(f"Leaderboard, by pseudonym: {board}", soft_wrap=True, markup=False)
    _name_faults(console, out, entries)
    if json:
        result = {"reports": printed, "not_graded": aside, "set_aside": [str(path) for path in stale]}
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        console.print(f"A page for every student in {out / 'pages'}, reports in {out / 'reports'}.", soft_wrap=True)
        print_not_graded(console, record.labelled(aside))
    return 1 if is_broken or to_look_at(aside) else 0


def _keep_leaderboard(out: Path, name: str, title: str, reports: list[Report]) -> Path | None:
    """Write the leaderboard, if anybody is on it; else remove that of an earlier run."""
    path = out / f"{name}-leaderboard.html"
    if html := leaderboard_page(title, reports):
        keep(path, html, within=out)
        return path
    path.unlink(missing_ok=True)
    return None


def _name_faults(console: Console, out: Path, entries: list[Entry]) -> None:
    """Report on which hand-ins the grader itself failed, and where the details are."""
    faults = faults_in(out, entries)
    if not faults:
        return
    what = "1 hand-in" if len(faults) == 1 else f"{len(faults)} hand-ins"
    console.print(f"The grader itself failed on {what}; the details are in {out / FOLDER}:", soft_wrap=True)
    for path in faults[:MOST_FAULTS]:
        console.print(f"  {path.relative_to(out / FOLDER)}", soft_wrap=True, markup=False, highlight=False)


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[str], None]]:
    if not console.is_terminal:
        with _lines(console, total) as advance:
            yield advance
        return
    columns = ("Grading", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)
        yield lambda student: progress.update(task, advance=1, description=student[:24].replace("[", "("))


@contextmanager
def _lines(console: Console, total: int) -> Iterator[Callable[[str], None]]:
    """Report progress every half minute, also while one hand-in takes longer."""
    done: list[str] = []
    ended = threading.Event()
    started = time.monotonic()

    def speak() -> None:
        while not ended.wait(EVERY_S):
            minutes = (time.monotonic() - started) / 60
            console.print(f"Grading: {len(done)} of {total} after {minutes:.1f} min", markup=False, soft_wrap=True)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield done.append
    finally:
        ended.set()
        speaker.join()
