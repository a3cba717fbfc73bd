"""One submission → one Report."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from autograder import timing
from autograder.answers import Answers, generator, read_stored
from autograder.catalogue import wire
from autograder.diagnose import Fingerprints, Outcome, Raised
from autograder.isolation.host import Limits, Worker, Zygote
from autograder.spec import Case, Check, Exercise, Observations
from autograder.subject import LocalSubject, RemoteSubject, Subject, SubjectLostError, SubjectRaisedError
from autograder.verdict import ExerciseResult, Problem, Report, Status, Verdict, encodable

if TYPE_CHECKING:
    from autograder.catalogue import Loaded
    from autograder.compare import Mismatch
    from autograder.submission import Submission

__all__ = ["Grader", "hash_of_earlier", "unreadable", "versions"]

NEAR_MISS = 0.5
"""Share of a backward's points for one that is right for a recognised near miss of a forward."""
MAX_POISONED = 8


def versions() -> dict[str, str]:
    """Versions that a grade depends on."""
    from importlib.metadata import version

    return {"python": platform.python_version(), "numpy": np.__version__, "dlkit-course": version("dlkit-course")}


def hash_of_earlier(earlier: dict[str, list[Any]]) -> str:
    """Hash the source of earlier assignments; empty where there is none."""
    return hashlib.sha256(json.dumps(earlier, sort_keys=True).encode()).hexdigest() if earlier else ""


class Grader:
    """Grades submissions of one assignment; what is right is computed once and kept for all of them.

    seed: draws every input; the same seed grades the same way.  limits: of one call of an exercise.
    capstones: whether to train; only: names of the exercises to grade (all where None).
    live: a notebook's names, to be checked in this process and unofficially; then there is no zygote.
    threads: exercises graded side by side, each with a worker of its own.
    """

    def __init__(
        self,
        loaded: Loaded,
        zygote: Zygote | None,
        *,
        seed: int,
        backend: str = "numpy",
        capstones: bool = True,
        only: frozenset[str] | None = None,
        limits: Limits | None = None,
        live: dict[str, Any] | None = None,
        threads: int = 1,
    ) -> None:
        self.loaded = loaded
        self.zygote = zygote
        self.seed = seed
        self.backend = backend
        self.capstones = capstones
        self.only = only
        self.limits = limits or Limits()
        self.live = live
        self.threads = threads
        self.answers = Answers(loaded, seed) if loaded.official else read_stored(loaded.folder / "cases.npz")
        self.fingerprints = Fingerprints(loaded, self.answers)

    def grade(self, submission: Submission, student: str = "", earlier: dict[str, list[Any]] | None = None) -> Report:
        """Grade one submission.

        earlier: source of the student's own earlier assignments by module; by default the references'.
        """
        started = time.perf_counter()
        if earlier is None:
            earlier = self.loaded.earlier if self.loaded.official else {}
        chosen = [e for e in self.loaded.assignment.exercises if self.only is None or e.name in self.only]
        done: dict[str, ExerciseResult] = {}
        lost: set[str] = set()

        def grade_one(exercise: Exercise) -> ExerciseResult:
            return _Session(self, exercise, submission, lost, earlier).grade(list(done.values()))

        with ThreadPoolExecutor(self.threads) as pool:
            for wave in ([e for e in chosen if not e.depends], [e for e in chosen if e.depends]):
                done.update((result.name, result) for result in pool.map(grade_one, wave))
        results = [done[exercise.name] for exercise in chosen]
        report = self._report(submission, student, results, time.perf_counter() - started)
        return encodable(msgspec.structs.replace(report, earlier_sha256=hash_of_earlier(earlier)))

    def _report(self, submission: Submission, student: str, results: list[ExerciseResult], seconds: float) -> Report:
        return Report(
            student=student,
            assignment=self.loaded.assignment.name,
            title=self.loaded.assignment.title,
            file=submission.file,
            submission_sha256=submission.sha256,
            checks_sha256=self.loaded.checks_sha256,
            seed=self.seed,
            official=self.live is None,
            isolation="process" if self.live is None else "none",
            backend=self.backend,
            capstones=self.capstones,
            versions=versions(),
            problems=submission.problems,
            exercises=results,
            written=submission.written,
            seconds=round(seconds, 3),
            graded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )


class _Session:
    """One exercise of one submission: a worker that is replaced when it is lost, and the verdicts so far."""

    def __init__(
        self, grader: Grader, exercise: Exercise, submission: Submission, lost: set[str], earlier: dict[str, list[Any]]
    ) -> None:
        self.lost = lost
        self.grader = grader
        self.exercise = exercise
        self.submission = submission
        self.earlier = earlier
        self.verdicts: dict[str, Verdict] = {}
        self.dead: dict[str, str] = {}
        self.load_errors: dict[str, SubjectRaisedError] = {}
        self._subject: Subject | None = None

    def grade(self, done: list[ExerciseResult]) -> ExerciseResult:
        """Run every check in order."""
        unwritten = self.submission.unwritten(self.exercise)
        broken = self.submission.broken_cell(self.exercise)
        unfinished = {result.name for result in done if result.status in (Status.NOT_ATTEMPTED, Status.PARTLY)}
        waits = [name for name in self.exercise.depends if name in unfinished | self.lost]
        try:
            for check in self.exercise.checks:
                if broken:
                    verdict = self._verdict(check, Status.FAILED, broken)
                elif missing := [part for part in check.needs if part in unwritten]:
                    verdict = self._verdict(check, Status.NOT_ATTEMPTED, self._not_written(missing[0]))
                elif waits:
                    verdict = self._verdict(check, Status.SKIPPED, f"waits for {', '.join(waits)}, which it is made of")
                elif check.capstone and not self.grader.capstones:
                    verdict = self._verdict(check, Status.SKIPPED, "capstones were left out of this run")
                else:
                    verdict = self._run(check)
                self.verdicts[check.name] = verdict
        finally:
            self._end_worker()
        return ExerciseResult(self.exercise.name, list(self.verdicts.values()))

    def _not_written(self, part: str) -> str:
        if self.exercise.name not in self.submission.extraction.defined:
            return f"{self.submission.file} does not define {self.exercise.name}"
        return f"{self._title(part)} is still to be written"

    def _title(self, part: str) -> str:
        return f"{self.exercise.name}.{part}" if self.exercise.is_class else part

    def _verdict(self, check: Check, status: Status, sentence: str = "", **more: Any) -> Verdict:
        most = self.exercise.points_of(check)
        points = most if status in (Status.PASSED, Status.INCONCLUSIVE) else more.pop("points", 0.0)
        return Verdict(check.name, check.part, status, points, most, sentence, **more)

    # --- one check ---------------------------------------------------------------------------

    def _run(self, check: Check) -> Verdict:  # noqa: PLR0911 - one return a way to end
        for name in check.after:
            if self.verdicts[name].status is not Status.PASSED:
                return self._verdict(check, Status.SKIPPED, f"comes after “{name}”")
        for part in check.needs:
            if part in self.dead:
                return self._verdict(check, Status.SKIPPED, f"{self._title(part)} {self.dead[part]}")
        try:
            if check.speed and (self.grader.live is not None or not self.grader.loaded.official):
                return self._verdict(
                    check, Status.SKIPPED, "speed is measured against the reference, when it is graded"
                )
            if check.speed:
                return self._run_speed(check)
            return self._run_cases(check)
        except SubjectLostError as lost:
            self._end_worker()
            self.dead[check.part] = str(lost)
            self.lost.add(self.exercise.name)
            return self._verdict(check, Status.FAILED, f"{self._title(check.part)} {lost}")
        except Exception as error:  # noqa: BLE001 - the grader's own fault is never the student's loss
            self._end_worker()
            return self._verdict(check, Status.BROKEN, f"the grader failed here ({type(error).__name__}: {error})")

    def _run_cases(self, check: Check) -> Verdict:
        answers = self.grader.answers.of(self.exercise, check)
        outcomes: list[Outcome] = []
        failure: tuple[Case, Mismatch | SubjectRaisedError, Observations] | None = None
        for (case, expected), seen in zip(
            answers, self._observe_all(check, [case for case, _ in answers]), strict=False
        ):
            if isinstance(seen, SubjectRaisedError):
                outcomes.append(Raised(seen.type, seen.message))
                failure = failure or (case, seen, {})
                continue
            outcomes.append(seen)
            mismatch = check.judge(seen, expected, case)
            if mismatch and failure is None:
                failure = case, mismatch, seen
        if failure is None:
            return self._verdict(check, Status.PASSED)
        if isinstance(failure[1], SubjectRaisedError) and _waits(failure[1]):
            sentence = f"waits for something that still raises NotImplementedError{_at(failure[1])}"
            return self._verdict(check, Status.SKIPPED, sentence)
        return self._failed(check, outcomes, *failure)

    def _observe_all(self, check: Check, cases: list[Case]) -> Iterator[Observations | SubjectRaisedError]:
        """Run every case; a capstone's, each in a worker of its own, side by side."""
        if check.capstone and self.grader.live is None:
            with ThreadPoolExecutor(self.grader.threads) as pool:
                yield from pool.map(lambda case: self._observe_alone(check, case), cases)
            return
        for case in cases:
            seen = self._observe(check, self._worker(check), case)
            yield seen
            if isinstance(seen, SubjectRaisedError) and self.exercise.name in self.load_errors:
                return

    def _observe_alone(self, check: Check, case: Case) -> Observations | SubjectRaisedError:
        with self._fresh(self._limits(check)) as subject:
            return self._observe(check, subject.on(check.backend or self.grader.backend), case)

    def _observe(self, check: Check, subject: Subject, case: Case) -> Observations | SubjectRaisedError:
        try:
            return check.observe(subject, case)
        except SubjectRaisedError as error:
            return error

    def _failed(
        self, check: Check, outcomes: list[Outcome], case: Case, why: Mismatch | SubjectRaisedError, seen: Observations
    ) -> Verdict:
        sentence = self._explain(why, check) if isinstance(why, SubjectRaisedError) else why.sentence
        if check.speed is None and not check.capstone and not isinstance(why, SubjectRaisedError):
            sentence = f"{sentence} ({case.describe()})"
        mistake = self.grader.fingerprints.match(self.exercise, check, outcomes)
        more: dict[str, Any] = {"mistake": mistake.name, "hint": mistake.hint} if mistake else {}
        if mistake is None and seen and check.own_forward and self._forward_is_wrong(check):
            subject = self._worker(check)
            with contextlib.suppress(SubjectRaisedError):
                if check.own_forward(subject, case, seen):
                    sentence = "backward is right for your forward, but that forward is not right yet"
                    if any(v.mistake for v in self.verdicts.values() if v.part != check.part):
                        more["points"] = round(NEAR_MISS * self.exercise.points_of(check), 2)
        return self._verdict(check, Status.FAILED, sentence, **more)

    def _forward_is_wrong(self, check: Check) -> bool:
        return any(v.status is Status.FAILED for v in self.verdicts.values() if v.part != check.part)

    def _run_speed(self, check: Check) -> Verdict:
        assert check.speed is not None  # noqa: S101 - the caller dispatches on it
        exercise, grader = self.exercise, self.grader
        rng = generator(grader.seed, grader.loaded.assignment.name, exercise.name, check.name)
        figures, wrong = timing.measure(
            check,
            lambda: self._fresh(grader.limits),
            self._fresh_reference,
            grader.answers.reference(exercise),
            rng,
        )
        if wrong:
            return self._verdict(check, Status.FAILED, f"while timed: {wrong.sentence}", timing=figures)
        if figures.ratio > figures.limit:
            sentence = "right, but too slow: look for a Python loop that one array operation can replace"
            return self._verdict(check, Status.FAILED, sentence, timing=figures)
        return self._verdict(check, Status.PASSED, timing=figures)

    # --- the worker --------------------------------------------------------------------------

    def _worker(self, check: Check) -> Subject:
        if self._subject is None:
            live = self.grader.live
            self._subject = (
                self._start(self.grader.limits) if live is None else LocalSubject.live(live, self.exercise.support)
            )
        return self._subject.on(check.backend or self.grader.backend)

    def _end_worker(self) -> None:
        if isinstance(self._subject, RemoteSubject):
            self._subject.worker.close()
        self._subject = None

    def _limits(self, check: Check) -> Limits:
        limits = self.grader.limits
        if check.cpu_s is None:
            return limits
        wall, life = 4 * check.cpu_s + limits.wall_s, int(4 * check.cpu_s) + limits.life_cpu_s
        return replace(limits, cpu_s=check.cpu_s, wall_s=wall, life_cpu_s=life)

    @contextlib.contextmanager
    def _fresh(self, limits: Limits) -> Iterator[RemoteSubject]:
        """Start a worker with the submission, for the length of the block."""
        subject = self._start(limits)
        try:
            yield subject
        finally:
            subject.worker.close()

    @contextlib.contextmanager
    def _fresh_reference(self) -> Iterator[RemoteSubject]:
        """Start a worker with the reference, for the length of the block."""
        loaded = self.grader.loaded
        subject = self._prepare(self.grader.limits)
        try:
            subject.request("load", name=loaded.assignment.module, chunks=wire(loaded.reference.chunks))
            yield subject
        finally:
            subject.worker.close()

    def _prepare(self, limits: Limits) -> RemoteSubject:
        assert self.grader.zygote is not None  # noqa: S101 - only a live class goes without
        subject = RemoteSubject(Worker(self.grader.zygote, limits))
        subject.backend = self.grader.backend
        if self.earlier:
            subject.request("provide", modules=self.earlier)
        if self.exercise.support:
            subject.request("support", text=self.exercise.support)
        return subject

    def _start(self, limits: Limits) -> RemoteSubject:
        """Start a worker and load the submission; a statement that ends it is found and left out."""
        subject = self._prepare(limits)
        kept = [(i, c) for i, c in enumerate(self.submission.chunks) if i not in self.submission.poisoned]
        try:
            problems = subject.request("load", name=self.grader.loaded.assignment.module, chunks=[c for _, c in kept])
        except SubjectLostError as lost:
            if len(self.submission.poisoned) >= MAX_POISONED:
                raise
            if not self._find_poison(kept, limits):
                message = f"could not be loaded: the whole of {self.submission.file} {lost}"
                raise SubjectLostError(message) from lost
            return self._start(limits)
        for number, sentence in self.submission.poisoned.items():
            self._blame_load(number, {"type": "", "message": sentence})
        for problem in problems if isinstance(problems, list) else []:  # the reply is the submission's to forge
            with contextlib.suppress(TypeError, KeyError, IndexError, AttributeError):
                self._blame_load(kept[problem["chunk"]][0], problem)
        return subject

    def _blame_load(self, number: int, described: dict[str, Any]) -> None:
        names = self.submission.extraction.chunks[number].defines
        self.load_errors.update({name: SubjectRaisedError(described) for name in names})

    def _find_poison(self, kept: list[tuple[int, Any]], limits: Limits) -> bool:
        """Load one statement at a time to see which one ends the worker; say whether there was one."""
        subject = self._prepare(limits)
        try:
            for number, chunk in kept:
                try:
                    subject.request("load", name=self.grader.loaded.assignment.module, chunks=[chunk])
                except SubjectLostError as lost:
                    statement = self.submission.extraction.chunks[number]
                    what = f" (definition of {', '.join(statement.defines)})" if statement.defines else ""
                    sentence = f"{self.submission.file}: {statement.label}, line {statement.line}{what} {lost}."
                    self.submission.poisoned[number] = sentence
                    return True
        finally:
            subject.worker.close()
        return False

    # --- sentences ---------------------------------------------------------------------------

    def _explain(self, error: SubjectRaisedError, check: Check) -> str:
        """Say in one sentence what the student's code raised, where, and what to do."""
        on_load = self.load_errors.get(self.exercise.name)
        if on_load and error.type == "NameError" and error.message == f"{self.exercise.name} is not defined":
            return (
                f"{self.exercise.name} could not be defined: {self._reason(on_load)}"
                if on_load.type
                else on_load.message
            )
        if error.unwritten:
            return f"{error.message}: {self._title(check.part)} is missing. Keep the methods of the stub."
        return self._reason(error)

    def _reason(self, error: SubjectRaisedError) -> str:
        """Say what an error means, with its cure where it is one of those that everybody meets."""
        if error.type == "NameError" and (reason := self._why_undefined(error)):
            return reason
        if error.type == "HostTransferError":
            return f"{error.message}{_at(error)}. Let xp = array_module(x) do the work where x lives."
        if error.type == "MemoryError":
            return f"asked for more memory than an exercise may use ({self.grader.limits.memory_mb} MB){_at(error)}"
        return self._text(error)

    def _why_undefined(self, error: SubjectRaisedError) -> str:
        """Say why a name is missing here that the student's notebook had."""
        name = error.message.partition("'")[2].partition("'")[0]
        found = self.submission.extraction
        if name in found.refused:
            return (
                f"{name} comes from {found.refused[name]}, which an exercise may not import{_at(error)}. "
                "Allowed are the standard library, numpy and dlkit."
            )
        if name in found.left_out and name not in found.defined:
            return (
                f"{name} is set by a call in {found.left_out[name]}, and calls outside of an exercise are not run "
                f"when it is graded{_at(error)}. Set it inside the exercise."
            )
        if name in self.load_errors and self.load_errors[name] is not error:
            return f"{name} could not be defined: {self._text(self.load_errors[name])}"
        return ""

    def _text(self, error: SubjectRaisedError) -> str:
        message = " ".join(error.message.split())
        text = f"{error.type}: {message}" if message else error.type
        return f"raised {text[:300]}{_at(error)}"


def _waits(error: SubjectRaisedError) -> bool:
    """Whether an unwritten part was called; a method that is not there at all is the base class's to miss."""
    return error.unwritten and not error.message.endswith(" yet")


def _at(error: SubjectRaisedError) -> str:
    if not error.where:
        return ""
    return f" ({error.where}: {error.code})" if error.code else f" ({error.where})"


def unreadable(loaded: Loaded, student: str, file: str, sentence: str, *, seed: int) -> Report:
    """Make the report of a submission that cannot be read: every check failed, with the one reason."""
    exercises = [
        ExerciseResult(
            exercise.name,
            [Verdict(c.name, c.part, Status.FAILED, 0.0, exercise.points_of(c), sentence) for c in exercise.checks],
        )
        for exercise in loaded.assignment.exercises
    ]
    report = Report(
        student=student,
        assignment=loaded.assignment.name,
        title=loaded.assignment.title,
        file=file,
        checks_sha256=loaded.checks_sha256,
        seed=seed,
        versions=versions(),
        problems=[Problem(sentence)],
        exercises=exercises,
        graded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    return encodable(report)
