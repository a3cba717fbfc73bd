"""The check that code leaves the arrays alone that a model which it was given returned: they belong to the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autograder.checks.drawing import CaseMaker
from autograder.checks.judges import AS_IT_WAS, judge_words
from autograder.isolation.tree import Ref, Value
from autograder.spec import Case, Exercise, Observations
from autograder.subject import Instance, Subject

__all__ = ["RETURNED", "Watch", "models_keep_theirs"]

RETURNED = "what a model returned is not modified"
CHANGED = (
    "an array that a model's forward returned was changed: the model may need it for its backward, or may return the "
    "array that it was given. Make a new one"
)
Watch = Callable[[Mapping[str, Instance]], None]
"""Begins to remember what these models return, by the names that sentences use."""


def models_keep_theirs(
    exercise: Exercise,
    run: Callable[[Subject, Case, Watch], object],
    *,
    cases: CaseMaker,
    names: Callable[[Case], list[str]],
    after: tuple[str, ...],
    mutation: str = "",
) -> None:
    """Add the check; ``returned`` must be among the exercise's support.

    run(subject, case, watch): makes the models, calls ``watch`` with them, and runs the code; names(case): theirs.
    """

    def observe(subject: Subject, case: Case) -> Observations:
        kept: list[Instance] = []

        def watch(models: Mapping[str, Instance]) -> None:
            kept.append(subject.make("support.Returned", {name: Ref(model.handle) for name, model in models.items()}))

        run(subject, case, watch)
        seen: Value = kept[0].call("words")
        return seen if isinstance(seen, dict) else {}

    exercise.check(
        RETURNED,
        cases=cases,
        expect=lambda case: {f"what {name}.forward returned": AS_IT_WAS for name in names(case)},
        judge=judge_words({"changed": CHANGED}, "changed"),
        after=after,
        mutation=mutation,
    )(observe)


def zeroes_what_it_got(model: str) -> str:
    """Source of a function that at the end writes zeros into everything that its argument of this name returned."""
    return (
        "_right = {name}\ndef {name}(*args, **kwargs):\n"
        f"    model, returned = kwargs[{model!r}], []\n"
        "    forward = model.forward\n"
        "    model.forward = lambda *xs: (returned.append(forward(*xs)), returned[-1])[1]\n"
        "    y = __import__('copy').deepcopy(_right(*args, **kwargs))\n"
        "    for each in returned: (each[0] if isinstance(each, tuple) else each)[...] = 0\n"
        "    return y\n"
    )
