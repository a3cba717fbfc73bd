"""The course's habits, checked on anything that can be run: inputs unchanged, dtype in = dtype out, no transfers.

Layers, losses, optimizers and functions have these checks already; ``habits`` adds them to a method or a function
that is run in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial

import numpy as np

from autograder.checks.drawing import CaseMaker, converted
from autograder.checks.judges import AS_IT_WAS, judge_float32, judge_unchanged
from autograder.checks.mutation import arguments_of, first_arguments, mutated, mutated_function
from autograder.spec import Case, Exercise, Judge, Observations, Observe
from autograder.spec.comparison import compare_all
from autograder.subject import Instance, Subject

__all__ = ["habits", "in_float32"]

UNTOUCHED, FLOAT32, DEVICE = "inputs are not modified", "float32 stays float32", "stays on the device"
INPUTS, SINGLE, TRANSFERS = "inputs", "float32", "device"


def habits(
    exercise: Exercise,
    run: Observe,
    *,
    cases: CaseMaker,
    after: tuple[str, ...],
    part: str | None = None,
    among: Collection[str] = (INPUTS, SINGLE, TRANSFERS),
    expect: Callable[[Case], Observations] | None = None,
    judge: Judge | None = None,
    to_float64: Iterable[str] = (),
    prefix: str = "",
    in_words: bool = False,
) -> None:
    """Add the checks of the three habits, each of weight 1.

    run(subject, case): what is observed; inputs of the case may be references to arrays that the worker holds;
    among: which of "inputs", "float32", "device";  expect, judge: as of ``Exercise.check``, for float32 and the device;
    to_float64: body of the part's method (``super()`` is the correct one) or function (``y`` is its result) that makes
    float64 of it, to prove the check; by default the result is converted;
    prefix: what the checks' names begin with, where another part has the same checks (``"train: "``);
    in_words: report in words whether inputs were changed, because the new values depend on a draw.
    """
    part = part or exercise.parts[-1]
    mutant = _mutants(exercise, part, tuple(to_float64))
    check = partial(exercise.check, part=part, needs=(part,), after=after)

    def untouched(subject: Subject, case: Case) -> Observations:
        sent = {key: subject.put(x) for key, x in case.inputs.items()}
        run(subject, case.with_changes(inputs=sent))
        now = {key: Instance(subject, ref.handle).fetch() for key, ref in sent.items()}
        if not in_words:
            return now
        return {key: AS_IT_WAS if np.array_equal(x, now[key]) else "changed" for key, x in case.inputs.items()}

    def before(case: Case) -> Observations:
        return dict.fromkeys(case.inputs, AS_IT_WAS) if in_words else dict(case.inputs)

    if INPUTS in among:
        check(
            prefix + UNTOUCHED, cases=cases, expect=before, judge=judge_unchanged,
            mutation=mutant[INPUTS],
        )(untouched)  # fmt: skip
    if SINGLE in among:
        check(
            prefix + FLOAT32, cases=in_float32(cases), expect=expect, judge=judge or judge_float32,
            mutation=mutant[SINGLE],
        )(run)  # fmt: skip
    if TRANSFERS in among:
        check(
            prefix + DEVICE, cases=cases, expect=expect, judge=judge or compare_all, backend="stand-in",
            mutation=mutant[TRANSFERS],
        )(run)  # fmt: skip


def _mutants(exercise: Exercise, part: str, to_float64: tuple[str, ...]) -> dict[str, str]:
    """Source that breaks each habit, and nothing else."""
    if not exercise.is_class:
        return {
            INPUTS: mutated_function("args[0][...] = 0", "return y"),
            SINGLE: mutated_function(*(to_float64 or ("return y.astype('float64')",))),
            TRANSFERS: mutated_function("__import__('numpy').asarray(args[0])", "return y"),
        }
    given, call = first_arguments(part), f"super().{part}({arguments_of(part)})"
    return {
        INPUTS: mutated(f"y = {call}", f"{given}[0][...] = 0", "return y", method=part),
        SINGLE: mutated(*(to_float64 or (f"return {call}.astype('float64')",)), method=part),
        TRANSFERS: mutated(f"__import__('numpy').asarray({given}[0])", f"return {call}", method=part),
    }


def in_float32(cases: CaseMaker) -> CaseMaker:
    """The last two of these cases in single precision: their inputs and hidden arrays."""

    def short(case: Case) -> Case:
        return case.with_changes(inputs=converted(case.inputs, "float32"), hidden=converted(case.hidden, "float32"))

    return lambda rng: [short(case) for case in list(cases(rng))[-2:]]
