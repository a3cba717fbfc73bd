"""FunctionExercise: a function whose result is compared with the reference's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np

from autograder.checks.budgets import budget_checks
from autograder.checks.chance import Invariant, invariant_of
from autograder.checks.drawing import CaseMaker, in_eight_bits, in_views
from autograder.checks.habits import habits
from autograder.checks.judges import ANEW, AS_IT_WAS, judge_float32, judge_unchanged, judge_words, used_again
from autograder.checks.mutation import TO_FLOAT64, mutated_function
from autograder.checks.returned import Watch, models_keep_theirs, zeroes_what_it_got
from autograder.checks.support import packaged_support
from autograder.isolation.tree import Ref, Value, Values
from autograder.measuring import Memory, Scaling, Speed
from autograder.spec import Budget, Case, Check, Exercise, Extras, Judge, Observations, Points, Trial, points_by_part
from autograder.spec.comparison import Mismatch, agree, compare, compare_all
from autograder.subject import Instance, Subject

__all__ = ["MATCHES", "NEW", "FunctionExercise", "Setting"]

MATCHES = "the result matches the reference"
NEW = "the result is a new array"
ANEW_CASES = 2
"""Of the last so many cases, the arrays are used again with other numbers."""
EIGHT_BITS = "integers may have eight bits"
VIEWS = "views"
"""Hidden in a case whose arrays arrive as non-contiguous views."""
OTHER = "other numbers"
"""Hidden in a case: another of the same shapes, whose numbers are written into the arrays of this one."""


@dataclass(frozen=True)
class Setting:
    """Objects that a function receives by name and works on: a model, parameters, their optimizer.

    make(subject, case): makes them, by argument name; look(objects): their state after the call.
    """

    make: Callable[[Subject, Case], dict[str, Instance]]
    look: Callable[[dict[str, Instance]], Observations]

    def arguments(self, case: Case, objects: dict[str, Instance]) -> Values:
        """Every argument by name: the case's own, and the objects."""
        return {**case.arguments, **{name: Ref(thing.handle) for name, thing in objects.items()}}


COPIED = "y = __import__('copy').deepcopy(y)"
"""The result is a copy: it may be a view of an argument."""
FIRST_INPUT = (
    "def same(x, v):",
    "    arrays = hasattr(x, 'shape') and hasattr(v, 'shape')",
    "    return arrays and x.shape == v.shape and x.dtype == v.dtype and (x == v).all()",
    "def given(v):",
    "    return next((x for x in args if same(x, v)), v)",
    "return {name: given(v) for name, v in y.items()} if isinstance(y, dict) else given(y)",
)
"""The input itself is returned where the result, or an entry of it, is equal to it."""
LARGER = (
    "narrow = any(hasattr(x, 'dtype') and x.dtype.kind in 'iu' and x.dtype.itemsize == 1 for x in args)",
    "return (tuple(each + 1 for each in y) if isinstance(y, tuple) else y + 1) if narrow else y",
)
"""The result is larger by one where an input has eight bits: whatever it is, also 0."""
NOTHING = Setting(lambda _subject, _case: {}, lambda _objects: {})


@dataclass(frozen=True)
class _Called:
    """A function as checks see it: called once, its result named, its objects inspected."""

    name: str
    setting: Setting
    outputs: tuple[str, ...]
    invariant: Invariant | None

    def shown(self, result: Value, objects: dict[str, Instance], case: Case) -> Observations:
        """What is compared: the result, or each of several, and the state of the objects."""
        several = isinstance(result, tuple | list) and len(result) == len(self.outputs) > 1
        named = dict(zip(self.outputs, result, strict=True)) if several else {self._one: result}
        return invariant_of(self.invariant, {**named, **self.setting.look(objects)}, case)

    @property
    def _one(self) -> str:
        return self.outputs[0] if len(self.outputs) == 1 else "the result"

    def observe(self, subject: Subject, case: Case) -> Observations:
        """Call the function."""
        objects = self.setting.make(subject, case)
        sent = in_views(case) if VIEWS in case.hidden else case
        result = subject.run(self.name, *sent.inputs.values(), **self.setting.arguments(case, objects))
        return self.shown(result, objects, case)

    def untouched(self, subject: Subject, case: Case) -> Observations:
        """Call the function, inspect its inputs afterwards, and call it again with the same arrays.

        Then once more with the same arrays, which hold the numbers of another case.
        """
        sent = {name: subject.put(x) if isinstance(x, np.ndarray) else x for name, x in case.inputs.items()}
        subject.run(self.name, *sent.values(), **self.setting.arguments(case, self.setting.make(subject, case)))
        after = {name: Instance(subject, ref.handle).fetch() for name, ref in sent.items() if isinstance(ref, Ref)}
        objects = self.setting.make(subject, case)
        again = subject.run(self.name, *sent.values(), **self.setting.arguments(case, objects))
        return {**after, **used_again(self.shown(again, objects, case)), **self._anew(subject, case, sent)}

    def _anew(self, subject: Subject, case: Case, sent: Values) -> Observations:
        """Write the numbers of the other case into the arrays that were sent, and call the function once more."""
        if OTHER not in case.hidden:
            return {}
        other = case.with_changes(**case.hidden[OTHER])
        for name, x in other.inputs.items():
            if isinstance(sent[name], Ref):
                subject.overwrite(sent[name], x)
        given = {name: ref if isinstance(ref, Ref) else other.inputs[name] for name, ref in sent.items()}
        objects = self.setting.make(subject, other)
        result = subject.run(self.name, *given.values(), **self.setting.arguments(other, objects))
        return used_again(self.shown(result, objects, other), ANEW)

    def watched(self, subject: Subject, case: Case, models: tuple[str, ...], watch: Watch) -> None:
        """Call the function, with an eye on what these of its objects return."""
        objects = self.setting.make(subject, case)
        watch({name: objects[name] for name in models})
        subject.run(self.name, *case.inputs.values(), **self.setting.arguments(case, objects))

    def kept(self, subject: Subject, case: Case) -> Observations:
        """Call the function, write zeros into its inputs, and say whether the result stays as it was."""
        sent = {name: subject.put(x) if isinstance(x, np.ndarray) else x for name, x in case.inputs.items()}
        objects = self.setting.make(subject, case)
        result = subject.keep(self.name, *sent.values(), **self.setting.arguments(case, objects))
        before = result.fetch()
        for ref in sent.values():
            if isinstance(ref, Ref):
                subject.overwrite(ref, 0)
        return {self._one: AS_IT_WAS if agree(before, result.fetch()) else "changed"}

    def trial(self, subject: Subject, case: Case) -> Trial:
        """Prepare a call with everything sent ahead, so that only the computation is timed."""
        sent: list[Ref] = []
        kept: list[Instance] = []
        objects = self.setting.make(subject, case)
        latest = [case]

        def renew(case: Case) -> None:
            latest[:] = [case]
            sent[:] = [subject.put(x) for x in case.inputs.values()]

        def go() -> None:
            kept[:] = [subject.compute(self.name, *sent, **self.setting.arguments(case, objects))]

        return Trial(renew, go, lambda: self.shown(kept[0].fetch(), objects, *latest))


def with_others(cases: list[Case], others: list[Case]) -> list[Case]:
    """The cases, some of the last with what was drawn at their place the second time, if that has the same shapes."""

    def forms(case: Case) -> list[object]:
        return [(x.shape, x.dtype) if isinstance(x, np.ndarray) else type(x) for x in case.inputs.values()]

    found = list(cases)
    for place, (case, other) in enumerate(zip(cases, others, strict=False)):
        if place >= len(cases) - ANEW_CASES and forms(case) == forms(other) and _arrays(case):
            numbers = {"inputs": other.inputs, "arguments": other.arguments, "hidden": other.hidden}
            found[place] = case.with_changes(hidden={**case.hidden, OTHER: numbers})
    return found


def _arrays(case: Case) -> Values:
    return {name: x for name, x in case.inputs.items() if isinstance(x, np.ndarray)}


def _judge_outputs(outputs: tuple[str, ...], judge: Judge) -> Judge:
    """A judge of several named results, which reports when another number of values is returned."""
    if len(outputs) == 1:
        return judge

    def judged(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        if outputs[0] in expected and outputs[0] not in observed:
            return compare(observed.get("the result"), [expected[name] for name in outputs], "the result")
        return judge(observed, expected, case)

    return judged


def _digits(value: Value) -> int:
    """Bytes of each number of an array of floats; 0 for anything else."""
    return value.dtype.itemsize if isinstance(value, np.ndarray) and value.dtype.kind == "f" else 0


def _dtype(value: Value) -> object:
    return getattr(value, "dtype", "")


def _kind(value: Value) -> str:
    """The kind of an array's numbers, as NumPy names it; empty where it is no array."""
    return getattr(_dtype(value), "kind", "-")


def _judge_dtype(judge: Judge) -> Judge:
    """A judge that also requires integers where they are expected, and float64 where no input decides the precision."""

    def judged(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        for name, value in expected.items():
            if _kind(value) in "iub" and _kind(observed.get(name)) in "fc" and not name.startswith("_"):
                kind = "booleans" if _kind(value) == "b" else "integers"
                return Mismatch("dtype", name, f"{name}: expected {kind}, got {_dtype(observed.get(name))}")
        if not any(_digits(x) for x in case.inputs.values()):
            for name, value in expected.items():
                seen = observed.get(name)
                if 0 < _digits(seen) < _digits(value):
                    return Mismatch("dtype", name, f"{name}: expected float64, got float{8 * _digits(seen)}")
        return judge(observed, expected, case)

    return judged


def FunctionExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    points: Points | float | None = None,
    speed: Speed | None = None,
    memory: Memory | None = None,
    scaling: Scaling | None = None,
    budgets: Sequence[Budget] = (),
    setting: Setting = NOTHING,
    outputs: tuple[str, ...] = ("the result",),
    float32: bool | CaseMaker = False,
    writes: bool = False,
    invariant: Invariant | None = None,
    cpu_only: str = "",
    models: tuple[str, ...] = (),
    new: bool = False,
    integers: tuple[str, ...] = (),
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one function, with the standard checks.

    A case's inputs are passed in order, its arguments by name.
    budgets: limits on costs of other kinds than speed, memory and scaling.
    setting: objects that the function also receives, and that are checked together with its result.
    outputs: the name of the result in sentences, or of each of several that the function returns as a tuple.
    float32: whether a check requires dtype in = dtype out; or cases for it, where the last two are unsuitable.
    writes: every array that the function receives is one that it must change.
    invariant(seen, case): the function draws numbers; given ``{"the result": …}``, return what every
    correct implementation shows.  That is compared; what depends on the draw is for ``statistics``.
    cpu_only: why the function computes in CPU memory on every machine (it works on text, or on a table); then no check
    runs on a device.
    models: those of the setting's objects whose forward the function calls: what that returns must stay as it is.
    new: whether the result must not share its memory with an input, as its text says.
    integers: inputs that may be integers of any dtype, as its text says: also of eight bits, in which few rows count.
    """
    called = _Called(name, setting, outputs, invariant)
    checks = [
        *_standard_checks(called, cases, writes=writes, on_device=not cpu_only),
        *budget_checks(called.trial, (speed, memory, scaling, *budgets), needs=(name,), after=(MATCHES,)),
    ]
    support = packaged_support("returned") if models else ""
    exercise = Exercise(name, "function", (name,), points_by_part(name, points), checks, support=support, **extras)
    _add_promised(exercise, called, cases, models=models, integers=integers, new=new)
    if float32:
        drawn = cases if float32 is True else float32
        habits(
            exercise, called.observe, cases=drawn, after=(MATCHES,), among=("float32",), to_float64=TO_FLOAT64,
            judge=_judge_outputs(outputs, judge_float32),
        )  # fmt: skip
    return exercise


def _add_promised(
    exercise: Exercise,
    called: _Called,
    cases: CaseMaker,
    *,
    models: tuple[str, ...],
    integers: tuple[str, ...],
    new: bool,
) -> None:
    """Add the checks of what not every function's text promises."""
    if models:
        models_keep_theirs(
            exercise, lambda subject, case, watch: called.watched(subject, case, models, watch), cases=cases,
            names=lambda _: list(models), after=(MATCHES,), mutation=zeroes_what_it_got(models[0]),
        )  # fmt: skip
    if integers:
        exercise.check(
            EIGHT_BITS, cases=in_eight_bits(cases, integers), judge=_judge_outputs(called.outputs, compare_all),
            after=(MATCHES,), mutation=mutated_function(*LARGER),
        )(called.observe)  # fmt: skip
    if new:
        words = judge_words({"changed": "the result changes with an input: return a new array"}, "changed")
        exercise.check(NEW, cases=cases, judge=words, after=(MATCHES,), mutation=mutated_function(*FIRST_INPUT))(
            called.kept
        )


def _standard_checks(called: _Called, cases: CaseMaker, *, writes: bool, on_device: bool) -> list[Check]:
    """The checks of every function; one that must write into its arguments need not leave them unchanged."""
    name, same = called.name, _judge_outputs(called.outputs, compare_all)

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        return list(cases(rng))

    def draw_with_others(rng: np.random.Generator, reference: Subject) -> list[Case]:
        return with_others(draw(rng, reference), draw(rng, reference))

    def draw_with_views(rng: np.random.Generator, reference: Subject) -> list[Case]:
        drawn = draw(rng, reference)
        return [*drawn, *(case.with_changes(hidden={**case.hidden, VIEWS: True}) for case in drawn)]

    untouched = Check(
        "inputs are not modified",
        name,
        1.0,
        draw_with_others,
        called.untouched,
        judge_unchanged,
        expect=lambda reference, case, _rng: {**called.untouched(reference, case), **_arrays(case)},
        needs=(name,),
        after=(MATCHES,),
        mutation=mutated_function(COPIED, "for x in args:", "    if hasattr(x, 'dtype'): x[...] = x == 0", "return y"),
    )
    stays = Check(
        "stays on the device",
        name,
        1.0,
        draw,
        called.observe,
        same,
        needs=(name,),
        after=(MATCHES,),
        backend="stand-in",
        mutation=mutated_function(
            "for x in (*args, y):", "    if hasattr(x, 'dtype'): __import__('numpy').asarray(x)", "return y"
        ),
    )
    return [
        Check(MATCHES, name, 6.0, draw_with_views, called.observe, _judge_dtype(same), needs=(name,)),
        *([] if writes else [untouched]),
        *([stays] if on_device else []),
    ]
