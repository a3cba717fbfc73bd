"""Speed as a ratio: the worker's CPU time against the reference's in the same minute, read from outside.

Both compute on one core, in turn: a core's other users slow both alike.  Pairs alternate in order, every pair has fresh
inputs, every timed output is verified.  What a worker computes before its inputs have come, and until its outputs have
been handed over, is charged to the same pair.  An interval of the median decides; where it holds the limit, more is
measured, up to a bound, and then nobody loses a point.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from autograder.measuring.cores import usable
from autograder.report.verdict import Pace, Pair, Timing
from autograder.spec import Case, Check, Observations, Speed, Trial

if TYPE_CHECKING:
    from autograder.spec.comparison import Mismatch
    from autograder.subject import LocalSubject, Open, RemoteSubject

__all__ = ["Interval", "Meter", "Spent", "interval", "judge", "measure", "put_off", "share_core"]

WORKER_PAIRS = 3
PAIRS_EACH = 5
ROUNDS = 5
"""Of ``WORKER_PAIRS`` pairs of workers each, before a ratio is called too close to tell."""
CLEAR = 1.5
"""Off the limit by this factor throughout, one pair of workers is enough."""
HOPELESS = 8.0
AGREEING = 0.75
"""Share of the pairs of workers whose own medians must lie on the same side: one odd process decides nothing."""
CONFIDENCE = 0.99
RESAMPLES = 1000
SLEEPING, GRACE_S = 4.0, 0.5
"""Time by the clock beyond so many times the CPU time, and so many seconds, is time as well: sleeping does not pay."""
EMPTY_CALLS = 5
LEAST_S = 1e-6
BETWEEN = 1.5
"""CPU time between calls beyond so many times the reference's is work that was put off."""


@dataclass(frozen=True)
class Interval:
    """Where the median of the ratios lies: between ``low`` and ``high``, with ``CONFIDENCE``."""

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


def judge(groups: list[list[float]], limit: float) -> Pace:
    """Whether the ratios lie wholly under the limit, wholly over it, or cannot tell yet.

    groups: the ratios of each pair of workers.
    """
    ratios = [ratio for group in groups for ratio in group]
    if not ratios:
        return Pace.OPEN
    found = interval(ratios)
    over = statistics.fmean(statistics.median(group) > limit for group in groups if group)
    if found.high <= limit and 1 - over >= AGREEING:
        return Pace.UNDER
    return Pace.OVER if found.low > limit and over >= AGREEING else Pace.OPEN


@dataclass
class _Record:
    """Everything measured so far."""

    limits: tuple[float, ...]
    groups: list[list[float]] = field(default_factory=list)
    raw: list[Pair] = field(default_factory=list)
    mismatch: Mismatch | None = None

    @property
    def ratios(self) -> list[float]:
        """Every pair's ratio."""
        return [ratio for group in self.groups for ratio in group]

    def is_hopeless(self) -> bool:
        """Whether every pair is so far off that measuring on would only cost time."""
        return len(self.ratios) > 1 and min(self.ratios) > HOPELESS * max(self.limits)

    def is_clear(self) -> bool:
        """Whether every ratio is on the same side of every limit, and far off; to fail takes two pairs of workers."""
        low, high = min(self.ratios), max(self.ratios)
        return all((low > CLEAR * limit and len(self.groups) > 1) or high * CLEAR < limit for limit in self.limits)

    def is_decided(self) -> bool:
        """Whether the interval lies beside every limit."""
        return all(judge(self.groups, limit) is not Pace.OPEN for limit in self.limits)


def measure(
    check: Check, open_student: Open, open_reference: Open, local: LocalSubject, rng: np.random.Generator
) -> tuple[Timing, Mismatch | None]:
    """Measure one speed check.

    open_student, open_reference: start a fresh worker each; local: the reference in this process,
    which shapes parameters.  Returns the figures, and a Mismatch where a timed output was wrong.
    """
    speed = check.speed
    assert speed is not None  # noqa: S101
    record = _Record(tuple(limit for limit in (speed.at_most, speed.half_at) if limit is not None))
    for number in range(ROUNDS * WORKER_PAIRS):
        record.groups.append([])
        with open_student() as student, open_reference() as reference:
            share_core((student, reference), number)
            for ratio, raw, mismatch in _pairs(check, student, reference, local, rng):
                record.groups[-1].append(ratio)
                record.raw.append(raw)
                record.mismatch = mismatch
                if mismatch or record.is_hopeless():
                    break
        whole_round = (number + 1) % WORKER_PAIRS == 0
        if record.mismatch or record.is_hopeless() or record.is_clear() or (whole_round and record.is_decided()):
            break
    return _figures(record, speed), record.mismatch


def share_core(subjects: Iterable[RemoteSubject], number: int) -> None:
    """Keep workers whose times are compared to one core: the next core for the next ``number``."""
    cores = usable()
    core = cores[(os.getpid() + number) % len(cores)]  # graders at work at once begin on different ones
    for subject in subjects:
        subject.worker.keep_to(core)


def _figures(record: _Record, speed: Speed) -> Timing:
    found = interval(record.ratios)
    pace = Pace.OVER if record.is_hopeless() else judge(record.groups, speed.at_most)
    if record.is_clear():
        pace = Pace.OVER if record.ratios[0] > speed.at_most else Pace.UNDER
    return Timing(
        ratio=round(statistics.median(record.ratios), 4),
        limit=speed.at_most,
        pairs=[round(ratio, 4) for ratio in record.ratios],
        low=round(found.low, 4),
        high=round(found.high, 4),
        pace=pace,
        half_limit=speed.half_at,
        within_half=speed.half_at is not None and judge(record.groups, speed.half_at) is not Pace.OVER,
        raw=record.raw,
    )


@dataclass(frozen=True)
class Spent:
    """What one subject spent on one pair, in seconds: on the timed call, and on everything before it and after."""

    computing: float
    between: float
    wall: float
    instructions: int = 0

    @property
    def charged(self) -> float:
        """Time by the clock where most of that was slept through, else CPU time."""
        return self.wall if self.wall > SLEEPING * self.computing + GRACE_S else self.computing


class Meter:
    """One worker with a trial, and its clocks as of the last look."""

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
        """Seconds by the device's clock, where the arrays are on one, as the worker tells it."""
        if self.subject.backend == "numpy":
            return 0.0
        told = self.subject.request("device_seconds")
        now = float(told) if isinstance(told, int | float) and 0 <= told < math.inf else 0.0
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
        """Send the inputs ahead, then compute; the clock goes on from the last look at the outputs.

        overhead: CPU seconds of the request itself, which are not the code's; at most half of what was spent.
        """
        self.trial.renew(case)
        between = self._lap()
        self._instructions_lap()
        started = time.perf_counter()
        self.trial.go()
        wall = time.perf_counter() - started
        spent = self._lap()
        computing = max(spent - min(overhead, spent / 2), self._device_lap(), LEAST_S)
        return Spent(computing, between, wall, self._instructions_lap())

    def collect(self, spent: Spent) -> tuple[Observations, Spent]:
        """Look at the outputs; add what the worker has computed since the call that made them, be it idle or asked."""
        seen = self.trial.collect()
        return seen, replace(spent, between=spent.between + self._lap())


def _pairs(
    check: Check, student: RemoteSubject, reference: RemoteSubject, local: LocalSubject, rng: np.random.Generator
) -> Iterator[tuple[float, Pair, Mismatch | None]]:
    """Yield each pair's ratio, what it comes from, and what was wrong with the output; the first pair only warms up."""
    speed = check.speed
    assert speed is not None  # noqa: S101
    case = check.cases(rng, local)[0]
    local.forget()
    assert check.trial is not None  # noqa: S101 - every speed check has one
    ours, theirs = (Meter(subject, check.trial(subject, case)) for subject in (student, reference))
    empty = theirs.empty_call()
    for number in range(PAIRS_EACH + 1):
        fresh = speed.draw(rng, case)
        order = (ours, theirs) if number % 2 else (theirs, ours)
        spent = {meter: meter.run(fresh, empty * meter.trial.calls) for meter in order}
        seen: dict[Meter, Observations] = {}
        for meter in order:
            seen[meter], spent[meter] = meter.collect(spent[meter])
        mismatch = check.judge(seen[ours], seen[theirs], fresh)
        later = put_off(spent[ours], spent[theirs])
        ratio = (spent[ours].charged + later) / spent[theirs].computing
        if number or mismatch or ratio > HOPELESS * speed.at_most:
            yield ratio, _pair(spent[ours], spent[theirs], later), mismatch


def put_off(ours: Spent, theirs: Spent) -> float:
    """CPU seconds spent between calls beyond what the reference did: work that was not done when it was asked for."""
    return max(0.0, ours.between - BETWEEN * theirs.between - theirs.computing / 2)


def _pair(ours: Spent, theirs: Spent, later: float) -> Pair:
    seconds = (ours.charged, theirs.computing, ours.wall, theirs.wall, later)
    code, reference, code_wall, reference_wall, deferred = (round(value, 7) for value in seconds)
    return Pair(code, reference, code_wall, reference_wall, deferred, ours.instructions, theirs.instructions)
