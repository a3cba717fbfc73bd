"""OperationExercise: operations of an automatic differentiation engine, each judged by numerical differences.

A tensor of the engine has ``data``, ``grad`` and ``backward(dy)``; an operation takes tensors and gives one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np

from autograder.checks.drawing import CaseMaker, in_dtype
from autograder.checks.judges import judge_float32, judge_unchanged
from autograder.checks.mutation import mutated, mutated_function
from autograder.isolation.tree import Code, Ref, Value, Values
from autograder.spec import Case, Exercise, Extras, Observations, Points
from autograder.spec.comparison import compare_all
from autograder.subject import Instance, Subject
from dlkit.backend import NumpyArray

__all__ = ["GRADIENT", "VALUE", "Operation", "OperationExercise", "differences"]

VALUE, GRADIENT = "the values are correct", "gradients match numerical differences"
STEP = 5e-4
"""Of the differences, which are of fourth order: errors of formula and of rounding are then both near 1e-12."""
TWICE = "operands"
"""Hidden in a case: names of inputs in the order in which they are passed, where one tensor is passed twice."""
KINKS = "gradients"
"""Hidden in a case: gradients by the name of their input, where there are kinks or ties and no differences."""
PLAIN = "arrays"
"""Hidden in a case: names of arrays that are passed as they are, in float64 also beside tensors of float32."""
Formula = Callable[..., NumpyArray]


@dataclass(frozen=True)
class Operation:
    """One operation of tensors.

    formula(*inputs, **arguments): its value, of NumPy arrays; cases(rng): inputs and arguments.  Arrays of floats are
    passed as tensors and have gradients, everything else is passed as it is.  In ``hidden`` a case may have
    ``operands`` (names of inputs, where a tensor is passed twice), ``arrays`` (of those that are passed as arrays), and
    ``gradients`` by the name of an input, where there are no differences, for an upstream gradient ``dy`` of the case.
    listed: the operation takes a list of all tensors.
    """

    formula: Formula
    cases: CaseMaker
    listed: bool = False


def differences(
    formula: Formula, inputs: Values, dy: NumpyArray, operands: tuple[str, ...], **arguments: Value
) -> dict[str, NumpyArray]:
    """Gradients of Σ dy · formula(inputs) at every input that is an array of floats, by differences of fourth order."""
    wide = {name: x.astype(float) if _is_tensor(x) else x for name, x in inputs.items()}

    def total(name: str, place: tuple[int, ...], by: float) -> float:
        moved = wide[name].copy()
        moved[place] += by
        given = {**wide, name: moved}
        return float((dy * formula(*(given[each] for each in operands), **arguments)).sum())

    found = {}
    for name, x in wide.items():
        if not _is_tensor(x):
            continue
        slope = np.zeros(x.shape)
        for place in np.ndindex(*x.shape):
            near, far = (total(name, place, h) - total(name, place, -h) for h in (STEP, 2 * STEP))
            slope[place] = (8 * near - far) / (12 * STEP)
        found[name] = slope
    return found


def _is_tensor(x: object) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _tensors(case: Case) -> list[str]:
    """Names of the inputs that are passed as tensors."""
    return [name for name, x in case.inputs.items() if _is_tensor(x) and name not in case.hidden.get(PLAIN, ())]


def _operands(case: Case) -> tuple[str, ...]:
    return tuple(case.hidden.get(TWICE, case.inputs))


def _evaluated(arguments: Values) -> dict[str, Any]:
    """Arguments as the formula takes them: an index is written as text that crosses."""
    return {
        name: eval(value.text, {"np": np}) if isinstance(value, Code) else value  # noqa: S307 - text of the spec
        for name, value in arguments.items()
    }


@dataclass(frozen=True)
class _Run:
    """How one operation is run: name, the method or the function; made_of: the class of its tensors."""

    name: str
    made_of: str
    is_method: bool
    operation: Operation

    def cases(self, rng: np.random.Generator) -> list[Case]:
        """The cases, with an upstream gradient drawn for each that has none."""
        found = []
        for case in self.operation.cases(rng):
            y = self._value(case)
            given = case.hidden.get("dy")
            dy = rng.normal(size=y.shape) if given is None else given
            found.append(case.with_changes(upstream=np.asarray(dy, dtype=self._dtype(case))))
        return found

    @staticmethod
    def _dtype(case: Case) -> np.dtype[Any]:
        return next(np.dtype(case.inputs[name].dtype) for name in _tensors(case))

    def float32_cases(self, rng: np.random.Generator) -> list[Case]:
        """The first four cases in single precision, but for what is passed as an array."""
        found = []
        for case in self.cases(rng)[:4]:
            narrow = in_dtype(case, "float32")
            plain = {name: case.inputs[name] for name in case.hidden.get(PLAIN, ())}
            found.append(narrow.with_changes(inputs={**narrow.inputs, **plain}))
        return found

    def _value(self, case: Case) -> NumpyArray:
        wide = {name: x.astype(float) if _is_tensor(x) else x for name, x in case.inputs.items()}
        given = _evaluated(case.arguments)
        return np.asarray(self._formula(*(wide[name] for name in _operands(case)), **given))

    def _formula(self, *inputs: Value, **arguments: Value) -> NumpyArray:
        return (
            self.operation.formula(list(inputs), **arguments)
            if self.operation.listed
            else self.operation.formula(*inputs, **arguments)
        )

    def expected_value(self, case: Case) -> Observations:
        """What the formula gives."""
        return {"y": self._value(case)}

    def expected_gradients(self, case: Case) -> Observations:
        """Numerical differences of the formula, or what the case states."""
        dy = np.asarray(case.upstream, float)
        found = differences(self._formula, case.inputs, dy, _operands(case), **_evaluated(case.arguments))
        found.update(case.hidden.get(KINKS, {}))
        return {f"d{name}": slope for name, slope in found.items() if name in _tensors(case)}

    def expected_both(self, case: Case) -> Observations:
        """The value and the gradients."""
        return {**self.expected_value(case), **self.expected_gradients(case)}

    def _call(self, subject: Subject, case: Case) -> tuple[dict[str, Instance], Instance]:
        """Make tensors, and what the operation gives of them."""
        tensors = {name: subject.make(self.made_of, case.inputs[name]) for name in _tensors(case)}
        given: list[Value] = [
            Ref(tensors[name].handle) if name in tensors else case.inputs[name] for name in _operands(case)
        ]
        if self.is_method:
            first = tensors[_operands(case)[0]]
            return tensors, first.keep(self.name, *given[1:], **case.arguments)
        if self.operation.listed:
            given = [given]
        return tensors, subject.keep(self.name, *given, **case.arguments)

    def value(self, subject: Subject, case: Case) -> Observations:
        """The result's numbers."""
        return {"y": self._call(subject, case)[1].get("data")}

    def gradients(self, subject: Subject, case: Case) -> Observations:
        """The gradient of every tensor."""
        tensors, y = self._call(subject, case)
        y.call("backward", case.upstream)
        return {f"d{name}": tensor.get("grad") for name, tensor in tensors.items()}

    def both(self, subject: Subject, case: Case) -> Observations:
        """The result's numbers, and every gradient."""
        tensors, y = self._call(subject, case)
        seen = {"y": y.get("data")}
        y.call("backward", case.upstream)
        return {**seen, **{f"d{name}": tensor.get("grad") for name, tensor in tensors.items()}}

    def untouched(self, subject: Subject, case: Case) -> Observations:
        """Arrays that were sent, after forward and backward."""
        sent = {name: subject.put(x) for name, x in case.inputs.items() if _is_tensor(x)}
        dy = subject.put(case.upstream)
        tensors = {name: subject.make(self.made_of, sent[name]) for name in _tensors(case)}
        given = {**sent, **{name: Ref(t.handle) for name, t in tensors.items()}}
        values: list[Value] = [given.get(name, case.inputs[name]) for name in _operands(case)]
        if self.is_method:
            y = tensors[_operands(case)[0]].keep(self.name, *values[1:], **case.arguments)
        else:
            y = subject.keep(self.name, *([values] if self.operation.listed else values), **case.arguments)
        y.call("backward", dy)
        return {name: Instance(subject, ref.handle).fetch() for name, ref in {**sent, "dy": dy}.items()}

    @staticmethod
    def expected_untouched(case: Case) -> Observations:
        """The arrays as they were sent."""
        return {**{name: x for name, x in case.inputs.items() if _is_tensor(x)}, "dy": case.upstream}

    def broken(self, *body: str) -> str:
        """Source in which the operation is changed after it was computed, as ``y``."""
        if self.is_method:
            return mutated(f"y = super().{self.name}(*args, **kwargs)", *body, "return y", method=self.name)
        return mutated_function(*body, "return y")


def _add_checks(exercise: Exercise, run: _Run) -> None:
    """The checks of one operation."""
    prefix = f"{run.name}: " if run.is_method else ""
    value, gradient = prefix + VALUE, prefix + GRADIENT
    check = partial(exercise.check, part=run.name, needs=(run.name,))
    check(value, cases=run.cases, weight=2, expect=run.expected_value, judge=compare_all)(run.value)
    check(gradient, cases=run.cases, weight=4, expect=run.expected_gradients, judge=compare_all, after=(value,))(
        run.gradients
    )
    late = partial(check, after=(value, gradient))
    late(
        prefix + "inputs are not modified",
        cases=lambda rng: run.cases(rng)[:2],
        expect=run.expected_untouched,
        judge=judge_unchanged,
        mutation=run.broken(
            "pull = y.pull",
            "def spoil(dy):",
            "    given = tuple(d * 1 for d in pull(dy))",
            "    dy[...] = 7",
            "    return given",
            "y.pull = spoil",
        ),
    )(run.untouched)
    late(
        prefix + "float32 stays float32",
        cases=run.float32_cases,
        expect=run.expected_both,
        judge=judge_float32,
        mutation=run.broken("y.data = y.data.astype('float64')"),
    )(run.both)
    late(
        prefix + "stays on the device",
        cases=lambda rng: run.cases(rng)[:4],
        expect=run.expected_both,
        judge=compare_all,
        backend="stand-in",
        mutation=run.broken("__import__('numpy').asarray(y.data)"),
    )(run.both)


def OperationExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    operations: Mapping[str, Operation],
    tensor: str | None = None,
    points: Points | None = None,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of operations: methods of the class ``name``, or with ``tensor=`` one function ``name``.

    operations: by the name of the method, or of the function;  tensor: the class that a function's tensors are made of.
    A tensor is made of an array, and has ``data``, ``grad`` (an array after ``backward``) and ``backward(dy)``.
    Values are compared with the operation's formula, gradients with numerical differences of it; the reference plays
    no part.  Give the first four cases shapes that broadcast: they are those in float32 and on the device.
    """
    is_method = tensor is None
    kind = "class" if is_method else "function"
    exercise = Exercise(name, kind, tuple(operations), points or Points(), [], **extras)
    for each, operation in operations.items():
        _add_checks(exercise, _Run(each, tensor or name, is_method, operation))
    return exercise
