"""OptimizerExercise: a class whose ``step()`` moves parameters, observed at every step on gradients of the grader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Unpack

import numpy as np

from autograder.checks.budgets import budget_checks
from autograder.checks.drawing import CaseMaker
from autograder.checks.judges import judge_unchanged
from autograder.checks.mutation import mutated
from autograder.checks.support import packaged_support
from autograder.checks.trajectory import (
    Trajectory,
    judge_in_place,
    judge_kept,
    judge_names,
    judge_steps,
    take_step,
)
from autograder.isolation.tree import Values
from autograder.measuring import Memory, Speed
from autograder.spec import Budget, Case, Check, Exercise, Extras, Observations, Points, points_by_part
from autograder.spec.comparison import Mismatch
from autograder.subject import Subject
from dlkit.backend import NumpyArray

__all__ = ["OptimizerExercise", "Quadratic"]

MATCHES = "20 steps match the reference"
RESTS = "a gradient of zero does no harm"
IN_PLACE = "parameters are updated in place"
STEP = "super().step()"
HEIGHTS = np.array([1.0, 3.0, 10.0, 30.0])
"""Curvatures of the quadratic: the condition number is 30."""


@dataclass(frozen=True)
class Quadratic:
    """An ill-conditioned quadratic to minimize: ``steps`` steps must leave at most ``below`` of the initial value.

    arguments: of the optimizer.  State beside the exercise what the reference leaves at worst, over how many draws.
    """

    arguments: Values
    steps: int
    below: float


# --- the quadratic --------------------------------------------------------------------------------


def _quadratics(rng: np.random.Generator, _reference: Subject) -> list[Case]:
    axes, _ = np.linalg.qr(rng.normal(size=(len(HEIGHTS),) * 2))
    start = axes @ rng.choice([-1.0, 1.0], size=len(HEIGHTS))
    return [Case({}, start=[start]).with_changes(hidden={"curvature": (axes * HEIGHTS) @ axes.T})]


def _height(case: Case, x: NumpyArray) -> float:
    return float(x @ case.hidden["curvature"] @ x / 2)


def _descent(trajectory: Trajectory, quadratic: Quadratic) -> Check:
    def observe(subject: Subject, case: Case) -> Observations:
        parameters, optimizer = trajectory.build(subject, quadratic.arguments, case.inputs["start"])
        x = start = case.inputs["start"][0]
        with np.errstate(all="ignore"):
            for _ in range(quadratic.steps):
                after = take_step(subject, optimizer, parameters, [case.hidden["curvature"] @ x])
                x = after[0] if isinstance(after, list) and len(after) == 1 else after
                if not isinstance(x, np.ndarray) or x.shape != start.shape or x.dtype.kind != "f":
                    return {"height": None}
                if not np.isfinite(x).all():
                    return {"height": float("inf")}
            return {"height": _height(case, x)}

    def judge(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        del expected
        left, start = observed.get("height"), _height(case, case.inputs["start"][0])
        if isinstance(left, float) and left <= quadratic.below * start:
            return None
        if left is None:
            return Mismatch("shape", "height", "the parameter no longer has its shape")
        text = (
            f"the quadratic is {start:.3g} at the start and {left:.3g} after {quadratic.steps} steps; "
            f"at most {quadratic.below * start:.2g} is required ({_said(quadratic.arguments)})"
        )
        return Mismatch("value", "height", text)

    return Check(
        f"{quadratic.steps} steps descend an ill-conditioned quadratic",
        "step",
        1.0,
        _quadratics,
        observe,
        judge,
        expect=lambda _subject, _case, _rng: {},
        needs=("step",),
        mutation=mutated("lr, self.lr = self.lr, 0 * self.lr", "super().step()", "self.lr = lr", method="step"),
    )


def _said(arguments: Values) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


# --- the exercise ----------------------------------------------------------------------------


def OptimizerExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    points: Points | float | None = None,
    quadratic: Quadratic,
    zeros: tuple[str, ...] = (),
    states: tuple[str, ...] = (),
    speed: Speed | None = None,
    memory: Memory | None = None,
    budgets: Sequence[Budget] = (),
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one optimizer, ``name(parameters, lr, …)`` with ``step()``, with the standard checks.

    cases: constructor arguments (``lr`` among them), nothing else; parameters and gradients are drawn for them.  Give
    some a weight decay, and an epsilon large enough to show: the position of 1e-8 in a formula makes no difference.
    quadratic: a problem that the optimizer must solve, whatever the reference does.
    zeros: arguments that may be 0, each number of a pair by itself.  The last case gives all of them, and a weight
    decay: one that is taken for another argument then shows.
    states: lists of arrays that the docstring names, where it names several, which could be exchanged.  Nobody has to
    keep the state there.
    speed: for a case with the inputs ``parameter`` and ``gradient``, like all budgets; budgets: of other kinds;
    memory: as a share of the parameter (``of="parameter"``), both inputs ``Seeded``.
    """
    trajectory = Trajectory(name, cases)
    checks = [
        Check(MATCHES, "step", 6.0, trajectory.cases, trajectory.travel, judge_steps, needs=("step",)),
        *_checks_of_movement(trajectory),
        *_checks_of_arrays(trajectory),
        _check_of_rate(trajectory),
        *_checks_of_demands(trajectory, zeros, states),
        *_checks_of_placement(trajectory),
        _descent(trajectory, quadratic),
        *budget_checks(trajectory.trial, (speed, *budgets), needs=("step",), after=(MATCHES,)),
        *budget_checks(trajectory.large_trial, (memory,), needs=("step",), after=(MATCHES,)),
    ]
    support = packaged_support("parameters")
    return Exercise(name, "optimizer", ("step",), points_by_part(name, points), checks, support=support, **extras)


_secondary = partial(Check, part="step", weight=1.0, needs=("step",), after=(MATCHES,))
"""A check that is skipped where the steps do not match the reference's."""


def _checks_of_movement(trajectory: Trajectory) -> Iterator[Check]:
    """Checks of where the parameters go: beside another optimizer, and without a gradient."""
    yield _secondary(
        "two optimizers do not disturb each other",
        cases=trajectory.pairs,
        observe=trajectory.travel_in_turns,
        judge=judge_steps,
        mutation=mutated(
            "last, _Right.last, seen = getattr(_Right, 'last', None), self, hasattr(self, 'seen')",
            "self.seen, lr = True, self.lr",
            "self.lr = 2 * lr if seen and last is not self else lr",
            STEP,
            "self.lr = lr",
            method="step",
        ),
    )
    yield _secondary(
        RESTS,
        cases=trajectory.resting,
        observe=trajectory.travel,
        judge=judge_steps,
        mutation=mutated(STEP, "for p in self.parameters: p.data += 0.001 * (p.grad == 0)", method="step"),
    )


def _checks_of_arrays(trajectory: Trajectory) -> Iterator[Check]:
    """Checks of which arrays a step writes into."""
    yield _secondary(
        IN_PLACE,
        cases=trajectory.short_cases,
        observe=trajectory.look_at_arrays,
        judge=judge_in_place,
        mutation=mutated(STEP, "for p in self.parameters: p.data = p.data * 1", method="step"),
    )
    yield _secondary(
        "gradients are not modified",
        cases=trajectory.first_steps,
        observe=trajectory.look_at_gradients,
        judge=judge_unchanged,
        expect=_gradients_given,
        mutation=mutated(STEP, "for p in self.parameters: p.grad *= 0.5", method="step"),
    )
    yield _secondary(
        "large parameters and views move as a whole",
        cases=trajectory.large_case,
        observe=trajectory.travel_in_views,
        judge=judge_steps,
        after=(MATCHES, IN_PLACE),
        mutation=mutated(
            STEP, "for p in self.parameters: p.data.ravel()[30_000:] *= 2 if p.data.size > 30_000 else 1", method="step"
        ),
    )


def _gradients_given(_subject: Subject, case: Case, _rng: np.random.Generator) -> Observations:
    given = enumerate(case.hidden["gradients"])
    return {f"the gradient of parameter {i}": gradients[0] for i, gradients in given}


def _check_of_rate(trajectory: Trajectory) -> Check:
    """A schedule changes the learning rate between steps."""
    return _secondary(
        "the learning rate is read at every step",
        cases=trajectory.with_changing_rates,
        observe=trajectory.travel,
        judge=judge_steps,
        mutation=mutated(
            "self.first = getattr(self, 'first', self.lr)",
            "lr, self.lr = self.lr, self.first",
            STEP,
            "self.lr = lr",
            method="step",
        ),
    )


def _checks_of_demands(trajectory: Trajectory, zeros: tuple[str, ...], states: tuple[str, ...]) -> Iterator[Check]:
    """Checks of what the exercise's own text promises: arguments that may be zero, names of the state."""
    if zeros:
        yield _secondary(
            "a hyperparameter of zero does no harm",
            cases=partial(trajectory.with_zeros, zeros),
            observe=trajectory.travel,
            judge=judge_steps,
            mutation=mutated(
                f"lr, self.lr = self.lr, self.lr * (1 + (0 in __import__('numpy').ravel(self.{zeros[0]})))",
                STEP,
                "self.lr = lr",
                method="step",
            ),
        )
    if states:
        one, other = states[0], states[-1]
        exchange = f"self.{one}, self.{other} = self.{other}, self.{one}"
        yield _secondary(
            "the state has the names of the docstring",
            cases=trajectory.short_cases,
            observe=partial(trajectory.look_at_states, states),
            judge=judge_names,
            mutation=mutated(
                f"if hasattr(self, 'exchanged'): {exchange}",
                STEP,
                f"self.exchanged = True; {exchange}",
                method="step",
            ),
        )


def _checks_of_placement(trajectory: Trajectory) -> Iterator[Check]:
    """Checks of dtype and device."""
    yield _secondary(
        "float32 stays float32",
        cases=trajectory.float32_cases,
        observe=trajectory.look_at_dtypes,
        judge=judge_kept,
        mutation=mutated(STEP, "for p in self.parameters: p.data = p.data.astype('float64')", method="step"),
    )
    yield _secondary(
        "stays on the device",
        cases=trajectory.short_cases,
        observe=trajectory.travel,
        judge=judge_steps,
        backend="stand-in",
        mutation=mutated(STEP, "for p in self.parameters: __import__('numpy').asarray(p.data)", method="step"),
    )
