"""Patterns that need no list of mistakes: relations between the student's numbers and the expected ones.

Each examines one name in all cases of a check, and reports a finding only where the relation holds for every number
of every case up to rounding.  ``PATTERNS`` lists them, the simplest explanation first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.diagnosis.arrangement import ARRANGEMENTS
from autograder.diagnosis.evidence import Evidence, Finding, Pair, same
from autograder.diagnosis.factors import Factor, between, ratio
from autograder.diagnosis.regions import REGIONS, wrong_entries
from autograder.diagnosis.shares import SHARES
from autograder.diagnosis.terms import TERMS

__all__ = ["PATTERNS", "Pattern"]

Pattern = Callable[[Evidence], Finding | None]
NEARLY = 1e-3
NEARLY_ONE = 1e-4
"""Tolerance for a single number, in which one incorrect term among many hardly shows."""


def zeros(evidence: Evidence) -> Finding | None:
    """Everything is zero: nothing was written."""
    if not evidence.one_shape or any(pair.seen.any() for pair in evidence.pairs) or not evidence.proves():
        return None
    name = evidence.name
    return Finding("zeros", f"{name} is zero everywhere", "Is anything written into it? Is it multiplied by 0?")


def another_letter(evidence: Evidence) -> Finding | None:
    """It is an array that the student received, unchanged; the output counts only where a gradient is expected."""
    is_gradient = evidence.name.startswith("d") or "gradient" in evidence.name
    for letter in evidence.pairs[0].named:
        if letter == "y" and not is_gradient:
            continue
        arrays = [pair.named.get(letter) for pair in evidence.pairs]
        if any(a is None for a in arrays) or not evidence.proves([a for a in arrays if a is not None]):
            continue
        if all(same(pair.seen, a) for pair, a in zip(evidence.pairs, arrays, strict=True)):
            sentence = f"{evidence.name} is {letter}, unchanged"
            return Finding(f"returns {letter}", sentence, "The computation is missing.")
    return None


def factor(evidence: Evidence) -> Finding | None:
    """Correct up to one factor: a number, a length, an argument, a sign."""
    found = between(evidence, _seen(evidence), _wanted(evidence), any_constant=True)
    if found is None or found.trivial:
        return None
    return Finding(
        found.key,
        f"{evidence.name} is the expected value {found.text}, in every case and every entry",
        _why_factor(found),
    )


def another_gradient(evidence: Evidence) -> Finding | None:
    """It is the expected value of another name: results in the wrong order."""
    names = [n for n in evidence.pairs[0].all_expected if n != evidence.name and not n.startswith("_")]
    for other in names:
        arrays = [pair.all_expected.get(other) for pair in evidence.pairs]
        shapes = [pair.seen.shape for pair in evidence.pairs]
        if not all(isinstance(a, np.ndarray) and a.shape == s for a, s in zip(arrays, shapes, strict=True)):
            continue
        found = between(evidence, _seen(evidence), arrays)
        if found is None or between(evidence, _wanted(evidence), arrays) is not None:
            continue
        also = "" if found.trivial else f", {found.text}"
        more = "" if found.trivial else f", {found.key}"
        sentence = f"{evidence.name} is what {other} should be{also}"
        if _is_swapped(evidence, other):
            return Finding(
                f"swapped gradients{more}", sentence, "Return the gradients in the order of forward's inputs."
            )
        return Finding(f"is {other}{more}", sentence, f"The term that belongs to {evidence.name} alone is missing.")
    return None


def _is_swapped(evidence: Evidence, other: str) -> bool:
    """Whether the other name also holds what this one should, up to a factor."""
    theirs = [pair.all_seen.get(other) for pair in evidence.pairs]
    if not all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in theirs):
        return False
    return between(evidence, theirs, _wanted(evidence)) is not None


CURVES: dict[str, tuple[Callable[[Any], Any], str]] = {
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


def curve(evidence: Evidence) -> Finding | None:
    """A function of the expected value: its square, its root, its logarithm."""
    if not evidence.one_shape or not evidence.proves():
        return None
    for key, (f, text) in CURVES.items():
        with np.errstate(all="ignore"):
            if all(same(pair.seen, f(pair.expected)) for pair in evidence.pairs):
                return Finding(key, f"{evidence.name} is {text}")
    return None


def extra_or_missing_factor(evidence: Evidence) -> Finding | None:
    """Correct up to an array that the student knows by a letter: x, y, dy or one minus it."""
    for letter in _letters_of_all(evidence):
        plain = [pair.letters[letter] for pair in evidence.pairs]
        for text, arrays in ((letter, plain), (f"(1 − {letter})", [1 - a for a in plain])):
            if any(not a.all() for a in arrays):
                continue
            for key, seen, base, say, hint in (
                (f"extra factor {text}", _seen(evidence), _times(_wanted(evidence), arrays), f"multiplied by {text}",
                 f"The factor {text} occurs once too often."),
                (f"missing factor {text}", _times(_seen(evidence), arrays), _wanted(evidence), f"divided by {text}",
                 f"Multiply by {text}." if text != "dy" else "Chain rule: multiply the slope by dy."),
            ):  # fmt: skip
                found = between(evidence, seen, base)
                if found is not None:
                    also = "" if found.trivial else f", and {found.text}"
                    more = "" if found.trivial else f", {found.key}"
                    return Finding(key + more, f"{evidence.name} is the expected value {say}{also}", hint)
    return None


def inverted_mask(evidence: Evidence) -> Finding | None:
    """Zero exactly where it should not be, and not where it should be."""
    pairs = evidence.pairs
    if not evidence.one_shape or not all(((p.seen == 0) == (p.expected != 0)).all() for p in pairs):
        return None
    zero = sum(int((p.expected == 0).sum()) for p in pairs)
    if min(zero, sum(p.expected.size for p in pairs) - zero) < 4:  # noqa: PLR2004 - fewer prove nothing
        return None
    return Finding(
        "inverted mask",
        f"{evidence.name} is zero exactly where it should not be, and not zero where it should be",
        "Look for an inverted condition, or for a maximum in place of a minimum.",
    )


def signs(evidence: Evidence) -> Finding | None:
    """Correct absolute values, and the wrong sign in some entries."""
    if not evidence.one_shape or evidence.scalar or not evidence.proves():
        return None
    if not all(same(abs(pair.seen), abs(pair.expected)) for pair in evidence.pairs):
        return None
    return Finding(
        "sign in some",
        f"{evidence.name} has the correct absolute value everywhere, and the wrong sign in some entries",
        "Look for a sign that should depend on the case, or that is lost in one branch.",
    )


def rows_scaled(evidence: Evidence) -> Finding | None:
    """Each row (or column) is correct up to its own factor: what it is divided by is wrong."""
    if not evidence.one_shape or not evidence.proves():
        return None
    flat = all(pair.expected.ndim <= 2 for pair in evidence.pairs)  # noqa: PLR2004 - else axis 0 makes no columns
    for axis, what in ((-1, "row"), (0, "column")) if flat else ((-1, "row"),):
        tables = [[ratio(*strip) for strip in _strips(pair, axis)] for pair in evidence.pairs if pair.expected.ndim > 1]
        told = [[r for r in table if r is not None] for table in tables]
        if sum(map(len, told)) < 4 or not all(np.isfinite(table).all() for table in told):  # noqa: PLR2004
            continue
        if not any(len(table) > 2 for table in told) or any(map(_one_factor, told)):  # noqa: PLR2004
            continue
        strips = [strip for pair in evidence.pairs if pair.expected.ndim > 1 for strip in _strips(pair, axis)]
        if sum(int((wanted != 0).sum() > 1) for _, wanted in strips) < 4:  # noqa: PLR2004 - a row of one proves nothing
            continue
        return Finding(
            f"rows scaled along {what}s",
            f"each {what} of {evidence.name} is correct up to its own factor",
            f"The {what}'s factor or divisor is wrong or missing: a sum, a length, a weight.",
        )
    return None


def nearly_right(evidence: Evidence) -> Finding | None:
    """Only small errors: an approximation, an epsilon, single precision."""
    if not evidence.one_shape:
        return None
    worst, masks = 0.0, wrong_entries(evidence)
    if evidence.scalar and not all(mask.any() for mask in masks):
        return None
    if 2 * sum(int(mask.sum()) for mask in masks) < sum(mask.size for mask in masks):
        return None  # a few wrong entries are not an approximation
    for pair in evidence.pairs:
        scale = float(np.abs(pair.expected).max()) or 1.0
        worst = max(worst, float(np.abs(pair.seen - pair.expected).max()) / scale)
    if not worst < (NEARLY_ONE if evidence.scalar else NEARLY):
        return None
    if all((pair.seen == pair.seen.astype(np.float32)).all() for pair in evidence.pairs):
        return Finding(
            "single precision",
            f"{evidence.name} is correct to float32 precision: somewhere float64 is turned into float32",
            "Let every array keep the dtype of the inputs.",
        )
    return Finding(
        "nearly right",
        f"{evidence.name} is nearly correct: errors are at most {100 * worst:.2g} % of its largest value",
        "The formula is nearly the required one: look for a constant typed with few digits, an epsilon in another "
        "place, an approximation, two steps in another order, or a condition that few of the numbers meet.",
    )


def _one_factor(ratios: list[float]) -> bool:
    """Whether all rows of a case have the same factor: then rows do not matter."""
    return len(ratios) > 1 and float(np.ptp(ratios)) < 1e-6 * max(map(abs, ratios))


def _strips(pair: Pair, axis: int) -> list[tuple[Any, Any]]:
    seen, wanted = (np.moveaxis(a, axis, -1).reshape(-1, a.shape[axis]) for a in (pair.seen, pair.expected))
    return list(zip(seen, wanted, strict=True))


def _letters_of_all(evidence: Evidence) -> list[str]:
    first, *rest = evidence.pairs
    return [letter for letter in first.letters if all(letter in pair.letters for pair in rest)]


def _seen(evidence: Evidence) -> list[Any]:
    return [pair.seen for pair in evidence.pairs]


def _wanted(evidence: Evidence) -> list[Any]:
    return [pair.expected for pair in evidence.pairs]


def _times(left: list[Any], right: list[Any]) -> list[Any]:
    return [a * b if a.shape == b.shape else a for a, b in zip(left, right, strict=True)]


def _why_factor(found: Factor) -> str:
    if found.key == "sign":
        return "Look for a difference in the wrong order, or an extra or missing minus."
    if "1/rows" in found.key or "1/size" in found.key or "1/vectors" in found.key:
        return "Look for a mean in place of a sum, or for a division that is done twice."
    if any(word in found.key for word in ("rows", "size", "vectors")):
        return "Look for a sum in place of a mean, or for a missing division."
    if "log" in found.key:
        return "Look for the base of a logarithm: log is the natural one."
    return "Look for a constant factor that is missing or occurs once too often."


PATTERNS: tuple[Pattern, ...] = (
    zeros,
    another_letter,
    *ARRANGEMENTS,
    factor,
    another_gradient,
    curve,
    inverted_mask,
    extra_or_missing_factor,
    *SHARES,
    *REGIONS,
    nearly_right,
    *TERMS,
    rows_scaled,
    signs,
)
