"""Draws a graded class: every student's pages, only where a report has changed, and the page of each assignment.

A page begins with a hash of all that it was drawn from.  Reports are read one after the other; what is kept of each is
what the page of the class shows.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote

import msgspec
from rich.console import Console

from autograder.classroom.class_record import ClassRecord
from autograder.classroom.faults import FOLDER, drawn, drawn_class, faults_in
from autograder.classroom.finding import Entry, report_path
from autograder.classroom.runs import keep
from autograder.course.catalogue import UsageError
from autograder.isolation.interpreter import enter_neutral_folder, isolated_processes
from autograder.render import html
from autograder.render.excerpt import Excerpts
from autograder.render.html import class_page, leaderboard_page, student_page
from autograder.render.not_graded import not_graded_of, print_not_graded, to_look_at
from autograder.render.terminal import print_class
from autograder.report import NotGraded, Report, Status, read_report

__all__ = ["draw", "entries_of", "name_faults"]

MOST_FAULTS = 10
WORTH_PROCESSES = 60
"""So many pages are drawn faster by several processes than by this one: each takes half a second to start."""
AT_ONCE = 20
HEAD = 400
"""Bytes in which the stamp of a page is found."""
STAMP = re.compile(rb'<meta name="drawn-from" content="([0-9a-f]{64})">')


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
    jobs: int = 1,
) -> int:
    """Write all pages of students and of the class, and show the class.

    stale: reports that were set aside, for ``json``; jobs: processes that draw.
    The exit status is 1 if something needs attention.
    """
    aside = list(record.not_graded)
    is_broken = False
    for name in sorted({entry.assignment for entry in entries}):
        own = [entry for entry in entries if entry.assignment == name]
        reports, links, rows = _read(out, own, record, jobs)
        aside += rows
        is_broken = is_broken or any(report.status is Status.BROKEN for report in reports)
        not_graded = record.labelled([*record.about(name), *rows])
        title = f"{name}: {reports[0].title}"
        page, reports = drawn_class(reports, partial(class_page, title, links=links, not_graded=not_graded))
        keep(out / f"{name}.html", page, within=out)
        board = _keep_leaderboard(out, name, title, reports)
        if not json:
            print_class(console, reports)
            console.print(f"Page of the class: {out / f'{name}.html'}", soft_wrap=True, markup=False)
            if board:
                console.print(f"Leaderboard, by pseudonym: {board}", soft_wrap=True, markup=False)
    name_faults(console, out, entries)
    if json:
        _print_json(out, entries, aside, stale)
    else:
        console.print(f"A page for every student in {out / 'pages'}, reports in {out / 'reports'}.", soft_wrap=True)
        print_not_graded(console, record.labelled(aside))
    return 1 if is_broken or to_look_at(aside) else 0


def _read(
    out: Path, entries: Iterable[Entry], record: ClassRecord, jobs: int
) -> tuple[list[Report], dict[str, str], list[NotGraded]]:
    """Read the reports of one assignment, and draw those that have changed.

    Returns excerpts, the addresses of the students' pages by shown name, and what was not graded of their hand-ins.
    """
    excerpts = Excerpts()
    reports, links, rows, changed = [], {}, [], []
    for entry in entries:
        report = read_report(report_path(out, entry))
        rows += not_graded_of(report)
        label = record.label(report.student)
        page = _page(out, entry)
        links[label] = quote(page.relative_to(out).as_posix(), errors="surrogateescape")
        if _stamp_of(page) != _stamp(out, entry, label):
            changed.append((entry, label))
        reports.append(excerpts.of(msgspec.structs.replace(report, student=label)))
    _draw_pages(out, changed, jobs)
    return reports, links, rows


def _print_json(out: Path, entries: Sequence[Entry], aside: Sequence[NotGraded], stale: Sequence[Path]) -> None:
    """Print one object, with one report in memory at a time."""
    ordered = sorted(entries, key=lambda entry: entry.assignment)
    sys.stdout.write('{"reports":[')
    for number, entry in enumerate(ordered):
        sys.stdout.write("," if number else "")
        sys.stdout.write(msgspec.json.encode(read_report(report_path(out, entry))).decode())
    rest = {"not_graded": aside, "set_aside": [str(path) for path in stale]}
    sys.stdout.write("]," + msgspec.json.encode(rest).decode()[1:] + "\n")


def _keep_leaderboard(out: Path, name: str, title: str, reports: list[Report]) -> Path | None:
    """Write the leaderboard, if anybody is on it; else remove that of an earlier run."""
    path = out / f"{name}-leaderboard.html"
    if page := leaderboard_page(title, reports):
        keep(path, page, within=out)
        return path
    path.unlink(missing_ok=True)
    return None


def name_faults(console: Console, out: Path, entries: list[Entry]) -> None:
    """Report on which hand-ins the grader itself failed, and where the details are."""
    faults = faults_in(out, entries)
    if not faults:
        return
    what = "1 hand-in" if len(faults) == 1 else f"{len(faults)} hand-ins"
    console.print(f"The grader itself failed on {what}; the details are in {out / FOLDER}:", soft_wrap=True)
    for path in faults[:MOST_FAULTS]:
        console.print(f"  {path.relative_to(out / FOLDER)}", soft_wrap=True, markup=False, highlight=False)


# --- the pages of students -------------------------------------------------------------------


def _page(out: Path, entry: Entry) -> Path:
    return out / "pages" / entry.student / f"{entry.assignment}.html"


def _draw_pages(out: Path, changed: Sequence[tuple[Entry, str]], jobs: int) -> None:
    """Draw the pages of these hand-ins, under these names of students."""
    if jobs == 1 or len(changed) < WORTH_PROCESSES:
        _draw_some(out, changed)
        return
    out = out.resolve()
    with isolated_processes() as context, ProcessPoolExecutor(jobs, context, enter_neutral_folder) as pool:
        for future in [pool.submit(_draw_some, out, some) for some in _some(changed)]:
            future.result()


def _some(changed: Sequence[tuple[Entry, str]]) -> Iterator[Sequence[tuple[Entry, str]]]:
    for first in range(0, len(changed), AT_ONCE):
        yield changed[first : first + AT_ONCE]


def _draw_some(out: Path, changed: Sequence[tuple[Entry, str]]) -> None:
    for entry, label in changed:
        report = msgspec.structs.replace(read_report(report_path(out, entry)), student=label)
        text, shown = drawn(out, entry, report, student_page)
        stamp = _stamp(out, entry, label) if shown is report else ""  # else it is drawn again next time
        keep(_page(out, entry), _stamped(text, stamp), within=out)


def _stamped(page: str, stamp: str) -> str:
    return page.replace("<head>", f'<head>\n<meta name="drawn-from" content="{stamp}">', 1) if stamp else page


def _stamp(out: Path, entry: Entry, label: str) -> str:
    """A hash of all that a student's page is drawn from."""
    digest = hashlib.sha256(_drawing())
    digest.update(label.encode("utf-8", "surrogatepass") + b"\0")
    digest.update(report_path(out, entry).read_bytes())
    return digest.hexdigest()


def _stamp_of(page: Path) -> str:
    """The stamp of a page; empty if it has none, or there is no page."""
    try:
        with page.open("rb") as file:
            found = STAMP.search(file.read(HEAD))
    except OSError:
        return ""
    return found.group(1).decode() if found else ""


@cache
def _drawing() -> bytes:
    """A hash of the code and the templates that draw."""
    digest = hashlib.sha256()
    for path in sorted(Path(html.__file__).parent.rglob("*")):
        if path.suffix in (".py", ".html", ".css"):
            digest.update(path.read_bytes())
    return digest.digest()
