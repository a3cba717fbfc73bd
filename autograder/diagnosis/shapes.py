"""Patterns of shape: correct numbers in another shape, or summed over too few or too many axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, permutations

import numpy as np

from autograder.checks import FORWARD, GRADIENTS, MATCHES
from autograder.diagnosis.arrays import Array, same
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Probe

__all__ = ["SHAPES"]


@pattern(
    Needs(proof=True),
    Example(
        "PoissonLoss",
        FORWARD,
        correct="return (prediction - target + target * xp.log(target / prediction)).mean()",
        wrong="return prediction - target + target * xp.log(target / prediction)",
        sentence="The loss has shape (4, 3); take the mean over the extra axis, and it is correct.",
        hint="Take the mean over the axis that the loss should not have.",
    ),
)
def not_reduced(evidence: Evidence, _probe: Probe) -> Finding | None:
    """An axis remains that should have been summed or averaged over."""
    name = evidence.name
    if any(p.seen.ndim <= p.expected.ndim or not np.isfinite(p.seen).all() for p in evidence.pairs):
        return None
    if not any(p.seen.size > p.expected.size for p in evidence.pairs):
        return None
    for key, reduce, word in (("missing sum", np.sum, "Sum"), ("missing mean", np.mean, "Take the mean")):
        if all(_reduces(pair, reduce) for pair in evidence.pairs):
            shapes = max(evidence.pairs, key=lambda pair: pair.seen.size)
            return Finding(
                key,
                f"{name} has shape {shapes.seen.shape}; {word.lower()} over the extra axis, and it is correct",
                f"{word} over the axis that {name} should not have.",
            )
    return None


def _reduces(pair: Pair, reduce: Callable[..., Array]) -> bool:
    extra = pair.seen.ndim - pair.expected.ndim
    return any(same(reduce(pair.seen, axis=axes), pair.expected) for axes in combinations(range(pair.seen.ndim), extra))


@pattern(
    Needs(entries=True, proof=True),
    Example(
        "Linear",
        GRADIENTS,
        correct="self.b.grad += dy.sum(axis=0)",
        wrong="self.b.grad = self.b.grad + dy.sum(axis=0, keepdims=True)",
        sentence="db has the correct numbers, but expected shape (2,), got (1, 2).",
        hint="Look at keepdims, reshape and added axes: only the shape is wrong.",
    ),
)
def reshaped(evidence: Evidence, _probe: Probe) -> Finding | None:
    """The correct numbers, in the correct order, in another shape."""
    if evidence.one_shape:
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


@pattern(
    Needs(shape=True, entries=True, proof=True),
    Example(
        "Linear",
        GRADIENTS,
        correct="self.b.grad += dy.sum(axis=0)",
        wrong="self.b.grad += dy.sum()",
        sentence="Every entry of db holds the sum over all entries of the expected values.",
        hint="Take the sum over fewer axes: pass axis=.",
    ),
)
def summed_too_far(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Every entry holds one sum over an axis, or over everything."""
    pairs = [p for p in evidence.pairs if p.expected.size]  # of no entries there is no mean
    axes: list[int | None] = [None, *range(min((p.expected.ndim for p in pairs), default=0))]
    for axis in axes:
        for reduce, word in ((np.sum, "sum"), (np.mean, "mean")):
            sums = [reduce(p.expected, axis=axis, keepdims=True) + 0 * p.expected for p in pairs]
            telling = sum(not same(s, p.expected) for s, p in zip(sums, pairs, strict=True))
            if telling and all(same(p.seen, s) for p, s in zip(pairs, sums, strict=True)):
                where = "all entries" if axis is None else f"axis {axis}"
                return Finding(
                    "summed too far",
                    f"every entry of {evidence.name} holds the {word} over {where} of the expected values",
                    f"Take the {word} over fewer axes: pass axis=.",
                )
    return None


@pattern(
    Needs(entries=True, proof=True),
    Example(
        "Linear",
        GRADIENTS,
        correct="self.W.grad += self.x.T @ dy",
        wrong="self.W.grad = dy.T @ self.x",
        sentence="dW is the transpose of the expected value.",
        hint="Look for an extra or missing .T.",
    ),
    Example(
        "split_heads",
        MATCHES,
        correct="return x.reshape(rows, steps, heads, -1).transpose(0, 2, 1, 3)",
        wrong="return x.reshape(rows, steps, heads, -1)",
        sentence="The result has its axes in another order: transposed by (0, 2, 1, 3), it is correct.",
        hint="Write the meaning of each axis beside every reshape and transpose.",
    ),
)
def transposed(evidence: Evidence, _probe: Probe) -> Finding | None:
    """The axes in another order: one order that is correct in every case with this number of axes."""
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


SHAPES = (not_reduced, reshaped, summed_too_far, transposed)
