"""OptimizerExercise: a class whose ``step()`` moves parameters, watched at every step; the host draws the gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from autograder.checks.budgets import budget_checks
from autograder.checks.drawing import CaseMaker
from autograder.checks.journey import Journey, judge_in_place, judge_kept, judge_steps, take_step
from autograder.checks.judges import judge_unchanged
from autograder.checks.mutation import mutated
from autograder.checks.support import packaged_support
from autograder.measuring import Speed
from autograder.spec import Budget, Case, Check, Exercise, Extras, Observations, Points, points_by_part
from autograder.spec.comparison import Mismatch
from autograder.subject import Subject

__all__ = ["Bowl", "OptimizerExercise"]

MATCHES = "20 steps match the reference"
HEIGHTS = np.array([1.0, 3.0, 10.0, 30.0])
"""Curvatures of the bowl: thirty times as steep along one axis as along another."""


@dataclass(frozen=True)
class Bowl:
    """An ill-conditioned bowl to descend: ``steps`` steps must leave at most ``below`` of the height at the start.

    arguments: of the optimizer.  State beside it what the reference leaves at worst, over how many draws.
    """

    arguments: dict[str, Any]
    steps: int
    below: float


# --- the bowl --------------------------------------------------------------------------------


def _bowls(rng: np.random.Generator, _reference: Subject) -> list[Case]:
    axes, _ = np.linalg.qr(rng.normal(size=(len(HEIGHTS),) * 2))
    start = axes @ rng.choice([-1.0, 1.0], size=len(HEIGHTS))
    return [Case({}, start=[start]).with_changes(hidden={"curvature": (axes * HEIGHTS) @ axes.T})]


def _height(case: Case, x: Any) -> float:
    return float(x @ case.hidden["curvature"] @ x / 2)


def _descent(journey: Journey, bowl: Bowl) -> Check:
    def observe(subject: Subject, case: Case) -> Observations:
        parameters, optimizer = journey.build(subject, bowl.arguments, case.inputs["start"])
        x = start = case.inputs["start"][0]
        with np.errstate(all="ignore"):
            for _ in range(bowl.steps):
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
        if isinstance(left, float) and left <= bowl.below * start:
            return None
        if left is None:
            return Mismatch("shape", "height", "the parameter is no longer an array of its shape")
        text = (
            f"{bowl.steps} steps went from a height of {start:.3g} to {left:.3g}; "
            f"at most {bowl.below * start:.2g} is wanted ({_said(bowl.arguments)})"
        )
        return Mismatch("value", "height", text)

    return Check(
        f"{bowl.steps} steps descend an ill-conditioned bowl",
        "step",
        1.0,
        _bowls,
        observe,
        judge,
        expect=lambda _subject, _case, _rng: {},
        needs=("step",),
        mutation=mutated("lr, self.lr = self.lr, 0 * self.lr", "super().step()", "self.lr = lr", method="step"),
    )


def _said(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


# --- the exercise ----------------------------------------------------------------------------


def OptimizerExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    points: Points | float | None = None,
    bowl: Bowl,
    speed: Speed | None = None,
    budgets: Sequence[Budget] = (),
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one optimizer, ``name(parameters, lr, …)`` with ``step()``, with the standard checks.

    cases: constructor arguments (``lr`` among them), nothing else; parameters and gradients are drawn for them.  Let
    some have a weight decay, and an epsilon that shows: 1e-8 hides where it stands.
    bowl: a problem that it must solve, whatever the reference does.
    speed: of a case with the inputs ``parameter`` and ``gradient``, as all budgets are; budgets: of other kinds.
    """
    journey = Journey(name, cases)
    after_step = "super().step()"

    def check(sentence: str, draw: Any, observe: Any, judge: Any, *body: str, **more: Any) -> Check:
        return Check(
            sentence,
            "step",
            1.0,
            draw,
            observe,
            judge,
            needs=("step",),
            after=(MATCHES,),
            mutation=mutated(*body, method="step"),
            **more,
        )

    def gradients_given(_subject: Subject, case: Case, _rng: np.random.Generator) -> Observations:
        given = enumerate(case.hidden["gradients"])
        return {f"the gradient of parameter {i}": gradients[0] for i, gradients in given}

    checks = [
        Check(MATCHES, "step", 6.0, journey.cases, journey.travel, judge_steps, needs=("step",)),
        check(
            "two optimizers do not disturb each other",
            journey.pairs,
            journey.travel_in_turns,
            judge_steps,
            "last, _Right.last, seen = getattr(_Right, 'last', None), self, hasattr(self, 'seen')",
            "self.seen, lr = True, self.lr",
            "self.lr = 2 * lr if seen and last is not self else lr",
            after_step,
            "self.lr = lr",
        ),
        check(
            "a gradient of zero does no harm",
            journey.resting,
            journey.travel,
            judge_steps,
            after_step,
            "for p in self.parameters: p.data += 0.001 * (p.grad == 0)",
        ),
        check(
            "parameters are updated in place",
            journey.short_cases,
            journey.look_at_arrays,
            judge_in_place,
            after_step,
            "for p in self.parameters: p.data = p.data * 1",
        ),
        check(
            "gradients are not modified",
            journey.short_cases,
            journey.look_at_gradients,
            judge_unchanged,
            after_step,
            "for p in self.parameters: p.grad *= 0.5",
            expect=gradients_given,
        ),
        check(
            "the learning rate is read at every step",
            journey.with_changing_rates,
            journey.travel,
            judge_steps,
            "self.first = getattr(self, 'first', self.lr)",
            "lr, self.lr = self.lr, self.first",
            after_step,
            "self.lr = lr",
        ),
        check(
            "float32 stays float32",
            journey.float32_cases,
            journey.look_at_dtypes,
            judge_kept,
            after_step,
            "for p in self.parameters: p.data = p.data.astype('float64')",
        ),
        check(
            "stays on the device",
            journey.short_cases,
            journey.travel,
            judge_steps,
            after_step,
            "for p in self.parameters: __import__('numpy').asarray(p.data)",
            backend="stand-in",
        ),
        _descent(journey, bowl),
        *budget_checks(journey.trial, (speed, *budgets), needs=("step",), after=(MATCHES,)),
    ]
    support = packaged_support("parameters")
    return Exercise(name, "optimizer", ("step",), points_by_part(name, points), checks, support=support, **extras)
