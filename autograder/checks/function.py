"""FunctionExercise: a function whose result is compared with the reference's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from autograder.checks.chance import ApartFromChance, set_apart
from autograder.checks.drawing import CaseMaker
from autograder.checks.standard import budget_checks, judge_unchanged
from autograder.isolation.tree import Ref
from autograder.spec import (
    Case,
    Check,
    Exercise,
    Extras,
    Memory,
    Observations,
    Points,
    Scaling,
    Speed,
    Trial,
    points_by_part,
)
from autograder.spec.comparison import compare_all
from autograder.subject import Instance, Subject

__all__ = ["FunctionExercise", "Setting"]


@dataclass(frozen=True)
class Setting:
    """Objects that a function is given by name and works upon: a model, parameters, an optimizer of the same.

    make(subject, case): makes them, by the name of the argument; look(objects): what has become of them.
    """

    make: Callable[[Subject, Case], dict[str, Instance]]
    look: Callable[[dict[str, Instance]], Observations]

    def arguments(self, case: Case, objects: dict[str, Instance]) -> dict[str, Any]:
        """Every argument by name: the case's own, and the objects."""
        return {**case.arguments, **{name: Ref(thing.handle) for name, thing in objects.items()}}


NOTHING = Setting(lambda _subject, _case: {}, lambda _objects: {})


def FunctionExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    points: Points | float | None = None,
    speed: Speed | None = None,
    memory: Memory | None = None,
    scaling: Scaling | None = None,
    setting: Setting = NOTHING,
    writes: bool = False,
    apart_from_chance: ApartFromChance | None = None,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one function, with the standard checks.

    A case's inputs are passed in order, its arguments by name.
    setting: objects that the function is given besides, and that are looked at together with its result.
    writes: the function is given no array but those that it is to change.
    apart_from_chance(seen, case): the function draws numbers; given ``{"the result": …}``, return what is right
    whatever is drawn.  That is compared; what depends on the draw is for ``statistics``.
    """
    matches = "the result matches the reference"

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        return list(cases(rng))

    def shown(seen: Observations, case: Case) -> Observations:
        return set_apart(apart_from_chance, seen, case)

    def observe(subject: Subject, case: Case) -> Observations:
        objects = setting.make(subject, case)
        result = subject.run(name, *case.inputs.values(), **setting.arguments(case, objects))
        return shown({"the result": result, **setting.look(objects)}, case)

    def untouched(subject: Subject, case: Case) -> Observations:
        _, after = subject.run_echo(name, *case.inputs.values(), **setting.arguments(case, setting.make(subject, case)))
        arrays = zip(case.inputs.items(), after, strict=True)
        return {key: now for (key, before), now in arrays if isinstance(before, np.ndarray)}

    def trial(subject: Subject, case: Case) -> Trial:
        sent: list[Ref] = []
        kept: list[Instance] = []
        objects = setting.make(subject, case)
        latest = [case]

        def renew(case: Case) -> None:
            latest[:] = [case]
            sent[:] = [subject.put(x) for x in case.inputs.values()]

        def go() -> None:
            kept[:] = [subject.compute(name, *sent, **setting.arguments(case, objects))]

        return Trial(renew, go, lambda: shown({"the result": kept[0].fetch(), **setting.look(objects)}, *latest))

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
                call, "for x in (*args, y):", "    if hasattr(x, 'dtype'): __import__('numpy').asarray(x)", "return y"
            ),
        ),
        *budget_checks(trial, (speed, memory, scaling), needs=(name,), after=(matches,)),
    ]
    return Exercise(
        name,
        "function",
        (name,),
        points_by_part(name, points),
        [check for check in checks if not writes or check.judge is not judge_unchanged],
        **extras,
    )
