"""Runs of a course's own variants (mistakes, mutations) of one exercise, in workers that serve many of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from autograder.grading.grader import Grader, alike
from autograder.grading.session import Session
from autograder.grading.workplace import Context, Workplace
from autograder.isolation.launcher import Limits
from autograder.isolation.levels import IsolationError
from autograder.report import ExerciseResult, Status
from autograder.spec import Check, Exercise
from autograder.subject import RemoteSubject, SubjectLostError, SubjectRaisedError
from autograder.submission import Submission
from dlkit.extraction import Chunk, Extraction

__all__ = ["VariantRuns", "with_preconditions"]

LIFE = 0.5
"""Share of the computing time of a worker's life after which a fresh one takes its place."""


def with_preconditions(exercise: Exercise, checks: Iterable[Check]) -> list[Check]:
    """These checks and all that they come after, directly or not, in the exercise's order."""
    names = [check.name for check in checks]
    for name in names:
        names += [other for other in exercise.find(name).after if other not in names]
    return [check for check in exercise.checks if check.name in names]


class VariantRuns:
    """Runs variants of one assignment's exercises.

    What they run on (the earlier assignments, the checks' support code) is loaded once for many variants: what decides
    is the author's own code, which is not kept apart from the author's own code.
    """

    def __init__(self, grader: Grader) -> None:
        self._grader = grader
        self._spare: tuple[Exercise, RemoteSubject] | None = None

    def run(
        self,
        exercise: Exercise,
        chunks: tuple[Chunk, ...],
        checks: Iterable[Check],
        *,
        explains: bool = True,
        ends_at_failure: bool = False,
    ) -> ExerciseResult:
        """Run these checks and what they come after; explains, ends_at_failure: as a ``Session`` takes them."""
        submission = Submission("variant.py", Extraction(chunks), "")
        place = _SparingPlace(self._grader.context, exercise, submission, self._grader.loaded.earlier)
        place.spare, self._spare = self._taken(exercise), None
        try:
            result = Session(
                place,
                self._grader.diagnostics,
                checks=with_preconditions(exercise, checks),
                explains=explains,
                ends_at_failure=ends_at_failure,
            ).grade()
        except IsolationError:
            raise
        except Exception as error:  # noqa: BLE001 - as in grading: it is about this variant
            return alike(exercise, Status.BROKEN, f"the grader failed here ({type(error).__name__}: {error})")
        finally:
            self._spare = None if place.spare is None else (exercise, place.spare)
        return result

    def _taken(self, exercise: Exercise) -> RemoteSubject | None:
        if self._spare and self._spare[0] is exercise:
            return self._spare[1]
        self.close()
        return None

    def close(self) -> None:
        """End the worker that is kept."""
        if self._spare:
            self._spare[1].worker.close()
        self._spare = None


class _SparingPlace(Workplace):
    """A workplace that begins with the worker that another one has left, and leaves its own.

    spare: that worker, with what comes before the submission loaded; none where there is none.
    """

    def __init__(
        self, context: Context, exercise: Exercise, submission: Submission, earlier: Mapping[str, list[Any]]
    ) -> None:
        super().__init__(context, exercise, submission, earlier)
        self.spare: RemoteSubject | None = None
        self._takes_spare = False

    def subject(self, check: Check) -> RemoteSubject:
        """The worker that serves the exercise's checks: only this one may have served another variant."""
        self._takes_spare = True
        try:
            found = super().subject(check)
        finally:
            self._takes_spare = False
        assert isinstance(found, RemoteSubject)  # noqa: S101 - nothing here is live
        return found

    def _prepare(self, limits: Limits, earlier: Mapping[str, list[Any]], *, trusted: bool = False) -> RemoteSubject:
        if not self._takes_spare or self.spare is None:
            return super()._prepare(limits, earlier, trusted=trusted)
        subject, self.spare = self.spare, None
        self.workers.append(subject.worker)
        subject.request("load", name="", chunks=[])  # the next load of the assignment's module begins an empty one
        return subject

    def end(self) -> None:
        """Leave the worker to the next variant, unless it was lost or is worn out."""
        subject = self._subject
        if isinstance(subject, RemoteSubject) and subject.worker.is_alive and self.spare is None:
            with contextlib.suppress(SubjectLostError, SubjectRaisedError):
                subject.request("forget")
                if subject.worker.cpu_seconds() < LIFE * self.options.limits.life_cpu_s:
                    self.spare, self._subject = subject, None
                    return
        super().end()
