"""The program in Gradescope's container: one hand-in becomes one ``results.json``, whatever happens.

``autograder export gradescope-zip`` packs it; the platform starts it through ``run_autograder``.  A file that cannot be
read gives a sentence and no points.  A fault of the grader is reported as such, and the previous score stands.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from autograder.course import catalogue
from autograder.course.catalogue import Loaded
from autograder.export.gradescope import fault, results
from autograder.grading.grader import Grader, alike, unreadable
from autograder.grading.options import Options
from autograder.isolation.launcher import Launcher, Limits, open_launcher
from autograder.isolation.levels import IsolationError
from autograder.report import ExerciseResult, Problem, Report, Status
from autograder.spec import Scope
from autograder.submission import Submission, SubmissionError, read_submission
from autograder.writing import write_atomically

__all__ = ["Plan", "main"]

MEMORY_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
OWN_MB, LEAST_MB = 320, 256
"""Memory in MB that the grader itself needs in the container, and the least that a worker gets."""
MOST_FOLDERS = 2000
MOST_METADATA = 20_000_000


class Plan(msgspec.Struct, frozen=True):
    """The packed assignment, and how to grade it.

    isolation: the lowest level at which student code is run; seconds: of wall time, after which results are written.
    """

    assignment: str
    isolation: str = "partial"
    capstones: bool = True
    seconds: float = 540.0
    bonus: bool = True

    @property
    def scope(self) -> Scope:
        """What is graded."""
        return Scope(self.capstones, self.bonus)


class Visit(msgspec.Struct, frozen=True):
    """The platform's data about this submission: who handed in, and the previous score."""

    student: str = ""
    score: float = 0.0


@dataclass
class Work:
    """Results so far, in case time runs out."""

    done: list[ExerciseResult] = field(default_factory=list)
    grader: Grader | None = None
    submission: Submission | None = None
    launcher: Launcher | None = None


class Answer:
    """The only result of this run: the first one given counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._given = False

    def give(self, result: dict[str, Any]) -> None:
        """Write the result, unless there is one."""
        with self._lock:
            if not self._given:
                write_atomically(self._path, result)
                self._given = True


def main() -> int:
    """Grade what was handed in; the exit status is 0 if a result was written."""
    root = Path(os.environ.get("AUTOGRADER_ROOT", "/autograder"))
    answer, work = Answer(root / "results" / "results.json"), Work()
    visit = _read_visit(root / "submission_metadata.json")
    try:
        plan = msgspec.json.decode((root / "source" / "plan.json").read_bytes(), type=Plan)
        timer = threading.Timer(plan.seconds, _stop, (answer, work, visit, plan))
        timer.daemon = True
        timer.start()
        report = _grade(root, plan, visit, work)
        timer.cancel()
        answer.give(results(report))
        sys.stderr.writelines(work.grader.faults if work.grader else ())
        print(f"{report.points} of {report.max_points}, isolation {report.isolation}", *report.isolation_missing)  # noqa: T201 - the platform shows it to instructors
    except IsolationError as error:
        answer.give(fault(f"{error} Pack the autograder again with another --isolation.", visit.score))
        traceback.print_exc()
    except Exception as error:  # noqa: BLE001 - no submission stays without a result
        answer.give(fault(f"{type(error).__name__} while grading.", visit.score))
        traceback.print_exc()
    return 0


def _grade(root: Path, plan: Plan, visit: Visit, work: Work) -> Report:
    loaded = catalogue.load(plan.assignment, root / "source" / "course")
    seed = secrets.randbits(32)
    folder = (root / "submission").resolve()
    try:
        work.submission = read_submission(_find_work(folder, loaded), loaded, folder)
    except SubmissionError as error:
        return unreadable(loaded, visit.student, loaded.assignment.module, str(error), seed=seed, scope=plan.scope)
    with open_launcher() as work.launcher:
        options = Options(seed=seed, scope=plan.scope, isolation=plan.isolation, limits=Limits(memory_mb=_room()))
        work.grader = Grader(loaded, work.launcher, options, on_result=work.done.append)
        return work.grader.grade(work.submission, visit.student)


def _find_work(folder: Path, loaded: Loaded) -> Path:
    """The folder with the assignment's file: the submission itself, or one below it in a whole repository."""
    names = {f"{loaded.assignment.module}.ipynb", f"{loaded.assignment.module}.py"}
    found = []
    for count, (path, folders, files) in enumerate(os.walk(folder)):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        if names & set(files):
            found.append(Path(path))
        if count > MOST_FOLDERS:
            break
    named = [path for path in found if path.name == loaded.assignment.name]
    only = found if len(found) == 1 else named
    return only[0] if len(only) == 1 and folder not in found else folder


def _read_visit(path: Path) -> Visit:
    """Read the platform's file; missing or malformed data are left out."""
    with contextlib.suppress(OSError, msgspec.DecodeError, ValueError):
        if path.stat().st_size > MOST_METADATA:
            return Visit()
        told = msgspec.json.decode(path.read_bytes())
        names = [user["name"] for user in _records(told, "users") if isinstance(user.get("name"), str)]
        scores = [one.get("score") for one in _records(told, "previous_submissions")]
        numbers = [float(score) for score in scores if isinstance(score, (int, float)) and score >= 0]
        return Visit(", ".join(names)[:200], numbers[-1] if numbers else 0.0)
    return Visit()


def _records(told: Any, key: str) -> list[dict[str, Any]]:
    """The objects in a list; everything else is ignored."""
    found = told.get(key) if isinstance(told, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _room() -> int:
    """Megabytes for a worker: the container's memory without the grader's, at most the usual limit."""
    usual = Limits().memory_mb
    for name in MEMORY_FILES:
        with contextlib.suppress(OSError, ValueError):
            limit = int(Path(name).read_text(encoding="ascii")) >> 20
            return max(LEAST_MB, min(usual, limit - OWN_MB))
    return usual


# --- when time runs out ----------------------------------------------------------------------


def _stop(answer: Answer, work: Work, visit: Visit, plan: Plan) -> None:
    """Write the results so far, end what still runs, and exit."""
    try:
        if work.grader and work.submission:
            answer.give(results(_unfinished(work.grader, work.submission, work.done, visit, plan)))
        else:
            answer.give(fault("Grading did not start in time.", visit.score))
    except Exception:  # noqa: BLE001 - no submission stays without a result
        traceback.print_exc()
        answer.give(fault("Grading did not end in time.", visit.score))
    _end_workers(work.launcher)
    sys.stdout.flush()
    os._exit(0)


def _unfinished(grader: Grader, submission: Submission, done: list[ExerciseResult], visit: Visit, plan: Plan) -> Report:
    """The report of a submission with exercises that were not reached."""
    sentence = f"was not reached within {plan.seconds:g} s. Look for code that waits or never ends"
    known = {result.name: result for result in list(done)}
    exercises = grader.exercises
    results = [known.get(one.name) or alike(one, Status.SKIPPED, sentence, scope=plan.scope) for one in exercises]
    report = grader.report_of(submission, visit.student, results, seconds=plan.seconds)
    left = len(exercises) - len(known)
    stopped = Problem(f"Grading was stopped after {plan.seconds:g} s, with {left} exercises left.")
    return msgspec.structs.replace(report, problems=[*report.problems, stopped])


def _end_workers(launcher: Launcher | None) -> None:
    """Kill the workers that the zygote has forked: they may wait forever."""
    zygote = str(getattr(launcher, "pid", 0))
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            if stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1] == zygote:
                os.kill(int(stat.parent.name), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
