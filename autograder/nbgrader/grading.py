"""Shared by one run of ``nbgrader autograde``: the answers, the seed, the warm process that forks workers."""

from __future__ import annotations

import atexit
import contextlib
import secrets
import traceback
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

from autograder.classroom.faults import broken, record_fault
from autograder.classroom.finding import Entry, report_path
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.grading.grader import Grader, unreadable
from autograder.grading.options import Options
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.isolation.levels import IsolationError
from autograder.report import Report
from autograder.submission import SubmissionError, own_earlier, read_submission
from autograder.writing import make_folder, write_atomically

__all__ = ["Grading"]


class Grading:
    """Grades the submissions of one run, of any assignment.

    root: the course kit with its references; folder: the nbgrader course, which student code must not see; reports: the
    folder in it for reports.  options: without a seed, the one is used that the first run stored with the reports, so
    that the whole class has the same.
    """

    def __init__(self, root: Path, folder: Path, options: Options, *, reports: str) -> None:
        catalogue.load.cache_clear()  # a server may run for long, and the course may have changed
        self.root, self.folder, self.out = root, folder, folder / reports
        self._options = options
        self._graders: dict[str, Grader] = {}

    @cached_property
    def seed(self) -> int:
        """The seed of every draw."""
        if self._options.seed is not None:
            return self._options.seed
        path = self.out / "seed.txt"
        make_folder(self.out, self._named)
        with contextlib.suppress(FileExistsError), path.open("x", encoding="ascii") as file:
            file.write(f"{secrets.randbits(32)}\n")
        return int(path.read_text(encoding="ascii"))

    @property
    def _named(self) -> Path:
        """The folder below which no link is followed for writing: the course, or another for reports."""
        return self.folder if self.out.is_relative_to(self.folder) else self.out

    def knows(self, assignment: str) -> bool:
        """Whether this is an assignment of the course kit."""
        return assignment in catalogue.names(self.root)

    def grade(self, path: Path, student: str, assignment: str) -> Report:
        """Grade one file that was handed in as ``STUDENT/ASSIGNMENT/FILE``, and store the report.

        Raises UsageError if the references are missing, IsolationError if student code would be isolated less than
        required.
        """
        loaded = catalogue.load(assignment, self.root)
        if not loaded.official:
            message = f"{self.root} has no solutions/{assignment}. Name the course kit: c.GradeOutside.course = …"
            raise UsageError(message)
        folder = path.parent.parent
        home = folder.parent.resolve() / folder.name
        entry = Entry(student, assignment, str(path))
        try:
            report, fault = self._graded(entry, loaded, home)
        except (IsolationError, UsageError):
            raise
        except Exception as error:  # noqa: BLE001 - a problem of this hand-in, and of no other
            report = broken(loaded, entry, type(error).__name__, seed=self.seed, scope=self._options.scope)
            fault = traceback.format_exc()
        record_fault(self.out, entry, fault, within=self._named)
        write_atomically(report_path(self.out, entry), report, within=self._named)
        return report

    def _graded(self, entry: Entry, loaded: catalogue.Loaded, home: Path) -> tuple[Report, str]:
        """One file's report, and the traceback of the grader's own failure."""
        path = Path(entry.path)
        try:
            submission = read_submission(path, loaded, home)
        except SubmissionError as error:
            report = unreadable(loaded, entry.student, path.name, str(error), seed=self.seed, scope=self._options.scope)
            return report, ""
        earlier = own_earlier(path.parent.parent, loaded, home) if self._options.earlier == "own" else None
        grader = self._grader(loaded)
        report = grader.grade(submission, entry.student, earlier)
        return report, "\n".join(grader.faults)

    def _grader(self, loaded: catalogue.Loaded) -> Grader:
        name = loaded.assignment.name
        if name not in self._graders:
            launcher = _warm_launcher()
            launcher.secrets = tuple(dict.fromkeys((*launcher.secrets, str(self.folder))))
            self._graders[name] = Grader(loaded, launcher, replace(self._options, seed=self.seed))
        return self._graders[name]


@cache
def _warm_launcher() -> Launcher:
    """Start the process that forks workers, once per process: a formgrader grades at every click."""
    launcher = open_launcher()
    atexit.register(launcher.close)
    return launcher
