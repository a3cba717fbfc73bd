"""Trees of plain data and arrays, as JSON that refers to the arrays: all that may cross between grader and worker.

A tree is plain JSON, where an object has one key that says what it stands for: ``{"a": 3}`` is the
fourth array, ``{"t": […]}`` a tuple, ``{"m": {…}}`` a mapping of names, ``{"f": "nan"}`` a float.
Object dtypes do not exist.

Imports NumPy alone: the worker side lives here too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from dlkit.backend import NumpyArray

__all__ = [
    "Code",
    "Earlier",
    "Json",
    "New",
    "Opaque",
    "ProtocolError",
    "Ref",
    "Rng",
    "Statements",
    "Strided",
    "Value",
    "Values",
    "decode",
    "encode",
    "size_of",
]

Value: TypeAlias = Any
"""A tree that may cross: None, numbers, text, arrays, tuples, lists and dicts of these, and the markers below.

Which of them it is, the case or the check knows; what a worker sent may be any of them, and is looked at before use.
"""
Values: TypeAlias = dict[str, Any]
"""Values by name."""
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A tree as it is written: its arrays replaced by their numbers."""
Statements: TypeAlias = list[list[Any]]
"""Source text as it is sent: ``[label, first line, source]`` of every statement."""
Earlier: TypeAlias = Mapping[str, list[list[Any]]]
"""Earlier work as it is sent: by module name ``[names, statements]``, what is provided and what defines it."""

MAX_DEPTH = 24
MAX_NODES = 50_000
MAX_REQUEST_NODES = 1_000_000
"""Limit for what the grader process sends: every statement of a hand-in and of earlier ones."""
MAX_KEYS = 256
"""Most keys of a mapping that are not text: a worker could slow the grader process down with colliding numbers."""
MAX_DIGITS = 4096
LEAF = 256
"""Bytes that a number or a text counts for: the object, and the work of comparing and fingerprinting it."""
LARGEST = (1 << 63) - 1
"""Whole numbers beyond it cross as text."""
KINDS = "fiubc"
_ARRAYS = (np.ndarray, np.generic)
_BIG = re.compile(rf"-?[0-9a-f]{{1,{MAX_DIGITS}}}")
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class ProtocolError(Exception):
    """An invalid frame: too large, malformed, or with wrong data about its arrays."""


@dataclass(frozen=True)
class Rng:
    """A ``numpy.random.Generator`` made in the worker from this seed."""

    seed: int


@dataclass(frozen=True)
class New:
    """An object of the submission (``Linear``), of earlier work (``layers.Linear``) or of the spec's support code."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: Mapping[str, Value] = field(default_factory=dict)

    def __init__(self, name: str, /, *args: Value, **kwargs: Value) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "args", args)
        object.__setattr__(self, "kwargs", kwargs)


@dataclass(frozen=True)
class Ref:
    """An object that the worker made before and keeps under this handle."""

    handle: int


@dataclass(frozen=True)
class Code:
    """Trusted text of the spec, for exercises that take a function: ``Code("lambda x: x**2")``."""

    text: str


@dataclass(frozen=True)
class Strided:
    """An array that arrives as a non-contiguous view."""

    array: NumpyArray


@dataclass(frozen=True)
class Opaque:
    """An object whose class may not cross: only the class's name does."""

    type_name: str


def encode(value: Value, arrays: list[NumpyArray]) -> Json:  # noqa: PLR0911 - one return a kind
    """Turn a tree of data and markers into JSON, gathering its arrays in ``arrays``.

    Raises TypeError for anything that may not cross.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool:
        written: Json = value
        return written
    if kind is int:
        return value if -LARGEST <= value <= LARGEST else {"big": _hexadecimal(value)}
    if kind is float:
        return value if math.isfinite(value) else {"f": "nan" if math.isnan(value) else f"{value}"}
    if kind is list:
        return [encode(item, arrays) for item in value]
    if kind is tuple:
        return {"t": [encode(item, arrays) for item in value]}
    if kind is np.ndarray or (isinstance(value, _ARRAYS) and not isinstance(value, str)):
        if value.dtype.kind not in KINDS:
            message = f"an array of dtype {value.dtype} cannot cross the pipe"
            raise TypeError(message)
        arrays.append(value if kind is np.ndarray else np.asarray(value))
        return {"s" if isinstance(value, np.generic) else "a": len(arrays) - 1}
    if kind is dict or isinstance(value, Mapping):
        if all(type(key) is str for key in value):
            return {"m": {key: encode(item, arrays) for key, item in value.items()}}
        return {"d": [[encode(key, arrays), encode(item, arrays)] for key, item in value.items()]}
    return _encode_marker(value, arrays)


def _hexadecimal(value: int) -> str:
    text = f"{value:x}"
    if len(text) > MAX_DIGITS:
        message = f"an int of {value.bit_length()} bits cannot cross the pipe"
        raise TypeError(message)
    return text


def _encode_marker(value: Value, arrays: list[NumpyArray]) -> Json:  # noqa: PLR0911 - one return a kind
    match value:
        case str():
            return str(value)
        case list():
            return encode(list(value), arrays)
        case tuple():
            return encode(tuple(value), arrays)
        case Rng(seed):
            return {"rng": seed}
        case New():
            return {"new": [value.name, encode(list(value.args), arrays), encode(dict(value.kwargs), arrays)]}
        case Ref(handle):
            return {"ref": handle}
        case Code(text):
            return {"code": text}
        case Strided(array):
            return {"strided": encode(array, arrays)}
        case Opaque(type_name):
            return {"o": type_name}
    message = f"a {type(value).__name__} cannot cross the pipe"
    raise TypeError(message)


@dataclass(slots=True)
class _Decoder:
    arrays: list[NumpyArray]
    markers: bool
    nodes: int = 0

    def decode(self, node: Any, depth: int = 0) -> Value:  # noqa: PLR0911 - one return a kind
        kind = type(node)
        if kind is str or kind is bool or node is None:
            return node
        if kind is int and -LARGEST <= node <= LARGEST:
            return node
        if kind is float and math.isfinite(node):
            return node
        if kind is list:
            return self._items(node, depth)
        if kind is dict and len(node) == 1:
            ((tag, content),) = node.items()
            if tag == "m" and type(content) is dict:
                self._count(content, depth)
                return {key: self.decode(item, depth + 1) for key, item in content.items()}
            if tag in {"a", "s"} and type(content) is int and 0 <= content < len(self.arrays):
                return self._array(self.arrays[content], scalar=tag == "s")
            return self._tagged(tag, content, depth)
        message = "the tree holds something that may not cross"
        raise ProtocolError(message)

    def _array(self, array: NumpyArray, *, scalar: bool) -> Value:
        if scalar and array.ndim:
            message = "an array may not cross as a scalar"
            raise ProtocolError(message)
        return array[()] if scalar else array

    def _count(self, items: Collection[object], depth: int) -> None:
        self.nodes += len(items) + 1
        if depth >= MAX_DEPTH or self.nodes > (MAX_REQUEST_NODES if self.markers else MAX_NODES):
            message = "the tree is too deep or too large"
            raise ProtocolError(message)

    def _items(self, items: list[object], depth: int) -> list[Value]:
        self._count(items, depth)
        return [self.decode(item, depth + 1) for item in items]

    def _tagged(self, tag: str, content: object, depth: int) -> Value:  # noqa: C901, PLR0911 - one return a kind
        match tag, content:
            case "t", list(items):
                return tuple(self._items(items, depth))
            case "d", list(items):
                return self._mapping(items, depth)
            case "f", str(name) if name in _FLOATS:
                return _FLOATS[name]
            case "big", str(digits) if _BIG.fullmatch(digits):
                return int(digits, 16)
            case "o", str(name):
                return Opaque(name[:200])
        if self.markers:
            self._count((), depth)
            match tag, content:
                case "rng", int(seed):
                    return Rng(seed)
                case "new", [str(name), args, kwargs]:
                    return New(name, *self.decode(args, depth + 1), **self.decode(kwargs, depth + 1))
                case "ref", int(handle):
                    return Ref(handle)
                case "code", str(text):
                    return Code(text)
                case "strided", array:
                    return Strided(self.decode(array, depth + 1))
        message = "the tree holds something that may not cross"
        raise ProtocolError(message)

    def _mapping(self, items: list[object], depth: int) -> dict[object, Value]:
        self._count(items, depth)
        if len(items) > MAX_KEYS and not self.markers:
            message = "a mapping has too many keys that are not text"
            raise ProtocolError(message)
        result: dict[object, Value] = {}
        for pair in items:
            if not (type(pair) is list and len(pair) == 2):  # noqa: PLR2004
                message = "a mapping's item is not a pair"
                raise ProtocolError(message)
            key, item = self._items(pair, depth + 1)
            if not isinstance(key, str | int | float | bool | tuple | type(None)):
                message = "a mapping's key is not plain data"
                raise ProtocolError(message)
            try:
                result[key] = item
            except TypeError as error:
                message = "a mapping's key is not plain data"
                raise ProtocolError(message) from error
        return result


def size_of(value: object) -> int:  # noqa: PLR0911 - one return a kind
    """Bytes of all arrays of a tree, including markers; anything else counts as ``LEAF``."""
    match value:
        case np.ndarray() | np.generic():
            return int(value.nbytes)
        case Strided(array):
            return size_of(array)
        case New():
            return size_of(value.args) + size_of(dict(value.kwargs))
        case dict():
            return sum(map(size_of, value.values()))
        case list() | tuple():
            return sum(map(size_of, value))
        case str():
            return LEAF + len(value)
    return LEAF


def decode(node: object, arrays: list[NumpyArray], *, markers: bool = False) -> Value:
    """Turn JSON back into a tree; markers are understood only on the worker's side.

    Raises ProtocolError for whatever ``encode`` would not have written.
    """
    return _Decoder(arrays, markers).decode(node)
