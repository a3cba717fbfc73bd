"""Patterns of a substitute: the answer that belongs to another argument, input, parameter or upstream gradient."""

from __future__ import annotations

import numpy as np

from autograder.checks import FORWARD, GRADIENTS
from autograder.diagnosis.arrays import same
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Laboratory, Probe
from autograder.diagnosis.replacements import Replacement, is_gradient, replacements
from autograder.spec import Case, Observations
from autograder.spec.comparison import compare, is_compared

__all__ = ["as_if"]

FEWEST = 4
"""Different numbers, of all cases together, that must agree."""


@pattern(
    Needs(of="both"),
    Example(
        "MovingSum",
        FORWARD,
        correct="return sum((k + 1) * x[:, k : k + steps] for k in range(self.width))",
        wrong="return sum((k + 1) * x[:, ::-1][:, k : k + steps] for k in range(self.width))",
        sentence="y is what is expected if x were reversed along axis 1.",
        hint="Look for an index, a slice or a loop that runs the other way.",
    ),
    Example(
        "Linear",
        GRADIENTS,
        correct="return dy @ self.W.data.T",
        wrong="return dy @ -abs(self.W.data.T)",
        sentence="dx is what is expected if W were −|W|.",
        hint="Look for W where another array is meant.",
    ),
)
def as_if(evidence: Evidence, probe: Probe) -> Finding | None:
    """In every case it is the answer that belongs to another argument, input, parameter or upstream gradient."""
    if probe.laboratory is None or not probe.drawn_again:
        return None
    first, *rest = sorted(evidence.pairs, key=_is_right)
    tables: dict[int, dict[str, Replacement]] = {}
    for key, substitute in replacements(first.case, evidence.name).items():
        if probe.is_spent:
            return None
        if not _is_answer(probe.laboratory, evidence.name, substitute.case, first.all_seen):
            continue
        for pair in rest:
            tables[id(pair)] = tables.get(id(pair)) or replacements(pair.case, evidence.name)
        others = ((pair, tables[id(pair)].get(key)) for pair in rest)
        if all(
            _is_answer(probe.laboratory, evidence.name, other.case, pair.all_seen) if other else _is_right(pair)[0]
            for pair, other in others
        ) and _proves(evidence, key, probe, probe.laboratory):
            return Finding(f"as if {key}", f"{evidence.name} is what is expected if {substitute.what}", substitute.hint)
    return None


def _is_right(pair: Pair) -> tuple[bool, int]:
    """Whether this case is right; and its size: a small one is tried first."""
    return same(pair.seen, pair.expected, rounding=1e-6), pair.expected.size


def _is_answer(laboratory: Laboratory, name: str, case: Case, seen: Observations) -> bool:
    """Whether this is what is expected in this case: of gradients the one of this name, of outputs all."""
    wanted = laboratory.answer(case) or {}
    names = [name] if is_gradient(name) else [each for each in wanted if is_compared(each)]
    return name in wanted and all(_is_same(seen.get(each), wanted[each]) for each in names)


def _is_same(seen: object, wanted: object) -> bool:
    if not isinstance(wanted, np.ndarray | np.generic | float):
        return compare(seen, wanted, "") is None
    usable = isinstance(seen, np.ndarray | np.generic | float) and np.asarray(seen).dtype.kind in "fiub"
    return usable and same(np.asarray(seen, dtype=float), np.asarray(wanted, dtype=float), rounding=1e-7)


def _proves(evidence: Evidence, key: str, probe: Probe, laboratory: Laboratory) -> bool:
    """Whether the observed numbers are different enough, and other numbers show the same."""
    numbers = np.concatenate([pair.seen.ravel() for pair in evidence.pairs])
    fewest = min(FEWEST, len(evidence.pairs)) if evidence.scalar else FEWEST
    if len(np.unique(np.round(numbers, 9))) < fewest:
        return False
    told = 0
    for case, answer in probe.drawn_again:
        if evidence.name not in answer:
            continue
        seen = probe.show(case)
        substitute = replacements(case, evidence.name).get(key)
        if not _is_answer(laboratory, evidence.name, substitute.case if substitute else case, seen):
            return False
        told += substitute is not None
    return told > 0
