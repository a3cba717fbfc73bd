"""ScheduleExercise: a class whose ``rate(t)`` says what an optimizer's learning rate is after t steps."""

from __future__ import annotations

from functools import partial
from typing import Unpack

import numpy as np

from autograder.checks.drawing import CaseMaker
from autograder.checks.mutation import mutated
from autograder.checks.support import packaged_support
from autograder.isolation.tree import Ref
from autograder.spec import Case, Check, Exercise, Extras, Observations, Points, points_by_part
from autograder.spec.comparison import Mismatch, compare_all
from autograder.subject import Instance, Subject

__all__ = ["ScheduleExercise"]

MATCHES = "every learning rate matches the reference"
STEPS = 25


def ScheduleExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    points: Points | float | None = None,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one schedule, ``name(optimizer, …)`` with ``rate(t)``, with the standard checks.

    cases: constructor arguments, and the optimizer's own learning rate as the input ``lr``.
    """

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        return list(cases(rng))

    def shuffled(rng: np.random.Generator, reference: Subject) -> list[Case]:
        order = [int(t) for t in rng.permutation(STEPS)]
        return [case.with_changes(hidden={"order": order}) for case in draw(rng, reference)]

    def build(subject: Subject, case: Case) -> tuple[Instance, Instance]:
        optimizer = subject.make("support.Standing", case.inputs["lr"])
        return optimizer, subject.make(name, Ref(optimizer.handle), **case.arguments)

    def follow(subject: Subject, case: Case) -> Observations:
        optimizer, schedule = build(subject, case)
        seen = {"the learning rate at the start": optimizer.get("lr")}
        for t in range(1, STEPS + 1):
            schedule.call("step")
            seen[f"the learning rate after {t} steps"] = optimizer.get("lr")
        return seen

    def ask(subject: Subject, case: Case) -> Observations:
        _, schedule = build(subject, case)
        return {f"rate({t})": schedule.call("rate", t) for t in case.hidden["order"]}

    check = partial(Check, part="rate", weight=1.0, needs=("rate",), after=(MATCHES,))
    checks = [
        Check(MATCHES, "rate", 4.0, draw, follow, compare_all, needs=("rate",)),
        check(
            "rate(t) can be called in any order",
            cases=shuffled,
            observe=ask,
            judge=compare_all,
            mutation=mutated(
                "self.calls = getattr(self, 'calls', -1) + 1", "return super().rate(self.calls)", method="rate"
            ),
        ),
        check(
            "the learning rate is an ordinary number",
            cases=draw,
            observe=follow,
            judge=judge_ordinary,
            mutation=mutated("return __import__('numpy').float64(super().rate(*args))", method="rate"),
        ),
    ]
    support = packaged_support("schedule")
    return Exercise(name, "schedule", ("rate",), points_by_part("rate", points), checks, support=support, **extras)


def judge_ordinary(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require Python's own numbers: a NumPy scalar would turn the updates of float32 parameters into float64."""
    del case
    for name in expected:
        seen = observed.get(name)
        if type(seen) not in (int, float):
            kind = type(seen).__name__
            message = f"{name} is a {kind}, which turns float32 into float64: use Python's math in place of NumPy"
            return Mismatch("type", name, message)
    return None
