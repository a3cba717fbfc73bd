"""Grade a class, or join its parts, and draw its pages: what ``grade``, ``demo`` and ``merge`` share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec
from rich.console import Console

from autograder.classroom.class_list import ClassList, read_class_list
from autograder.classroom.class_record import SET_ASIDE, ClassRecord, set_stale_aside, update_record
from autograder.classroom.faults import faults_in
from autograder.classroom.finding import Entry, Found, find_hand_ins, report_path
from autograder.classroom.hand_in_times import join_times, record_times
from autograder.classroom.merging import encoded, join
from autograder.classroom.pages import draw, name_faults
from autograder.classroom.parts import WHOLE, Part
from autograder.classroom.processes import open_pool
from autograder.classroom.progress import progress
from autograder.classroom.runs import Run, prepare_run, refuse_other_run
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.export.database import check_gradebook
from autograder.export.gradebook import reports_at, write_gradebook
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.render.html import warm_up
from autograder.render.reading import NAME, clean
from autograder.report import NotGraded
from autograder.submission.archive import ArchiveError, unpack
from autograder.submission.files import shown

__all__ = ["chosen", "grade_class", "merge_parts", "opened", "unpacked"]


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
    with unpacked(folder) as (place, packed, left):
        found = find_hand_ins(place, root, name, packed=packed, without=[out])
        found.not_graded += left
        strangers = _enlist(found, class_list, name, place) if class_list else []
        _limit_to(part, found)
        entries = chosen(found, students)
        with opened(cluster, options, max(min(jobs, len(entries)), 1)) as graders:
            graders.prove(root, _loaded(entries, root))
            run = prepare_run(root, out, folder, found.entries, options, part=part)
            stale = set_stale_aside(out, found.entries, scope)
            expected = [] if part == WHOLE else [encoded(entry) for entry in found.entries]
            record = update_record(out, ClassRecord(found.names, found.not_graded, expected), scope)
            _grade(console, entries, run, graders)
        record_times(out, place, found.entries, scope, packed=packed)
        if part != WHOLE:
            return _tell_part(console, out, part, found.entries)
        graded = [entry for entry in found.entries if report_path(out, entry).is_file()]
        whole = _with_waiting(record, found, graded, place)
        status = draw(console, out, graded, whole, jobs=jobs, json=json, stale=stale)
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
    jobs: int = 1,
    json: bool = False,
    gradebook: str | None = None,
) -> int:
    """Join the parts of a class in ``out``, and draw the pages; return the exit status, as ``grade_class`` does.

    folders: of each part, as ``grade_class`` wrote it; unfinished: also where something is missing;
    jobs: processes that draw.
    Raises UsageError as ``join``, ExportError if the gradebook cannot be written.
    """
    if gradebook is not None:
        check_gradebook(gradebook)
    merged = join(folders, out, unfinished=unfinished)
    join_times(folders, out)
    if not merged.entries:
        message = f"There are no reports in {' or '.join(map(str, folders))}. Grade the parts first."
        raise UsageError(message)
    status = draw(console, out, merged.entries, merged.record, jobs=jobs, json=json, stale=merged.stale)
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
def unpacked(folder: Path) -> Iterator[tuple[Path, bool, list[NotGraded]]]:
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


def _loaded(entries: Sequence[Entry], root: Path) -> list[str]:
    """The assignments of these entries, loaded while the processes start."""
    names = sorted({entry.assignment for entry in entries})
    for name in names:
        catalogue.load(name, root)
    return names


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
    name_faults(console, out, list(entries))
    return 1 if faults_in(out, list(entries)) else 0


def chosen(found: Found, students: Sequence[str]) -> list[Entry]:
    """The entries to grade: all, or those of these students, again.  UsageError if one is missing."""
    if not students:
        return found.entries
    entries: list[Entry] = []
    for wanted in students:
        those = [entry for entry in found.entries if wanted in (entry.student, found.names.get(entry.student))]
        if len({entry.student for entry in those}) != 1:
            names = sorted({entry.student for entry in those or found.entries})
            listed = ", ".join(clean(name, NAME) for name in names[:12]) + (", …" if len(names) > 12 else "")  # noqa: PLR2004
            what = "No student" if not those else "More than one student"
            message = f"{what} is called '{wanted}'. Choose one of: {listed}."
            raise UsageError(message)
        entries += [msgspec.structs.replace(entry, again=True) for entry in those]
    return entries


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
    with progress(console, "Grading", len(entries), lambda: graders.machines) as advance:
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
