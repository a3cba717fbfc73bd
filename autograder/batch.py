"""Many submissions: found, graded by local processes, resumed after a kill, memory flat.

A report is written whole as soon as it is known; a run that was killed goes on where it stopped, by
the seed and hashes in ``run.json``.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context, parent_process
from pathlib import Path
from typing import Literal

import msgspec

from autograder import catalogue
from autograder.catalogue import UsageError
from autograder.grade import Grader, hash_of_earlier, unreadable
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.submission import Submission, SubmissionError, handed_in, own_earlier, read_submission
from autograder.verdict import Report, read_report, write_atomically

__all__ = ["Entry", "Run", "discover", "grade_all", "open_pool", "prepare_run", "report_path"]


METHOD: Literal["forkserver", "spawn"] = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"


class Entry(msgspec.Struct, frozen=True):
    """One student's hand-in of one assignment: a folder, or a file."""

    student: str
    assignment: str
    path: str


class Run(msgspec.Struct, frozen=True):
    """What decides a run's reports; kept in ``run.json`` beside them.

    earlier: "own" or "reference", whose earlier assignments a later one is graded on;
    isolation: the least level at which student code is run.
    """

    root: str
    out: str
    submissions: str
    seed: int
    checks: dict[str, str]
    backend: str = "numpy"
    capstones: bool = True
    earlier: str = "reference"
    isolation: str = "full"


def discover(folder: Path, root: Path, assignment: str | None = None) -> list[Entry]:
    """Find hand-ins laid out ``student/assignment/file``, as nbgrader's ``submitted/`` is.

    In place of the inner folder or of the file there may be a zip file that ``autograder submit`` packed.
    With ``assignment`` every student is listed, also one who handed in nothing, and files may lie in
    the student's folder itself.  Raises UsageError where there is nothing.
    """
    if not folder.is_dir():
        message = f"{folder} is no folder. Name the one that holds a folder for every student."
        raise UsageError(message)
    known = [assignment] if assignment else catalogue.names(root)
    entries = []
    students = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for student in students:
        for name in known:
            path = handed_in(student, name)
            if assignment and not _is_there(path) and any(student.glob("*.ipynb")) | any(student.glob("*.py")):
                path = student
            if assignment or _is_there(path):
                entries.append(Entry(student.name, name, str(path)))
    if not entries:
        message = (
            f"There is nothing to grade in {folder}: expected STUDENT/ASSIGNMENT/FILE, with an assignment among "
            f"{', '.join(known)}."
        )
        raise UsageError(message)
    return entries


def _is_there(path: Path) -> bool:
    """Whether something was handed in; where nobody may look, its report will say so."""
    try:
        return path.exists()
    except OSError:
        return True


def report_path(out: Path, entry: Entry) -> Path:
    """Where a report lies."""
    return out / "reports" / entry.student / f"{entry.assignment}.json"


def prepare_run(
    root: Path,
    out: Path,
    folder: Path,
    entries: list[Entry],
    *,
    seed: int | None,
    backend: str = "numpy",
    capstones: bool = True,
    earlier: str = "reference",
    isolation: str = "full",
) -> Run:
    """Begin a run, or take up the one that ``out`` holds: without ``seed``, its seed goes on.

    Raises UsageError where ``out`` cannot be written or holds something else.
    """
    checks = {name: catalogue.load(name, root).checks_sha256 for name in sorted({e.assignment for e in entries})}
    path = out / "run.json"
    if seed is None and path.is_file():
        try:
            seed = msgspec.json.decode(path.read_bytes(), type=Run).seed
        except (msgspec.DecodeError, OSError) as error:
            message = f"{path} is not readable as a run ({error}). Name another --out, or delete that folder."
            raise UsageError(message) from error
    run = Run(
        str(root),
        str(out),
        str(folder.resolve()),
        secrets.randbits(32) if seed is None else seed,
        checks,
        backend,
        capstones,
        earlier,
        isolation,
    )
    for part in out.rglob(".*.part"):  # left by a run that was killed while it wrote
        part.unlink(missing_ok=True)
    try:
        write_atomically(path, run)
    except OSError as error:
        message = f"{out} cannot be written ({error.strerror}). Name another --out."
        raise UsageError(message) from error
    return run


@contextmanager
def open_pool(jobs: int, launcher: Launcher, backend: str = "numpy") -> Iterator[ProcessPoolExecutor]:
    """Start grading processes, to be given to ``grade_all``.

    launcher: whose zygote, where it has one, starts the workers of all of them.
    Where the system has it, one process imports everything, and the others are forked from that one.
    """
    context = get_context(METHOD)
    if METHOD == "forkserver":
        context.set_forkserver_preload(["autograder.cli", __name__])
    door = launcher.door()
    with door or nullcontext(), ProcessPoolExecutor(jobs, context, _begin, (backend, door)) as pool:
        pool.submit(os.getpid)  # it starts with the first thing that is asked of it
        yield pool


def grade_all(entries: list[Entry], run: Run, pool: ProcessPoolExecutor) -> Iterator[tuple[Entry, bool]]:
    """Grade every entry; yield each as its report is written, with whether it was graded now or before.

    Raises RuntimeError where a grading process itself was killed; what is written stays.
    """
    futures = {pool.submit(_grade_one, run, entry): entry for entry in entries}
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        message = "A grading process was killed from outside. Run the same command again: it goes on where it stopped."
        raise RuntimeError(message) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


# --- in a grading process --------------------------------------------------------------------


@dataclass
class _Process:
    launcher: Launcher
    graders: dict[str, Grader]


_PROCESS: list[_Process] = []


def _begin(backend: str, door: socket.socket | None) -> None:
    """Set up one grading process: its way to workers, and an end with the process that opened the pool."""
    _PROCESS[:] = [_Process(open_launcher(backend=backend, door=door), {})]
    if door:
        door.close()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait until the process that opened the pool is gone, killed perhaps, and go as well."""
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _grade_one(run: Run, entry: Entry) -> bool:
    process = _PROCESS[0]
    path = report_path(Path(run.out), entry)
    loaded = catalogue.load(entry.assignment, Path(run.root))
    home = Path(run.submissions, entry.student)
    try:
        if not _is_there(Path(entry.path)):
            message = f"nothing was handed in for {entry.assignment}"
            raise SubmissionError(message)  # noqa: TRY301 - one way to an unreadable report
        submission = read_submission(Path(entry.path), loaded, home)
    except SubmissionError as error:
        write_atomically(path, unreadable(loaded, entry.student, Path(entry.path).name, str(error), seed=run.seed))
        return True
    earlier = own_earlier(Path(entry.path).parent, loaded, home) if run.earlier == "own" else loaded.earlier
    if _is_done(path, submission, run, entry, hash_of_earlier(earlier)):
        return False
    if entry.assignment not in process.graders:
        process.graders[entry.assignment] = Grader(
            loaded,
            process.launcher,
            seed=run.seed,
            backend=run.backend,
            capstones=run.capstones,
            isolation=run.isolation,
        )
    report = process.graders[entry.assignment].grade(submission, entry.student, earlier)
    write_atomically(path, report)
    return True


def _is_done(path: Path, submission: Submission, run: Run, entry: Entry, earlier_sha256: str) -> bool:
    """Whether a report of this very submission, seed, checks and choices is there already."""
    try:
        report: Report = read_report(path)
    except (OSError, msgspec.DecodeError):
        return False
    choices = (run.seed, run.checks[entry.assignment], run.backend, run.capstones, earlier_sha256)
    theirs = (report.seed, report.checks_sha256, report.backend, report.capstones, report.earlier_sha256)
    return report.submission_sha256 == submission.sha256 and theirs == choices
