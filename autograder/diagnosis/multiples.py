"""Patterns of multiples: correct up to a number, an array, or one factor for each row; or another gradient."""

from __future__ import annotations

import numpy as np

from autograder.checks import GRADIENTS, MATCHES
from autograder.diagnosis.arrays import Array
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.factors import Factor, between, ratio
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Probe

__all__ = ["another_gradient", "extra_or_missing_factor", "factor", "rows_scaled"]


@pattern(
    Needs(),
    Example(
        "Linear",
        GRADIENTS,
        correct="self.W.grad += self.x.T @ dy",
        wrong="self.W.grad += self.x.T @ dy / len(dy)",
        sentence="dW is the expected value divided by the number of rows (the batch size), in every case and every "
        "entry.",
        hint="Look for a mean in place of a sum, or for a division that is done twice.",
    ),
)
def factor(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Correct up to one factor: a number, a length, an argument, a sign."""
    found = between(evidence, _seen(evidence), _wanted(evidence), any_constant=True)
    if found is None or found.trivial:
        return None
    return Finding(
        found.key,
        f"{evidence.name} is the expected value {found.text}, in every case and every entry",
        _why_factor(found),
    )


def _why_factor(found: Factor) -> str:
    if found.key == "sign":
        return "Look for a difference in the wrong order, or an extra or missing minus."
    lengths = ("rows", "size", "vectors", "places", "plane", "channel")
    if any(f"1/{length}" in found.key for length in lengths):
        return "Look for a mean in place of a sum, or for a division that is done twice."
    if any(length in found.key for length in lengths):
        return "Look for a sum in place of a mean, or for a missing division."
    if "log" in found.key:
        return "Look for the base of a logarithm: log is the natural one."
    return "Look for a constant factor that is missing or occurs once too often."


@pattern(
    Needs(),
    Example(
        "Product",
        GRADIENTS,
        correct="return dy * self.b, dy * self.a",
        wrong="return dy * self.a, dy * self.b",
        sentence="da is what db should be (db is wrong in the same way).",
        hint="Return the gradients in the order of forward's inputs.",
    ),
    Example(
        "Product",
        GRADIENTS,
        correct="return dy * self.b, dy * self.a",
        wrong="return dy * self.b, dy * self.b",
        sentence="db is what da should be.",
        hint="The term that belongs to db alone is missing.",
    ),
)
def another_gradient(evidence: Evidence, _probe: Probe) -> Finding | None:
    """It is the expected value of another name: results in the wrong order."""
    names = [n for n in evidence.pairs[0].all_expected if n != evidence.name and not n.startswith("_")]
    for other in names:
        shown = [pair.all_expected.get(other) for pair in evidence.pairs]
        arrays = [a for a in shown if isinstance(a, np.ndarray)]
        if [a.shape for a in arrays] != [pair.seen.shape for pair in evidence.pairs]:
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
    shown = [pair.all_seen.get(other) for pair in evidence.pairs]
    theirs = [a for a in shown if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    return len(theirs) == len(shown) and between(evidence, theirs, _wanted(evidence)) is not None


@pattern(
    Needs(),
    Example(
        "Tanh",
        GRADIENTS,
        correct="return dy * (1 - self.y**2)",
        wrong="return 1 - self.y**2",
        sentence="dx is the expected value divided by dy.",
        hint="Chain rule: multiply the slope by dy.",
    ),
)
def extra_or_missing_factor(evidence: Evidence, _probe: Probe) -> Finding | None:
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


def _letters_of_all(evidence: Evidence) -> list[str]:
    first, *rest = evidence.pairs
    return [letter for letter in first.letters if all(letter in pair.letters for pair in rest)]


def _times(left: list[Array], right: list[Array]) -> list[Array]:
    return [a * b if a.shape == b.shape else a for a, b in zip(left, right, strict=True)]


@pattern(
    Needs(shape=True, proof=True),
    Example(
        "unit_rows",
        MATCHES,
        correct="y[i] = row / xp.sqrt((row * row).sum() + eps)",
        wrong="y[i] = row / ((row * row).sum() + eps)",
        sentence="Each row of the result is correct up to its own factor.",
        hint="The row's factor or divisor is wrong or missing: a sum, a length, a weight.",
    ),
)
def rows_scaled(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Each row (or column) is correct up to its own factor: what it is divided by is wrong."""
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


def _one_factor(ratios: list[float]) -> bool:
    """Whether all rows of a case have the same factor: then rows do not matter."""
    return len(ratios) > 1 and float(np.ptp(ratios)) < 1e-6 * max(map(abs, ratios))


def _strips(pair: Pair, axis: int) -> list[tuple[Array, Array]]:
    seen, wanted = (np.moveaxis(a, axis, -1).reshape(-1, a.shape[axis]) for a in (pair.seen, pair.expected))
    return list(zip(seen, wanted, strict=True))


def _seen(evidence: Evidence) -> list[Array]:
    return [pair.seen for pair in evidence.pairs]


def _wanted(evidence: Evidence) -> list[Array]:
    return [pair.expected for pair in evidence.pairs]
