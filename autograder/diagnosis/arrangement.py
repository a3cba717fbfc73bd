"""Patterns of arrangement: correct numbers in another shape, order or place, or summed over too few or many axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np

from autograder.diagnosis.evidence import Evidence, Finding, Pair, same

__all__ = ["ARRANGEMENTS"]

MANY = 12


def not_reduced(evidence: Evidence) -> Finding | None:
    """An axis remains that should have been summed or averaged over."""
    name = evidence.name
    if any(p.seen.ndim <= p.expected.ndim or not np.isfinite(p.seen).all() for p in evidence.pairs):
        return None
    if not evidence.proves() or not any(p.seen.size > p.expected.size for p in evidence.pairs):
        return None
    for key, reduce, word in (("missing sum", np.sum, "Sum"), ("missing mean", np.mean, "Take the mean")):
        if all(_reduces(pair, reduce) for pair in evidence.pairs):
            shapes = _largest(evidence)
            return Finding(
                key,
                f"{name} has shape {shapes.seen.shape}; {word.lower()} over the extra axis, and it is correct",
                f"{word} over the axis that {name} should not have.",
            )
    return None


def summed_too_far(evidence: Evidence) -> Finding | None:
    """Every entry holds one sum over an axis, or over everything."""
    if not evidence.one_shape or not evidence.proves() or evidence.scalar:
        return None
    axes: list[int | None] = [None, *range(min(p.expected.ndim for p in evidence.pairs))]
    for axis in axes:
        for reduce, word in ((np.sum, "sum"), (np.mean, "mean")):
            sums = [reduce(p.expected, axis=axis, keepdims=True) + 0 * p.expected for p in evidence.pairs]
            telling = sum(not same(s, p.expected) for s, p in zip(sums, evidence.pairs, strict=True))
            if telling and all(same(p.seen, s) for p, s in zip(evidence.pairs, sums, strict=True)):
                where = "all entries" if axis is None else f"axis {axis}"
                return Finding(
                    "summed too far",
                    f"every entry of {evidence.name} holds the {word} over {where} of the expected values",
                    f"Take the {word} over fewer axes: pass axis=.",
                )
    return None


def reshaped(evidence: Evidence) -> Finding | None:
    """The correct numbers, in the correct order, in another shape."""
    if evidence.one_shape or evidence.scalar or not evidence.proves():
        return None
    for pair in evidence.pairs:
        if pair.seen.size != pair.expected.size or not same(pair.seen.ravel(), pair.expected.ravel()):
            return None
    pair = next(p for p in evidence.pairs if p.seen.shape != p.expected.shape)
    return Finding(
        "reshaped",
        f"{evidence.name} has the correct numbers, but expected shape {pair.expected.shape}, got {pair.seen.shape}",
        "Look at keepdims, reshape and added axes: only the shape is wrong.",
    )


def transposed(evidence: Evidence) -> Finding | None:
    """The axes in another order: one order that is correct in every case with this number of axes."""
    if evidence.scalar or not evidence.proves():
        return None
    moved: dict[int, tuple[int, ...]] = {}
    for pair in evidence.pairs:
        if pair.seen.ndim != pair.expected.ndim:
            return None
        if same(pair.seen, pair.expected):
            continue
        order = moved.get(pair.expected.ndim) or next(_orders(pair), None)
        if order is None or not same(np.transpose(pair.seen, order), pair.expected):
            return None
        moved[pair.expected.ndim] = order
    if not moved or not _nothing_else(evidence, moved):
        return None
    ndim, order = max(moved.items())
    if ndim == 2:  # noqa: PLR2004 - a matrix
        return Finding(
            "transpose", f"{evidence.name} is the transpose of the expected value", "Look for an extra or missing .T."
        )
    return Finding(
        f"permuted {order}",
        f"{evidence.name} has its axes in another order: transposed by {order}, it is correct",
        "Write the meaning of each axis beside every reshape and transpose.",
    )


def turned_or_shifted(evidence: Evidence) -> Finding | None:
    """Reversed along an axis, or shifted along it by one."""
    if not evidence.one_shape or evidence.scalar or not evidence.proves():
        return None
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


def rolled(evidence: Evidence) -> Finding | None:
    """Shifted along an axis by one, cyclically."""
    if not evidence.one_shape or evidence.scalar or sum(int((p.expected != 0).sum()) for p in evidence.pairs) < MANY:
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


def one_too_many(evidence: Evidence) -> Finding | None:
    """One extra entry at an end, the rest correct."""
    if any(p.seen.ndim != p.expected.ndim or not p.expected.ndim for p in evidence.pairs) or not evidence.proves():
        return None
    for text, cut in (("first", slice(1, None)), ("last", slice(None, -1))):
        if all(len(p.seen) == len(p.expected) + 1 and same(p.seen[cut], p.expected) for p in evidence.pairs):
            return Finding(
                f"one too many at the {text}",
                f"{evidence.name} has one entry too many: without the {text} one it is correct",
                "Look at where the loop starts and where it ends.",
            )
    return None


def cut_short(evidence: Evidence) -> Finding | None:
    """Correct as far as it goes, and too short in some case."""
    if any(p.seen.ndim != p.expected.ndim or not p.expected.ndim for p in evidence.pairs) or not evidence.proves():
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


def reordered(evidence: Evidence) -> Finding | None:
    """The correct numbers in the correct shape, at other places."""
    if not evidence.one_shape or evidence.scalar or not evidence.proves():
        return None
    for pair in evidence.pairs:
        flat = np.sort(pair.expected.ravel())
        if not _many(flat) or not same(np.sort(pair.seen.ravel()), flat):
            return None
    return Finding(
        "reordered",
        f"{evidence.name} holds the correct numbers, some of them in the wrong places",
        "Look at the order of elements in reshape and transpose, or at the order of a loop.",
    )


def _many(flat: Any) -> bool:
    """Whether there are enough different values that two arrays do not hold the same ones by chance."""
    kinds = len(np.unique(flat))
    return kinds == len(flat) or kinds >= MANY


def _rolled(pair: Pair, axis: int, step: int) -> bool:
    return same(pair.seen, np.roll(pair.expected, step, axis=axis))


def _reduces(pair: Pair, reduce: Callable[..., Any]) -> bool:
    extra = pair.seen.ndim - pair.expected.ndim
    return any(same(reduce(pair.seen, axis=axes), pair.expected) for axes in combinations(range(pair.seen.ndim), extra))


def _orders(pair: Pair) -> Iterator[tuple[int, ...]]:
    for order in permutations(range(pair.expected.ndim)):
        if np.transpose(pair.seen, order).shape == pair.expected.shape and same(
            np.transpose(pair.seen, order), pair.expected
        ):
            yield order


def _nothing_else(evidence: Evidence, moved: dict[int, tuple[int, ...]]) -> bool:
    """Whether every case with this number of axes is in that order, or looks the same in both."""
    return all(
        same(np.transpose(pair.seen, moved[pair.expected.ndim]), pair.expected)
        for pair in evidence.pairs
        if pair.expected.ndim in moved
    )


def _shifted(pair: Pair, axis: int, step: int) -> bool:
    seen, wanted = np.moveaxis(pair.seen, axis, 0), np.moveaxis(pair.expected, axis, 0)
    if len(seen) < 2:  # noqa: PLR2004 - of one, nothing is left
        return True
    return same(seen[1:], wanted[:-1]) if step > 0 else same(seen[:-1], wanted[1:])


def _largest(evidence: Evidence) -> Pair:
    return max(evidence.pairs, key=lambda pair: pair.seen.size)


ARRANGEMENTS = (
    not_reduced,
    reshaped,
    summed_too_far,
    transposed,
    turned_or_shifted,
    rolled,
    one_too_many,
    cut_short,
    reordered,
)
