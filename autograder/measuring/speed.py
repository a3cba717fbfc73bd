"""Speed as a ratio: the worker's CPU time relative to the reference's in the same minute, read from outside.

Both compute alternately on one core, so that other users of the core slow both equally.  The order of pairs alternates,
every pair has fresh inputs, every timed output that counts is correct.  An interval of the median decides; if it
contains the limit, more is measured, up to a maximum; after that, the check earns full points.

Without the reference, its time is known as a multiple of each of a few pieces of work (``yardstick``): every piece
gives its own estimate, and there is a verdict only if all of them lie on the same side of the limit.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from autograder.measuring import hotspots, timing, yardstick
from autograder.measuring.ratio import Ratio
from autograder.measuring.timing import Meter, Spent
from autograder.report import HotSpot, Pace, Pair, Timing
from autograder.spec import Bench, Check, Judgement, Observations, Stored
from autograder.spec.comparison import Mismatch
from autograder.subject import RemoteSubject, SubjectLostError, SubjectRaisedError

__all__ = ["MOST", "Record", "Speed", "compare", "estimate", "pairs_of"]

CLEAR = 1.5
"""If all ratios differ from the limit by this factor, one pair of workers is enough."""
HOPELESS = 8.0
CONFIRMED = 2
"""Pairs with an incorrect output after which the code is incorrect."""
MOST = timing.ROUNDS * timing.WORKER_PAIRS
"""Pairs of workers."""
DIGITS = 4


@dataclass(frozen=True)
class Speed(Ratio):
    """A limit on CPU time, as a multiple of the reference's."""

    name: ClassVar[str] = "fast enough"
    part: ClassVar[str] = "speed"
    variant: ClassVar[str] = "slow"
    cost: ClassVar[str] = "speed"
    advice: ClassVar[str] = "Find the line that runs most often, and replace its loop by one operation on whole arrays."
    is_calibrated: ClassVar[bool] = True

    def measure(self, check: Check, bench: Bench) -> Judgement:
        """Time pairs of calls of code and reference."""
        figures, mismatch = compare(self, check, bench)
        return self.refuse(mismatch) if mismatch else self._judged(figures, check, bench)

    def estimate(self, check: Check, bench: Bench, stored: Stored | None) -> Judgement | None:
        """Time pairs of calls of the code and of the yardstick's pieces of work."""
        if stored is None or not stored.ratios:
            return None
        return self._judged(estimate(self, check, bench, stored.ratios), check, bench)

    def calibrate(self, check: Check, bench: Bench) -> Stored:
        """The reference's time as a multiple of every piece's."""
        measured = yardstick.ratios(self.run, check, bench)
        flat = {piece: [value for group in groups for value in group] for piece, groups in measured.items()}
        ratios = {piece: float(f"{statistics.median(values):.{DIGITS}g}") for piece, values in flat.items()}
        return Stored("", ratios=ratios)

    def _judged(self, figures: Timing, check: Check, bench: Bench) -> Judgement:
        if figures.pace is not Pace.OVER:
            return self.judge(figures, "")
        figures = msgspec.structs.replace(figures, hot=_hot_spots(check, bench))
        excess = "correct, but too slow"
        if figures.within_half:
            excess = f"correct, and within {figures.half_limit:g} × {figures.compared_with}: half of the points"
        advice = "look for a Python loop or for work that an array operation can save"
        return self.judge(figures, f"{excess}. {hotspots.sentence(figures.hot) or advice}")


def _hot_spots(check: Check, bench: Bench) -> list[HotSpot]:
    """Where the time goes, sampled in a separate worker: an explanation, on which the verdict does not depend."""
    with contextlib.suppress(SubjectRaisedError, SubjectLostError):
        case = bench.cases(check)[0]
        with bench.code() as subject:
            return hotspots.find(check, subject, case, bench.statements)
    return []


# --- with the reference ----------------------------------------------------------------------


@dataclass
class Record:
    """Everything measured so far: the ratios of each pair of workers."""

    limits: tuple[float, ...]
    groups: list[list[float]] = field(default_factory=list)
    raw: list[Pair] = field(default_factory=list)
    doubts: int = 0
    mismatch: Mismatch | None = None

    def add(self, ratio: float, raw: Pair, mismatch: Mismatch | None) -> None:
        """Record one pair; the first one with an incorrect output does not count, the second is the verdict.

        In single precision a sum in another order may land on the other side of a kink: of a ReLU behind a product,
        about once in a thousand calls.
        """
        self.doubts += mismatch is not None
        if mismatch and self.doubts < CONFIRMED:
            return
        self.groups[-1].append(ratio)
        self.raw.append(raw)
        self.mismatch = mismatch

    @property
    def ratios(self) -> list[float]:
        """Every pair's ratio."""
        return [ratio for group in self.groups for ratio in group]

    def is_hopeless(self) -> bool:
        """Whether every pair is so far off that more measurements would only cost time."""
        return len(self.ratios) > 1 and min(self.ratios) > HOPELESS * max(self.limits)

    def is_clear(self) -> bool:
        """Whether every ratio is far on the same side of every limit; failing takes two pairs of workers."""
        low, high = min(self.ratios), max(self.ratios)
        return all((low > CLEAR * limit and len(self.groups) > 1) or high * CLEAR < limit for limit in self.limits)

    def is_decided(self) -> bool:
        """Whether the interval lies on one side of every limit."""
        return all(self.pace(limit) is not Pace.OPEN for limit in self.limits)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more is measured."""
        whole_round = len(self.groups) % timing.WORKER_PAIRS == 0
        return bool(self.mismatch or self.is_hopeless() or self.is_clear() or (whole_round and self.is_decided()))

    def pace(self, limit: float) -> Pace:
        """The verdict as far as it is known."""
        return timing.judge(self.groups, limit, last=len(self.groups) >= MOST)

    def verdict(self, limit: float) -> Pace:
        """The verdict where nothing more is measured; limit: one of its limits."""
        if self.is_hopeless():
            return Pace.OVER
        if self.is_clear():
            return Pace.OVER if self.ratios[0] > limit else Pace.UNDER
        return self.pace(limit)


def compare(speed: Speed, check: Check, bench: Bench) -> tuple[Timing, Mismatch | None]:
    """Measure code and reference: the figures, and a Mismatch if a timed output was incorrect."""
    record = Record(speed.limits)
    for number in range(MOST):
        record.groups.append([])
        with bench.code() as code, bench.reference() as reference:
            timing.share_core((code, reference), number)
            for ratio, raw, mismatch in pairs_of(speed, check, bench, code, reference):
                record.add(ratio, raw, mismatch)
                if record.mismatch or record.is_hopeless():
                    break
        if record.is_finished:
            break
    return _figures(record, speed), record.mismatch


def _figures(record: Record, speed: Speed) -> Timing:
    found = timing.interval(record.ratios)
    return Timing(
        ratio=round(statistics.median(record.ratios), 4),
        limit=speed.at_most,
        pairs=[round(ratio, 4) for ratio in record.ratios],
        low=round(found.low, 4),
        high=round(found.high, 4),
        pace=record.verdict(speed.at_most),
        half_limit=speed.half_at,
        within_half=speed.half_at is not None and record.verdict(speed.half_at) is not Pace.OVER,
        against=speed.against,
        raw=record.raw,
    )


def pairs_of(
    speed: Speed, check: Check, bench: Bench, code: RemoteSubject, reference: RemoteSubject
) -> Iterator[tuple[float, Pair, Mismatch | None]]:
    """Yield each pair's ratio, its figures, and a Mismatch of an incorrect output; the first pair only warms up."""
    case = bench.cases(check)[0]
    ours, theirs = (Meter(subject, check.prepare(subject, case)) for subject in (code, reference))
    empty = theirs.empty_call()
    for number in range(timing.PAIRS_EACH + 1):
        fresh = speed.run.draw(bench.rng, case)
        order = (ours, theirs) if number % 2 else (theirs, ours)
        spent = {meter: meter.run(fresh, empty * meter.trial.calls) for meter in order}
        seen: dict[Meter, Observations] = {}
        for meter in order:
            seen[meter], spent[meter] = meter.collect(spent[meter])
        mismatch = check.judge(seen[ours], seen[theirs], fresh)
        later = timing.deferred(spent[ours], spent[theirs])
        ratio = (spent[ours].charged + later) / spent[theirs].computing
        if number or mismatch or ratio > HOPELESS * speed.at_most:
            yield ratio, _pair(spent[ours], spent[theirs], later), mismatch


def _pair(ours: Spent, theirs: Spent, later: float) -> Pair:
    seconds = (ours.charged, theirs.computing, ours.wall, theirs.wall, later)
    code, reference, code_wall, reference_wall, deferred = (round(value, 7) for value in seconds)
    return Pair(code, reference, code_wall, reference_wall, deferred, ours.instructions, theirs.instructions)


# --- without the reference -------------------------------------------------------------------


def estimate(speed: Speed, check: Check, bench: Bench, stored: Mapping[str, float]) -> Timing:
    """Estimate the ratio to a reference of which only ``stored``, its ratios to the pieces, is known."""
    limit, half = speed.at_most, speed.half_at
    by_piece: dict[str, list[list[float]]] = {piece: [] for piece in yardstick.PIECES if stored.get(piece, 0) > 0}
    for _ in range(timing.ROUNDS):
        for piece, groups in yardstick.ratios(speed.run, check, bench).items():
            if piece in by_piece:
                by_piece[piece] += [[value / stored[piece] for value in group] for group in groups]
        pace = _agreed([timing.judge(groups, limit) for groups in by_piece.values()])
        if pace is not Pace.OPEN:
            break
    flat = [[ratio for group in groups for ratio in group] for groups in by_piece.values()]
    intervals = [timing.interval(values) for values in flat]
    return Timing(
        ratio=round(statistics.median(statistics.median(values) for values in flat), 4),
        limit=limit,
        pairs=[round(statistics.median(values), 4) for values in flat],
        low=round(min(interval.low for interval in intervals), 4),
        high=round(max(interval.high for interval in intervals), 4),
        pace=pace,
        half_limit=half,
        within_half=half is not None and all(timing.judge(g, half) is not Pace.OVER for g in by_piece.values()),
        estimated=True,
        against=speed.against,
    )


def _agreed(paces: list[Pace]) -> Pace:
    """The common verdict of all pieces; too close to decide if they differ."""
    return paces[0] if len(set(paces)) == 1 else Pace.OPEN
