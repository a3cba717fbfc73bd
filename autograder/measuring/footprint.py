"""Memory as a ratio: how much a worker grows at its peak during one call, beside the reference, read from outside.

Resident memory, as the kernel counts it, in fresh workers: inputs and parameters are there before, so what is measured
is what the code itself asks for.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np

from autograder.report.verdict import Footprint
from autograder.spec import Case, Check

if TYPE_CHECKING:
    from autograder.spec import Observations
    from autograder.spec.comparison import Mismatch
    from autograder.subject import LocalSubject, Open, RemoteSubject

__all__ = ["FLOOR", "grow", "measure", "ratio", "sentence"]

PAIRS, CLEAR = 3, 1.5
FLOOR = 1 << 18
"""Bytes that a process may grow for reasons of its own."""
MEGABYTE = 1e6


def measure(
    check: Check, open_student: Open, open_reference: Open, local: LocalSubject, rng: np.random.Generator
) -> tuple[Footprint, Mismatch | None]:
    """Measure one memory check, as ``timing.measure`` does a speed check.

    Raises NotMeasuredError where the system does not tell a process's memory.
    """
    memory = check.memory
    assert memory is not None  # noqa: S101 - the caller dispatches on it
    case = check.cases(rng, local)[0]
    local.forget()
    pairs, kept, mismatch = [], 0, None
    for _ in range(PAIRS):
        fresh = memory.draw(rng, case)
        with open_student() as student, open_reference() as reference:
            peak, kept, seen = grow(check, student, case, fresh)
            its_peak, _, right = grow(check, reference, case, fresh)
        pairs.append((peak, its_peak))
        mismatch = check.judge(seen, right, fresh)
        if mismatch or _is_clear(peak, its_peak, memory.at_most):
            break
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    found = ratio(ours, theirs)
    half = memory.half_at
    figures = Footprint(
        round(found, 3), memory.at_most, round(ours), round(theirs), kept, half, half is not None and found <= half
    )
    return figures, mismatch


def ratio(peak: float, its_peak: float) -> float:
    """One peak as a multiple of another, both with what any process may grow by."""
    return (peak + FLOOR) / (its_peak + FLOOR)


def _is_clear(peak: int, its_peak: int, limit: float) -> bool:
    """Whether one pair is enough: memory hardly varies."""
    found = ratio(peak, its_peak)
    return found > CLEAR * limit or found * CLEAR < limit


def grow(check: Check, subject: RemoteSubject, case: Case, fresh: Case) -> tuple[int, int, Observations]:
    """Bytes by which the worker grew at its peak and for good during one call, and what came of it."""
    assert check.trial is not None  # noqa: S101 - every memory check has one
    trial = check.trial(subject, case)
    trial.renew(fresh)
    before, peak_before = subject.worker.memory()
    trial.go()
    after, peak = subject.worker.memory()
    grown = peak - before if peak > peak_before else after - before
    return max(grown, 0), max(after - before, 0), trial.collect()


def sentence(figures: Footprint) -> str:
    """Say that it was too much, and how much stays; the figures themselves are told beside it, as a time's are."""
    kept = figures.kept / MEGABYTE
    stays = f"; {kept:.1f} MB stay after the call" if kept > figures.peak / MEGABYTE / 2 else ""
    return f"takes too much memory{stays}"
