"""A check: what it runs on an implementation, and how it judges what it observed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from autograder.isolation.tree import Values
from autograder.spec.error import SpecError

if TYPE_CHECKING:
    import numpy as np

    from autograder.spec.budget import Budget
    from autograder.spec.case import Case
    from autograder.spec.comparison import Mismatch
    from autograder.subject import Subject

__all__ = ["Check", "Draw", "GradientCost", "Judge", "Observations", "Observe", "Trial"]

Observations = Values
"""What a check observed: a name that its sentence can use (``y``, ``dW``) → plain data."""
Draw: TypeAlias = "Callable[[np.random.Generator, Subject], list[Case]]"
"""Draws cases; the subject is the reference."""
Observe: TypeAlias = "Callable[[Subject, Case], Observations]"
"""Runs an implementation and looks at what it does."""
Judge: TypeAlias = "Callable[[Observations, Observations, Case], Mismatch | None]"
"""Compares what was observed with what is expected."""


@dataclass(frozen=True)
class Check:
    """One named property worth points; its name is the sentence that the student reads.

    part: where its points belong; needs: parts that must be written; after: checks that must pass
    first; otherwise this one would prove nothing and is skipped.
    cases(rng, reference): the inputs; observe(subject, case): runs an implementation and returns
    what it observed; expect(reference, case, rng): the expected result (by default the reference's);
    judge(observed, expected, case): a Mismatch or None.
    redrawn: its cases and what is expected need no reference, and are drawn where they are needed;
    own_forward(subject, case, observed): is a failed backward correct for the student's own forward?
    cost: what gradients may cost, measured where they are correct, before there are points for any of them.
    complete(case, rng, reference): a case with what its author leaves to be drawn, where this check draws more;
    capstone: trains a model; one worker per case, until one passes, with cpu_s seconds of computing per call.
    device_only: what it runs is compiled for a GPU; elsewhere it is skipped, and needs an ``expect`` for that reason.
    budget: the limit on the cost, where it is measured; trial: the measured runs.
    mutation: source that breaks a correct implementation in exactly this way, to prove that the check catches it.
    """

    name: str
    part: str
    weight: float
    cases: Draw
    observe: Observe
    judge: Judge
    expect: Callable[[Subject, Case, np.random.Generator], Observations] | None = None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    backend: str | None = None
    own_forward: Callable[[Subject, Case, Observations], bool] | None = None
    cost: GradientCost | None = None
    complete: Callable[[Case, np.random.Generator, Subject], Case] | None = None
    mutation: str = ""
    redrawn: bool = False
    capstone: bool = False
    cpu_s: float | None = None
    device_only: bool = False
    budget: Budget | None = None
    trial: Callable[[Subject, Case], Trial] | None = None

    def prepare(self, subject: Subject, case: Case) -> Trial:
        """Prepare the runs to be measured on one implementation; SpecError if this check measures nothing."""
        if self.trial is None:
            message = f"“{self.name}” measures nothing"
            raise SpecError(message)
        return self.trial(subject, case)


@dataclass(frozen=True)
class GradientCost:
    """One large run, which must cost much less than a call of forward for every number that has a gradient.

    cases: draws one case; observe, judge: run forward and backward, and compare the gradients, as in ``Check``;
    forward(subject, case): makes a function that runs forward alone; numbers(case): how many numbers have a gradient.
    """

    cases: Draw
    observe: Observe
    judge: Judge
    forward: Callable[[Subject, Case], Callable[[], object]]
    numbers: Callable[[Case], int]


@dataclass(frozen=True)
class Trial:
    """Timed runs on one implementation, prepared once.

    renew: send a case's inputs ahead; go: compute, and nothing else (this is timed); collect: fetch the result;
    calls: how many requests ``go`` sends.
    """

    renew: Callable[[Case], None]
    go: Callable[[], None]
    collect: Callable[[], Observations]
    calls: int = 1
