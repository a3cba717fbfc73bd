"""One submission → one Report."""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
import time
import traceback
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.course.answers import Answers, read_stored
from autograder.diagnosis.diagnose import Diagnostics
from autograder.grading.causes import with_causes
from autograder.grading.options import Options
from autograder.grading.session import Session
from autograder.grading.workplace import Context, Workplace, start_worker
from autograder.isolation.allowance import Allowance, Share, share_of
from autograder.isolation.launcher import Launcher
from autograder.isolation.levels import Isolation, IsolationError, weakest
from autograder.report import ExerciseResult, Problem, Report, Status, Verdict, encodable
from autograder.spec import EVERYTHING, Exercise, Scope
from autograder.submission.embedded import embedded_data
from autograder.submission.method import needless
from autograder.submission.pseudonym import pseudonym_in

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.isolation.worker import Worker
    from autograder.submission import Submission

__all__ = ["Grader", "alike", "hash_of_earlier", "unreadable", "versions"]


@cache
def versions() -> dict[str, str]:
    """Versions that a grade depends on; looked up once per process."""
    from importlib.metadata import version

    return {"python": platform.python_version(), "numpy": np.__version__, "dlkit-course": version("dlkit-course")}


def hash_of_earlier(earlier: dict[str, list[Any]]) -> str:
    """Hash the source of earlier assignments; empty where there is none."""
    return hashlib.sha256(json.dumps(earlier, sort_keys=True).encode()).hexdigest() if earlier else ""


class Grader:
    """Grades submissions of one assignment; expected answers are computed once and kept for all of them.

    Raises IsolationError where student code would be isolated less than the options require.
    live: a notebook's names, to be checked unofficially in this process; then there is no launcher.
    on_result: called with every exercise's result as soon as it is known.
    seed: the options' seed, or the one that was drawn.
    faults: tracebacks of the grader's own failures in the last submission; allowance: what that submission has used.
    """

    def __init__(
        self,
        loaded: Loaded,
        launcher: Launcher | None,
        options: Options | None = None,
        *,
        live: dict[str, Any] | None = None,
        on_result: Callable[[ExerciseResult], object] | None = None,
    ) -> None:
        self.loaded = loaded
        self.options = options or Options()
        self.on_result = on_result
        self._launcher, self._live = launcher, live
        self.seed = secrets.randbits(32) if self.options.seed is None else self.options.seed
        self.answers = Answers(loaded, self.seed) if loaded.official else read_stored(loaded.folder / "cases.npz")
        self.diagnostics = Diagnostics(loaded, self.answers)
        self._places: dict[str, Workplace] = {}
        self.faults: list[str] = []
        self.allowance = Allowance()
        self.isolation = Isolation() if launcher is None else self._prove(launcher)

    def _prove(self, launcher: Launcher) -> Isolation:
        """Prove the isolation once before the first submission, and that the assignment's folder is not visible."""
        launcher.secrets = tuple(dict.fromkeys((*launcher.secrets, str(self.loaded.folder))))
        with start_worker(launcher, None, self.options.isolation) as worker:
            return worker.isolation

    @property
    def context(self) -> Context:
        """What a submission's code is run in."""
        return Context(self.loaded, self._launcher, self.options, self._live)

    def limit_to(self, names: Iterable[str] | None) -> None:
        """Grade only these exercises from now on; all if None."""
        self.options = replace(self.options, only=None if names is None else frozenset(names))

    @property
    def exercises(self) -> list[Exercise]:
        """The exercises that are graded, in order: the requested ones, without those that this run leaves out."""
        asked = self._requested
        return [exercise for exercise in asked if self.options.scope.grades(exercise)]

    @property
    def _requested(self) -> list[Exercise]:
        only = self.options.only
        return [exercise for exercise in self.loaded.assignment.exercises if only is None or exercise.name in only]

    def _share(self, exercises: Collection[Exercise]) -> Share:
        """What a submission may use for these exercises: capstones have their own limits."""
        checks = [check for exercise in exercises for check in exercise.checks if check.capstone]
        training = sum(check.cpu_s or 0.0 for check in checks) if self.options.scope.capstones else 0.0
        return share_of(len(exercises), training, device=self.options.backend == "cupy")

    def stop(self) -> None:
        """End the workers of a run in another thread; the results of that run are then meaningless."""
        for place in list(self._places.values()):
            for worker in list(place.workers):
                worker.close()

    def grade(self, submission: Submission, student: str = "", earlier: dict[str, list[Any]] | None = None) -> Report:
        """Grade one submission.

        earlier: source of the student's own earlier assignments by module; by default that of the references.
        """
        started = time.perf_counter()
        earlier = self.loaded.earlier if earlier is None else earlier
        chosen = self.exercises
        self._places = places = {}
        self.faults = faults = []
        self.allowance = allowance = Allowance(self.options.share or self._share(chosen))
        context = self.context

        def grade_one(exercise: Exercise) -> ExerciseResult:
            places[exercise.name] = place = Workplace(context, exercise, submission, earlier, allowance)
            try:
                result = Session(place, self.diagnostics).grade()
            except IsolationError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is about this exercise of this hand-in
                faults.append(traceback.format_exc())
                what = f"the grader itself failed ({type(error).__name__})"
                result = alike(exercise, Status.BROKEN, what, scope=self.options.scope)
            faults.extend(place.faults)
            if self.on_result:
                self.on_result(result)
            return result

        with ThreadPoolExecutor(self.options.threads) as pool:
            results = with_causes(list(pool.map(grade_one, chosen)), submission, chosen)
        workers = [worker for exercise in chosen for worker in places[exercise.name].workers]
        seconds = round(time.perf_counter() - started, 3)
        return self.report_of(submission, student, results, earlier=earlier, workers=workers, seconds=seconds)

    def report_of(
        self,
        submission: Submission,
        student: str,
        results: list[ExerciseResult],
        *,
        earlier: dict[str, list[Any]] | None = None,
        workers: Iterable[Worker] = (),
        seconds: float,
    ) -> Report:
        """Make the report of a submission with these results.

        earlier: the earlier assignments it was graded on, the references' if None; workers: those that ran its code.
        """
        workers, exercises = list(workers), self.loaded.assignment.exercises
        statements = submission.statements(exercises)
        isolation = weakest([self.isolation, *(worker.isolation for worker in workers)])
        report = Report(
            student=student,
            assignment=self.loaded.assignment.name,
            title=self.loaded.assignment.title,
            file=submission.file,
            submission_sha256=submission.sha256,
            checks_sha256=self.loaded.checks_sha256,
            seed=self.seed,
            official=self._live is None,
            isolation=isolation.level,
            isolation_missing=list(isolation.missing),
            tried=sorted(
                {*embedded_data(statements), *needless(statements), *(what for w in workers for what in w.tried)}
            ),
            backend=self.options.backend,
            capstones=self.options.scope.capstones,
            bonus=self.options.scope.bonus,
            left_out=self.options.scope.left_out(self._requested),
            earlier_sha256=hash_of_earlier(self.loaded.earlier if earlier is None else earlier),
            pseudonym=pseudonym_in(submission.extraction),
            versions=versions(),
            problems=[*submission.problems, *submission.remarks(exercises)],
            set_aside=submission.set_aside,
            exercises=results,
            written=submission.written,
            seconds=seconds,
            graded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        source = "\n".join(chunk.source for chunk in submission.extraction.chunks)
        return encodable(report, source, (self.loaded.root, self.loaded.folder))


def alike(exercise: Exercise, status: Status, sentence: str, *, scope: Scope = EVERYTHING) -> ExerciseResult:
    """The result of an exercise that was not run: every graded check has this status, without points."""
    verdicts = [Verdict(c.name, c.part, status, 0.0, exercise.points_of(c), sentence) for c in scope.checks(exercise)]
    return ExerciseResult(exercise.name, verdicts, exercise.bonus)


def unreadable(
    loaded: Loaded,
    student: str,
    file: str,
    sentence: str,
    *,
    seed: int,
    status: Status = Status.FAILED,
    scope: Scope = EVERYTHING,
) -> Report:
    """Make the report of a submission that cannot be read: every check of the run failed, for the same reason.

    status: of every check; BROKEN where the grader is at fault.
    """
    exercises = loaded.assignment.exercises
    report = Report(
        student=student,
        assignment=loaded.assignment.name,
        title=loaded.assignment.title,
        file=file,
        checks_sha256=loaded.checks_sha256,
        seed=seed,
        versions=versions(),
        problems=[Problem(sentence)],
        exercises=[alike(exercise, status, sentence, scope=scope) for exercise in exercises if scope.grades(exercise)],
        capstones=scope.capstones,
        bonus=scope.bonus,
        left_out=scope.left_out(exercises),
        graded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    return encodable(report, folders=(loaded.root, loaded.folder))
