"""Replaces the reference where it is not available: work that any machine can do, and stored figures.

At release the reference is measured against the pieces; on a student's machine the code is measured against the same
pieces.  Machines differ in their strengths, so there are several.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from autograder.measuring import timing
from autograder.spec import Bench, Check, Run, Stored, Trial
from autograder.subject import Instance, RemoteSubject

__all__ = ["FILE", "PIECES", "SOURCE", "Stored", "Yardsticks", "ratios", "read"]

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
"""Sizes of the float32 matrix and vector that the pieces work on: a fraction of a millisecond each."""


class Yardsticks(msgspec.Struct, frozen=True):
    """Figures of one assignment, by exercise and check."""

    format: int = 1
    exercises: dict[str, dict[str, Stored]] = {}

    def find(self, exercise: str, check: str) -> Stored | None:
        """Figures of one check; None if none were stored."""
        return self.exercises.get(exercise, {}).get(check)


def read(folder: Path) -> Yardsticks:
    """Read an assignment's figures; empty if there is no readable file."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Yardsticks)
    except (OSError, msgspec.DecodeError):
        return Yardsticks()


def ratios(run: Run, check: Check, bench: Bench) -> dict[str, list[list[float]]]:
    """CPU time as a multiple of every piece's: one list for each of some fresh pairs of workers."""
    found: dict[str, list[list[float]]] = {piece: [] for piece in PIECES}
    for number in range(timing.WORKER_PAIRS):
        with bench.code() as code, bench.pieces() as other:
            timing.share_core((code, other), number)
            for piece, values in _pairs(run, check, bench, code, other).items():
                found[piece].append(values)
    return found


def _pairs(run: Run, check: Check, bench: Bench, code: RemoteSubject, other: RemoteSubject) -> dict[str, list[float]]:
    case = bench.cases(check)[0]
    ours = timing.Meter(code, check.prepare(code, case))
    theirs = {piece: timing.Meter(other, _trial(other, piece)) for piece in PIECES}
    empty = ours.empty_call()
    found: dict[str, list[float]] = {piece: [] for piece in PIECES}
    for number in range(timing.PAIRS_EACH + 1):
        spent = ours.run(run.draw(bench.rng, case), empty * ours.trial.calls).charged
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
