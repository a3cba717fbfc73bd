"""The pages of a run: students', classes', the index; each is drawn where what it shows has changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec
from rich.console import Console

from autograder.classroom.class_record import ClassRecord
from autograder.classroom.faults import FOLDER, bare, drawn_class, faults_in
from autograder.classroom.finding import Entry
from autograder.classroom.progress import progress
from autograder.classroom.runs import keep
from autograder.classroom.student_pages import Sheet, draw_sheets, is_current, page_path, stamp_of, stamped
from autograder.course.catalogue import UsageError
from autograder.render.condensing import Condenser
from autograder.render.html import class_page, index_page, leaderboard_page
from autograder.render.not_graded import not_graded_of, print_not_graded, to_look_at
from autograder.render.overview import Totals, totals_of
from autograder.render.terminal import print_class
from autograder.report import NotGraded, Report, Status, read_counted, read_marked

__all__ = ["INDEX", "TOTALS", "draw", "entries_of", "name_faults"]

INDEX = "index.html"
TOTALS = "totals"
"""Folder of each assignment's points, from which the index is drawn without reading all reports again."""
MOST_FAULTS = 10


def entries_of(out: Path) -> list[Entry]:
    """The entries that a finished run graded, from its reports.  UsageError if there are none."""
    paths = sorted((out / "reports").glob("*/*.json"))
    if not paths:
        message = f"There are no reports in {out}. Name the --out folder of autograder grade."
        raise UsageError(message)
    return [Entry(path.parent.name, path.stem, "") for path in paths]


@dataclass
class _Class:
    """One assignment of a class: its reports, condensed, as they are drawn, in the order of their stamps.

    sheets: students' pages that are missing or out of date; not_graded: what their reports say of other files.
    """

    name: str
    entries: list[Entry]
    reports: list[Report] = field(default_factory=list)
    stamps: list[str] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    not_graded: list[NotGraded] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The title of the class's page."""
        return f"{self.name}: {self.reports[0].title}"


def draw(
    console: Console,
    out: Path,
    entries: list[Entry],
    record: ClassRecord,
    *,
    jobs: int = 1,
    json: bool = False,
    stale: Sequence[Path] = (),
) -> int:
    """Write all pages that are out of date, and show the class; one assignment in memory at a time, condensed.

    jobs: processes that draw students' pages, if there are many; json: print one JSON object instead of the class;
    stale: reports that were set aside, for ``json``.  The exit status is 1 if something needs attention.
    """
    aside = list(record.not_graded)
    is_broken = False
    ordered = sorted(entries, key=lambda entry: entry.assignment)  # which keeps the order of students
    label = record.labels()
    for name, those in groupby(ordered, key=lambda entry: entry.assignment):
        group = _read(out, name, list(those), label)
        _draw_students(console, out, group, jobs)
        aside += group.not_graded
        is_broken = is_broken or any(report.status is Status.BROKEN for report in group.reports)
        page, board = _draw_class(out, group, record)
        if not json:
            print_class(console, group.reports)
            console.print(f"Page of the class: {page}", soft_wrap=True, markup=False)
            if board:
                console.print(f"Leaderboard, by pseudonym: {board}", soft_wrap=True, markup=False)
    if _draw_index(out, label) > 1 and not json:
        console.print(f"Index of all assignments: {out / INDEX}", soft_wrap=True, markup=False)
    name_faults(console, out, entries)
    if json:
        _print_json(out, ordered, aside, stale)
    else:
        console.print(f"A page for every student in {out / 'pages'}, reports in {out / 'reports'}.", soft_wrap=True)
        print_not_graded(console, record.labelled(aside))
    return 1 if is_broken or to_look_at(aside) else 0


def name_faults(console: Console, out: Path, entries: list[Entry]) -> None:
    """Report on which hand-ins the grader itself failed, and where the details are."""
    faults = faults_in(out, entries)
    if not faults:
        return
    what = "1 hand-in" if len(faults) == 1 else f"{len(faults)} hand-ins"
    console.print(f"The grader itself failed on {what}; the details are in {out / FOLDER}:", soft_wrap=True)
    for path in faults[:MOST_FAULTS]:
        console.print(f"  {path.relative_to(out / FOLDER)}", soft_wrap=True, markup=False, highlight=False)


def _read(out: Path, name: str, entries: list[Entry], label: Callable[[str], str]) -> _Class:
    """Read one assignment's reports, one after the other."""
    group = _Class(name, entries)
    condenser = Condenser()
    for entry in entries:
        report, content = read_counted(out, entry.student, entry.assignment)
        shown = label(report.student)
        stamp = stamp_of(content, shown)
        if not is_current(page_path(out, entry), stamp, within=out):
            group.sheets.append(Sheet(Entry(entry.student, name, ""), shown, stamp))
        group.not_graded += not_graded_of(report)
        group.reports.append(condenser.condense(msgspec.structs.replace(report, student=shown)))
        group.stamps.append(stamp)
    return group


def _draw_students(console: Console, out: Path, group: _Class, jobs: int) -> None:
    """Draw students' pages that are out of date; of reports that cannot be drawn, only the points are kept."""
    if not group.sheets:
        return
    with progress(console, "Drawing", len(group.sheets)) as advance:
        failed = draw_sheets(out, group.sheets, jobs, advance)
    for place, entry in enumerate(group.entries):
        if entry.student in failed:
            group.reports[place] = bare(group.reports[place])
            group.stamps[place] += " bare"


def _draw_class(out: Path, group: _Class, record: ClassRecord) -> tuple[Path, Path | None]:
    """Write the page of a class, its leaderboard and its totals; return the paths of the first two."""
    not_graded = record.labelled([*record.about(group.name), *group.not_graded])
    pages = [page_path(out, entry).relative_to(out).as_posix() for entry in group.entries]
    links = {
        report.student: quote(page, errors="surrogateescape") for report, page in zip(group.reports, pages, strict=True)
    }
    path = out / f"{group.name}.html"
    stamp = stamp_of(group.title, *group.stamps, *links.values(), msgspec.json.encode(not_graded))
    if not is_current(path, stamp, within=out):
        draw_page = partial(class_page, group.title, links=links, not_graded=not_graded, index=INDEX)
        html, shown = drawn_class(group.reports, draw_page)
        is_whole = shown is group.reports
        keep(path, stamped(html, stamp) if is_whole else html, within=out)
        group.reports = shown
    ids = (quote(entry.student, errors="surrogateescape") for entry in group.entries)
    totals = totals_of(group.name, dict(zip(ids, group.reports, strict=True)))
    keep(out / TOTALS / f"{group.name}.json", totals, within=out)
    return path, _keep_leaderboard(out, group)


def _keep_leaderboard(out: Path, group: _Class) -> Path | None:
    """Write the leaderboard, if anybody is on it; else remove that of an earlier run."""
    path = out / f"{group.name}-leaderboard.html"
    if html := leaderboard_page(group.title, group.reports):
        keep(path, html, within=out)
        return path
    path.unlink(missing_ok=True)
    return None


def _draw_index(out: Path, label: Callable[[str], str]) -> int:
    """Write the index of all assignments that have a page in this folder; return how many there are."""
    found = list(_totals(out))

    def name(student: str) -> str:
        return label(unquote(student, errors="surrogateescape").encode("utf-8", "replace").decode())

    keep(out / INDEX, index_page(found, name), within=out)
    return len(found)


def _totals(out: Path) -> Iterator[Totals]:
    for path in sorted((out / TOTALS).glob("*.json")):
        if (out / f"{path.stem}.html").is_file():  # else all of its reports were set aside
            try:
                yield msgspec.json.decode(path.read_bytes(), type=Totals)
            except (OSError, msgspec.DecodeError) as error:
                message = f"{path} cannot be read ({error}). Delete that file, then run autograder report {out}."
                raise UsageError(message) from error


def _print_json(out: Path, entries: Sequence[Entry], aside: Sequence[NotGraded], stale: Sequence[Path]) -> None:
    """Print one JSON object, of whose reports one at a time is in memory."""
    sys.stdout.write('{"reports":[')
    for place, entry in enumerate(entries):
        report = read_marked(out, entry.student, entry.assignment)
        sys.stdout.write(("," if place else "") + msgspec.json.encode(report).decode())
    rest = {"not_graded": aside, "set_aside": [str(path) for path in stale]}
    sys.stdout.write(f"],{msgspec.json.encode(rest).decode()[1:]}\n")
