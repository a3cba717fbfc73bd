"""An implementation that the diagnosis can run again, to experiment with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autograder.diagnosis.arrays import Array
from autograder.diagnosis.outcomes import Outcome, Raised, observe
from autograder.spec import Case, Check, Observations, SpecError
from autograder.spec.comparison import compare
from autograder.subject import Subject, SubjectRaisedError

__all__ = ["STEP", "Laboratory", "Probe"]

MOST_CALLS = 400
MOST_SECONDS = 1.0
"""Slow code is run less often, and its diagnosis says less."""
STEP = 1e-5
"""Of numerical differences."""
FAILS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""A case of one check may not suit another, and an answer may be anything."""


@dataclass(frozen=True)
class Laboratory:
    """What an experiment with other cases needs, where the reference is at hand.

    reference: gives the answer to any case; draw: draws the check's cases once more, with other numbers.
    """

    check: Check
    reference: Subject
    draw: Callable[[], list[Case]]

    @property
    def compares_values(self) -> bool:
        """Whether the answer to a case is what the reference shows: nothing else, and nothing is trained."""
        as_observed = self.check.expect is None or self.check.complete is not None
        return as_observed and not self.check.capstone and not self.check.budget

    def answer(self, case: Case) -> Observations | None:
        """What is expected in this case; None where the reference has no answer to it."""
        try:
            return self.check.observe(self.reference.on(self.check.backend or "numpy"), case)
        except (SubjectRaisedError, SpecError, *FAILS):
            return None
        finally:
            self.reference.forget()

    def completed(self, case: Case) -> Case | None:
        """A changed case with parameters and an upstream gradient that fit; None where it makes no sense."""
        if self.check.complete is None:
            return case
        rng = np.random.default_rng(len(case.arguments))
        for parameters in (case.parameters, {}):  # those of the case, if they fit
            unfinished = case.with_changes(parameters=parameters, upstream=None)
            try:
                return self.check.complete(unfinished, rng, self.reference)
            except (SubjectRaisedError, SpecError, *FAILS):
                continue
            finally:
                self.reference.forget()
        return None


class Probe:
    """An implementation that can be run again, a limited number of times.

    forward: the check that shows what forward returns, where that is known to be correct; else None.
    matters: names of the expected answer (``dW``) with an argument, a parameter or an input that each depends on.
    laboratory: what experiments with other cases need; None on a student's machine.
    """

    def __init__(
        self,
        check: Check,
        ask: Callable[[], Subject],
        forward: Check | None,
        matters: frozenset[tuple[str, str]] = frozenset(),
        laboratory: Laboratory | None = None,
    ) -> None:
        self.check = check
        self.forward = forward
        self.matters = matters
        self.laboratory = laboratory if laboratory and laboratory.compares_values else None
        self._ask = ask
        self._left = MOST_CALLS
        self._until = time.monotonic() + MOST_SECONDS

    @property
    def is_spent(self) -> bool:
        """Whether it was run so often, or for so long, that it runs no more."""
        return self._left <= 0 or time.monotonic() > self._until

    def outcome(self, case: Case, check: Check | None = None) -> Outcome | None:
        """What the implementation shows on a case, or the error it raises; None where it was run too often."""
        if self.is_spent:
            return None
        self._left -= 1
        try:
            return observe(check or self.check, self._ask(), case)
        except FAILS:
            return None

    def show(self, case: Case, check: Check | None = None) -> Observations:
        """What the implementation shows on a case; nothing where it raises or was run too often."""
        seen = self.outcome(case, check)
        return {} if seen is None or isinstance(seen, Raised) else seen

    def output(self, case: Case) -> Array | None:
        """The only output of a correct forward; None where there is none."""
        seen = self.show(case, self.forward) if self.forward else {}
        values = [value for value in seen.values() if isinstance(value, np.ndarray | np.generic)]
        return np.asarray(values[0]) if len(values) == len(seen) == 1 else None

    @cached_property
    def drawn_again(self) -> list[tuple[Case, Observations]]:
        """The check's cases with other numbers, each with its answer; none without a laboratory."""
        if self.laboratory is None:
            return []
        try:
            cases = self.laboratory.draw()
        except (SubjectRaisedError, SpecError, *FAILS):
            return []
        answers = [(case, self.laboratory.answer(case)) for case in cases]
        return [(case, answer) for case, answer in answers if answer is not None]

    def is_wrong(self, case: Case, answer: Observations, name: str = "") -> bool | None:
        """Whether the implementation's answer to a case differs from this one; None where it cannot be told."""
        seen = self.outcome(case)
        return None if seen is None else self.differs(seen, answer, case, name)

    def differs(self, seen: Outcome, answer: Observations, case: Case, name: str = "") -> bool:
        """Whether an outcome is wrong: what it holds under this name, or anything where the answer has none."""
        if isinstance(seen, Raised):
            return True
        with np.errstate(all="ignore"):
            if name in answer and self.check.complete is not None:
                return compare(seen.get(name), answer[name], name) is not None
            proved: Observations = {"_slopes": []} if self.check.complete else {}  # the reference's gradients are
            return self.check.judge(seen, {**answer, **proved}, case) is not None
