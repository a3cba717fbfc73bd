"""An implementation that the diagnosis can run again, to experiment with it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from autograder.diagnosis.arrays import Array
from autograder.diagnosis.outcomes import Raised, observe
from autograder.spec import Case, Check, Observations
from autograder.subject import Subject

__all__ = ["STEP", "Probe"]

MOST_CALLS = 400
MOST_SECONDS = 1.0
"""Slow code is run less often, and its diagnosis says less."""
STEP = 1e-5
"""Of numerical differences."""


class Probe:
    """An implementation that can be run again, a limited number of times.

    forward: the check that shows what forward returns, where that is known to be correct; else None.
    matters: names of the expected answer (``dW``) with an argument, a parameter or an input that each depends on.
    """

    def __init__(
        self,
        check: Check,
        ask: Callable[[], Subject],
        forward: Check | None,
        matters: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self.check = check
        self.forward = forward
        self.matters = matters
        self._ask = ask
        self._left = MOST_CALLS
        self._until = time.monotonic() + MOST_SECONDS

    def show(self, case: Case, check: Check | None = None) -> Observations:
        """What the implementation shows on a case; nothing where it raises or was run too often."""
        if self._left <= 0 or time.monotonic() > self._until:
            return {}
        self._left -= 1
        try:
            seen = observe(check or self.check, self._ask(), case)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return {}  # a case of one check may not suit another, and an answer may be anything
        return {} if isinstance(seen, Raised) else seen

    def output(self, case: Case) -> Array | None:
        """The only output of a correct forward; None where there is none."""
        seen = self.show(case, self.forward) if self.forward else {}
        values = [value for value in seen.values() if isinstance(value, np.ndarray | np.generic)]
        return np.asarray(values[0]) if len(values) == len(seen) == 1 else None
