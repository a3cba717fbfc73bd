"""What was seen and not graded, for pages and terminals: what needs attention, and the rest by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console

from autograder.render.page import Page
from autograder.render.reading import clean, unread
from autograder.report import NotGraded, Report, Status

__all__ = ["MOST_SHOWN", "counted", "not_graded_of", "print_not_graded", "to_look_at", "told"]

MOST_SHOWN = 40
"""Rows at the terminal; the page of the class and ``--json`` have all of them."""
KINDS = {
    "handed out": "unchanged from the course",
    "system": "kept by programs and operating systems",
    "other": "unrelated to the hand-ins",
}


def not_graded_of(report: Report) -> list[NotGraded]:
    """What was not graded of one student's hand-in: other files, or all of it if no file could be read."""
    rows = list(report.set_aside)
    if unread(report):
        reason = report.problems[0].sentence.removeprefix(f"{report.file} ")
        rows.append(NotGraded(report.file, reason, assignment=report.assignment))
    return [NotGraded(row.path, row.reason, row.kind, row.assignment, report.student) for row in rows]


def to_look_at(rows: Iterable[NotGraded]) -> list[NotGraded]:
    """What may be somebody's work, by place, each once."""
    return sorted({row for row in rows if row.kind == "hand-in"}, key=lambda row: (row.path.casefold(), row.path))


def told(row: NotGraded) -> str:
    """Name a file, and its student if the path does not."""
    path = clean(row.path, 120)
    return path if not row.student or row.student in row.path else f"{clean(row.student, 60)}, {path}"


def counted(rows: Iterable[NotGraded]) -> str:
    """Count files of every other kind; empty if there are none."""
    counts = Counter(row.kind for row in set(rows) if row.kind != "hand-in")
    return ", ".join(f"{count} {KINDS.get(kind, kind)}" for kind, count in sorted(counts.items()))


def print_not_graded(console: Console, rows: Sequence[NotGraded]) -> None:
    """Print a table of what was seen and not graded, with reasons; nothing if all was graded."""
    page = Page(console)
    those, rest = to_look_at(rows), counted(rows)
    if those:
        page.line(page.text(f"Seen and not graded ({len(those)})", "bold"))
    for row in those[:MOST_SHOWN]:
        page.line(page.mark(Status.BROKEN), " ", page.text(f"{told(row)}: {row.reason}"), hang=2)
    if len(those) > MOST_SHOWN:
        page.line(page.text(f"and {len(those) - MOST_SHOWN} more, on the page of the class", "dim"))
    if rest:
        page.line(page.text(f"Other files, which need no attention: {rest}.", "dim"))
    if those or rest:
        page.gap()
