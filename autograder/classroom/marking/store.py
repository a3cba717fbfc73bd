"""Writes marks given by hand; ``autograder.report.marks`` describes the files and reads them.

Writers take turns by a lock on a file in the run's folder, which ends with the process that holds it, and each mark has
a revision: who writes names the revision that was shown, so that nobody overwrites what another grader saved meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from autograder.classroom.runs import keep
from autograder.report import ReportError
from autograder.report.marks import (
    MARKING,
    AssignmentMarks,
    Begun,
    Mark,
    Marking,
    marks_path,
    read_marking,
    read_marks,
)
from autograder.writing import refuse_links

__all__ = ["EXERCISE", "LONGEST_COMMENT", "MOST_COMMENTS", "QUESTION", "ChangedError", "Store", "now"]

QUESTION, EXERCISE = "question", "exercise"
"""What a mark is for."""
LOCK = ".marking.lock"
LONGEST_COMMENT = 1000
"""Characters of a comment."""
MOST_COMMENTS = 60
"""Comments that the bank keeps for one question."""
WAIT_S, ASK_S = 20.0, 0.02


class ChangedError(Exception):
    """A mark is no longer the one that was shown: one sentence; mark: as it is now."""

    def __init__(self, mark: Mark) -> None:
        who = mark.by or "Somebody"
        message = (
            f"{who} changed this mark meanwhile, so yours was not saved. It is shown now: save again to replace it."
        )
        super().__init__(message)
        self.mark = mark


def now() -> str:
    """The time in UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Store:
    """The marks of one run's folder, for writing."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def save(self, student: str, assignment: str, kind: str, name: str, mark: Mark) -> Mark:
        """Save one mark; return it with its new revision.

        student: the name of the folder in ``reports/``; kind: QUESTION or EXERCISE; mark: with the revision that was
        shown.  Raises ChangedError if there is another one now, ReportError if the file cannot be read, UsageError
        if it cannot be written.
        """
        with self._locked():
            marks = read_marks(self._out, student)
            own = marks.assignments.get(assignment, AssignmentMarks())
            those = own.questions if kind == QUESTION else own.exercises
            there = those.get(name, Mark())
            if there.revision != mark.revision:
                raise ChangedError(there)
            saved = replace(mark, revision=mark.revision + 1)
            changed = {**those, name: saved}
            own = replace(own, questions=changed) if kind == QUESTION else replace(own, exercises=changed)
            whole = replace(marks, assignments={**marks.assignments, assignment: own})
            keep(marks_path(self._out, student), whole, within=self._out)
        return saved

    def begin(self, assignment: str, questions: Mapping[str, float]) -> None:
        """Count the written questions of an assignment from now on; questions: their points by name."""
        if assignment in read_marking(self._out).begun:
            return
        with self._locked():
            marking = read_marking(self._out)
            begun = {**marking.begun, assignment: Begun(now(), dict(questions))}
            self._keep(replace(marking, begun=begun))

    def keep_comment(self, assignment: str, name: str, comment: str, *, drop: bool = False) -> list[str]:
        """Add a comment to the bank of a question, or drop it; return the bank."""
        with self._locked():
            marking = read_marking(self._out)
            bank = marking.comments.get(assignment, {})
            others = [one for one in bank.get(name, []) if one != comment]
            found = others if drop else [*others, comment][-MOST_COMMENTS:]
            comments = {**marking.comments, assignment: {**bank, name: found}}
            self._keep(replace(marking, comments=comments))
        return found

    def _keep(self, marking: Marking) -> None:
        keep(self._out / MARKING, marking, within=self._out)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait for other writers.  ReportError if one of them does not end."""
        path = self._out / LOCK
        refuse_links(path, self._out)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            deadline = time.monotonic() + WAIT_S
            while not _try_to_lock(descriptor):
                if time.monotonic() > deadline:
                    message = f"Another program has been writing marks in {self._out} for {WAIT_S:g} s. Save again."
                    raise ReportError(message)
                time.sleep(ASK_S)
            yield
        finally:
            os.close(descriptor)  # which releases the lock


def _try_to_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
