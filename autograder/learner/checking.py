"""Checks on a learner's machine: one zygote and one Grader stay warm, verdicts are remembered."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.learner import state
from autograder.learner.work import Work, open_work
from autograder.report import ExerciseResult, Report
from autograder.spec import EVERYTHING, Scope
from autograder.submission import SubmissionError

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.isolation.launcher import Launcher

__all__ = ["Checker", "check_changed", "verdict_of"]


class Checker:
    """Checks exercises of one assignment repeatedly, on inputs that are drawn once."""

    def __init__(self, loaded: Loaded, launcher: Launcher, *, threads: int = 1, scope: Scope = EVERYTHING) -> None:
        self._grader = Grader(loaded, launcher, Options(threads=threads, scope=scope))

    def check(self, work: Work, names: Iterable[str] | None = None) -> Report:
        """Check some exercises (all if None) and remember the verdicts."""
        self._grader.limit_to(names)
        report = self._grader.grade(work.submission, earlier=work.earlier)
        state.remember(work, report.exercises)
        return report

    def stop(self) -> None:
        """End checks that run in another thread, before this process exits without waiting for them."""
        self._grader.stop()


def verdict_of(work: Work, exercise: str, launcher: Launcher) -> ExerciseResult:
    """The verdict on the current text: the remembered one, or a fresh one."""
    known = state.last(state.read(work.loaded.root), work, exercise)
    return known or Checker(work.loaded, launcher).check(work, [exercise]).exercises[0]


def check_changed(root: Path, names: Iterable[str], launcher: Launcher, threads: int) -> list[str]:
    """Check every exercise whose verdict is out of date; return a sentence for each file that cannot be read."""
    problems = []
    for name in names:
        loaded = catalogue.load(name, root)
        try:
            work = open_work(loaded)
        except SubmissionError as error:
            problems.append(str(error))
            continue
        known = state.read(root)
        every = [exercise.name for exercise in loaded.assignment.exercises]
        if changed := [exercise for exercise in every if state.last(known, work, exercise) is None]:
            Checker(loaded, launcher, threads=threads).check(work, changed)
    return problems
