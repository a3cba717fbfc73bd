"""LossExercise: a class with ``forward(prediction, target)``, a scalar, and ``backward()``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Unpack

import numpy as np

from autograder.checks.behaviour import Behaviour
from autograder.checks.budgets import budget_checks
from autograder.checks.drawing import CaseMaker
from autograder.checks.mutation import mutated
from autograder.checks.standard import FORWARD, GRADIENTS, backward_checks, forward_checks
from autograder.checks.wide import gradient_cost
from autograder.measuring import Memory, Scaling, Speed
from autograder.spec import Budget, Case, Check, Exercise, Extras, Points, points_by_part
from autograder.spec.comparison import compare_all
from autograder.subject import Subject

__all__ = ["LossExercise"]


def LossExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    points: Points | float | None = None,
    gradient_of: tuple[str, ...],
    speed: Speed | None = None,
    memory: Memory | None = None,
    scaling: Scaling | None = None,
    budgets: Sequence[Budget] = (),
    wide: Case | None = None,
    extreme: float | None = None,
    shift_invariant: bool = False,
    batch_mean: bool = True,
    has_parameters: bool = False,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one loss, with the standard checks.

    budgets: limits on costs of other kinds than speed, memory and scaling.
    wide: a case with many inputs, given as shapes or functions of an rng like a case that is measured: gradients must
    cost far less there than a call of forward for every number, and may cost what Python's loops do.  By default rows
    of the last case are repeated; where an output depends on several inputs, give few rows that are wide.
    gradient_of: the inputs whose gradient ``backward()`` returns, in order (the prediction; not the target).
    shift_invariant: adding a constant to the first input must change nothing (scores of a softmax).
    batch_mean: False where the loss of a row depends on the others (a contrastive loss), so that twice the rows make
    another loss.      has_parameters: the class is a Layer too, with parameters of its own, whose gradients accumulate.
    """
    harness = Behaviour(
        name,
        cases,
        ("the loss",),
        takes_upstream=False,
        gradient_of=gradient_of,
        extreme=extreme,
        has_parameters=has_parameters,
    )

    extra = [*([_mean_check(harness)] if batch_mean else []), *([_shift_check(harness)] if shift_invariant else [])]
    standard = forward_checks(harness, has_parameters=has_parameters)
    checks = [
        *standard[:-1],
        *extra,
        standard[-1],
        *backward_checks(harness, has_parameters=has_parameters, cost=gradient_cost(harness, wide)),
        *budget_checks(
            harness.trial,
            (speed, memory, scaling, *budgets),
            needs=("forward", "backward"),
            after=(FORWARD, GRADIENTS),
            prepare=harness.complete,
        ),
    ]
    return Exercise(name, "loss", ("forward", "backward"), points_by_part(name, points), checks, **extras)


_of_forward = partial(Check, part="forward", weight=1.0, judge=compare_all, needs=("forward",), after=(FORWARD,))
"""A check of the loss itself that is skipped where it is incorrect."""


def _mean_check(harness: Behaviour) -> Check:
    """Every row twice: the mean over the batch is the same."""

    def doubled(rng: np.random.Generator, reference: Subject) -> list[Case]:
        case = harness.cases(rng, reference)[-1]
        return [case.with_changes(inputs={key: np.concatenate([x, x]) for key, x in case.inputs.items()})]

    return _of_forward(
        "the loss is the mean over the batch",
        cases=doubled,
        observe=harness.forward,
        mutation=mutated("y = super().forward(*xs)", "return y * 2 if _twice(xs[0]) else y")
        + "def _twice(x):\n    n = len(x) // 2\n    return len(x) == 2 * n > 0 and bool((x[:n] == x[n:]).all())\n",
    )


def _shift_check(harness: Behaviour) -> Check:
    """The same constant on every score: their softmax is the same."""

    def shifted(rng: np.random.Generator, reference: Subject) -> list[Case]:
        case = harness.cases(rng, reference)[-1]
        first = harness.gradient_of[0]
        return [case.with_changes(inputs={**case.inputs, first: case.inputs[first] + 7.5})]

    return _of_forward(
        "adding a constant to the scores changes nothing",
        cases=shifted,
        observe=harness.forward,
        mutation=mutated("y = super().forward(*xs)", "return y + 1 if xs[0].mean() > 5 else y"),
    )
