"""Facts about a case that may decide whether an implementation is right there, each with cases in which it is false."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from autograder.checks.function import VIEWS
from autograder.diagnosis.arrays import Array
from autograder.isolation.tree import Rng, Strided
from autograder.spec import Case

__all__ = ["VIEW", "Fact", "facts_of"]

PLANES = 3
"""Axes of an array from which on it may hold images or sequences."""


@dataclass(frozen=True)
class Fact:
    """Something that holds in a case or does not.

    about: the thing in the code; where, elsewhere: what holds, and what holds otherwise;
    without(case): the case changed as little as possible, so that it does not hold;
    weak: a case without it is so simple that much else is right there too.
    """

    about: str
    where: str
    elsewhere: str
    holds: Callable[[Case], bool]
    without: Callable[[Case], Iterable[Case]]
    weak: bool = False


def facts_of(cases: Sequence[Case]) -> Iterator[Fact]:
    """Facts that hold in some of these cases, the most telling first."""
    for fact in (VIEW, *_dtypes(cases), *_arguments(cases), *_sizes(cases), *_values(cases)):
        if any(fact.holds(case) for case in cases):
            yield fact


# --- memory and dtype ------------------------------------------------------------------------


def _contiguous(case: Case) -> Iterator[Case]:
    inputs = {name: x.array.copy() if isinstance(x, Strided) else x for name, x in case.inputs.items()}
    yield case.with_changes(inputs=inputs, hidden={key: x for key, x in case.hidden.items() if key != VIEWS})


VIEW = Fact(
    "the order of an array in memory",
    "an array is not contiguous (a view, a transpose)",
    "it is contiguous",
    lambda case: VIEWS in case.hidden or any(isinstance(x, Strided) for x in case.inputs.values()),
    _contiguous,
)


def _dtypes(cases: Sequence[Case]) -> Iterator[Fact]:
    for name in _names(case.inputs for case in cases):
        yield _narrow(name, "iu", "int64")
        yield _narrow(name, "f", "float64")


def _narrow(name: str, kinds: str, usual: str) -> Fact:
    def holds(case: Case) -> bool:
        x = _array(case.inputs, name)
        return x is not None and x.dtype.kind in kinds and x.dtype != usual

    return Fact(
        f"the dtype of {name}",
        f"the dtype of {name} is smaller than {usual}",
        f"it is {usual}",
        holds,
        lambda case: [_with_input(case, name, case.inputs[name].astype(usual))],
    )


# --- arguments -------------------------------------------------------------------------------


def _arguments(cases: Sequence[Case]) -> Iterator[Fact]:
    names = _names(case.arguments for case in cases)
    for name in names:
        values = [case.arguments[name] for case in cases if name in case.arguments]
        if sizes := [n for value in values for n in _whole(value)]:
            yield _two_numbers(name)
            least = 0 if "padding" in name else min(sizes)
            yield from (_larger(name, border) for border in sorted({1, least}, reverse=True))
            yield _is_zero(name)
        elif all(isinstance(value, bool) for value in values):
            yield from (_flag(name, value=value) for value in (True, False))
        elif all(isinstance(value, float) for value in values):
            yield from (_other_than(name, neutral) for neutral in (0.0, 1.0))
            yield _negative(name)
    for one, other in combinations(names, 2):
        if one != other and one.removeprefix("in_") == other.removeprefix("out_"):
            yield _unequal(one, other)


USUAL = {"stride": 1, "dilation": 1, "padding": 0, "output_padding": 0}
"""Of arguments of windows that a case does not give."""


def _numbers_of(case: Case, name: str) -> tuple[int, ...]:
    return _whole(case.arguments.get(name, USUAL.get(name)))


def _two_numbers(name: str) -> Fact:
    return Fact(
        name,
        f"the two numbers of {name} differ",
        "they are equal",
        lambda case: len(set(_numbers_of(case, name))) > 1,
        lambda case: [_with_argument(case, name, (n, n)) for n in _numbers_of(case, name)],
    )


def _larger(name: str, border: int) -> Fact:
    return Fact(
        name,
        f"{name} is larger than {border}",
        f"{name} is {border}",
        lambda case: any(n > border for n in _numbers_of(case, name)),
        lambda case: [_with_argument(case, name, border)],
    )


def _is_zero(name: str) -> Fact:
    return Fact(
        name,
        f"{name} is 0",
        f"{name} is 1",
        lambda case: _numbers_of(case, name) in ((0,), (0, 0)),
        lambda case: [_with_argument(case, name, 1)],
    )


def _flag(name: str, *, value: bool) -> Fact:
    return Fact(
        name,
        f"{name} is {value}",
        f"{name} is {not value}",
        lambda case: case.arguments.get(name) is value,
        lambda case: [_with_argument(case, name, not value)],
    )


def _other_than(name: str, neutral: float) -> Fact:
    return Fact(
        name,
        f"{name} is not {neutral:g}",
        f"{name} is {neutral:g}",
        lambda case: case.arguments.get(name, neutral) != neutral,
        lambda case: [_with_argument(case, name, neutral)],
        weak=True,
    )


def _negative(name: str) -> Fact:
    return Fact(
        name,
        f"{name} is negative",
        f"{name} is positive",
        lambda case: case.arguments.get(name, 0.0) < 0,
        lambda case: [_with_argument(case, name, -case.arguments[name])],
    )


def _unequal(one: str, other: str) -> Fact:
    return Fact(
        f"{one} and {other}",
        f"{one} and {other} differ",
        "they are equal",
        lambda case: case.arguments.get(one) != case.arguments.get(other),
        lambda case: [_with_argument(case, other, case.arguments[one])],
    )


def _whole(value: object) -> tuple[int, ...]:
    """A whole number or several; none where it is something else."""
    several = value if isinstance(value, tuple) else (value,)
    return several if all(type(n) is int for n in several) else ()


# --- sizes -----------------------------------------------------------------------------------


def _sizes(cases: Sequence[Case]) -> Iterator[Fact]:
    """Facts about the shape of the first input."""
    first = next(iter(_names(case.inputs for case in cases)), "")

    def shape(case: Case) -> tuple[int, ...]:
        x = _array(case.inputs, first)
        return () if x is None else x.shape

    yield Fact(
        "the rows of the batch",
        "there is more than one row",
        "there is only one",
        lambda case: len(shape(case)) > 1 and shape(case)[0] > 1,
        lambda case: [_cut(case, 0, shape(case)[0])],
        weak=True,
    )
    yield _second_axis(first, shape, steps=any({"state", "mask"} & {*case.inputs} for case in cases))
    axes = {len(shape(case)) for case in cases}
    for count, text in ((1, "one"), (2, "two")):
        if count in axes:  # else it is not meant for so few
            yield _more_axes(first, shape, count, text)
    yield Fact(
        f"height and width of {first}",
        f"height and width of {first} differ",
        "they are equal",
        lambda case: len(shape(case)) > PLANES and shape(case)[-1] != shape(case)[-2],
        lambda case: [_each(case, shape(case), lambda x: x[..., : min(x.shape[-2:]), : min(x.shape[-2:])])],
    )


def _second_axis(first: str, shape: Callable[[Case], tuple[int, ...]], *, steps: bool) -> Fact:
    return Fact(
        "what goes from step to step" if steps else f"axis 1 of {first}",
        f"{first} has more than one step" if steps else f"axis 1 of {first} is longer than 1",
        "there is only one step" if steps else "its length is 1",
        lambda case: len(shape(case)) >= PLANES and shape(case)[1] > 1,
        lambda case: [_cut(case, 1, shape(case)[1])],
        weak=True,
    )


def _more_axes(first: str, shape: Callable[[Case], tuple[int, ...]], count: int, text: str) -> Fact:
    return Fact(
        f"the axes of {first}",
        f"{first} has more than {text} {'axis' if count == 1 else 'axes'}",
        f"it has {text}",
        lambda case: len(shape(case)) > count,
        lambda case: _with_axes(case, shape(case), count),
    )


def _cut(case: Case, axis: int, length: int) -> Case:
    """Keep the first of every input that is as long along this axis."""

    def first(x: Any) -> object:
        alike = isinstance(x, np.ndarray) and x.ndim > axis and x.shape[axis] == length
        return np.take(x, [0], axis) if alike else x

    return case.with_changes(inputs={name: first(x) for name, x in case.inputs.items()})


def _with_axes(case: Case, shape: tuple[int, ...], count: int) -> Iterator[Case]:
    """The first of every further axis, or the first axes as one."""
    yield _each(case, shape, lambda x: x.reshape(*x.shape[:count], -1)[..., 0])
    yield _each(case, shape, lambda x: x.reshape(-1, *x.shape[x.ndim - count + 1 :]))


def _each(case: Case, shape: tuple[int, ...], change: Callable[[Array], Array]) -> Case:
    """Change every input of this shape."""
    inputs = {
        name: change(x) if isinstance(x, np.ndarray) and x.shape == shape else x for name, x in case.inputs.items()
    }
    return case.with_changes(inputs=inputs)


# --- values ----------------------------------------------------------------------------------


def _values(cases: Sequence[Case]) -> Iterator[Fact]:
    names = _names(case.inputs for case in cases)
    for name in names[1:]:
        yield _given(name)
    floats = [name for name in names if any(_floats(case.inputs, name).size for case in cases)]
    for name in floats:
        yield _has_shares(name)
        if name != floats[0]:
            yield _not_zero(name, _inputs, _with_input)
        yield _has_negatives(name)
    for name in _names(case.parameters for case in cases):
        if all(case.parameters[name].ndim == 1 for case in cases if name in case.parameters):
            yield _not_zero(name, _parameters, _with_parameter)
        yield _differing(name)


def _given(name: str) -> Fact:
    return Fact(
        name,
        f"{name} is given",
        "it is not given",
        lambda case: _array(case.inputs, name) is not None,
        lambda case: [_with_input(case, name, None)],
    )


def _not_zero(
    name: str, values: Callable[[Case], Mapping[str, object]], put: Callable[[Case, str, object], Case]
) -> Fact:
    return Fact(
        name,
        f"{name} is not zero",
        f"{name} is zero",
        lambda case: bool(_floats(values(case), name).any()),
        lambda case: [put(case, name, np.zeros_like(_floats(values(case), name)))],
        weak=True,
    )


def _has_negatives(name: str) -> Fact:
    return Fact(
        f"the sign of {name}",
        f"{name} has negative entries",
        "it has none",
        lambda case: bool((_floats(case.inputs, name) < 0).any()),
        lambda case: [_with_input(case, name, abs(case.inputs[name]))],
        weak=True,
    )


def _has_shares(name: str) -> Fact:
    def holds(case: Case) -> bool:
        x = _floats(case.inputs, name)
        return bool(((x >= 0) & (x <= 1)).all() and ((x > 0) & (x < 1)).any())

    return Fact(
        name,
        f"{name} has entries between 0 and 1",
        "all of them are 0 or 1",
        holds,
        lambda case: [_with_input(case, name, np.round(case.inputs[name]))],
    )


def _differing(name: str) -> Fact:
    return Fact(
        name,
        f"the entries of {name} differ",
        "they are all equal",
        lambda case: len(np.unique(_floats(case.parameters, name))) > 1,
        lambda case: [_with_parameter(case, name, np.full_like(x := case.parameters[name], x.mean()))],
        weak=True,
    )


# --- parts of a case -------------------------------------------------------------------------


def _names(parts: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name, value in part.items() if not isinstance(value, Rng)))


def _array(part: Mapping[str, object], name: str) -> Array | None:
    x = part.get(name)
    return x if isinstance(x, np.ndarray) else None


def _floats(part: Mapping[str, object], name: str) -> Array:
    """An array of floats; without entries where it is none."""
    x = _array(part, name)
    return x if x is not None and x.dtype.kind == "f" else np.zeros(0)


def _inputs(case: Case) -> Mapping[str, object]:
    return case.inputs


def _parameters(case: Case) -> Mapping[str, object]:
    return case.parameters


def _with_input(case: Case, name: str, value: object) -> Case:
    return case.with_changes(inputs={**case.inputs, name: value})


def _with_parameter(case: Case, name: str, value: Any) -> Case:
    return case.with_changes(parameters={**case.parameters, name: value})


def _with_argument(case: Case, name: str, value: object) -> Case:
    return case.with_changes(arguments={**case.arguments, name: value})
