"""Speed as a ratio: the worker's CPU time against the reference's in the same minute, read from outside.

Pairs alternate in order, every pair has fresh inputs, every timed output is verified.  The median
decides; where it lies near the limit, more worker pairs are measured before it does.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from autograder.spec import Case, Check, Speed, Trial
from autograder.verdict import Timing

if TYPE_CHECKING:
    from autograder.compare import Mismatch
    from autograder.subject import LocalSubject, RemoteSubject

__all__ = ["measure"]

WORKER_PAIRS = 3
PAIRS_EACH = 5
CLEAR = 1.5
HOPELESS = 8.0

Open = Callable[[], "AbstractContextManager[RemoteSubject]"]


def measure(
    check: Check, open_student: Open, open_reference: Open, local: LocalSubject, rng: np.random.Generator
) -> tuple[Timing, Mismatch | None]:
    """Measure one speed check.

    open_student, open_reference: start a fresh worker each; local: the reference in this process,
    which shapes parameters.  Returns the figures, and a Mismatch where a timed output was wrong.
    """
    speed = check.speed
    assert speed is not None  # noqa: S101 - the caller dispatches on it
    ratios: list[float] = []
    mismatch = None
    for _ in range(WORKER_PAIRS):
        with open_student() as student, open_reference() as reference:
            for ratio, mismatch in _pairs(check, student, reference, local, rng):
                ratios.append(ratio)
                if mismatch or (len(ratios) > 1 and min(ratios) > HOPELESS * speed.at_most):
                    break
        if mismatch or _is_clear(ratios, speed):
            break
    figures = [round(ratio, 4) for ratio in ratios]
    return Timing(round(statistics.median(ratios), 4) if ratios else 0.0, speed.at_most, figures), mismatch


def _is_clear(ratios: list[float], speed: Speed) -> bool:
    median = statistics.median(ratios)
    return median > CLEAR * speed.at_most or median * CLEAR < speed.at_most


def _pairs(
    check: Check, student: RemoteSubject, reference: RemoteSubject, local: LocalSubject, rng: np.random.Generator
) -> Iterator[tuple[float, Mismatch | None]]:
    """Yield the ratio of each pair, and what was wrong with the student's output; the first pair only warms up."""
    speed = check.speed
    assert speed is not None and check.trial is not None  # noqa: S101, PT018 - every speed check has both
    case = check.cases(rng, local)[0]
    local.forget()
    trials = {subject: check.trial(subject, case) for subject in (student, reference)}
    for number in range(PAIRS_EACH + 1):
        fresh = speed.draw(rng, case)
        order = (student, reference) if number % 2 else (reference, student)
        spent = {subject: _cpu_seconds(subject, trials[subject], fresh) for subject in order}
        seen = {subject: trials[subject].collect() for subject in order}
        mismatch = check.judge(seen[student], seen[reference], fresh)
        ratio = spent[student] / max(spent[reference], 1e-9)
        if number or mismatch or ratio > HOPELESS * speed.at_most:
            yield ratio, mismatch


def _cpu_seconds(subject: RemoteSubject, trial: Trial, case: Case) -> float:
    trial.renew(case)
    before = subject.worker.cpu_seconds()
    trial.go()
    return subject.worker.cpu_seconds() - before
