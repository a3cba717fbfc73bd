"""Which check is the first to catch a mutant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.grading.workplace import Workplace
from autograder.isolation.launcher import Launcher, Limits
from autograder.isolation.levels import IsolationError
from autograder.spec import Case, Check, Exercise, Scope
from autograder.subject import SubjectLostError, SubjectRaisedError
from autograder.submission import Submission
from dlkit.extraction import Extraction

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["Catcher", "Outcome"]

LIMITS = Limits(cpu_s=1.0, wall_s=60.0, memory_mb=1024)
"""Limits of one call: references compute for milliseconds, and a mutant that does not end is caught by these."""


@dataclass(frozen=True)
class Outcome:
    """The first check that failed (none if all passed), and the grader's own failure."""

    check: str = ""
    fault: str = ""

    @property
    def survived(self) -> bool:
        """Whether every check passed."""
        return not self.check


class Catcher:
    """Runs mutants of one assignment in workers, one check after the other up to the first that fails.

    scope: whether to run the checks that train.  Checks of speed, memory and growth compare values and measure
    nothing; they come last, because their cases are large.
    """

    def __init__(self, loaded: Loaded, launcher: Launcher, *, seed: int, threads: int, scope: Scope) -> None:
        self._loaded = loaded
        self._scope = scope
        self._threads = threads
        self._grader = Grader(loaded, launcher, Options(seed=seed, scope=scope, limits=LIMITS))

    def outcomes(self, exercise: Exercise, sources: Iterable[str]) -> list[Outcome]:
        """The outcome of each source, in order.  SpecError if a check has nothing to compare."""
        runnable = (check for check in self._scope.checks(exercise) if not check.device_only)
        checks = sorted(runnable, key=lambda check: bool(check.budget))
        for check in checks:
            self._grader.answers.of(exercise, check)  # computed before several threads need it
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(lambda source: self._outcome(exercise, checks, source), sources))

    def _outcome(self, exercise: Exercise, checks: Sequence[Check], source: str) -> Outcome:
        submission = Submission("mutant.py", Extraction(self._loaded.variant(exercise, source)), "")
        place = Workplace(self._grader.context, exercise, submission, self._loaded.earlier)
        try:
            for check in checks:
                try:
                    failed = self._fails(place, check)
                except (SubjectRaisedError, SubjectLostError):
                    return Outcome(check.name)
                except IsolationError:
                    raise
                except Exception as error:  # noqa: BLE001 - a check that fails itself has not passed
                    return Outcome(check.name, f"{type(error).__name__}: {error}")
                if failed:
                    return Outcome(check.name)
        finally:
            place.end()
        return Outcome()

    def _fails(self, place: Workplace, check: Check) -> bool:
        with np.errstate(all="ignore"):  # a mutant's numbers may be anything
            return any(
                check.judge(self._observed(place, check, case), expected, case)
                for case, expected in self._grader.answers.of(place.exercise, check)
            )

    def _observed(self, place: Workplace, check: Check, case: Case) -> dict[str, object]:
        if not check.capstone:
            return check.observe(place.subject(check), case)
        with place.fresh(place.limits(check)) as subject:
            return check.observe(subject.on(check.backend or "numpy"), case)
