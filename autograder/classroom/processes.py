"""Grades many submissions in local processes; each report is written when it is known, memory stays constant."""

from __future__ import annotations

import contextlib
import os
import socket
import traceback
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from autograder.classroom.faults import broken, record_fault
from autograder.classroom.finding import Entry, earlier_of, report_path, submission_of
from autograder.classroom.history import note_replaced
from autograder.classroom.runs import Run, is_done, keep
from autograder.course import catalogue
from autograder.course.catalogue import Loaded, UsageError
from autograder.grading.grader import Grader, hash_of_earlier, unreadable
from autograder.grading.options import Options
from autograder.grading.workplace import start_worker
from autograder.isolation.interpreter import end_with_parent, enter_neutral_folder, isolated_processes
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.isolation.levels import IsolationError
from autograder.report import Report
from autograder.submission import Submission, SubmissionError

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

__all__ = [
    "Grading",
    "Pool",
    "earlier_in",
    "is_up_to_date",
    "keep_report",
    "open_pool",
    "report_broken",
    "unread",
]


AHEAD = 4
"""Hand-ins that the pool holds for each process: the one that it grades, and the next ones."""
KILLED = "The process that graded this hand-in was killed, and again when it graded nothing else.\n"
GROWTH = 4 << 30
"""Bytes by which a grading process may grow; a whole class of honest hand-ins needs a few hundred megabytes."""


class Pool:
    """Grading processes, which can be restarted if one of them was killed.

    Each notes its current hand-in, so that the one that killed its process can be named.
    refused, machines: as of a cluster's; it is this machine alone.  ahead: how many hand-ins it holds at most.
    """

    def __init__(self, jobs: int, context: BaseContext, launcher: Launcher, options: Options) -> None:
        self._jobs, self._context, self._launcher, self._options = jobs, context, launcher, options
        self.refused: dict[str, str] = {}
        self.machines = 1
        self.ahead = AHEAD * jobs
        self._notes = TemporaryDirectory()
        self._door: socket.socket | None = None
        self._executor = self._started(jobs)

    def _started(self, jobs: int) -> ProcessPoolExecutor:
        self._door = self._launcher.door()
        given = (self._options.backend, self._door, self._notes.name)
        executor = ProcessPoolExecutor(jobs, self._context, _begin, given)
        executor.submit(os.getpid)  # a process starts with its first task
        return executor

    def prove(self, root: Path, assignments: Sequence[str]) -> None:
        """Start a worker; IsolationError if it is less isolated than the options demand."""
        del root, assignments  # they are here
        start_worker(self._launcher, None, self._options.isolation).close()

    def grade_all(self, entries: Sequence[Entry], run: Run) -> Iterator[tuple[Entry, bool]]:
        """Grade every entry; yield each when its report is written, with whether it was graded now or before.

        A hand-in whose grading process was killed (out of memory, say) is graded again, alone, and reported as broken
        if that process is killed as well.
        Raises RuntimeError if grading processes cannot even start; reports already written stay.
        """
        return _grade_all(entries, run, self)

    def submit(self, run: Run, entry: Entry, number: int) -> Future[bool]:
        """Have one hand-in graded; number: its key in the notes."""
        return self._executor.submit(_grade_one, run, entry, number)

    def restart(self, jobs: int | None = None) -> None:
        """Start new processes: as many as before, or ``jobs``."""
        self.close()
        self._executor = self._started(jobs or self._jobs)

    def take_notes(self) -> set[int]:
        """Numbers of the hand-ins of processes that are gone; they are then forgotten."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        notes = list(Path(self._notes.name).iterdir())
        found = {int(text) for note in notes if (text := note.read_text(encoding="ascii"))}
        for note in notes:
            note.unlink()
        return found

    def close(self, *, wait: bool = True) -> None:
        """End the processes after their current tasks; the pool may be started again."""
        self._executor.shutdown(wait=wait, cancel_futures=True)
        if self._door:
            self._door.close()

    def end(self) -> None:
        """End the pool for good."""
        self.close()
        self._notes.cleanup()


@contextmanager
def open_pool(jobs: int, launcher: Launcher, options: Options | None = None) -> Iterator[Pool]:
    """Start grading processes.

    launcher: its zygote, if it has one, starts the workers of all of them.
    If the system supports it, one process imports everything, and the others are forked from it.
    """
    with isolated_processes("autograder.cli", __name__) as context:
        pool = Pool(jobs, context, launcher, options or Options())
        try:
            yield pool
        finally:
            pool.end()


def _grade_all(entries: Sequence[Entry], run: Run, pool: Pool) -> Iterator[tuple[Entry, bool]]:
    run = replace(run, root=os.path.abspath(run.root), out=os.path.abspath(run.out))  # noqa: PTH100 - links stay
    waiting = dict(enumerate(entries))
    try:
        while waiting:
            killed = yield from _grade_in_turn(waiting, run, pool)
            if killed:
                suspects = sorted(pool.take_notes() & set(waiting))
                if not suspects:
                    message = "The grading processes cannot start, or are killed from outside. Run autograder doctor."
                    raise RuntimeError(message)
                for number in suspects:
                    entry = waiting.pop(number)
                    yield entry, _grade_alone(pool, run, entry, number)
                pool.restart()
    finally:
        pool.close(wait=False)


def _grade_in_turn(waiting: dict[int, Entry], run: Run, pool: Pool) -> Generator[tuple[Entry, bool], None, bool]:
    """Grade what waits, a few for each process at a time, until all is done or a process was killed; whether it was.

    However large the class, the pool holds as much.
    """
    coming, futures, killed = deque(waiting), dict[Future[bool], int](), False
    while futures or (coming and not killed):
        try:
            while coming and not killed and len(futures) < pool.ahead:
                number = coming.popleft()
                futures[pool.submit(run, waiting[number], number)] = number
        except BrokenProcessPool:
            killed = True
        for future in wait(futures, return_when=FIRST_COMPLETED).done:
            number = futures.pop(future)
            try:
                graded = future.result()
            except BrokenProcessPool:
                killed = True
                continue
            yield waiting.pop(number), graded
    return killed


def _grade_alone(pool: Pool, run: Run, entry: Entry, number: int) -> bool:
    """Grade a hand-in alone in one new process; report it as broken if that one is killed as well."""
    pool.restart(1)
    try:
        return pool.submit(run, entry, number).result()
    except BrokenProcessPool:
        pool.take_notes()
        report_broken(run, entry, "the process that graded it was killed, twice", KILLED)
        return True


def report_broken(run: Run, entry: Entry, reason: str, text: str) -> None:
    """Write the report of a hand-in that the grader failed on; reason: for the student, text: for the instructor."""
    loaded = catalogue.load(entry.assignment, Path(run.root))
    keep_report(run, entry, broken(loaded, entry, reason, seed=run.seed, scope=run.scope), text)


def keep_report(run: Run, entry: Entry, report: Report, fault: str) -> None:
    """Write a report into the run's folder, and the traceback of a failure of the grader, or remove an earlier one.

    What it replaces is noted in the history.
    """
    note_replaced(Path(run.out), entry, report)
    record_fault(Path(run.out), entry, fault)
    keep(report_path(Path(run.out), entry), report, within=Path(run.out))


def unread(run: Run, entry: Entry, error: SubmissionError) -> Report:
    """The report of a hand-in in which there is nothing to grade."""
    loaded, file = catalogue.load(entry.assignment, Path(run.root)), Path(entry.path).name
    return unreadable(loaded, entry.student, file, str(error), seed=run.seed, scope=run.scope)


def earlier_in(run: Run, entry: Entry) -> dict[str, list[Any]]:
    """Source of the earlier assignments that a hand-in runs on: the student's own, or the references'."""
    loaded = catalogue.load(entry.assignment, Path(run.root))
    return earlier_of(entry, loaded) if run.earlier == "own" else loaded.earlier


def is_up_to_date(run: Run, entry: Entry, submission: Submission, earlier: dict[str, list[Any]]) -> bool:
    """Whether the report of an earlier run still holds."""
    return is_done(report_path(Path(run.out), entry), submission, run, entry, hash_of_earlier(earlier))


# --- in a grading process --------------------------------------------------------------------


@dataclass
class Grading:
    """What one process grades with: access to workers, and a grader for each assignment that it has met."""

    launcher: Launcher
    graders: dict[str, Grader] = field(default_factory=dict)

    def grade(self, run: Run, entry: Entry) -> tuple[Report | None, str]:
        """One hand-in's report, and tracebacks of the grader's own failures; None if its report is up to date.

        Whatever is raised about it becomes its report; IsolationError, and what concerns no hand-in, is raised.
        """
        loaded = catalogue.load(entry.assignment, Path(run.root))
        try:
            return self._graded(run, entry, loaded)
        except IsolationError:
            raise
        except Exception as error:  # noqa: BLE001 - a problem of this hand-in, and of no other
            report = broken(loaded, entry, type(error).__name__, seed=run.seed, scope=run.scope)
            return report, traceback.format_exc()

    def _graded(self, run: Run, entry: Entry, loaded: Loaded) -> tuple[Report | None, str]:
        try:
            submission = submission_of(entry, loaded)
        except SubmissionError as error:
            return unread(run, entry, error), ""
        earlier = earlier_in(run, entry)
        if is_up_to_date(run, entry, submission, earlier):
            return None, ""
        grader = self.graders.get(entry.assignment)
        if grader is None:
            grader = self.graders[entry.assignment] = Grader(loaded, self.launcher, run.options)
        report = grader.grade(submission, entry.student, earlier)
        return report, "\n".join(grader.faults)


@dataclass
class _Process:
    grading: Grading
    note: Path


_PROCESS: list[_Process] = []


def _begin(backend: str, door: socket.socket | None, notes: str) -> None:
    """Set up one grading process: its access to workers, and its end with the process that opened the pool."""
    enter_neutral_folder()
    _PROCESS[:] = [_Process(Grading(open_launcher(backend=backend, door=door)), Path(notes, str(os.getpid())))]
    if door:
        door.close()
    if backend != "cupy":  # a GPU driver maps far more memory than it uses
        _limit_memory()
    end_with_parent()


def _limit_memory() -> None:
    """Limit this process's growth: above it there is a MemoryError about one hand-in, not a killed run."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + GROWTH
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _grade_one(run: Run, entry: Entry, number: int) -> bool:
    """Grade one hand-in, and write its report."""
    process = _PROCESS[0]
    _write_note(process.note, str(number))
    try:
        report, fault = process.grading.grade(run, entry)
        if report is not None:
            keep_report(run, entry, report, fault)
        return report is not None
    finally:
        _write_note(process.note, "")


def _write_note(note: Path, text: str) -> None:
    try:
        note.write_text(text, encoding="ascii")
    except OSError as error:
        message = (
            f"{note.parent} cannot be written ({error.strerror}). Free space for temporary files; "
            "the same command resumes where it stopped."
        )
        raise UsageError(message) from error
