"""Patterns of a formula: an extra or missing term, a wrong sign, and one letter in place of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, combinations_with_replacement, permutations

import numpy as np

from autograder.checks import FORWARD, GRADIENTS
from autograder.diagnosis.arrays import Array
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.factors import Factor, named
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Probe
from autograder.diagnosis.regions import wrong_entries

__all__ = ["TERMS"]

LARGEST = 20_000
FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "v": lambda v: v,
    "v²": lambda v: v * v,
    "v (1 − v)": lambda v: v * (1 - v),
    "v (1 + v)": lambda v: v * (1 + v),
}


@pattern(
    Needs(shape=True),
    Example(
        "Linear",
        FORWARD,
        correct="return x @ self.W.data + self.b.data",
        wrong="return x @ self.W.data",
        sentence="y is too small by b in every entry.",
        hint="Look for a term with b that is missing, or is subtracted where it should be added.",
    ),
)
def term(evidence: Evidence, _probe: Probe) -> Finding | None:
    """The observed minus the expected value is one product of letters: an extra or missing term, or a wrong sign."""
    masks = wrong_entries(evidence)
    failed = tuple(pair for pair, mask in zip(evidence.pairs, masks, strict=True) if mask.any())
    some = "" if len(failed) == len(evidence.pairs) else ", in every case that fails"
    evidence = Evidence(evidence.name, failed)
    if not failed or not _told(evidence):
        return None
    terms = [_terms(pair) for pair in evidence.pairs]
    for name in terms[0]:
        if not all(name in known for known in terms[1:]):
            continue
        found = _multiple(evidence, [known[name] for known in terms])
        if found is not None:
            told = _say_term(evidence, name, found)
            return replace(told, sentence=told.sentence + some)
    return None


@pattern(
    Needs(shape=True, entries=True),
    Example(
        "Tanh",
        GRADIENTS,
        correct="self.y = xp.tanh(x)\nreturn self.y",
        wrong="self.y = x\nreturn xp.tanh(x)",
        sentence="dx looks as if its formula used x in place of y.",
        hint="Look for x where y is meant.",
    ),
)
def instead(evidence: Evidence, _probe: Probe) -> Finding | None:
    """One letter is used where another belongs: the difference is that of one function of both."""
    if not _told(evidence):
        return None
    letters = [name for name in ("x", "y", *evidence.pairs[0].inputs) if all(name in p.letters for p in evidence.pairs)]
    for used, meant in permutations(dict.fromkeys(letters), 2):
        for before in ("", "dy"):
            if before and not all("dy" in p.letters for p in evidence.pairs):
                continue
            for f in FUNCTIONS.values():
                values = [
                    (f(p.letters[used]) - f(p.letters[meant])) * (p.letters[before] if before else 1.0)
                    for p in evidence.pairs
                ]
                found = _multiple(evidence, values)
                if found is not None and found.key in ("", "sign"):
                    return Finding(
                        f"instead: {used} for {meant}",
                        f"{evidence.name} looks as if its formula used {used} in place of {meant}",
                        f"Look for {used} where {meant} is meant.",
                    )
    return None


def _told(evidence: Evidence) -> bool:
    small = all(pair.expected.size <= LARGEST for pair in evidence.pairs)
    return small and evidence.proves() and evidence.proves([pair.seen - pair.expected for pair in evidence.pairs])


def _multiple(evidence: Evidence, values: list[Array]) -> Factor | None:
    """The named factor between these arrays and observed minus expected; None where there is none."""
    ratios, pairs = [], []
    for pair, value in zip(evidence.pairs, values, strict=True):
        difference = pair.seen - pair.expected
        scale = float(np.abs(pair.expected).max()) + float(np.abs(pair.seen).max())
        weight = float((value * value).sum())
        if not np.isfinite(weight):
            return None
        if weight <= (1e-9 * scale) ** 2:
            if np.abs(difference).max(initial=0.0) > 1e-9 * scale:
                return None
            continue
        found = float((difference * value).sum()) / weight
        if not found or np.abs(difference - found * value).max() > 1e-9 * scale:
            return None
        ratios.append(found)
        pairs.append(pair)
    enough = sum(int((v != 0).sum()) for v in values) >= 6 or (evidence.scalar and len(ratios) > 2)  # noqa: PLR2004
    return named(ratios, pairs) if ratios and enough else None


def _say_term(evidence: Evidence, name: str, found: Factor) -> Finding:
    bare = found.text.removeprefix("with reversed sign").removeprefix(" and ")
    many = f", {bare}," if bare else ""
    if "sign" in found.key:
        sentence = f"{evidence.name} is too small by {name}{many} in every entry"
        hint = f"Look for a term with {name} that is missing, or is subtracted where it should be added."
    else:
        sentence = f"{evidence.name} is too large by {name}{many} in every entry"
        hint = f"Look for a term with {name} that does not belong there, or is added where it should be subtracted."
    return Finding(f"term {name}", sentence, hint)


def _terms(pair: Pair) -> dict[str, Array]:
    """Possible terms, in the expected shape: 1, letters, their products, letters times a sum of those."""
    shape = pair.expected.shape
    letters = {name: a for name, a in pair.letters.items() if not name.startswith("(")}
    found: dict[str, Array] = {"1": np.ones(shape)} | letters
    for name, a in pair.named.items():
        if name not in letters and a.ndim and a.ndim < len(shape) and shape[-a.ndim :] == a.shape:
            found[name] = np.broadcast_to(a, shape)
    products = {
        (f"{a}²" if a == b else f"{a} · {b}"): letters[a] * letters[b]
        for a, b in combinations_with_replacement(letters, 2)
    }
    found |= products
    if "dy" in letters:
        gates = {name: a != 0 if name == "y" else a > 0 for name, a in letters.items() if name != "dy"}
        found |= {
            f"dy where {name} {'≠' if name == 'y' else '>'} 0": np.where(gate, letters["dy"], 0.0)
            for name, gate in gates.items()
            if not gate.all()
        }
        found |= {f"dy · {a}²": letters["dy"] * letters[a] ** 2 for a in letters if a != "dy"}
        found |= dict(
            _with_sums(
                pair.case.arguments.get("axis"),
                letters,
                {"dy": letters["dy"], **{n: p for n, p in products.items() if "dy" in n}},
            )
        )
    for name, value in pair.case.arguments.items():
        if isinstance(value, float) and value:
            found[name] = np.full(shape, value)
    return found


def _with_sums(axis: object, letters: dict[str, Array], weighted: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Letters times a sum (along an axis, or over all), and times the difference of two such sums."""
    for name, product in weighted.items():
        if name == "dy²" or product.ndim < 2:  # noqa: PLR2004 - no axis to choose
            continue
        sums = {f"along axis {i}": product.sum(axis=i, keepdims=True) for i in range(product.ndim)}
        if isinstance(axis, int) and -product.ndim <= axis < product.ndim:
            sums["along the axis"] = product.sum(axis=axis, keepdims=True)
        sums["over all"] = product.sum()
        for letter, a in letters.items():
            if letter == "dy":
                continue
            for where, total in sums.items():
                yield f"{letter} · Σ {name} ({where})", a * total
            for one, other in combinations(sums, 2):
                yield f"{letter} · (Σ {name} {one} less that {other})", a * (sums[one] - sums[other])


TERMS = (instead, term)
