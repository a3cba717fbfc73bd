"""FunctionExercise: a function whose result is compared with the reference's."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from autograder.checks.behaviour import CaseMaker
from autograder.checks.standard import budget_checks, judge_unchanged
from autograder.compare import compare_all
from autograder.isolation.protocol import Ref
from autograder.spec import Case, Check, Exercise, Extras, Memory, Observations, Points, Speed, Trial
from autograder.subject import Instance, Subject

__all__ = ["FunctionExercise"]


def FunctionExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    points: float,
    speed: Speed | None = None,
    speed_points: float = 1,
    memory: Memory | None = None,
    memory_points: float = 1,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one function, with the standard checks.

    A case's inputs are passed in order, its arguments by name.
    """
    matches = "the result matches the reference"

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        return list(cases(rng))

    def observe(subject: Subject, case: Case) -> Observations:
        return {"the result": subject.run(name, *case.inputs.values(), **case.arguments)}

    def untouched(subject: Subject, case: Case) -> Observations:
        _, after = subject.run_echo(name, *case.inputs.values(), **case.arguments)
        arrays = zip(case.inputs.items(), after, strict=True)
        return {key: now for (key, before), now in arrays if isinstance(before, np.ndarray)}

    def trial(subject: Subject, case: Case) -> Trial:
        sent: list[Ref] = []
        kept: list[Instance] = []

        def renew(case: Case) -> None:
            sent[:] = [subject.put(x) for x in case.inputs.values()]

        def go() -> None:
            kept[:] = [subject.compute(name, *sent, **case.arguments)]

        return Trial(renew, go, lambda: {"the result": kept[0].fetch()})

    def spoiled(*body: str) -> str:
        return "_right = {name}\ndef {name}(*args, **kwargs):\n" + "".join(f"    {line}\n" for line in body)

    call = "y = _right(*args, **kwargs)"
    checks = [
        Check(matches, name, 6.0, draw, observe, compare_all, needs=(name,)),
        Check(
            "inputs are not modified",
            name,
            1.0,
            draw,
            untouched,
            judge_unchanged,
            expect=lambda _s, case, _r: {key: x for key, x in case.inputs.items() if isinstance(x, np.ndarray)},
            needs=(name,),
            after=(matches,),
            sabotage=spoiled(call, "for x in args:", "    if hasattr(x, 'dtype'): x += 1", "return y"),
        ),
        Check(
            "stays on the device",
            name,
            1.0,
            draw,
            observe,
            compare_all,
            needs=(name,),
            after=(matches,),
            backend="stand-in",
            sabotage=spoiled(
                call, "for x in args:", "    if hasattr(x, 'dtype'): __import__('numpy').asarray(x)", "return y"
            ),
        ),
        *budget_checks(trial, speed, memory, needs=(name,), after=(matches,)),
    ]
    by_part = {name: points}
    by_part |= {"speed": speed_points} if speed else {}
    by_part |= {"memory": memory_points} if memory else {}
    return Exercise(
        name,
        "function",
        (name,),
        Points(**by_part),
        checks,
        **extras,
    )
