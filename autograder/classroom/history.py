"""What a report replaced: points before and after, of each student, where checks, points or hand-ins have changed.

``OUT/history/STUDENT/ASSIGNMENT.json`` has the former results, the oldest first; the latest is the report itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import msgspec

from autograder.classroom.finding import Entry, report_path
from autograder.classroom.runs import keep
from autograder.course.catalogue import UsageError
from autograder.render.reading import NAME, clean, number
from autograder.report import Report, ReportError, read_report

__all__ = ["HISTORY", "Change", "Outcome", "changes_in", "in_words", "note_replaced", "outcome_of"]

HISTORY = "history"


class Outcome(msgspec.Struct, frozen=True):
    """The result of one grading.  exercises: points and maximum of each; the rest as in ``Report``."""

    graded_at: str
    points: float
    max_points: float
    submission_sha256: str
    checks_sha256: str
    seed: int
    exercises: dict[str, tuple[float, float]]


class _History(msgspec.Struct, frozen=True):
    former: list[Outcome] = []


class Change(msgspec.Struct, frozen=True):
    """One result and the one that replaced it.

    exercises: names with the points before and after, of those that differ (None where there is none); why: what else
    differs: "checks", "hand-in", "seed"; nothing where the same was graded again.
    """

    student: str
    assignment: str
    before: Outcome
    after: Outcome
    exercises: dict[str, tuple[float | None, float | None]]
    why: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether points or maximum differ, in all or of an exercise."""
        return bool(self.exercises) or self.before.max_points != self.after.max_points


def outcome_of(report: Report) -> Outcome:
    """What the history keeps of a report."""
    return Outcome(
        report.graded_at,
        report.points,
        report.max_points,
        report.submission_sha256,
        report.checks_sha256,
        report.seed,
        {one.name: (one.points, one.max_points) for one in report.exercises},
    )


def note_replaced(out: Path, entry: Entry, report: Report) -> None:
    """Before a report is written: add the one that it replaces to the history, unless nothing in it differs.

    Raises UsageError if the history cannot be read or written, LinkedPathError if a link is in the way.
    """
    try:
        former = outcome_of(read_report(report_path(out, entry)))
    except ReportError:  # there is none, or none that could be read
        return
    if _result(former) != _result(outcome_of(report)):
        path = _path(out, entry)
        keep(path, _History([*_former(path), former]), within=out)


def changes_in(out: Path, entries: Iterable[Entry], *, every: bool = False) -> list[Change]:
    """The last change of each of these hand-ins, or with ``every`` all of them, the oldest first.

    Raises UsageError if a history cannot be read, ReportError if a report cannot.
    """
    found = []
    for entry in entries:
        former = _former(_path(out, entry))
        if not former:
            continue
        outcomes = [*former, outcome_of(read_report(report_path(out, entry)))]
        steps = list(pairwise(outcomes))
        found += [_change(entry, before, after) for before, after in (steps if every else steps[-1:])]
    return found


def in_words(change: Change, name: str) -> str:
    """Tell one change in a line, as ``Amara Diop, 02_layers: 7.5 → 9 of 10 points (other checks). Linear 2.5 → 4``."""
    before, after = change.before, change.after
    most = number(after.max_points)
    if before.max_points != after.max_points:
        most = f"{most} (before: of {number(before.max_points)})"
    why = ", ".join(f"other {reason}" for reason in change.why) or "the same graded again"
    parts = [f"{one} {_told(old)} → {_told(new)}" for one, (old, new) in change.exercises.items()]
    told = (
        f"{clean(name, NAME)}, {change.assignment}: {number(before.points)} → {number(after.points)} of {most} points"
    )
    return f"{told} ({why}). {', '.join(parts)}".rstrip(" ")


def _told(points: float | None) -> str:
    return "–" if points is None else number(points)


def _change(entry: Entry, before: Outcome, after: Outcome) -> Change:
    names = dict.fromkeys([*before.exercises, *after.exercises])
    both = {name: (before.exercises.get(name), after.exercises.get(name)) for name in names}
    points = {
        name: (old[0] if old else None, new[0] if new else None) for name, (old, new) in both.items() if old != new
    }
    reasons = {
        "checks": before.checks_sha256 != after.checks_sha256,
        "hand-in": before.submission_sha256 != after.submission_sha256,
        "seed": before.seed != after.seed,
    }
    why = tuple(reason for reason, holds in reasons.items() if holds)
    return Change(entry.student, entry.assignment, before, after, points, why)


def _result(outcome: Outcome) -> Outcome:
    """The same without the time of grading."""
    return msgspec.structs.replace(outcome, graded_at="")


def _path(out: Path, entry: Entry) -> Path:
    return out / HISTORY / entry.student / f"{entry.assignment}.json"


def _former(path: Path) -> list[Outcome]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_History).former
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read ({error}). Delete that file: only earlier points are lost."
        raise UsageError(message) from error
