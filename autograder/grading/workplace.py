"""The workers that run a submission's code for one exercise: started, loaded, replaced, ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from autograder.course.catalogue import wire
from autograder.isolation.allowance import Allowance, UsedUpError
from autograder.isolation.launcher import Launcher, Limits
from autograder.isolation.levels import IsolationError
from autograder.isolation.patience import ASLEEP_S, TooLongError
from autograder.isolation.worker import Worker
from autograder.measuring import yardstick
from autograder.spec import FROZEN, Check, Exercise
from autograder.subject import LocalSubject, RemoteSubject, Subject, SubjectLostError, SubjectRaisedError
from autograder.submission.embedded import bare, too_much_data

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.grading.options import Options
    from autograder.submission import Submission
    from dlkit.extraction import Chunk

__all__ = ["Context", "Workplace", "start_worker"]

MAX_POISONED = 8
STATEMENT, LOADING = 0.75, 3.0
"""Time to load one statement, and all statements of an exercise, as multiples of one call's limit."""


def start_worker(launcher: Launcher, limits: Limits | None, least: str, allowance: Allowance | None = None) -> Worker:
    """Start a worker; IsolationError if it is less isolated than ``least``, before it receives anything.

    allowance: the total that its hand-in may use; UsedUpError where nothing is left.
    """
    if allowance:
        allowance.refuse_if_used_up()
    worker = Worker(launcher, limits, allowance)
    try:
        worker.isolation.demand(least)
    except IsolationError:
        worker.close()
        raise
    return worker


@dataclass(frozen=True)
class Context:
    """What code is run in.

    launcher: forks the workers (None where ``live`` is given); live: a notebook's names, run in this process.
    """

    loaded: Loaded
    launcher: Launcher | None
    options: Options
    live: dict[str, Any] | None = None


class Workplace:
    """Workers for one exercise of one submission.

    load_errors: names that could not be defined, with what their definition raised; workers: all that were started.
    faults: tracebacks of the grader's own failures; allowance: the total that the submission may use.
    """

    def __init__(
        self,
        context: Context,
        exercise: Exercise,
        submission: Submission,
        earlier: Mapping[str, list[Any]],
        allowance: Allowance | None = None,
    ) -> None:
        self.allowance = allowance
        self.context = context
        self.options = context.options
        self.exercise = exercise
        self.submission = submission
        self._own_earlier = {} if earlier is context.loaded.earlier else earlier
        self.earlier = _bare_earlier(earlier) if exercise.capstone and self._own_earlier else earlier
        self.load_errors: dict[str, SubjectRaisedError] = {}
        self.workers: list[Worker] = []
        self.faults: list[str] = []
        self._subject: Subject | None = None

    @property
    def memory_mb(self) -> int:
        """Memory in MB that one worker may use beyond the interpreter's own."""
        return self.options.limits.memory_mb

    @cached_property
    def too_much_data(self) -> str:
        """Say in a sentence that this capstone's code, or earlier work that it runs on, carries too much data."""
        own = too_much_data(chunk.source for _, chunk in self.submission.slice(self.exercise))
        if own:
            return own
        for module, groups in self._own_earlier.items():
            if said := too_much_data(source for _, chunks in groups for _, _, source in chunks):
                return f"{module}, which it uses: {said}"
        return ""

    def subject(self, check: Check) -> Subject:
        """The worker that runs the exercise's checks one after the other, on the check's backend."""
        if self._subject is None:
            live = self.context.live
            self._subject = (
                self._start(self.options.limits) if live is None else LocalSubject.live(live, self.exercise.support)
            )
        return self._subject.on(check.backend or self.options.backend)

    def end(self) -> None:
        """End that worker; the next check begins with a fresh one."""
        if isinstance(self._subject, RemoteSubject):
            self._subject.worker.close()
        self._subject = None

    def limits(self, check: Check) -> Limits:
        """Limits of one call: a capstone has its own."""
        limits = self.options.limits
        if check.cpu_s is None:
            return limits
        wall, life = 4 * check.cpu_s + limits.wall_s, int(4 * check.cpu_s) + limits.life_cpu_s
        return replace(limits, cpu_s=check.cpu_s, wall_s=wall, life_cpu_s=life)

    @contextlib.contextmanager
    def fresh(self, limits: Limits) -> Iterator[RemoteSubject]:
        """Start a worker with the submission, for the duration of the block."""
        subject = self._start(limits)
        try:
            yield subject
        finally:
            subject.worker.close()

    @contextlib.contextmanager
    def fresh_reference(self) -> Iterator[RemoteSubject]:
        """Start a worker with the reference, for the duration of the block; it holds no student code."""
        loaded = self.context.loaded
        with self._fresh_course(loaded.reference.chunks) as subject:
            yield subject

    @contextlib.contextmanager
    def fresh_frozen(self) -> Iterator[RemoteSubject]:
        """Start a worker with the author's plain version of the exercise, likewise."""
        loaded, exercise = self.context.loaded, self.exercise
        source = exercise.varied(loaded.source_of(exercise), exercise.variants.get(FROZEN))
        with self._fresh_course(loaded.variant(exercise, source)) as subject:
            yield subject

    @contextlib.contextmanager
    def _fresh_course(self, chunks: tuple[Chunk, ...]) -> Iterator[RemoteSubject]:
        loaded = self.context.loaded
        subject = self._prepare(self.options.limits, loaded.earlier, trusted=True)
        try:
            subject.request("load", name=loaded.assignment.module, chunks=wire(chunks))
            yield subject
        finally:
            subject.worker.close()
            subject.worker.tried.clear()  # by the course's own code

    @contextlib.contextmanager
    def fresh_yardsticks(self) -> Iterator[RemoteSubject]:
        """Start a worker with the yardstick's pieces of work, which stand in for the reference, within the block."""
        subject = self._prepare(self.options.limits, {}, trusted=True)
        try:
            subject.request("support", text=yardstick.SOURCE)
            yield subject
        finally:
            subject.worker.close()
            subject.worker.tried.clear()  # by the grader's own code

    def _prepare(self, limits: Limits, earlier: Mapping[str, list[Any]], *, trusted: bool = False) -> RemoteSubject:
        """Start a worker with the code that precedes the submission; a trusted worker's use does not count for it."""
        assert self.context.launcher is not None  # noqa: S101 - only a live class goes without
        allowance = None if trusted else self.allowance
        worker = start_worker(self.context.launcher, limits, self.options.isolation, allowance)
        self.workers.append(worker)
        subject = RemoteSubject(worker)
        subject.backend = self.options.backend
        if earlier:
            subject.request("provide", modules=earlier)
        if self.exercise.support:
            subject.request("support", text=self.exercise.support)
        return subject

    def _start(self, limits: Limits) -> RemoteSubject:
        """Start a worker and load what the exercise needs; a statement that ends the worker is found and left out."""
        subject = self._prepare(limits, self.earlier)
        kept = self.submission.slice(self.exercise)
        try:
            problems = self._load(subject, kept)
        except UsedUpError:
            raise
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
                self._note_problem(kept[problem["chunk"]], problem)
        return subject

    def _load(self, subject: RemoteSubject, kept: list[tuple[int, Chunk]]) -> Any:
        """Execute statements; together they may take a few times as long as one."""
        limits, module = self.options.limits, self.context.loaded.assignment.module
        whole = replace(limits, cpu_s=LOADING * limits.cpu_s, idle_s=limits.idle_s + LOADING * ASLEEP_S)
        chunks = wire(tuple(chunk for _, chunk in kept))
        if self.exercise.capstone:  # docstrings and comments could hold weights
            chunks = _bare(chunks)
        return subject.request("load", name=module, chunks=chunks, seconds=STATEMENT * limits.cpu_s, limits=whole)

    def _note_problem(self, statement: tuple[int, Chunk], problem: dict[str, Any]) -> None:
        """Record what a statement raised; one that took too long is left out of every later load."""
        number, chunk = statement
        if problem["type"] == TooLongError.__name__ and len(self.submission.poisoned) < MAX_POISONED:
            problem = {"type": "", "message": self._left_out(chunk, f"{problem['message'][:100]}: it is left out")}
            self.submission.poisoned[number] = problem["message"]
        self._blame_load(number, problem)

    def _left_out(self, chunk: Chunk, why: str) -> str:
        what = f" (definition of {', '.join(chunk.defines)})" if chunk.defines else ""
        return f"{self.submission.file}: {chunk.label}, line {chunk.line}{what} {why}."

    def _blame_load(self, number: int, described: dict[str, Any]) -> None:
        names = self.submission.extraction.chunks[number].defines
        self.load_errors.update({name: SubjectRaisedError(described) for name in names})

    def _find_poison(self, kept: list[tuple[int, Chunk]], limits: Limits) -> bool:
        """Load one statement at a time to find one that ends the worker; return whether there was one."""
        subject = self._prepare(limits, self.earlier)
        try:
            for number, chunk in kept:
                try:
                    self._load(subject, [(number, chunk)])
                except UsedUpError:
                    raise
                except SubjectLostError as lost:
                    self.submission.poisoned[number] = self._left_out(chunk, str(lost))
                    return True
        finally:
            subject.worker.close()
        return False


def _bare(chunks: list[Any]) -> list[Any]:
    """Statements as they are sent, without docstrings and comments."""
    return [[label, line, bare(source)] for label, line, source in chunks]


def _bare_earlier(earlier: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {module: [[names, _bare(chunks)] for names, chunks in groups] for module, groups in earlier.items()}
