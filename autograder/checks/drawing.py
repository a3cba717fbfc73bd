"""How cases are drawn, and in which dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from autograder.isolation.tree import Rng, Strided, Value, Values
from autograder.spec import Case

__all__ = [
    "TRAINED",
    "CaseMaker",
    "converted",
    "fits",
    "in_dtype",
    "in_eight_bits",
    "in_views",
    "is_float",
    "seeds_alone",
    "sizes",
    "without_rng",
]

CaseMaker = Callable[[np.random.Generator], Iterable[Case]]

TRAINED = "trained"
"""Hidden in a case: inputs of earlier calls in training mode, before the one that is checked in eval mode."""


def in_dtype(case: Case, dtype: str) -> Case:
    """The same case with every float array in another dtype."""
    earlier = {
        key: [converted(list(xs), dtype) for xs in value] for key, value in case.hidden.items() if key == TRAINED
    }
    return case.with_changes(
        hidden={**case.hidden, **earlier},
        arguments=converted(case.arguments, dtype),
        inputs={name: converted(x, dtype) for name, x in case.inputs.items()},
        parameters={path: converted(value, dtype) for path, value in case.parameters.items()},
        upstream=converted(case.upstream, dtype),
    )


def converted(value: Value, dtype: str) -> Value:
    """An array of floats, or every one inside dicts, tuples and lists, in another dtype; all else as it is."""
    if isinstance(value, dict):
        return {name: converted(item, dtype) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(converted(item, dtype) for item in value)
    return value.astype(dtype) if is_float(value) else value


def in_views(case: Case) -> Case:
    """The same case with every array of floats, also inside lists, as a non-contiguous view."""

    def viewed(value: Value) -> Value:
        if isinstance(value, dict):
            return {name: viewed(item) for name, item in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(viewed(item) for item in value)
        return Strided(value) if is_float(value) else value

    upstream = viewed(case.upstreams if isinstance(case.upstream, dict) else case.upstream)
    return case.with_changes(inputs=viewed(case.inputs), upstream=upstream)


def seeds_alone(count: int) -> CaseMaker:
    """Cases of a capstone that hold nothing but a seed, from which it makes its data."""

    def draw(rng: np.random.Generator) -> list[Case]:
        return [Case({}).with_changes(hidden={"seed": int(rng.integers(1 << 31))}) for _ in range(count)]

    return draw


def in_eight_bits(cases: CaseMaker, names: tuple[str, ...]) -> CaseMaker:
    """The narrowest case whose integers of these names fit into eight bits, in such of both kinds; 600 rows or more.

    Of cases equally narrow, that of the most rows.  So many, by repeating what has as many rows, that a count of them
    does not fit.
    """

    def narrowness(case: Case) -> tuple[float, int]:
        rows = len(case.inputs[names[0]])
        return sum(np.size(x) for x in case.inputs.values()) / rows, -rows

    def draw(rng: np.random.Generator) -> list[Case]:
        drawn = [
            case for case in cases(rng) if all(np.ndim(case.inputs[name]) and len(case.inputs[name]) for name in names)
        ]
        drawn.sort(key=narrowness)
        found = [_narrow(case, names, kind) for case in drawn for kind in ("int8", "uint8")]
        return [case for case in found if case][:2]

    return draw


def _narrow(case: Case, names: tuple[str, ...], kind: str) -> Case | None:
    numbers, rows = [case.inputs[name] for name in names], len(case.inputs[names[0]])
    limits = np.iinfo(kind)
    if any(x.min() < limits.min or x.max() > limits.max for x in numbers):
        return None
    many = -(-600 // rows)
    inputs = {
        name: np.concatenate([x] * many) if np.ndim(x) and len(x) == rows else x for name, x in case.inputs.items()
    }
    return case.with_changes(inputs={**inputs, **{name: inputs[name].astype(kind) for name in names}})


def without_rng(arguments: Mapping[str, object]) -> dict[str, object]:
    """Constructor arguments that decide what is computed."""
    return {name: value for name, value in arguments.items() if not isinstance(value, Rng)}


def is_float(x: object) -> bool:
    """Whether this is an array of floats."""
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def fits(other: Case, case: Case) -> bool:
    """Whether the other case's inputs can be passed to an object built for this case."""
    shapes = [{path: value.shape for path, value in one.parameters.items()} for one in (other, case)]
    arrays = all(isinstance(x, np.ndarray) for x in other.inputs.values())
    return arrays and _equal(other.arguments, case.arguments) and shapes[0] == shapes[1]


def _equal(left: object, right: object) -> bool:
    """Whether two values are equal, also where arrays are among them."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.array_equal(np.asarray(left), np.asarray(right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[name], right[name]) for name in left)
    if isinstance(left, tuple | list) and isinstance(right, tuple | list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


def sizes(inputs: Values) -> list[tuple[int, ...]]:
    """The shape of each input without the number of rows."""
    return [x.shape[1:] for x in inputs.values()]
