"""Where a submission's code runs: workers for one exercise, started, loaded, replaced, ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autograder import yardstick
from autograder.catalogue import wire
from autograder.isolation.host import Worker
from autograder.isolation.launcher import Launcher, Limits
from autograder.isolation.levels import IsolationError
from autograder.spec import Check, Exercise
from autograder.subject import LocalSubject, RemoteSubject, Subject, SubjectLostError, SubjectRaisedError

if TYPE_CHECKING:
    from autograder.catalogue import Loaded
    from autograder.submission import Submission

__all__ = ["Settings", "Workplace", "start_worker"]

MAX_POISONED = 8


def start_worker(launcher: Launcher, limits: Limits | None, least: str) -> Worker:
    """Start a worker; IsolationError where it is less isolated than ``least``, before it is given anything."""
    worker = Worker(launcher, limits)
    try:
        worker.isolation.demand(least)
    except IsolationError:
        worker.close()
        raise
    return worker


@dataclass(frozen=True)
class Settings:
    """How code is run.

    launcher: forks the workers (None where ``live`` is given); limits: of one call; backend: where arrays live.
    live: a notebook's names, run in this process; threads: workers side by side; capstones: whether to train;
    isolation: the least level at which a worker is given student code.
    """

    loaded: Loaded
    launcher: Launcher | None
    limits: Limits
    backend: str
    live: dict[str, Any] | None
    threads: int
    capstones: bool
    isolation: str


class Workplace:
    """Workers for one exercise of one submission.

    load_errors: names that could not be defined, with what their definition raised; workers: all that were started.
    """

    def __init__(
        self, settings: Settings, exercise: Exercise, submission: Submission, earlier: Mapping[str, list[Any]]
    ) -> None:
        self.settings = settings
        self.exercise = exercise
        self.submission = submission
        self.earlier = earlier
        self.load_errors: dict[str, SubjectRaisedError] = {}
        self.workers: list[Worker] = []
        self._subject: Subject | None = None

    @property
    def memory_mb(self) -> int:
        """Memory that one worker may use beyond the interpreter's own."""
        return self.settings.limits.memory_mb

    def subject(self, check: Check) -> Subject:
        """The worker that serves the exercise's checks one after the other, on the check's backend."""
        if self._subject is None:
            live = self.settings.live
            self._subject = (
                self._start(self.settings.limits) if live is None else LocalSubject.live(live, self.exercise.support)
            )
        return self._subject.on(check.backend or self.settings.backend)

    def end(self) -> None:
        """End that worker; the next check begins with a fresh one."""
        if isinstance(self._subject, RemoteSubject):
            self._subject.worker.close()
        self._subject = None

    def limits(self, check: Check) -> Limits:
        """Bounds of one call: a capstone brings its own."""
        limits = self.settings.limits
        if check.cpu_s is None:
            return limits
        wall, life = 4 * check.cpu_s + limits.wall_s, int(4 * check.cpu_s) + limits.life_cpu_s
        return replace(limits, cpu_s=check.cpu_s, wall_s=wall, life_cpu_s=life)

    @contextlib.contextmanager
    def fresh(self, limits: Limits) -> Iterator[RemoteSubject]:
        """Start a worker with the submission, for the length of the block."""
        subject = self._start(limits)
        try:
            yield subject
        finally:
            subject.worker.close()

    @contextlib.contextmanager
    def fresh_reference(self) -> Iterator[RemoteSubject]:
        """Start a worker with the reference, for the length of the block; no code of a student's is in it."""
        loaded = self.settings.loaded
        subject = self._prepare(self.settings.limits, loaded.earlier)
        try:
            subject.request("load", name=loaded.assignment.module, chunks=wire(loaded.reference.chunks))
            yield subject
        finally:
            subject.worker.close()
            subject.worker.tried.clear()  # by the course's own code

    @contextlib.contextmanager
    def fresh_yardsticks(self) -> Iterator[RemoteSubject]:
        """Start a worker with the pieces of work that stand in for the reference, for the length of the block."""
        subject = self._prepare(self.settings.limits, {})
        try:
            subject.request("support", text=yardstick.SOURCE)
            yield subject
        finally:
            subject.worker.close()
            subject.worker.tried.clear()  # by the grader's own code

    def _prepare(self, limits: Limits, earlier: Mapping[str, list[Any]]) -> RemoteSubject:
        assert self.settings.launcher is not None  # noqa: S101 - only a live class goes without
        worker = start_worker(self.settings.launcher, limits, self.settings.isolation)
        self.workers.append(worker)
        subject = RemoteSubject(worker)
        subject.backend = self.settings.backend
        if earlier:
            subject.request("provide", modules=earlier)
        if self.exercise.support:
            subject.request("support", text=self.exercise.support)
        return subject

    def _start(self, limits: Limits) -> RemoteSubject:
        """Start a worker and load the submission; a statement that ends it is found and left out."""
        subject = self._prepare(limits, self.earlier)
        kept = [(i, c) for i, c in enumerate(self.submission.chunks) if i not in self.submission.poisoned]
        try:
            problems = subject.request("load", name=self.settings.loaded.assignment.module, chunks=[c for _, c in kept])
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
        subject = self._prepare(limits, self.earlier)
        try:
            for number, chunk in kept:
                try:
                    subject.request("load", name=self.settings.loaded.assignment.module, chunks=[chunk])
                except SubjectLostError as lost:
                    statement = self.submission.extraction.chunks[number]
                    what = f" (definition of {', '.join(statement.defines)})" if statement.defines else ""
                    sentence = f"{self.submission.file}: {statement.label}, line {statement.line}{what} {lost}."
                    self.submission.poisoned[number] = sentence
                    return True
        finally:
            subject.worker.close()
        return False
