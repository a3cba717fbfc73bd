"""A case with one thing replaced: an argument, an input, a parameter or an upstream gradient, by what mistakes make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.diagnosis.arrays import Array
from autograder.isolation.tree import Rng, Strided
from autograder.spec import Case

__all__ = ["Replacement", "is_gradient", "replacements"]

PAIR = 2
WAY = "Look for an index, a slice or a loop that runs the other way."


@dataclass(frozen=True)
class Replacement:
    """A case with one thing replaced; what: completes “the answer is what is expected if …”."""

    what: str
    hint: str
    case: Case


@dataclass(frozen=True)
class _New:
    """Another value for a thing; key: the same in every case; what, hint: as above."""

    key: str
    value: object
    what: str
    hint: str


Put = Callable[[object], Case]


def is_gradient(name: str) -> bool:
    """Whether this is what backward returns or adds to a parameter."""
    return name.startswith("d") or "gradient" in name


def replacements(case: Case, name: str) -> dict[str, Replacement]:
    """Every replacement by a key that is the same in all cases, the simplest first; name: of the answer."""
    case = case.with_changes(inputs={n: x.array if isinstance(x, Strided) else x for n, x in case.inputs.items()})
    found = [*_of_arguments(case), *_of_inputs(case), *_of_parameters(case)]
    if is_gradient(name):
        found += _of_upstreams(case)
    return dict(found)


def _each(news: Iterator[_New], put: Put) -> Iterator[tuple[str, Replacement]]:
    for new in news:
        yield new.key, Replacement(new.what, new.hint, put(new.value))


def _putter(part: Mapping[str, object], name: str, change: Callable[[dict[str, Any]], Case]) -> Put:
    return lambda value: change({**part, name: value})


# --- arguments -------------------------------------------------------------------------------


def _of_arguments(case: Case) -> Iterator[tuple[str, Replacement]]:
    given = {name: value for name, value in case.arguments.items() if not isinstance(value, Rng)}
    for name, value in given.items():
        put = _putter(case.arguments, name, lambda arguments: case.with_changes(arguments=arguments))
        yield from _each(_values(name, value), put)
        yield from _each(_pairs(name, value), put)
        yield from _each(_others(name, value, given), put)


def _values(name: str, value: object) -> Iterator[_New]:
    """The simplest values that an argument of this kind may have been replaced by."""
    simple: tuple[float | bool, ...] = ()
    if isinstance(value, bool):
        simple = (not value,)
    elif isinstance(value, int):
        simple = (0, 1, 2)
    elif isinstance(value, float):
        simple = (0.0, 1.0, 0.5)
    for new in simple:
        if new != value:
            yield _New(f"{name} = {new}", new, f"{name} were {new}, whatever it is", _belongs(name))


def _pairs(name: str, value: object) -> Iterator[_New]:
    """The two directions exchanged, or one of them ignored."""
    pair = value if isinstance(value, tuple) else (value, value)
    if len(pair) != PAIR or not all(type(n) is int for n in pair):
        return
    down, right = pair
    found = [
        ("exchanged", (right, down), f"the two numbers of {name} were exchanged"),
        ("first", (down, down), f"the first number of {name} counted in both directions"),
        ("second", (right, right), f"the second number of {name} counted in both directions"),
    ]
    for new in (0, 1):
        found.append(
            (f"down alone, else {new}", (down, new), f"{name} were {new} to the right, and as it is downwards")
        )
        found.append(
            (f"right alone, else {new}", (new, right), f"{name} were {new} downwards, and as it is to the right")
        )
    for key, new_pair, what in found:
        if new_pair != pair:
            yield _New(f"{name} {key}", new_pair, what, _belongs(name))


def _others(name: str, value: object, given: Mapping[str, object]) -> Iterator[_New]:
    """Another argument of the same kind in its place."""
    for other, theirs in given.items():
        if type(theirs) is type(value) and not isinstance(value, bool) and theirs != value:
            yield _New(f"{name} = {other}", theirs, f"{name} were {other}", _belongs(name))


def _belongs(name: str) -> str:
    return f"Look for every place where {name} belongs."


# --- arrays ----------------------------------------------------------------------------------


def _of_inputs(case: Case) -> Iterator[tuple[str, Replacement]]:
    for place, (name, value) in enumerate(case.inputs.items()):
        put = _putter(case.inputs, name, lambda inputs: case.with_changes(inputs=inputs))
        if isinstance(value, np.ndarray):
            yield from _each(_changed(name, value), put)
        if place and value is not None:
            yield from _each(iter([_New(f"no {name}", None, f"{name} were not given", _belongs(name))]), put)
    yield from _exchanged(case.inputs, lambda inputs: case.with_changes(inputs=inputs))


def _of_parameters(case: Case) -> Iterator[tuple[str, Replacement]]:
    for name, value in case.parameters.items():
        put = _putter(case.parameters, name, lambda parameters: case.with_changes(parameters=parameters))
        yield from _each(_changed(name, value), put)


def _of_upstreams(case: Case) -> Iterator[tuple[str, Replacement]]:
    for name, value in case.upstreams.items():
        if isinstance(value, np.ndarray):
            put = _putter(case.upstreams, name, case.with_upstreams)
            yield from _each(_changed(name, value), put)
            yield from _each(_one_entry(name, value), put)
    yield from _exchanged(case.upstreams, case.with_upstreams)


def _one_entry(name: str, x: Array) -> Iterator[_New]:
    """Zero except for the first or the last entry along an axis."""
    for axis in range(min(x.ndim, PAIR)):
        for end, kept in (("first", 0), ("last", x.shape[axis] - 1)):
            if x.shape[axis] > 1:
                at = np.arange(x.shape[axis]).reshape(-1, *[1] * (x.ndim - axis - 1)) == kept
                what = f"{name} were zero except for its {end} entry along axis {axis}"
                hint = f"Every entry of {name} contributes to the gradient."
                yield _New(f"{name}, {end} along axis {axis}", np.where(at, x, 0), what, hint)


def _exchanged(
    arrays: Mapping[str, object], change: Callable[[dict[str, Any]], Case]
) -> Iterator[tuple[str, Replacement]]:
    """Two arrays of one shape exchanged."""
    named = [(name, x) for name, x in arrays.items() if isinstance(x, np.ndarray) and x.ndim]
    for i, (one, x) in enumerate(named):
        for other, y in named[i + 1 :]:
            if x.shape == y.shape and x.dtype == y.dtype:
                what = f"{one} and {other} were exchanged"
                hint = f"Look for {one} where {other} is meant, and the other way round."
                case = change({**arrays, one: y, other: x})
                yield f"{one} and {other} exchanged", Replacement(what, hint, case)


def _changed(name: str, x: Array) -> Iterator[_New]:
    """Other arrays of the same shape that mistakes make of this one."""
    if x.dtype.kind == "f" and x.any():
        yield _New(f"{name} = 0", np.zeros_like(x), f"{name} were zero", _belongs(name))
    if x.dtype.kind == "f":
        yield from _other_numbers(name, x)
    if x.dtype.kind in "iu" and x.size:
        less = np.maximum(x, 1) - 1
        yield _New(f"{name} − 1", less, f"{name} were smaller by one", "Indices begin at 0: look at every one.")
    for axis in range(x.ndim):
        if x.shape[axis] > 1:
            key = f"{name} reversed along axis {axis}"
            yield _New(key, np.flip(x, axis), f"{name} were reversed along axis {axis}", WAY)
            first = np.broadcast_to(np.take(x, [0], axis), x.shape).copy()
            what = f"{name} had its first entry along axis {axis} everywhere"
            hint = f"Look for an index 0, or for the first of {name} in place of each."
            yield _New(f"first of {name} along axis {axis}", first, what, hint)
    if x.ndim > PAIR:
        yield _New(f"{name} turned", np.flip(x, (-2, -1)), f"{name} were turned by 180 degrees", WAY)
    yield from _reshaped(name, x)


def _other_numbers(name: str, x: Array) -> Iterator[_New]:
    hint = f"Look for {name} where another array is meant."
    for key, new in (("|", abs(x)), ("−|", -abs(x)), ("−", -x), ("2·", 2 * x), ("1/2·", x / 2)):
        text = f"{key}{name}|" if key.endswith("|") else f"{key}{name}"
        if not np.array_equal(new, x):
            yield _New(f"{name} = {text}", new, f"{name} were {text}", hint)
    if x.size and x.min() >= 0 and x.max() <= 1 and not np.isin(x, (0, 1)).all():
        yield _New(
            f"{name} rounded", (x > 1 / 2) * 1.0, f"{name} were rounded to 0 or 1", f"{name} may lie between 0 and 1."
        )


def _reshaped(name: str, x: Array) -> Iterator[_New]:
    """What code uses that reshapes an array where two axes are to be exchanged."""
    for axis in range(x.ndim - 1):
        order = list(x.shape)
        order[axis], order[axis + 1] = order[axis + 1], order[axis]
        if min(order[axis : axis + PAIR]) > 1:
            read = np.swapaxes(x.reshape(order), axis, axis + 1)
            what = f"{name} were reshaped where its axes {axis} and {axis + 1} are to be exchanged"
            hint = "reshape keeps the order of the numbers; transpose changes it."
            yield _New(f"{name} reshaped {axis}", read, what, hint)
