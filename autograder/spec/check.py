"""A check: what it asks of an implementation, and how it judges what it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograder.spec.error import SpecError

if TYPE_CHECKING:
    import numpy as np

    from autograder.spec.budget import Budget
    from autograder.spec.case import Case
    from autograder.spec.comparison import Mismatch
    from autograder.subject import Subject

__all__ = ["Check", "Observations", "Trial"]

Observations = dict[str, Any]
"""What a check saw: a name that its sentence can use (``y``, ``dW``) → plain data."""


@dataclass(frozen=True)
class Check:
    """One named property worth points; its name is the sentence that the student reads.

    part: where its points belong; needs: parts that must be written; after: checks without whose
    pass this one proves nothing, so that it is skipped.
    cases(rng, reference): the inputs; observe(subject, case): talks to an implementation and returns
    what it saw; expect(reference, case, rng): what is right (by default what the reference shows);
    judge(observed, expected, case): a Mismatch or None.
    redrawn: its cases, and what is expected of them, need no reference, and are drawn where they are needed;
    own_forward(subject, case, observed): is a failed backward right for the student's own forward?
    capstone: trains; its cases run in a worker each, with cpu_s seconds of computing per call, until one passes.
    budget: the limit on what it costs, where that is measured; trial: the runs that are.
    mutation: source that spoils a correct implementation in just this way, to prove that the check catches it.
    """

    name: str
    part: str
    weight: float
    cases: Callable[[np.random.Generator, Subject], list[Case]]
    observe: Callable[[Subject, Case], Observations]
    judge: Callable[[Observations, Observations, Case], Mismatch | None]
    expect: Callable[[Subject, Case, np.random.Generator], Observations] | None = None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    backend: str | None = None
    own_forward: Callable[[Subject, Case, Observations], bool] | None = None
    mutation: str = ""
    redrawn: bool = False
    capstone: bool = False
    cpu_s: float | None = None
    budget: Budget | None = None
    trial: Callable[[Subject, Case], Trial] | None = None

    def prepare(self, subject: Subject, case: Case) -> Trial:
        """Make the runs to be measured on one implementation; SpecError where this check measures nothing."""
        if self.trial is None:
            message = f"“{self.name}” measures nothing"
            raise SpecError(message)
        return self.trial(subject, case)


@dataclass(frozen=True)
class Trial:
    """Timed runs on one implementation, made once.

    renew: send a case's inputs ahead; go: compute, and nothing else (this is timed); collect: fetch what came of it;
    calls: requests that ``go`` makes.
    """

    renew: Callable[[Case], None]
    go: Callable[[], None]
    collect: Callable[[], Observations]
    calls: int = 1
