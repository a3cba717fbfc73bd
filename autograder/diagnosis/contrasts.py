"""Contrasts: where nothing else is recognised, what distinguishes the cases that are wrong from those that are right.

A wrong case is run again with one thing changed.  Where that makes it right, in every wrong case, the thing decides;
unless the size of the numbers or their order decides too: then the changed case is wrong again with other ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from autograder.checks import GRADIENTS
from autograder.diagnosis.arrays import Array
from autograder.diagnosis.evidence import Answer, Finding
from autograder.diagnosis.facts import VIEW, Fact, facts_of
from autograder.diagnosis.outcomes import Outcome
from autograder.diagnosis.pattern import Example, Pattern, pattern
from autograder.diagnosis.probe import Laboratory, Probe
from autograder.spec import Case, Observations
from autograder.spec.comparison import compare, is_compared

__all__ = ["CONTRASTS", "Tried"]

MOST_FACTS = 2
FEWEST_ROWS = 2
"""Wrong cases, and right ones, of which half are drawn again."""
MOST_WRONG = 12
"""Wrong cases that are changed."""
TIMES = 8.0
"""How much larger, and smaller, the numbers of a right case are made: a power of two, which rounds nothing."""


@dataclass(frozen=True)
class Tried:
    """A failed check: what was observed in its cases, the first name that differs (none: it raises), experiments."""

    probe: Probe
    outcomes: Sequence[Outcome]
    answers: Sequence[Answer]
    name: str


@dataclass(frozen=True)
class _Experiments:
    """When contrasts are looked for."""

    def __call__(self, tried: Tried) -> bool:
        """Whether other cases can be tried here."""
        return tried.probe.laboratory is not None

    def __str__(self) -> str:
        return "any check of values, where the reference is at hand and nothing else is recognised"


@dataclass(frozen=True)
class _Row:
    """One case that was run, and whether it was wrong."""

    case: Case
    wrong: bool


@pattern(
    _Experiments(),
    Example(
        "MovingSum",
        GRADIENTS,
        correct="dx[:, k : k + dy.shape[1]] += (k + 1) * dy",
        wrong="dx[:, k : k + dy.shape[1]] += (k + 1) * dy * (1 + (self.width > 2) * k)",
        sentence="In every case that was tried, dx is wrong where width is larger than 2, and it is correct as soon "
        "as width is 2.",
        hint="Look at what the code does with width.",
    ),
)
def only_where(tried: Tried) -> Finding | None:
    """One thing, or two together, that decide: without them every wrong case is right."""
    laboratory = tried.probe.laboratory
    rows = _without_views(_rows(tried))
    wrong = [row.case for row in rows if row.wrong]
    if laboratory is None or not wrong:
        return None
    healing: list[Fact] = []
    for fact in facts_of([row.case for row in rows]):
        if tried.probe.is_spent:
            return None
        if all(fact.holds(case) for case in wrong) and _heals(tried.probe, laboratory, fact, wrong, tried.name):
            healing.append(fact)
    healing = _without_repetition(healing)
    if tried.probe.is_spent or len(healing) > MOST_FACTS:
        return None
    if not healing:
        return _separating(tried, laboratory, rows)
    always = all(row.wrong for row in rows if all(fact.holds(row.case) for fact in healing))
    if not always and all(fact.weak for fact in healing):
        return None
    return _say(tried.name, healing, always=always)


def _separating(tried: Tried, laboratory: Laboratory, rows: Sequence[_Row]) -> Finding | None:
    """The only fact that holds in all wrong cases and in no other, where no case without it can be made."""
    facts = _without_repetition(
        [
            fact
            for fact in facts_of([row.case for row in rows])
            if not fact.weak and all(fact.holds(row.case) == row.wrong for row in rows)
        ]
    )
    wrong = sum(row.wrong for row in rows)
    if len(facts) != 1 or min(wrong, len(rows) - wrong) < FEWEST_ROWS:
        return None
    if not all(row.wrong or _is_right_at_other_sizes(tried.probe, laboratory, row.case, tried.name) for row in rows):
        return None
    (fact,) = facts
    what, right = (f"{tried.name} is wrong", "correct") if tried.name else ("it raises an error", "raises none")
    return Finding(
        f"only where {fact.where}",
        f"in every case that was tried, {what} where {fact.where}, and {right} elsewhere",
        f"Look at what the code does with {fact.about}.",
    )


def _rows(tried: Tried) -> list[_Row]:
    """The check's cases, and as many with other numbers."""
    known = [
        _Row(case, tried.probe.differs(seen, answer, case, tried.name))
        for seen, (case, answer) in zip(tried.outcomes, tried.answers, strict=True)
    ]
    if not any(row.wrong for row in known):
        return []
    again = [(case, tried.probe.is_wrong(case, answer, tried.name)) for case, answer in tried.probe.drawn_again]
    if [row.wrong for row in known] != [wrong for _, wrong in again]:
        return []  # chance has a part in it, or not every case could be run
    return known + [_Row(case, bool(wrong)) for case, wrong in again]


def _without_views(rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows of arrays side by side in memory, where one of these is wrong: facts about numbers show in no view."""
    plain = [row for row in rows if not VIEW.holds(row.case)]
    return plain if any(row.wrong for row in plain) else rows


def _heals(probe: Probe, laboratory: Laboratory, fact: Fact, wrong: Sequence[Case], name: str) -> bool:
    """Whether every wrong case is right as soon as this does not hold, and still expects something there."""
    return all(
        any(_is_right(probe, laboratory, changed, name) for changed in islice(fact.without(case), 2))
        for case in wrong[:MOST_WRONG]
    )


def _is_right(probe: Probe, laboratory: Laboratory, changed: Case, name: str) -> bool:
    case = laboratory.completed(changed)
    answer = laboratory.answer(case) if case is not None else None
    if case is None or answer is None or not _tells(answer, name):
        return False
    return (
        probe.is_wrong(case, answer, name) is False
        and _depends_on_inputs(laboratory, case, answer)
        and _is_right_at_other_sizes(probe, laboratory, case, name)
    )


def _is_right_at_other_sizes(probe: Probe, laboratory: Laboratory, case: Case, name: str) -> bool:
    """Whether a right case is right with larger and smaller numbers as well, which stand in another order."""
    others = ((other, laboratory.answer(other)) for other in _at_other_sizes(case))
    return all(probe.is_wrong(other, answer, name) is False for other, answer in others if answer is not None)


def _at_other_sizes(case: Case) -> Iterator[Case]:
    """The case with larger upstream gradients; larger inputs, back to front; smaller ones, moved by one."""
    if case.upstreams:
        yield case.with_upstreams(_changed(case.upstreams, lambda x: x * x.dtype.type(TIMES)))
    yield case.with_changes(inputs=_changed(case.inputs, lambda x: np.flip(x) * x.dtype.type(TIMES)))
    yield case.with_changes(inputs=_changed(case.inputs, lambda x: np.roll(x, 1, (0, -1)) / x.dtype.type(TIMES)))


def _changed(arrays: dict[str, Any], change: Callable[[Array], Array]) -> dict[str, Any]:
    """Every array of floats changed, but for those between 0 and 1: masks, shares, probabilities."""
    return {name: change(x) if _has_a_size(x) else x for name, x in arrays.items()}


def _has_a_size(x: object) -> bool:
    return isinstance(x, np.ndarray) and x.ndim > 0 and x.dtype.kind == "f" and bool(((x < 0) | (x > 1)).any())


def _depends_on_inputs(laboratory: Laboratory, case: Case, answer: Observations) -> bool:
    """Whether other inputs still have another answer: where nothing depends on them, being right shows nothing."""
    moved = case.with_changes(inputs=_moved(case.inputs)).with_upstreams(_moved(case.upstreams))
    if not any(isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in (case.inputs | case.upstreams).values()):
        return True
    other = laboratory.answer(moved) or {}
    return any(compare(other.get(name), value, name) for name, value in answer.items() if is_compared(name))


def _moved(arrays: dict[str, Any]) -> dict[str, Any]:
    return {
        name: x * 0.8 + 0.1 * np.cos(np.arange(x.size).reshape(x.shape))
        if isinstance(x, np.ndarray) and x.dtype.kind == "f"
        else x
        for name, x in arrays.items()
    }


def _tells(answer: Observations, name: str) -> bool:
    """Whether an answer holds numbers other than zero: a changed case of which nothing is left shows nothing."""
    values = [answer[name]] if name in answer else [value for key, value in answer.items() if is_compared(key)]
    return any(
        bool(np.any(np.asarray(value))) for value in values if isinstance(value, np.ndarray | np.generic | float)
    )


def _without_repetition(facts: list[Fact]) -> list[Fact]:
    """One fact of each thing that it is about, the first."""
    return list({fact.about: fact for fact in reversed(facts)}.values())[::-1]


def _say(name: str, facts: list[Fact], *, always: bool) -> Finding:
    where, elsewhere = " and ".join(fact.where for fact in facts), " or ".join(fact.elsewhere for fact in facts)
    what, right = (f"{name} is wrong", "it is correct") if name else ("it raises an error", "it raises none")
    if always:
        sentence = f"in every case that was tried, {what} where {where}, and {right} as soon as {elsewhere}"
    else:
        sentence = f"{what} only where {where}: in every case that was tried, {right} as soon as {elsewhere}"
    about = " and ".join(dict.fromkeys(fact.about for fact in facts))
    return Finding(f"only where {where}", sentence, f"Look at what the code does with {about}.")


CONTRASTS: tuple[Pattern[Tried], ...] = (only_where,)
