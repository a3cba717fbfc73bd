"""Measuring and judging time: a worker's clocks, read from outside, and an interval of a median.

What a worker computes before its inputs arrive, and until its outputs are handed over, is charged to the same call.
An interval of the median decides; if it contains the limit, more must be measured.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from autograder.measuring.cores import usable
from autograder.report import Pace
from autograder.spec import Case, Observations, Trial

if TYPE_CHECKING:
    from autograder.subject import RemoteSubject

__all__ = ["Interval", "Meter", "Spent", "deferred", "interval", "judge", "share_core"]

WORKER_PAIRS = 3
PAIRS_EACH = 5
ROUNDS = 5
"""Of ``WORKER_PAIRS`` pairs of workers each, at most; after the last, the interval alone decides."""
AGREEING = 0.75
"""Share of the pairs of workers whose own medians must lie on the same side before that: one outlier ends nothing."""
CONFIDENCE = 0.99
RESAMPLES = 1000
SLEEPING, GRACE_S = 4.0, 0.5
"""Sleep beyond this multiple of the CPU time, and this many seconds, is charged: sleeping saves nothing."""
EMPTY_CALLS = 5
LEAST_S = 1e-6


@dataclass(frozen=True)
class Interval:
    """A confidence interval of the median of the ratios, at level ``CONFIDENCE``."""

    low: float
    high: float


def interval(ratios: list[float]) -> Interval:
    """Bootstrap interval of the median.

    Source: Efron & Tibshirani, An introduction to the bootstrap (1993), percentile interval; the resampling is
    seeded, so that the same ratios give the same verdict.
    """
    values = np.asarray(ratios)
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(np.median(values[drawn], axis=1), (tail, 100 - tail))
    return Interval(float(low), float(high))


def judge(groups: list[list[float]], limit: float, *, last: bool = False) -> Pace:
    """Whether the ratios lie under the limit, over it, or are undecided.

    groups: the ratios of each pair of workers; last: nothing more will be measured, so that only an interval that
    contains the limit is undecided.
    """
    ratios = [ratio for group in groups for ratio in group]
    if not ratios:
        return Pace.OPEN
    found = interval(ratios)
    over = statistics.fmean(statistics.median(group) > limit for group in groups if group)
    enough = 0.0 if last else AGREEING
    if found.high <= limit and 1 - over >= enough:
        return Pace.UNDER
    return Pace.OVER if found.low > limit and over >= enough else Pace.OPEN


def share_core(subjects: Iterable[RemoteSubject], number: int) -> None:
    """Bind workers whose times are compared to one core: the next core for the next ``number``."""
    cores = usable()
    core = cores[(os.getpid() + number) % len(cores)]  # simultaneous graders begin on different cores
    for subject in subjects:
        subject.worker.keep_to(core)


@dataclass(frozen=True)
class Spent:
    """The seconds that one subject spent on one pair: on the timed call, and on everything before and after it.

    asleep: of the timed call; to wait for a processor is no sleep, so a busy machine costs nobody points.
    """

    computing: float
    between: float
    wall: float
    asleep: float = 0.0
    instructions: int = 0

    @property
    def charged(self) -> float:
        """CPU time, and the time spent asleep if that is more than a little."""
        return self.computing + (self.asleep if self.asleep > SLEEPING * self.computing + GRACE_S else 0.0)


class Meter:
    """One worker with a trial, and the last readings of its clocks."""

    def __init__(self, subject: RemoteSubject, trial: Trial) -> None:
        self.subject = subject
        self.trial = trial
        self._clock = subject.worker.cpu_seconds()
        self._device_clock = 0.0
        self._counted = subject.worker.instructions()

    def _lap(self) -> float:
        before, self._clock = self._clock, self.subject.worker.cpu_seconds()
        return self._clock - before

    def _device_lap(self) -> float:
        """Seconds of the device's clock, as reported by the worker, if the arrays are on a device."""
        if self.subject.backend == "numpy":
            return 0.0
        reported = self.subject.request("device_seconds")
        now = float(reported) if isinstance(reported, int | float) and 0 <= reported < math.inf else 0.0
        before, self._device_clock = self._device_clock, now
        return now - before

    def _instructions_lap(self) -> int:
        if self._counted is None:
            return 0
        before, self._counted = self._counted, self.subject.worker.instructions()
        return (self._counted or before) - before

    def empty_call(self) -> float:
        """CPU seconds of a request that computes nothing."""
        laps = []
        for _ in range(EMPTY_CALLS):
            self._lap()
            self.subject.request("drop", handle=0)
            laps.append(self._lap())
        return min(laps)

    def run(self, case: Case, overhead: float) -> Spent:
        """Send the inputs ahead, then compute; the clock continues from the last reading of the outputs.

        overhead: CPU seconds of the request itself, which are not charged; at most half of the total.
        """
        self.trial.renew(case)
        between = self._lap()
        self._instructions_lap()
        asleep, started = self.subject.worker.asleep_seconds(), time.perf_counter()
        self.trial.go()
        wall, asleep = time.perf_counter() - started, self.subject.worker.asleep_seconds() - asleep
        spent = self._lap()
        computing = max(spent - min(overhead, spent / 2), self._device_lap(), LEAST_S)
        return Spent(computing, between, wall, asleep, self._instructions_lap())

    def collect(self, spent: Spent) -> tuple[Observations, Spent]:
        """Read the outputs; add what the worker has computed since the call that made them."""
        seen = self.trial.collect()
        return seen, replace(spent, between=spent.between + self._lap())


def deferred(ours: Spent, theirs: Spent) -> float:
    """CPU seconds that sending inputs and reading outputs took beyond the reference's: work done at another moment."""
    return max(0.0, ours.between - theirs.between)
