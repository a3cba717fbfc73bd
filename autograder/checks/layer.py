"""LayerExercise: a class with ``forward(*xs)`` and ``backward(dy)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from autograder.checks.behaviour import Behaviour, Index
from autograder.checks.budgets import budget_checks
from autograder.checks.chance import Invariant
from autograder.checks.drawing import CaseMaker
from autograder.checks.modes import Modes, eval_backward_checks, eval_forward_checks, expect_both_modes
from autograder.checks.sequence import Independence, independence
from autograder.checks.standard import FORWARD, GRADIENTS, Reads, backward_checks, check_of_eval, forward_checks
from autograder.checks.wide import gradient_cost
from autograder.measuring import Memory, Scaling, Speed
from autograder.spec import Budget, Case, Check, Exercise, Extras, GradientCost, Points, points_by_part

__all__ = ["LayerExercise", "Lookup"]


@dataclass(frozen=True)
class Lookup:
    """Rows of parameters are looked up, as by an embedding: no gradient depends on the values of parameters.

    constant(case): by the name of a parameter, an index of entries that get no gradient by definition, though outputs
    depend on them (the row of the padding).
    """

    constant: Callable[[Case], Mapping[str, Index]] = lambda _case: {}


def LayerExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    points: Points | float | None = None,
    speed: Speed | None = None,
    memory: Memory | None = None,
    scaling: Scaling | None = None,
    budgets: Sequence[Budget] = (),
    wide: Case | None = None,
    has_cost: bool = True,
    has_memory: bool = True,
    extreme: float | None = None,
    has_parameters: bool = False,
    gradient_of: tuple[str, ...] = (),
    outputs: tuple[str, ...] = ("y",),
    made_with: tuple[str, ...] = (),
    modes: Modes | None = None,
    invariant: Invariant | None = None,
    lookup: Lookup | None = None,
    independent: Mapping[str, Independence] | None = None,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one layer, with the standard checks.

    cases: draws inputs of several shapes; parameters and upstream gradients are drawn for it.
    budgets: limits on costs of other kinds than speed, memory and scaling.
    wide: a case with many inputs, given as shapes or functions of an rng like a case that is measured, on which
    gradients must cost far less than a call of forward for every number.  By default rows of the last case are
    repeated; where an output depends on several inputs, give few rows that are wide.
    has_cost: False for a forward that computes nothing (it makes a view of its input): differences cost nothing there.
    has_memory: False for a backward that needs nothing of forward's inputs but their shape.
    extreme: a size of input at which outputs and gradients must still be correct (1000, say).
    has_parameters: whether the layer has parameters, so that gradients must accumulate.
    gradient_of: inputs whose gradient backward returns; by default every array of floats.  Where there is none (ids),
    backward may return anything.      lookup: the layer looks up rows of its parameters.
    outputs: names of what forward returns; if several (a tuple), backward receives an upstream gradient for each.
    made_with: further parts, methods that the constructor calls; nothing is checked before they are written.
    modes: the layer behaves differently in training and evaluation.
    invariant(seen, case): the layer draws numbers; given ``y`` (and ``dx``, …) of one call, return what every correct
    implementation shows.  That, shapes and dtypes are compared; what depends on the draw is for ``statistics``.
    independent: of what the first output must not depend, by the sentence that students read: ``later_steps()``,
    ``other_steps()``, ``hidden_keys()``, ``masked_steps()``, ``other_rows()``; for more, add ``independence``.
    """
    constant = lookup.constant if lookup else None
    harness = Behaviour(
        name, cases, outputs, gradient_of=gradient_of, extreme=extreme, invariant=invariant, constant=constant
    )
    cost = gradient_cost(harness, wide) if has_cost else None
    reads = Reads(inputs=has_memory, parameters=lookup is None)
    checks = _checks(harness, modes, reads, has_parameters=has_parameters, cost=cost)
    checks += _measured(harness, (speed, memory, scaling, *budgets))
    checks = [replace(check, needs=(*made_with, *check.needs)) for check in checks]
    parts = (*made_with, "forward", "backward")
    exercise = Exercise(name, "layer", parts, points_by_part(name, points), checks, **extras)
    for sentence, of in (independent or {}).items():
        independence(exercise, sentence, cases=cases, of=of, outputs=outputs)
    return exercise


def _measured(harness: Behaviour, budgets: Sequence[Budget | None]) -> list[Check]:
    """The checks of what forward and backward cost."""
    needs, after = ("forward", "backward"), (FORWARD, GRADIENTS)
    return budget_checks(harness.trial, budgets, needs=needs, after=after, prepare=harness.complete)


def _checks(
    harness: Behaviour, modes: Modes | None, reads: Reads, *, has_parameters: bool, cost: GradientCost | None
) -> list[Check]:
    """The checks of forward and backward, in both modes where there are two."""
    forward = forward_checks(harness, has_parameters=has_parameters)
    backward = backward_checks(harness, has_parameters=has_parameters, cost=cost, reads=reads)
    if modes is None:
        return [*forward, *backward, check_of_eval(harness)]
    both = replace(forward[0], expect=lambda reference, case, _rng: expect_both_modes(harness, reference, case))
    forward = [both, *forward[1:], *eval_forward_checks(harness, modes)]
    return [*forward, *backward, *eval_backward_checks(harness, modes)]
