"""Patterns of order: correct numbers in other places, one entry too many, or too few."""

from __future__ import annotations

import numpy as np

from autograder.checks import MATCHES
from autograder.diagnosis.arrays import Array, same
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Probe

__all__ = ["ORDER"]

MANY = 12


@pattern(
    Needs(shape=True, entries=True, proof=True),
    Example(
        "running_sums",
        MATCHES,
        correct="return xp.stack(sums[1:])",
        wrong="return xp.stack(sums[:0:-1])",
        sentence="The result is correct but in reverse order along axis 0.",
        hint="Look for a loop or a list that runs in the wrong direction.",
    ),
    Example(
        "running_sums",
        MATCHES,
        correct="return xp.stack(sums[1:])",
        wrong="return xp.stack(sums[:-1])",
        sentence="The result is correct but one place too late along axis 0.",
        hint="Look for an index that is off by one.",
    ),
)
def turned_or_shifted(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Reversed along an axis, or shifted along it by one."""
    for axis in range(min(p.expected.ndim for p in evidence.pairs)):
        long = [p for p in evidence.pairs if p.expected.shape[axis] > 2]  # noqa: PLR2004 - two turn into each other
        if not long or any(same(p.seen, p.expected) for p in long):
            continue
        if all(same(np.flip(p.seen, axis), p.expected) for p in evidence.pairs):
            return Finding(
                f"reversed along axis {axis}",
                f"{evidence.name} is correct but in reverse order along axis {axis}",
                "Look for a loop or a list that runs in the wrong direction.",
            )
        for step, word in ((1, "late"), (-1, "early")):
            if all(_shifted(p, axis, step) for p in evidence.pairs) and len(long) > 1:
                return Finding(
                    f"shifted along axis {axis}",
                    f"{evidence.name} is correct but one place too {word} along axis {axis}",
                    "Look for an index that is off by one.",
                )
    return None


def _shifted(pair: Pair, axis: int, step: int) -> bool:
    seen, wanted = np.moveaxis(pair.seen, axis, 0), np.moveaxis(pair.expected, axis, 0)
    if len(seen) < 2:  # noqa: PLR2004 - of one, nothing is left
        return True
    return same(seen[1:], wanted[:-1]) if step > 0 else same(seen[:-1], wanted[1:])


@pattern(
    Needs(shape=True, entries=True),
    Example(
        "running_means",
        MATCHES,
        correct="means[..., t] = total / (t + 1)",
        wrong="means[..., t - 1] = total / (t + 1)",
        sentence="The result is correct but one place too early along axis -1, and wraps around.",
        hint="Look for an index that is off by one; an index of −1 is the last entry.",
    ),
)
def rolled(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Shifted along an axis by one, cyclically."""
    if sum(int((p.expected != 0).sum()) for p in evidence.pairs) < MANY:
        return None
    for axis in range(-min(p.expected.ndim for p in evidence.pairs), 0):
        told = [p for p in evidence.pairs if p.expected.shape[axis] > 2 and not same(p.seen, p.expected)]  # noqa: PLR2004
        for step, word in ((1, "late"), (-1, "early")):
            if len(told) > 1 and all(_rolled(p, axis, step) for p in evidence.pairs):
                return Finding(
                    f"shifted along axis {axis}",
                    f"{evidence.name} is correct but one place too {word} along axis {axis}, and wraps around",
                    "Look for an index that is off by one; an index of −1 is the last entry.",
                )
    return None


def _rolled(pair: Pair, axis: int, step: int) -> bool:
    return same(pair.seen, np.roll(pair.expected, step, axis=axis))


@pattern(
    Needs(proof=True),
    Example(
        "running_sums",
        MATCHES,
        correct="return xp.stack(sums[1:])",
        wrong="return xp.stack(sums)",
        sentence="The result has one entry too many: without the first one it is correct.",
        hint="Look at where the loop starts and where it ends.",
    ),
)
def one_too_many(evidence: Evidence, _probe: Probe) -> Finding | None:
    """One extra entry at an end, the rest correct."""
    if any(p.seen.ndim != p.expected.ndim or not p.expected.ndim for p in evidence.pairs):
        return None
    for text, cut in (("first", slice(1, None)), ("last", slice(None, -1))):
        if all(len(p.seen) == len(p.expected) + 1 and same(p.seen[cut], p.expected) for p in evidence.pairs):
            return Finding(
                f"one too many at the {text}",
                f"{evidence.name} has one entry too many: without the {text} one it is correct",
                "Look at where the loop starts and where it ends.",
            )
    return None


@pattern(
    Needs(proof=True),
    Example(
        "running_sums",
        MATCHES,
        correct="for row in x:",
        wrong="for row in x[:-1]:",
        sentence="The result is correct as far as it goes, and ends too early.",
        hint="Look at where the loop ends, and at what is left over when it does.",
    ),
)
def cut_short(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Correct as far as it goes, and too short in some case."""
    if any(p.seen.ndim != p.expected.ndim or not p.expected.ndim for p in evidence.pairs):
        return None
    short = [p for p in evidence.pairs if 0 < len(p.seen) < len(p.expected)]
    if not short or not all(same(p.seen, p.expected[: len(p.seen)]) for p in evidence.pairs):
        return None
    some = "" if len(short) == len(evidence.pairs) else " in some cases"
    return Finding(
        "cut short",
        f"{evidence.name} is correct as far as it goes, and ends too early{some}",
        "Look at where the loop ends, and at what is left over when it does.",
    )


@pattern(
    Needs(shape=True, entries=True, proof=True),
    Example(
        "split_heads",
        MATCHES,
        correct="return x.reshape(rows, steps, heads, -1).transpose(0, 2, 1, 3)",
        wrong="return x.reshape(rows, heads, steps, -1)",
        sentence="The result holds the correct numbers, some of them in the wrong places.",
        hint="Look at the order of elements in reshape and transpose, or at the order of a loop.",
    ),
)
def reordered(evidence: Evidence, _probe: Probe) -> Finding | None:
    """The correct numbers in the correct shape, at other places."""
    for pair in evidence.pairs:
        flat = np.sort(pair.expected.ravel())
        if not _many(flat) or not same(np.sort(pair.seen.ravel()), flat):
            return None
    return Finding(
        "reordered",
        f"{evidence.name} holds the correct numbers, some of them in the wrong places",
        "Look at the order of elements in reshape and transpose, or at the order of a loop.",
    )


def _many(flat: Array) -> bool:
    """Whether there are enough different values that two arrays do not hold the same ones by chance."""
    kinds = len(np.unique(flat))
    return kinds == len(flat) or kinds >= MANY


ORDER = (turned_or_shifted, rolled, one_too_many, cut_short, reordered)
