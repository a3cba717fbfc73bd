"""RandomFunctionExercise: a function, or one method of a class, that draws from a generator it receives.

Correct code may draw other numbers than the reference.  A few cases show what does not depend on the draw; many draws
show the distribution, and that every number comes from the generator; the course's habits are checked as for all code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Unpack

import numpy as np

from autograder.checks.apart import rows_apart
from autograder.checks.drawing import CaseMaker
from autograder.checks.habits import habits
from autograder.checks.judges import judge_words
from autograder.checks.mutation import TO_FLOAT64, mutated, mutated_function
from autograder.checks.statistics import Claim, Run, new_rng, seeded, statistics
from autograder.checks.support import packaged_support
from autograder.isolation.tree import Ref, Value
from autograder.spec import Case, Exercise, Extras, Judge, Observations, Points, SpecError
from autograder.spec.comparison import FLOAT32, FLOAT64, Mismatch, Tolerance, compare, is_compared
from autograder.subject import Instance, Subject

__all__ = ["DISTRIBUTED", "INVARIANT", "PLACED", "RandomFunctionExercise", "shape_and_dtype"]

INVARIANT = "what does not depend on the draw is correct"
DISTRIBUTED = "the draws have the required distribution"
PLACED = "puts the numbers on the active device"

FORM = "_form"
"""A description of the result, where it has no readable invariant."""
ELSEWHERE = {"elsewhere": "the numbers are still in CPU memory: pass them to asarray"}

Invariant = Callable[[Value, Case], Observations]
Expect = Callable[[Case], Observations]


def shape_and_dtype(result: Value, case: Case) -> Observations:
    """The shape and the dtype of an array, in words."""
    del case
    if not isinstance(result, np.ndarray):
        return {"the shape": f"a {type(result).__name__}", "the dtype": ""}
    return {"the shape": str(result.shape), "the dtype": str(result.dtype)}


def RandomFunctionExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    invariant: Invariant = shape_and_dtype,
    expect: Expect | None = None,
    sentences: Mapping[str, str] | None = None,
    draws: CaseMaker | None = None,
    claims: Sequence[Claim] = (),
    rows: CaseMaker | None = None,
    names: tuple[str, str] = (INVARIANT, DISTRIBUTED),
    weights: tuple[float, float] = (3.0, 3.0),
    method: str | None = None,
    run: Run | None = None,
    outputs: tuple[str, ...] = ("the result",),
    creates: bool = False,
    habit_cases: CaseMaker | None = None,
    float32: bool = True,
    cpu_only: str = "",
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one function, or of one method of a class, that draws random numbers.

    A case's inputs are passed in order, its arguments by name (to the constructor of a class); a generator is drawn
    for every case that has no argument ``rng``.

    cases: a few, of every kind; invariant(result, case): what every correct implementation shows for them, whatever it
    draws, in words or in values; expect(case): the expected invariant, by default the reference's; sentences: what
    students read, by the incorrect word.
    draws: cases with many draws (100 random bits or more): all ``claims`` are about ``{"y": result}``, and the
    numbers must come from the generator.  None: if one call cannot draw so many, add ``statistics`` and ``seeded``.
    rows: batches of a few rows, of which any two are drawn independently; give the check a planted mistake.
    names, weights: of the checks of ``invariant`` and of ``claims``.
    method: the drawing method of a class; run(subject, case): makes a different call and returns its result.
    outputs: the name of the result in sentences, or of each of several that are returned as a tuple.
    creates: the function receives sizes and no arrays; in place of the habits a check requires numbers on the active
    device, for which ``run`` must keep its result (``subject.keep``).
    habit_cases: cases for the habits, where ``cases`` cannot show them; the last two are used in float32.
    float32: whether the result of float32 inputs must be float32; False for whole numbers, which have no such habit.
    cpu_only: why it draws in CPU memory on every machine (it prepares data); then no check runs on a device.
    """
    part, kind = (method, "class") if method else (name, "function")
    exercise = Exercise(
        name, kind, (part,), Points(), [], support=packaged_support("placement") if creates else "", **extras
    )
    drawing = _Drawing(name, method, run, invariant, outputs)
    words, cases, principal = judge_words(sentences or {}), _with_generators(cases), names[0]
    exercise.check(principal, cases=cases, weight=weights[0], expect=expect, judge=_judge(words))(drawing.observe)
    _add_checks_of_draws(exercise, drawing, draws, claims, names=names, weight=weights[1])
    if rows:
        rows_apart(exercise, cases=rows, after=names if claims else names[:1])(drawing.call)
    if creates:
        _add_check_of_device(exercise, drawing, cases, principal)
    else:
        chosen = _with_generators(habit_cases) if habit_cases else cases
        wanted = {"float32": float32, "device": not cpu_only}
        among = ["inputs", *(name for name, checked in wanted.items() if checked)]
        _add_habits(exercise, drawing, chosen, words, expect=expect, principal=principal, among=among)
    return exercise


def _with_generators(cases: CaseMaker) -> CaseMaker:
    """The cases, each with a generator."""

    def draw(rng: np.random.Generator) -> list[Case]:
        return [case.with_changes(arguments={"rng": new_rng(rng), **case.arguments}) for case in cases(rng)]

    return draw


@dataclass(frozen=True)
class _Drawing:
    """A function or a method that draws, as checks see it."""

    name: str
    method: str | None
    run: Run | None
    invariant: Invariant
    outputs: tuple[str, ...]

    def call(self, subject: Subject, case: Case) -> Value:
        """Draw once; the result as plain data."""
        if self.run:
            result = self.run(subject, case)
            return result.fetch() if isinstance(result, Instance) else result
        if self.method:
            return subject.make(self.name, **case.arguments).call(self.method, *case.inputs.values())
        return subject.run(self.name, *case.inputs.values(), **case.arguments)

    def keep(self, subject: Subject, case: Case) -> Instance:
        """Draw once; the result stays in the worker."""
        if self.run:
            result = self.run(subject, case)
            if not isinstance(result, Instance):
                message = f"{self.name}: run must keep its result (subject.keep), or its device cannot be checked"
                raise SpecError(message)
            return result
        if self.method:
            return subject.make(self.name, **case.arguments).keep(self.method, *case.inputs.values())
        return subject.keep(self.name, *case.inputs.values(), **case.arguments)

    def observe(self, subject: Subject, case: Case) -> Observations:
        """Draw once; return what does not depend on the draw."""
        return self.shown(self.call(subject, case), case)

    def shown(self, result: Value, case: Case) -> Observations:
        """What does not depend on the draw; for a result of another form, a description of it."""
        try:
            return self.invariant(result, case)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return {FORM: _form(result)}

    def with_dtypes(self, subject: Subject, case: Case) -> Observations:
        """The same, and the dtype of every output, in words."""
        result = self.call(subject, case)
        several = isinstance(result, tuple | list) and len(result) == len(self.outputs) > 1
        values = result if several else [result] * len(self.outputs)
        dtypes = {dtype_of(name): _dtype(value) for name, value in zip(self.outputs, values, strict=True)}
        return {**self.shown(result, case), **dtypes}


def dtype_of(output: str) -> str:
    """The name under which the dtype of an output is observed."""
    return f"the dtype of {output}"


def _dtype(value: object) -> str:
    return str(getattr(value, "dtype", type(value).__name__))


def _form(result: object) -> str:
    if isinstance(result, np.ndarray):
        return f"an array of {result.dtype}, of shape {result.shape}"
    if isinstance(result, tuple | list):
        return f"a {type(result).__name__} of {len(result)} values"
    return "None: is a return missing?" if result is None else f"a {type(result).__name__}"


def _judge(words: Judge, tolerance: Tolerance = FLOAT64) -> Judge:
    """Make the judge of what does not depend on the draw: expected words, values within the tolerance."""

    def judge(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        if FORM in expected:
            message = f"the reference's result cannot be read in the case {case.describe()}: it is {expected[FORM]}"
            raise SpecError(message)
        if FORM in observed:
            return Mismatch("structure", "the result", f"the result has an unexpected form: {observed[FORM]}")
        for name, value in expected.items():
            if isinstance(value, str):
                found = words(observed, {name: value}, case)
            else:
                found = compare(observed.get(name), value, name, tolerance) if is_compared(name) else None
            if found:
                return found
        return None

    return judge


# --- the other checks ------------------------------------------------------------------------


def _add_checks_of_draws(
    exercise: Exercise,
    drawing: _Drawing,
    draws: CaseMaker | None,
    claims: Sequence[Claim],
    *,
    names: tuple[str, str],
    weight: float,
) -> None:
    """Add checks that draws have the claimed distribution and come from the generator."""
    principal, distributed = names
    if draws is None:
        if claims:
            message = f"{exercise.name}: claims need draws; give cases for them"
            raise SpecError(message)
        return
    draws = _with_generators(draws)
    if claims:
        statistics(exercise, distributed, cases=draws, claims=claims, weight=weight, after=(principal,))(
            lambda subject, case: {"y": drawing.call(subject, case)}
        )
    seeded(exercise, cases=draws, after=(principal, distributed) if claims else (principal,))(drawing.call)


def _add_habits(
    exercise: Exercise,
    drawing: _Drawing,
    cases: CaseMaker,
    words: Judge,
    *,
    expect: Expect | None,
    principal: str,
    among: Sequence[str],
) -> None:
    """Add checks of the habits (inputs unchanged, dtype in = dtype out, no transfers) that ignore the drawn values."""
    in_single = _judge(words, FLOAT32)
    dtypes = {dtype_of(name): "float32" for name in drawing.outputs}

    def judge_single(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        if found := in_single(observed, {name: value for name, value in expected.items() if name not in dtypes}, case):
            return found
        for name in drawing.outputs:
            if (seen := observed.get(dtype_of(name))) != "float32":
                text = f"{name}: expected float32 like the inputs, got {seen}"
                return Mismatch("dtype", name, text)
        return None

    call = (f"y = super().{drawing.method}(*args, **kwargs)",) if drawing.method else ()
    add = partial(habits, exercise, cases=cases, after=(principal,))
    add(drawing.call, among=("inputs",), in_words=True)
    if "float32" in among:
        add(
            drawing.with_dtypes,
            among=("float32",),
            expect=None if expect is None else lambda case: {**expect(case), **dtypes},
            judge=judge_single,
            to_float64=(*call, *TO_FLOAT64),
        )
    if "device" in among:
        add(drawing.observe, among=("device",), expect=expect, judge=_judge(words))


def _add_check_of_device(exercise: Exercise, drawing: _Drawing, cases: CaseMaker, principal: str) -> None:
    """Add the check that created numbers are on the active device."""
    to_cpu = "return __import__('dlkit').to_numpy(y)"
    call = f"y = super().{drawing.method}(*args, **kwargs)"

    @exercise.check(
        PLACED,
        cases=cases,
        expect=lambda _: {"the place of the numbers": "there"},
        judge=judge_words(ELSEWHERE),
        after=(principal,),
        backend="stand-in",
        mutation=mutated(call, to_cpu, method=drawing.method) if drawing.method else mutated_function(to_cpu),
    )
    def where(subject: Subject, case: Case) -> Observations:
        made = drawing.keep(subject, case)
        return {"the place of the numbers": subject.run("support.place", Ref(made.handle))}
