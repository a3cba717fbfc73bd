"""Finds hand-ins: from a folder of any layout to one entry per student and assignment, and everything else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from autograder.classroom.layouts import Layout
from autograder.classroom.student_files import REASONS, StudentFiles
from autograder.course import catalogue
from autograder.course.catalogue import Loaded, UsageError
from autograder.report import NotGraded
from autograder.submission import File, Submission, SubmissionError, own_earlier, read_files, read_submission
from autograder.submission.filenames import kind_of
from autograder.submission.files import shown

__all__ = ["Entry", "Found", "discover", "earlier_of", "find_hand_ins", "report_path", "submission_of"]


class Entry(msgspec.Struct, frozen=True):
    """One student's hand-in of one assignment.

    path: its folder or file; files: the files that could be the hand-in, None to search ``path``;
    earlier: the same for the student's other assignments; again: grade it even if its report is up to date.
    """

    student: str
    assignment: str
    path: str
    files: list[File] | None = None
    earlier: dict[str, list[File]] = {}
    again: bool = False


@dataclass
class Found:
    """The content of a folder of hand-ins: entries to grade, what else was seen, and students' names."""

    entries: list[Entry] = field(default_factory=list)
    not_graded: list[NotGraded] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)


def discover(folder: Path, root: Path, assignment: str | None = None) -> list[Entry]:
    """Return only the entries of ``find_hand_ins``."""
    return find_hand_ins(folder, root, assignment).entries


def find_hand_ins(
    folder: Path,
    root: Path,
    assignment: str | None = None,
    *,
    packed: bool = False,
    without: Collection[Path] = (),
) -> Found:
    """Find hand-ins in any layout: see ``layouts``.

    With ``assignment``, files that do not show their assignment are taken for it, every student is listed, even one
    who handed in nothing, and hand-ins of other assignments are counted.
    packed: whether the folder came from a zip; without: paths in it that do not belong to the class.
    Raises UsageError if there is nothing to grade.
    """
    if not folder.is_dir():
        message = f"{folder} is not a folder. Name the one that holds a folder for every student."
        raise UsageError(message)
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay; grading processes live in another folder
    known = catalogue.names(root)
    skipped = {folder / path.name: "" for path in without if path.resolve().parent == folder.resolve()}
    layout = Layout(folder, known, skipped)
    found = Found()
    students: dict[str, StudentFiles] = {}
    homes: dict[Path, Path] = {}
    for place in layout.places(packed=packed):
        if not place.student:
            found.not_graded += [_nobodys(file) for file in place.files]
            continue
        one = students.setdefault(place.student, StudentFiles(place.student, folder, root, known, homes=homes))
        one.add(place.folders, place.files, place.assignment or assignment)
        if place.name and place.name != place.student:
            found.names[place.student] = place.name
    for path, reason in layout.skipped.items():
        if reason:
            found.not_graded.append(NotGraded(shown(path.relative_to(folder).as_posix()), reason, "system"))
    for one in students.values():
        one.settle()
        found.not_graded += one.rest
        chosen = one.files if assignment is None else [assignment]
        found.entries += [_entry(one, name, folder) for name in chosen]
    if assignment:
        found.not_graded = [one for one in found.not_graded if one.assignment in ("", assignment)]
        found.not_graded += _others(students.values(), assignment)
    found.entries.sort(key=lambda entry: (entry.student, entry.assignment))
    if not found.entries:
        raise UsageError(_nothing(folder, found, [assignment] if assignment else known))
    return found


def _entry(one: StudentFiles, assignment: str, folder: Path) -> Entry:
    files = one.files.get(assignment, [])
    path = files[0].path if len(files) == 1 else folder / one.student
    earlier = {name: those for name, those in one.files.items() if name != assignment}
    return Entry(one.student, assignment, str(path), files, earlier)


def _nobodys(file: File) -> NotGraded:
    """A file, or a folder named after an assignment, outside every student's folder."""
    kind = "folder" if file.path.is_dir() else kind_of(file.path.name)
    if kind in ("code", "zip", "archive", "folder"):
        reason = "lies in no student's folder, so its author is unknown. Move it into one."
        return NotGraded(shown(file.shown), reason)
    kind = "other" if kind in ("perhaps", "document") else kind
    return NotGraded(shown(file.shown), REASONS[kind], kind)


def _others(students: Iterable[StudentFiles], assignment: str) -> list[NotGraded]:
    """Count the hand-ins of other assignments, which this run does not grade."""
    counts = Counter(name for one in students for name, files in one.files.items() if files and name != assignment)
    found = []
    for name, count in sorted(counts.items()):
        what = "1 hand-in is" if count == 1 else f"{count} hand-ins are"
        reason = f"{what} of {name}, and this run grades only {assignment}."
        found.append(NotGraded(name, reason, "other", assignment))
    return found


def _nothing(folder: Path, found: Found, known: list[str]) -> str:
    message = (
        f"There is nothing to grade in {folder}: expected STUDENT/ASSIGNMENT/FILE, with an assignment among "
        f"{', '.join(known)}."
    )
    seen = [one for one in found.not_graded if one.kind == "hand-in"]
    if seen:
        more = f", and {len(seen) - 1} more like it" if len(seen) > 1 else ""
        message += f" Seen and not recognised: {seen[0].path} ({seen[0].reason.rstrip('.')}){more}."
    return message


def submission_of(entry: Entry, loaded: Loaded) -> Submission:
    """Read an entry's hand-in.  SubmissionError with one sentence if there is nothing to grade."""
    if entry.files is None and _is_there(Path(entry.path)):
        return read_submission(Path(entry.path), loaded)
    if not entry.files:
        message = f"nothing was handed in for {entry.assignment}"
        raise SubmissionError(message)
    return read_files(entry.files, loaded)


def earlier_of(entry: Entry, loaded: Loaded) -> dict[str, list[Any]]:
    """Source of the student's own earlier assignments, as in ``own_earlier``."""
    found: Mapping[str, list[File]] | None = None if entry.files is None else entry.earlier
    return own_earlier(Path(entry.path).parent, loaded, found=found)


def _is_there(path: Path) -> bool:
    """Whether something was handed in; if it cannot be read, its report will say so."""
    try:
        return path.exists()
    except OSError:
        return True


def report_path(out: Path, entry: Entry) -> Path:
    """The path of a report."""
    return out / "reports" / entry.student / f"{entry.assignment}.json"
