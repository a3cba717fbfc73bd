"""Patterns of values: zero, another known array, a function of the expected value, a wrong sign, nearly right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checks import FORWARD, GRADIENTS, MATCHES
from autograder.diagnosis.arrays import Array, same
from autograder.diagnosis.evidence import Evidence, Finding
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Probe
from autograder.diagnosis.regions import wrong_entries

__all__ = ["another_letter", "curve", "inverted_mask", "nearly_right", "signs", "zeros"]

NEARLY = 1e-3
NEARLY_ONE = 1e-4
"""Tolerance for a single number, in which one incorrect term among many hardly shows."""


@pattern(
    Needs(shape=True, proof=True),
    Example(
        "Linear",
        GRADIENTS,
        correct="self.b.grad += dy.sum(axis=0)",
        wrong="",
        sentence="db is zero everywhere.",
        hint="Is anything written into it? Is it multiplied by 0?",
    ),
)
def zeros(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Everything is zero: nothing was written."""
    if any(pair.seen.any() for pair in evidence.pairs):
        return None
    name = evidence.name
    return Finding("zeros", f"{name} is zero everywhere", "Is anything written into it? Is it multiplied by 0?")


@pattern(
    Needs(),
    Example(
        "Tanh",
        GRADIENTS,
        correct="return dy * (1 - self.y**2)",
        wrong="return dy",
        sentence="dx is dy, unchanged.",
        hint="The computation is missing.",
    ),
)
def another_letter(evidence: Evidence, _probe: Probe) -> Finding | None:
    """It is an array that the student received, unchanged; the output counts only where a gradient is expected."""
    is_gradient = evidence.name.startswith("d") or "gradient" in evidence.name
    for letter in evidence.pairs[0].named:
        if letter == "y" and not is_gradient:
            continue
        arrays = [pair.named[letter] for pair in evidence.pairs if letter in pair.named]
        if len(arrays) < len(evidence.pairs) or not evidence.proves(arrays):
            continue
        if all(same(pair.seen, a) for pair, a in zip(evidence.pairs, arrays, strict=True)):
            sentence = f"{evidence.name} is {letter}, unchanged"
            return Finding(f"returns {letter}", sentence, "The computation is missing.")
    return None


CURVES: dict[str, tuple[Callable[[Array], Array], str]] = {
    "square": (lambda v: v * v, "the square of the expected value: is a root missing, or is something squared twice?"),
    "root": (lambda v: np.sqrt(np.abs(v)), "the square root of the expected value: is a root taken once too often?"),
    "absolute": (np.abs, "the expected value without its sign"),
    "negatives cut": (lambda v: np.maximum(v, 0), "the expected value, but 0 wherever that is negative"),
    "positives cut": (lambda v: np.minimum(v, 0), "the expected value, but 0 wherever that is positive"),
    "reciprocal": (lambda v: 1 / v, "one divided by the expected value"),
    "exponential": (np.exp, "e to the power of the expected value: is a logarithm missing?"),
    "logarithm": (np.log, "the logarithm of the expected value: is it taken once too often?"),
    "complement": (lambda v: 1 - v, "one minus the expected value"),
}


@pattern(
    Needs(shape=True, proof=True),
    Example(
        "RootMeanSquare",
        FORWARD,
        correct="self.loss = xp.sqrt((self.difference**2).mean())",
        wrong="self.loss = (self.difference**2).mean()",
        sentence="The loss is the square of the expected value: is a root missing, or is something squared twice?",
    ),
)
def curve(evidence: Evidence, _probe: Probe) -> Finding | None:
    """A function of the expected value: its square, its root, its logarithm."""
    for key, (f, text) in CURVES.items():
        with np.errstate(all="ignore"):
            if all(same(f(pair.expected), pair.expected) for pair in evidence.pairs):
                continue  # it changes nothing here
            if all(same(pair.seen, f(pair.expected)) for pair in evidence.pairs):
                return Finding(key, f"{evidence.name} is {text}")
    return None


@pattern(
    Needs(shape=True),
    Example(
        "ReLU",
        GRADIENTS,
        correct="self.passed = x > 0",
        wrong="self.passed = x < 0",
        sentence="dx is zero exactly where it should not be, and not zero where it should be.",
        hint="Look for an inverted condition, or for a maximum in place of a minimum.",
    ),
)
def inverted_mask(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Zero exactly where it should not be, and not where it should be."""
    pairs = evidence.pairs
    if not all(((p.seen == 0) == (p.expected != 0)).all() for p in pairs):
        return None
    zero = sum(int((p.expected == 0).sum()) for p in pairs)
    if min(zero, sum(p.expected.size for p in pairs) - zero) < 4:  # noqa: PLR2004 - fewer prove nothing
        return None
    return Finding(
        "inverted mask",
        f"{evidence.name} is zero exactly where it should not be, and not zero where it should be",
        "Look for an inverted condition, or for a maximum in place of a minimum.",
    )


@pattern(
    Needs(shape=True, entries=True, proof=True),
    Example(
        "cross_product",
        MATCHES,
        correct="a3 * b1 - a1 * b3",
        wrong="a1 * b3 - a3 * b1",
        sentence="The result has the correct absolute value everywhere, and the wrong sign in some entries.",
        hint="Look for a sign that should depend on the case, or that is lost in one branch.",
    ),
)
def signs(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Correct absolute values, and the wrong sign in some entries."""
    if not all(same(abs(pair.seen), abs(pair.expected)) for pair in evidence.pairs):
        return None
    return Finding(
        "sign in some",
        f"{evidence.name} has the correct absolute value everywhere, and the wrong sign in some entries",
        "Look for a sign that should depend on the case, or that is lost in one branch.",
    )


@pattern(
    Needs(shape=True),
    Example(
        "unit_rows",
        MATCHES,
        correct="y[i] = row / xp.sqrt((row * row).sum() + eps)",
        wrong="y[i] = row / (xp.sqrt((row * row).sum()) + eps)",
        sentence="The result is nearly correct: errors are at most 0.0043 % of its largest value.",
        hint="The formula is nearly the required one: look for a constant typed with few digits, an epsilon in another "
        "place, an approximation, two steps in another order, or a condition that few of the numbers meet.",
    ),
)
def nearly_right(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Only small errors: an approximation, or an epsilon in another place."""
    worst, masks = 0.0, wrong_entries(evidence)
    if evidence.scalar and not all(mask.any() for mask in masks):
        return None
    if 2 * sum(int(mask.sum()) for mask in masks) < sum(mask.size for mask in masks):
        return None  # a few wrong entries are not an approximation
    for pair in evidence.pairs:
        scale = float(np.abs(pair.expected).max()) or 1.0
        worst = float(np.maximum(worst, np.abs(pair.seen - pair.expected).max() / scale))  # nan stays nan
    if not worst < (NEARLY_ONE if evidence.scalar else NEARLY):
        return None
    return Finding(
        "nearly right",
        f"{evidence.name} is nearly correct: errors are at most {100 * worst:.2g} % of its largest value",
        "The formula is nearly the required one: look for a constant typed with few digits, an epsilon in another "
        "place, an approximation, two steps in another order, or a condition that few of the numbers meet.",
    )
