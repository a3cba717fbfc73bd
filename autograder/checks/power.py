"""What the statistical checks of an exercise notice: every claim's effect at its number of draws, with power 0.999."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from autograder.checks.laws import AllAlike
from autograder.checks.statistics import CHANCE, ClaimsRun
from autograder.spec import Case, Check, Exercise
from autograder.subject import Subject

__all__ = ["Power", "powers"]


@dataclass(frozen=True)
class Power:
    """One claim about one case.

    expected: the level of its statistic that correct code has; count: numbers drawn; low, high: levels at which code
    fails this claim with probability 0.999 or more, as at every level farther off; mistakes: levels of the mistakes
    that the claim names.
    """

    check: str
    claim: str
    case: str
    expected: float
    count: int
    low: float
    high: float
    mistakes: dict[str, float]

    @property
    def missed(self) -> list[str]:
        """Named mistakes that are too close to what is correct to be noticed, and are not correct in this case."""
        return [
            name for name, level in self.mistakes.items() if self.low < level < self.high and level != self.expected
        ]


def powers(exercise: Exercise, reference: Subject, drawn: Callable[[Check], np.random.Generator]) -> Iterator[Power]:
    """Draw once from the reference for every statistical check; drawn(check): the generator of its cases."""
    for check in exercise.checks:
        if isinstance(check.observe, ClaimsRun):
            for case in check.cases(drawn(check), reference):
                yield from _of_case(check.name, check.observe, reference, case)


def _of_case(name: str, run: ClaimsRun, reference: Subject, case: Case) -> Iterator[Power]:
    seen = run.draw(reference, case)
    for claim in run.claims:
        law, count = claim.law(case), np.asarray(claim.look(seen, case)).size
        low, high = law.noticed(count, CHANCE / case.hidden["comparisons"])
        others = {what: other(case) for what, other in claim.others.items()}
        levels = {what: one.level() for what, one in others.items() if not isinstance(one, AllAlike)}
        yield Power(name, claim.name, case.describe(), law.level(), count, low, high, levels)
