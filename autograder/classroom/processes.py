"""Many submissions graded by local processes; a report is written whole as soon as it is known, memory stays flat."""

from __future__ import annotations

import os
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

from autograder import catalogue
from autograder.classroom.finding import Entry, is_there, report_path
from autograder.classroom.runs import Run, is_done
from autograder.grade import Grader, hash_of_earlier, unreadable
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.submission import SubmissionError, own_earlier, read_submission
from autograder.verdict import write_atomically

__all__ = ["grade_all", "open_pool"]


METHOD: Literal["forkserver", "spawn"] = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"


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
        if not is_there(Path(entry.path)):
            message = f"nothing was handed in for {entry.assignment}"
            raise SubmissionError(message)  # noqa: TRY301 - one way to an unreadable report
        submission = read_submission(Path(entry.path), loaded, home)
    except SubmissionError as error:
        file = Path(entry.path).name
        report = unreadable(loaded, entry.student, file, str(error), seed=run.seed, capstones=run.capstones)
        write_atomically(path, report)
        return True
    earlier = own_earlier(Path(entry.path).parent, loaded, home) if run.earlier == "own" else loaded.earlier
    if is_done(path, submission, run, entry, hash_of_earlier(earlier)):
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
