"""A class's record, stored with its reports: names and what was not graded; and reports that were set aside.

A report is stale if its student's hand-in is gone: renamed or withdrawn.  It is moved to ``set-aside/``, which pages
and exports ignore.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import msgspec

from autograder.classroom.finding import Entry
from autograder.classroom.runs import keep
from autograder.course.catalogue import UsageError
from autograder.report import NotGraded

__all__ = ["SET_ASIDE", "ClassRecord", "read_record", "set_stale_aside", "update_record"]

SET_ASIDE = "set-aside"


class ClassRecord(msgspec.Struct, frozen=True):
    """names: of students whose id is different; not_graded: what was seen and not graded.

    hand_ins: of a part of a class, ``STUDENT/ASSIGNMENT`` of each hand-in, percent-encoded, for the merge.
    """

    names: dict[str, str] = {}
    not_graded: list[NotGraded] = []
    hand_ins: list[str] = []

    def labels(self) -> Callable[[str], str]:
        """What gives each student's name on pages, with the id if two have the same name."""
        counts = Counter(self.names.values())

        def label(student: str) -> str:
            name = self.names.get(student, "")
            if not name:
                return student
            return name if counts[name] == 1 else f"{name} ({student})"

        return label

    def label(self, student: str) -> str:
        """One student's name on pages."""
        return self.labels()(student)

    def labelled(self, rows: Iterable[NotGraded]) -> list[NotGraded]:
        """The same rows with the students' names on pages."""
        label = self.labels()
        return [msgspec.structs.replace(row, student=label(row.student)) for row in rows]

    def about(self, assignment: str) -> list[NotGraded]:
        """What was not graded of one assignment, or may belong to it."""
        return [one for one in self.not_graded if one.assignment in ("", assignment)]


def read_record(out: Path) -> ClassRecord:
    """Read the record of a run's class; empty if the run is older than such records.

    Raises UsageError if the file holds something else.
    """
    path = out / "class.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=ClassRecord)
    except FileNotFoundError:
        return ClassRecord()
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read ({error}). Delete that file and grade again."
        raise UsageError(message) from error


def update_record(out: Path, record: ClassRecord, scope: Collection[str]) -> ClassRecord:
    """Write what this run found; keep what an earlier one found about assignments outside ``scope``."""
    before = read_record(out)
    kept = [one for one in before.not_graded if one.assignment and one.assignment not in scope]
    names = {student.encode("utf-8", "replace").decode(): name for student, name in record.names.items()}
    others = [one for one in before.hand_ins if one.rpartition("/")[2] not in scope]
    whole = ClassRecord({**before.names, **names}, [*record.not_graded, *kept], others + record.hand_ins)
    keep(out / "class.json", whole, within=out)
    return whole


def set_stale_aside(out: Path, entries: Iterable[Entry], scope: Collection[str]) -> list[Path]:
    """Move reports of ``scope`` that have no hand-in any more, with their pages; return their new paths."""
    current = {(entry.student, entry.assignment) for entry in entries}
    stale = [
        path
        for path in sorted((out / "reports").glob("*/*.json"))
        if path.stem in scope and (path.parent.name, path.stem) not in current
    ]
    left = {assignment for _, assignment in current}
    if not stale:
        return []
    pages = [out / "pages" / path.parent.name / f"{path.stem}.html" for path in stale]
    pages += [out / f"{name}.html" for name in sorted({path.stem for path in stale} - left)]
    try:
        aside = _new_folder(out / SET_ASIDE)
        moved = [_move(path, out, aside) for path in stale]
        for page in pages:
            if page.is_file():
                _move(page, out, aside)
    except OSError as error:
        message = f"{out / SET_ASIDE} cannot be written ({error.strerror}). Name another --out."
        raise UsageError(message) from error
    return moved


def _new_folder(parent: Path) -> Path:
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime())
    for number in range(1000):
        folder = parent / (f"{stamp}-{number}" if number else stamp)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    message = f"{parent} already has too many folders for this second. Try again."
    raise UsageError(message)


def _move(path: Path, out: Path, aside: Path) -> Path:
    target = aside / path.relative_to(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    with contextlib.suppress(OSError):  # the folder may hold another report
        path.parent.rmdir()
    return target
