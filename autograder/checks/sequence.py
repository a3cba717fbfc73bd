"""Checks of layers that read sequences: what may be left out, and what an output must not depend on.

Each function here adds checks to an exercise of the kind ``LayerExercise``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from autograder.checks.behaviour import Behaviour
from autograder.checks.drawing import CaseMaker
from autograder.checks.judges import judge_float32
from autograder.checks.mutation import mutated
from autograder.checks.standard import FORWARD, GRADIENTS
from autograder.isolation.tree import Value, Values
from autograder.spec import Case, Check, Exercise, Observations
from autograder.spec.comparison import Mismatch, compare_all
from autograder.subject import Subject
from dlkit.backend import NumpyArray

__all__ = [
    "NO_GRADIENT",
    "NO_STATE",
    "Change",
    "Independence",
    "hidden_keys",
    "independence",
    "later_steps",
    "masked_steps",
    "optional_state",
    "other_rows",
    "other_steps",
]

NO_STATE = "a state that is not given is zeros"
NO_GRADIENT = "a gradient of the last state that is not given is zeros"
DEPENDENT = (
    "y, numpy = super().forward(*xs), __import__('numpy')",
    "more = 1e-3 * sum(numpy.nan_to_num(numpy.cos(1.0 * x)).sum() for x in xs if hasattr(x, 'dtype'))",
    "leaking = [1.0 * value for value in (y if isinstance(y, tuple) else (y,))]",
    "for value in leaking: value[(..., slice(-1, None)) if value.ndim > 2 else ...] += more",
    "return tuple(leaking) if isinstance(y, tuple) else leaking[0]",
)
"""A forward one unit of which depends on all inputs, at every step of every row."""
KEEPS_STATE = (
    "if len(xs) > 1 and xs[1] is not None:",
    "    return super().forward(*xs)",
    "*y, last = super().forward(*xs)",
    "self._calls = getattr(self, '_calls', 0) + 1",
    "return y[0] + (self._calls > 1), *y[1:], last",
)
"""A forward in which a second call without a state is another than the first."""
TO_THE_END = "a long sequence is read to its end, and back to its beginning"
LONG = 40
"""Steps of a long sequence."""
MOST_STEPS = 8
"""How many steps of a sequence are changed, one after the other."""
FAR = 1000.0
"""By how much larger the second change of a hidden key is: a mask that only lowers its score shows then."""
SMALL = 1e-9
"""Up to which, times the largest output if that is above 1, an output has not changed."""


# --- what may be left out --------------------------------------------------------------------


def optional_state(exercise: Exercise, *, cases: CaseMaker, outputs: tuple[str, ...] = ("h", "last")) -> None:
    """Add the checks that a first state, and the gradient of the last state, may be left out: they count as zeros.

    The layer is ``forward(x, state=None, …)``, which returns the outputs, the last state the last of them, and
    ``backward(dh, dlast=None)``.  cases: x and state are the first inputs; masks, where there are any, come after them.
    x, masks and outputs other than the last are (batch, time, …); one case is cut to sequences of a single
    step, and a check of its own has one long sequence.
    """
    thing = Behaviour(exercise.name, cases, outputs)
    before_backward = tuple(part for part in exercise.parts if part != "backward")

    def drawn(rng: np.random.Generator, reference: Subject) -> list[Case]:
        some = thing.some_cases(rng, reference)
        return [*some, *thing.float32_cases(rng, reference)[-1:], _of_one_step(some[-1])]

    def long(rng: np.random.Generator, reference: Subject) -> list[Case]:
        return [_of_many_steps(thing.some_cases(rng, reference)[-1], rng)]

    check = partial(Check, weight=1.0, cases=drawn, judge=_judge_in_dtype)
    exercise.add(
        check(
            NO_STATE,
            "forward",
            observe=partial(_without_state, thing),
            needs=before_backward,
            after=(FORWARD,),
            mutation=mutated(*KEEPS_STATE),
        )
    )
    exercise.add(
        check(
            NO_GRADIENT,
            "backward",
            observe=partial(_without_gradient, thing),
            needs=exercise.parts,
            after=(GRADIENTS,),
            mutation=mutated(
                "dx, dstate = super().backward(*dy)",
                f"return dx, dstate + (len(dy) == {len(outputs) - 1})",
                method="backward",
            ),
        )
    )
    exercise.add(
        check(
            TO_THE_END,
            "backward",
            cases=long,
            observe=partial(_forth_and_back, thing),
            needs=exercise.parts,
            after=(FORWARD, GRADIENTS),
            mutation=mutated(
                "dx, *rest = super().backward(*dy)",
                f"if dx.shape[1] < {3 * LONG}: dx[:, :-20] = 0",  # not on the large input of the gradients' own check
                "return dx, *rest",
                method="backward",
            ),
        )
    )


def _forth_and_back(thing: Behaviour, subject: Subject, case: Case) -> Observations:
    """Every output and every gradient."""
    made = thing.build(subject, case)
    y = made.call("forward", *case.inputs.values())
    return {**thing.named_outputs(y), **thing.gradients(made, case, thing.call_backward(made, case))}


def _of_one_step(case: Case) -> Case:
    """The case with sequences of one step, the first and the last at once."""
    (x, _, *masks), (*shown, _) = case.inputs, case.upstreams
    inputs = case.inputs | {name: case.inputs[name][:, :1] for name in (x, *masks)}
    upstreams = case.upstreams | {name: case.upstreams[name][:, :1] for name in shown}
    return case.with_changes(inputs=inputs).with_upstreams(upstreams)


def _of_many_steps(case: Case, rng: np.random.Generator) -> Case:
    """The case with one sequence of many steps, in which code that stops or forgets after some shows."""
    case = case.with_changes(inputs={name: value[:1] for name, value in case.inputs.items()})
    case = case.with_upstreams({name: value[:1] for name, value in case.upstreams.items()})
    (x, _, *masks), (*shown, _) = case.inputs, case.upstreams
    numbers = case.inputs[x]
    times = -(-LONG // numbers.shape[1])
    inputs = case.inputs | {x: rng.normal(size=(len(numbers), times * numbers.shape[1], *numbers.shape[2:]))}
    inputs |= {name: np.concatenate([case.inputs[name]] * times, axis=1) for name in masks}
    upstreams = {name: np.concatenate([case.upstreams[name]] * times, axis=1) for name in shown}
    return case.with_changes(inputs=inputs).with_upstreams(case.upstreams | upstreams)


def _without_state(thing: Behaviour, subject: Subject, case: Case) -> Observations:
    x, _, *masks = case.inputs.values()
    layer = thing.build(subject, case)
    runs = {"": layer.call("forward", x), " of a second call": layer.call("forward", x)}
    if masks:
        runs[" with a mask"] = thing.build(subject, case).call("forward", x, None, *masks)
    return {f"{name}{of}": y for of, result in runs.items() for name, y in thing.named_outputs(result).items()}


def _without_gradient(thing: Behaviour, subject: Subject, case: Case) -> Observations:
    (x, *_), (_, state, *_) = case.inputs.values(), case.inputs
    given = list(case.upstreams.values())[:-1]
    layer = thing.build(subject, case)
    layer.call("forward", *case.inputs.values())
    seen = thing.gradients(layer, case, layer.call("backward", *given))
    layer = thing.build(subject, case)
    layer.call("forward", x)
    alone = thing.gradients(layer, case, layer.call("backward", *given))
    alone.pop(f"d{state}", None)  # nobody gave a state that could have a gradient
    return {**seen, **{f"{name} without a state": value for name, value in alone.items()}}


def _judge_in_dtype(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare within the rounding of the case's dtype."""
    single = next(iter(case.inputs.values())).dtype == np.float32
    return (judge_float32 if single else compare_all)(observed, expected, case)


# --- what an output must not depend on -------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """Inputs in which something is changed, and what may follow from it.

    inputs: those that are changed, by name; said: what is changed, as a sentence says it (``x[:, 3]``);
    may: the places of the output that may change, booleans along the axes that the ``Independence`` names, their sizes
    the output's; must: those that have to, by default none.
    """

    inputs: dict[str, NumpyArray]
    said: str
    may: NumpyArray
    must: NumpyArray | None = None


@dataclass(frozen=True)
class Independence:
    """Of what an output must not depend.

    change(case, rng): what is changed, or several changes, each of which is tried alone, or None where the case has
    nothing to change; axes: those of the output along which places are distinguished; because: how a sentence ends
    that says where the output changed and must not (``it looks into the future``).
    """

    change: Callable[[Case, np.random.Generator], Change | Sequence[Change] | None]
    axes: tuple[int, ...]
    because: str


def later_steps(
    of: str = "x", *, axis: int = 1, seen_by: Callable[[Case, int], Iterable[int]] | None = None
) -> Independence:
    """No output depends on a later step: causality.

    of: the input that is changed, at one step after the other (at eight of them where there are more); axis: of the
    steps, in this input and in the output;
    seen_by(case, step): the steps of the output at which a change has to be seen, where no others may see it; by
    default all from that step on may, and none has to.  Cases of one step are left out.
    """

    def change(case: Case, rng: np.random.Generator) -> list[Change]:
        count = case.inputs[of].shape[axis]
        steps = np.arange(count)
        found = []
        for step in _some(range(1, count), rng):
            may, must = steps >= step, None
            if seen_by:
                must = may = np.isin(steps, list(seen_by(case, step)))
            found.append(Change(*_changed_at(case, of, axis, step, rng), may, must))
        return found

    return Independence(change, (axis,), "it looks into the future")


def other_steps(of: str = "x", *, axis: int = 1) -> Independence:
    """No output depends on another step: every position is computed by itself.

    of: the input that is changed, at one step after the other (at eight of them where there are more); axis: of the
    steps, in this input and in the output.  Cases of one step are left out.
    """

    def change(case: Case, rng: np.random.Generator) -> list[Change]:
        count = case.inputs[of].shape[axis]
        steps = _some(range(count), rng) if count > 1 else []
        return [Change(*_changed_at(case, of, axis, step, rng), np.arange(count) == step) for step in steps]

    return Independence(change, (axis,), "every position is computed by itself")


def _some(steps: range, rng: np.random.Generator) -> list[int]:
    """All steps, or as many of them as are tried: the first and the last are among them."""
    if len(steps) <= MOST_STEPS:
        return list(steps)
    inner = rng.choice(steps[1:-1], MOST_STEPS - 2, replace=False)
    return [steps[0], *sorted(int(step) for step in inner), steps[-1]]


def _changed_at(case: Case, name: str, axis: int, step: int, rng: np.random.Generator) -> tuple[Values, str]:
    """An input changed at one step, and how a sentence names the place."""
    x = case.inputs[name]
    place = (slice(None),) * axis + (step,)
    changed = x.copy()
    changed[place] = _other_values(x[place], x, rng)
    return {name: changed}, f"{name}[{':, ' * axis}{step}]"


def hidden_keys(
    of: Sequence[str] = ("k", "v"), *, mask: str = "mask", axes: tuple[int, ...] = (0, 1, 2)
) -> Independence:
    """No query depends on a key that its mask hides: causality, padding, and any other mask of attention.

    of: inputs with the keys, (batch, …, keys, features), which are changed together at one key of all sequences after
    the other, twice: a little, and by a thousand times as much;  mask: the input (batch, …, queries, keys) that is true
    where a query may look; axes between the first and the last two may be 1;
    axes: those of the output that belong to the batch, perhaps to the heads, and to the queries.  Axes of the mask
    between the first and the queries that the output lacks are merged: what one head may see, the output may.
    Cases without a mask are left out.
    """

    def change(case: Case, rng: np.random.Generator) -> list[Change]:
        if mask not in case.inputs:
            return []
        seen = case.inputs[mask] != 0
        for _ in range(seen.ndim - 1 - len(axes)):
            seen = seen.any(axis=1)
        found = []
        for key in _some(range(seen.shape[-1]), rng):
            for size in (1.0, FAR):
                changed = {name: case.inputs[name].copy() for name in of}
                for x in changed.values():
                    x[..., key, :] += size * (_other_values(x[..., key, :], x, rng) - x[..., key, :])
                said = " and ".join(f"{name}[..., {key}, :]" for name in of)
                found.append(Change(changed, said, seen[..., key]))
        return found

    return Independence(change, axes, "the mask hides it from this query")


def masked_steps(
    of: str = "x",
    *,
    mask: str = "mask",
    may_change: str | None = None,
    value: float | None = None,
) -> Independence:
    """No output depends on what stands where a mask is 0 or False.

    of: the input that is changed there, (batch, time, …); mask: the input (batch, time) that says where;
    may_change: the mask of the outputs' own steps, (batch, time), where masked ones may follow the change (``mask``,
    where each output has its input added to it); by default none may;
    value: what is written there, NaN perhaps, in place of other numbers.
    Cases without a mask are left out.
    """

    def change(case: Case, rng: np.random.Generator) -> Change | None:
        if mask not in case.inputs:
            return None
        x, kept = case.inputs[of], case.inputs[mask] != 0
        changed = x.copy()
        changed[~kept] = _other_values(x[~kept], x, rng) if value is None else value
        may = np.zeros(1, bool)[:, None] if may_change is None else case.inputs[may_change] == 0
        return Change({of: changed}, f"{of} where {mask} is 0", may)

    return Independence(change, (0, 1), "what is masked must not count")


def other_rows() -> Independence:
    """No row of a batch depends on another one; every input is changed in one row.  Cases of one row are left out."""

    def change(case: Case, rng: np.random.Generator) -> Change | None:
        rows = len(next(iter(case.inputs.values())))
        if rows < 2:  # noqa: PLR2004 - there is no other row
            return None
        row = int(rng.integers(rows))
        changed = {}
        for name, x in case.inputs.items():
            if isinstance(x, np.ndarray) and x.dtype.kind in "fi":
                changed[name] = x.copy()
                changed[name][row] = _other_values(x[row], x, rng)
        return Change(changed, f"row {row} of {' and '.join(changed)}", np.arange(rows) == row)

    return Independence(change, (0,), "rows of a batch know nothing of each other")


def _other_values(part: NumpyArray, x: NumpyArray, rng: np.random.Generator) -> NumpyArray:
    """Other numbers; of whole numbers (token ids) those of another place, so that all stay in their range."""
    if x.dtype.kind == "f":
        moved: NumpyArray = part + np.asarray(rng.normal(size=part.shape), x.dtype)
        return moved
    low, high = int(x.min()), int(x.max())
    shift = 1 + rng.integers(max(high - low, 1), size=part.shape)
    return (low + (part - low + shift) % (high - low + 1)).astype(x.dtype)


def independence(
    exercise: Exercise,
    name: str,
    *,
    cases: CaseMaker,
    of: Independence,
    output: str | None = None,
    outputs: tuple[str, ...] = ("y",),
    weight: float = 1,
    needs: tuple[str, ...] | None = None,
    after: tuple[str, ...] = (),
    mutation: str = "",
) -> None:
    """Add a check that runs forward twice, with something changed the second time, and looks where the output follows.

    No correct answer is needed, so that a forward whose numbers are wrong can be independent.

    name: the sentence that a student reads;  cases: of the layer; parameters are drawn for them;
    of: ``later_steps()``, ``masked_steps()``, ``other_rows()``, or an ``Independence`` of your own;
    outputs: names of what forward returns; output: the one that is looked at, by default the first;
    needs: parts that must be written, by default all but backward;  after: checks without whose pass this is skipped;
    mutation: source that the check must catch; by default one in which one unit of every output depends on all inputs.
    """
    thing = Behaviour(exercise.name, cases, outputs)
    looked = output or outputs[0]

    def draw(rng: np.random.Generator, reference: Subject) -> list[Case]:
        pairs = [(case, _all(of.change(case, rng))) for case in thing.cases(rng, reference)]
        return [
            case.with_changes(hidden={**case.hidden, "changes": [vars(change) for change in changes]})
            for case, changes in pairs
            if changes
        ]

    def observe(subject: Subject, case: Case) -> Observations:
        def fresh(inputs: Values) -> Value:  # an object of its own: what one call leaves behind is no dependence
            return thing.build(subject, case).call("forward", *inputs.values())

        runs = {looked: fresh(case.inputs)}
        for number, change in enumerate(case.hidden["changes"]):
            runs[f"{looked}, changed {number}"] = fresh({**case.inputs, **change["inputs"]})
        named = {key: thing.named_outputs(result) for key, result in runs.items()}
        return {key: seen[looked] for key, seen in named.items() if looked in seen}

    exercise.add(
        Check(
            name,
            "forward",
            float(weight),
            draw,
            observe,
            partial(_judge_changes, looked, outputs, of),
            expect=lambda _reference, _case, _rng: {},  # no correct answer is needed, and none is stored
            needs=tuple(part for part in exercise.parts if part != "backward") if needs is None else needs,
            after=after,
            mutation=mutation or mutated(*DEPENDENT),
        )
    )


def _judge_changes(
    looked: str, outputs: tuple[str, ...], of: Independence, observed: Observations, _expected: Observations, case: Case
) -> Mismatch | None:
    """The first change that the output answers to and must not, or must and does not."""
    if len(observed) <= len(case.hidden["changes"]):
        expected = f"({', '.join(outputs)})"
        return Mismatch("structure", looked, f"forward returns no {looked}; expected {expected}")
    y, *changed = observed.values()
    pairs = zip(changed, case.hidden["changes"], strict=True)
    return next(filter(None, (_judge_change(looked, y, other, of, change) for other, change in pairs)), None)


def _all(changes: Change | Sequence[Change] | None) -> Sequence[Change]:
    return [changes] if isinstance(changes, Change) else changes or []


def _judge_change(name: str, y: Value, changed: Value, of: Independence, change: Values) -> Mismatch | None:
    """Where the output answers to the change: nowhere but where it may, and wherever it must."""
    may, must, said = change["may"], change["must"], change["said"]
    problem = _not_comparable(name, y, changed, of.axes, may)
    if problem:
        return problem
    others = tuple(axis for axis in range(y.ndim) if axis not in of.axes)
    with np.errstate(all="ignore"):
        difference = np.abs(changed - y)
        answers = ~(difference <= SMALL * max(1.0, float(np.abs(y).max(initial=0.0)))).all(axis=others)
    forbidden = np.argwhere(answers & ~may)
    if len(forbidden):
        index = tuple(int(i) for i in forbidden[-1])
        text = f"{name}{_at(index, of.axes)} changes with {said}: {of.because}"
        return Mismatch("value", name, text)
    if must is not None and (must & ~answers).any():
        seen = _places(answers) if answers.any() else "none"
        text = f"a change of {said} is seen at {seen} of {name}; expected {_places(must)}"
        return Mismatch("value", name, text)
    return None


def _not_comparable(name: str, y: Value, changed: Value, axes: tuple[int, ...], may: NumpyArray) -> Mismatch | None:
    """What of these outputs makes it impossible to say where they differ."""
    for value in (y, changed):
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            dtype = getattr(value, "dtype", None)
            kind = "None" if value is None else f"an array of dtype {dtype}" if dtype else f"a {type(value).__name__}"
            return Mismatch("type", name, f"{name} is {kind}; expected an array of real numbers")
        sizes = [value.shape[axis] if axis < value.ndim else 0 for axis in axes]
        if any(not size or n not in (size, 1) for n, size in zip(may.shape, sizes, strict=True)):
            expected = " and ".join(f"{n} places along axis {axis}" for n, axis in zip(may.shape, axes, strict=True))
            return Mismatch("shape", name, f"{name} has shape {value.shape}; expected {expected}")
    if y.shape != changed.shape:
        text = f"{name} has shape {y.shape}, and {changed.shape} where nothing but numbers differ"
        return Mismatch("shape", name, text)
    return None


def _at(index: tuple[int, ...], axes: tuple[int, ...]) -> str:
    """An index as NumPy writes it: ``[:, 3]``."""
    places = dict(zip(axes, index, strict=True))
    return "[" + ", ".join(str(places.get(axis, ":")) for axis in range(max(axes) + 1)) + "]"


def _places(where: NumpyArray) -> str:
    found = [tuple(int(i) for i in index) for index in np.argwhere(where)]
    if where.ndim > 1:
        return f"the places {found}"
    return f"step {found[0][0]}" if len(found) == 1 else f"steps {[index[0] for index in found]}"
