"""Speed and memory where the reference is not: estimates against what everybody's machine can run.

At release the reference is measured against a few fixed pieces of work; on a student's machine the code is measured
against the same pieces.  Machines differ in what they are good at, so every piece gives an estimate of its own, and
only where all of them lie on the same side of the limit is there a verdict.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from autograder.measuring import footprint, timing
from autograder.report.verdict import Footprint, Pace, Timing
from autograder.spec import Check, Trial

if TYPE_CHECKING:
    from autograder.subject import Instance, Open, RemoteSubject, Subject

__all__ = ["FILE", "SOURCE", "Stored", "Yardsticks", "estimate", "peak", "ratios", "read", "weigh"]

FILE = "yardsticks.json"
SOURCE = """
import numpy as np

_copied = np.empty(100_000, "float32")


def yardstick_matmul(a, _x):
    return a @ a


def yardstick_exp(_a, x):
    return np.exp(x)


def yardstick_copy(_a, x):
    for _ in range(16):
        np.copyto(_copied, x)
    return _copied


def yardstick_loop(_a, _x):
    total = 0.0
    for number in range(4000):
        total += number * 0.5
    return total
"""
PIECES = ("matmul", "exp", "copy", "loop")
SIDE, LENGTH = 224, 100_000
"""Of the matrix and of the vector that the pieces work on, float32: a fraction of a millisecond each."""


class Stored(msgspec.Struct, frozen=True):
    """What the reference took at release on one check: a multiple of every piece, or bytes at its peak.

    of: hash of what was measured, so that figures of another reference are not kept.
    """

    of: str
    ratios: dict[str, float] = {}
    peak: int = 0


class Yardsticks(msgspec.Struct, frozen=True):
    """Figures of one assignment, by exercise and check."""

    format: int = 1
    exercises: dict[str, dict[str, Stored]] = {}

    def find(self, exercise: str, check: str) -> Stored | None:
        """Figures of one check; None where none were stored."""
        return self.exercises.get(exercise, {}).get(check)


def read(folder: Path) -> Yardsticks:
    """Read an assignment's figures; none where there is no file that can be read as such."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Yardsticks)
    except (OSError, msgspec.DecodeError):
        return Yardsticks()


def ratios(
    check: Check, open_code: Open, open_pieces: Open, shapes: Subject, rng: np.random.Generator
) -> dict[str, list[list[float]]]:
    """CPU time as a multiple of every piece's: one list for each of some fresh pairs of workers.

    open_pieces: starts a worker that holds ``SOURCE``; shapes: an implementation that shapes the check's case.
    """
    found: dict[str, list[list[float]]] = {piece: [] for piece in PIECES}
    for number in range(timing.WORKER_PAIRS):
        with open_code() as code, open_pieces() as other:
            timing.share_core((code, other), number)
            for piece, values in _pairs(check, code, other, shapes, rng).items():
                found[piece].append(values)
    return found


def _pairs(
    check: Check, code: RemoteSubject, other: RemoteSubject, shapes: Subject, rng: np.random.Generator
) -> dict[str, list[float]]:
    assert check.speed is not None  # noqa: S101 - the caller dispatches on it
    assert check.trial is not None  # noqa: S101 - every measured check has one
    case = check.cases(rng, shapes)[0]
    shapes.forget()
    ours = timing.Meter(code, check.trial(code, case))
    theirs = {piece: timing.Meter(other, _trial(other, piece)) for piece in PIECES}
    empty = ours.empty_call()
    found: dict[str, list[float]] = {piece: [] for piece in PIECES}
    for number in range(timing.PAIRS_EACH + 1):
        spent = ours.run(check.speed.draw(rng, case), empty * ours.trial.calls).charged
        for piece, meter in theirs.items():
            its = meter.run(case, empty).computing
            if number:  # the first only warms up
                found[piece].append(spent / its)
    return found


def _trial(subject: RemoteSubject, piece: str) -> Trial:
    rng = np.random.default_rng(0)
    shapes = ((SIDE, SIDE), (LENGTH,))
    sent = [subject.put(rng.normal(size=shape).astype("float32")) for shape in shapes]
    kept: list[Instance] = []

    def go() -> None:
        kept[:] = [subject.compute(f"support.yardstick_{piece}", *sent)]

    return Trial(lambda _case: None, go, dict)


def estimate(
    check: Check,
    open_code: Open,
    open_pieces: Open,
    shapes: Subject,
    rng: np.random.Generator,
    *,
    stored: Mapping[str, float],
) -> Timing:
    """Estimate a ratio to a reference of which only ``stored``, its own ratios to the pieces, is known."""
    assert check.speed is not None  # noqa: S101 - the caller dispatches on it
    limit, half = check.speed.at_most, check.speed.half_at
    by_piece: dict[str, list[list[float]]] = {piece: [] for piece in PIECES if stored.get(piece, 0) > 0}
    for _ in range(timing.ROUNDS):
        for piece, groups in ratios(check, open_code, open_pieces, shapes, rng).items():
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
    )


def _agreed(paces: list[Pace]) -> Pace:
    """What every piece says; too close to tell where they differ."""
    return paces[0] if len(set(paces)) == 1 else Pace.OPEN


def peak(check: Check, open_code: Open, shapes: Subject, rng: np.random.Generator) -> tuple[int, int]:
    """Bytes by which a worker grows at its peak and for good in one call of a memory check.

    Raises NotMeasuredError where the system does not tell a process's memory.
    """
    assert check.memory is not None  # noqa: S101 - the caller dispatches on it
    case = check.cases(rng, shapes)[0]
    shapes.forget()
    with open_code() as code:
        found, kept, _ = footprint.grow(check, code, case, check.memory.draw(rng, case))
    return found, kept


def weigh(check: Check, open_code: Open, shapes: Subject, rng: np.random.Generator, *, stored: int) -> Footprint:
    """Hold a peak against ``stored``, the reference's at release; NotMeasuredError as ``peak`` raises it."""
    assert check.memory is not None  # noqa: S101 - the caller dispatches on it
    found, kept = peak(check, open_code, shapes, rng)
    ratio, half = footprint.ratio(found, stored), check.memory.half_at
    within = half is not None and ratio <= half
    return Footprint(round(ratio, 3), check.memory.at_most, found, stored, kept, half, within, estimated=True)
