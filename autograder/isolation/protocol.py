"""What crosses the pipe between host and worker: one frame = JSON header + raw array bytes.

Never pickle, never eval of what a worker sent.  A frame is ``u32 header length, u64 body length,
header, body``.  The header is a JSON object whose values may refer to arrays in the body.  The
reader checks every field before it allocates; object dtypes do not exist.

A tree is plain JSON, where an object has one key that says what it stands for: ``{"a": 3}`` is the
fourth array, ``{"t": […]}`` a tuple, ``{"m": {…}}`` a mapping of names, ``{"f": "nan"}`` a float.

Imports NumPy alone: the worker side lives here too.
"""

from __future__ import annotations

import json
import math
import os
import re
import select
import struct
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = [
    "Channel",
    "Code",
    "Deadline",
    "New",
    "Opaque",
    "ProtocolError",
    "Ref",
    "Rng",
    "Strided",
    "decode",
    "encode",
]

PREFIX = struct.Struct("<IQ")
MAX_HEADER = 1 << 22
MAX_BODY = 1 << 28
MAX_ARRAYS = 4096
MAX_DIMENSIONS = 16
MAX_DEPTH = 24
MAX_NODES = 50_000
MAX_KEYS = 256
"""Keys of a mapping that are no text: a worker could choose numbers that collide, and make the host slow."""
KINDS = "fiubc"
_ARRAYS = (np.ndarray, np.generic)
MAX_DIGITS = 4096
_DTYPES = {d.str: d for code in "?bhilqBHILQefdgFDG" for d in (np.dtype(code), np.dtype(code).newbyteorder())}
_BIG = re.compile(rf"-?[0-9a-f]{{1,{MAX_DIGITS}}}")
_SURROGATE = re.compile(r"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")
LARGEST = (1 << 63) - 1
"""Whole numbers beyond it cross as text."""
SMALL = 1 << 16
"""A frame up to this size is written at once, and read at once."""


class ProtocolError(Exception):
    """A frame that is not one: too large, malformed, or lying about its arrays."""


class Deadline(Exception):  # noqa: N818 - it is a moment, not an error
    """The peer did not answer, or did not read, in time."""


@dataclass(frozen=True)
class Rng:
    """A ``numpy.random.Generator`` made in the worker from this seed."""

    seed: int


@dataclass(frozen=True)
class New:
    """An object of the submission (``Linear``), of earlier work (``layers.Linear``) or of the spec's support code."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __init__(self, name: str, /, *args: Any, **kwargs: Any) -> None:
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

    array: Any


@dataclass(frozen=True)
class Opaque:
    """Something of a class that cannot cross: only its name does."""

    type_name: str


def _refuse_constant(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)


_from_json = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _make_writer() -> Callable[[Any], str]:
    """JSON as text; the C encoder is made once and kept, where there is one."""
    plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False)
    made = getattr(json.encoder, "c_make_encoder", None)
    text = getattr(json.encoder, "c_encode_basestring", None)
    if made is None or text is None:
        return plain.encode
    pieces = made(None, plain.default, text, None, ":", ",", False, False, False)  # noqa: FBT003
    return lambda value: "".join(pieces(value, 0))


_to_json = _make_writer()


def encode(value: Any, arrays: list[Any]) -> Any:  # noqa: PLR0911 - one return a kind
    """Turn a tree of data and markers into JSON, gathering its arrays in ``arrays``.

    Raises TypeError for anything that may not cross.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
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


def _encode_marker(value: Any, arrays: list[Any]) -> Any:  # noqa: PLR0911 - one return a kind
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
    arrays: list[Any]
    markers: bool
    nodes: int = 0

    def decode(self, node: Any, depth: int = 0) -> Any:  # noqa: PLR0911 - one return a kind
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

    def _array(self, array: Any, *, scalar: bool) -> Any:
        if scalar and array.ndim:
            message = "an array may not cross as a scalar"
            raise ProtocolError(message)
        return array[()] if scalar else array

    def _count(self, items: Collection[Any], depth: int) -> None:
        self.nodes += len(items) + 1
        if depth >= MAX_DEPTH or self.nodes > MAX_NODES:
            message = "the tree is too deep or too large"
            raise ProtocolError(message)

    def _items(self, items: list[Any], depth: int) -> list[Any]:
        self._count(items, depth)
        return [self.decode(item, depth + 1) for item in items]

    def _tagged(self, tag: str, content: Any, depth: int) -> Any:  # noqa: C901, PLR0911 - one return a kind
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

    def _mapping(self, items: list[Any], depth: int) -> dict[Any, Any]:
        self._count(items, depth)
        if len(items) > MAX_KEYS and not self.markers:
            message = "a mapping has too many keys that are no text"
            raise ProtocolError(message)
        result = {}
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


def decode(node: Any, arrays: list[Any], *, markers: bool = False) -> Any:
    """Turn JSON back into a tree; markers are understood only on the worker's side.

    Raises ProtocolError for whatever ``encode`` would not have written.
    """
    return _Decoder(arrays, markers).decode(node)


class Channel:
    """One side's end of the two pipes: writes frames to the one, reads them from the other.

    What a peer sent beyond a frame is kept, and is where the next one begins.
    """

    __slots__ = ("_buffer", "_end", "_read", "_start", "_view", "_write")

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read, self._write = read_fd, write_fd
        self._buffer = bytearray(SMALL)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def send(self, header: dict[str, Any], arrays: list[Any], deadline: float | None = None) -> None:
        """Write one frame.  With a deadline (monotonic seconds) the descriptor must be non-blocking.

        Raises Deadline where the peer does not read, BrokenPipeError where it is gone.
        """
        arrays = [array if array.flags.c_contiguous else np.ascontiguousarray(array) for array in arrays]
        head = _to_json({**header, "arrays": [(array.dtype.str, array.shape) for array in arrays]})
        text = head.encode("utf-8", "replace")
        body = sum([array.nbytes for array in arrays])
        start = PREFIX.pack(len(text), body) + text
        if body <= SMALL:
            _write(self._write, b"".join([start, *arrays]) if arrays else start, deadline)
            return
        _write(self._write, start, deadline)
        for array in arrays:
            if array.nbytes:
                _write(self._write, array.reshape(-1).view(np.uint8), deadline)

    def receive(
        self, wait: Callable[[], None] | None = None, *, max_body: int = MAX_BODY
    ) -> tuple[dict[str, Any], list[Any]]:
        """Read one frame of untrusted bytes: the header, and the arrays it names.

        wait: called before every read; blocks until there is something, or raises Deadline.
        Raises EOFError where the peer is gone, ProtocolError where the frame is not one.
        """
        buffer, view = self._buffer, self._view
        begin, self._end = 0, self._end - self._start
        if self._end:
            buffer[: self._end] = buffer[self._start : self._start + self._end]
        self._start = 0
        self._fill(PREFIX.size, wait)
        header_size, body_size = PREFIX.unpack_from(buffer)
        if header_size > MAX_HEADER or body_size > max_body:
            message = f"the frame is too large ({header_size} + {body_size} bytes)"
            raise ProtocolError(message)
        begin = PREFIX.size + header_size
        if begin <= SMALL:
            self._fill(begin, wait)
            header = _parse(view[PREFIX.size : begin])
        else:
            header = _parse(self._take(PREFIX.size, bytearray(header_size), wait))
            begin = self._start
        layout = _layout(header.get("arrays"), body_size)
        if begin + body_size <= SMALL:
            self._fill(begin + body_size, wait)
            arrays = []
            for dtype, shape, size in layout:
                array: Any = np.ndarray(shape, dtype, buffer, begin)
                arrays.append(array.copy() if dtype.kind != "b" else np.asarray(array.view(np.uint8) != 0))
                begin += size
            self._start = begin
            return header, arrays
        body = np.empty(body_size, np.uint8)
        self._take(begin, body.data, wait)
        arrays, offset = [], 0
        for dtype, shape, size in layout:
            part = body[offset : offset + size]
            arrays.append((part.view(dtype) if dtype.kind != "b" else part != 0).reshape(shape))
            offset += size
        return header, arrays

    def _fill(self, end: int, wait: Callable[[], None] | None) -> None:
        """Read until the buffer holds its first ``end`` bytes; what comes with them is kept."""
        while self._end < end:
            if wait is not None:
                wait()
            self._end += _read_some(self._read, self._view[self._end :])

    def _take(self, begin: int, target: Any, wait: Callable[[], None] | None) -> Any:
        """Fill ``target`` with what the buffer holds from ``begin`` on, then from the pipe."""
        view = memoryview(target)
        held = min(self._end - begin, len(view))
        view[:held] = self._view[begin : begin + held]
        self._start = begin + held
        view = view[held:]
        while view:
            if wait is not None:
                wait()
            view = view[_read_some(self._read, view) :]
        return target


def _read_some(fd: int, view: memoryview) -> int:
    try:
        if hasattr(os, "readv"):
            count = os.readv(fd, [view])
        else:  # Windows
            data = os.read(fd, len(view))
            count = len(data)
            view[:count] = data
    except BlockingIOError:
        return 0
    if not count:
        message = "the peer closed the pipe"
        raise EOFError(message)
    return count


def _write(fd: int, data: Any, deadline: float | None) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            left = math.inf if deadline is None else deadline - time.monotonic()
            if left <= 0 or not poll.poll(min(left, 1e6) * 1000):
                message = "the peer does not read"
                raise Deadline(message) from None


def _parse(text: memoryview | bytearray) -> dict[str, Any]:
    """Read the header's JSON, as ``Channel.send`` writes it: no space around it, no half of a character in it."""
    try:
        head = str(text, "utf-8")
        header, end = _from_json(head)
    except (ValueError, RecursionError) as error:
        message = "the header is no JSON"
        raise ProtocolError(message) from error
    if end != len(head) or ("\\u" in head and _SURROGATE.search(head)):
        message = "the header is no JSON"
        raise ProtocolError(message)
    if type(header) is not dict:
        message = "the header is no object"
        raise ProtocolError(message)
    return header


def _layout(described: Any, body_size: int) -> list[tuple[Any, tuple[int, ...], int]]:
    """Check the header's list of arrays against the size of the body, before anything is allocated."""
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        message = "the header lists no arrays, or too many"
        raise ProtocolError(message)
    layout, total = [], 0
    for item in described:
        if not (type(item) is list and len(item) == 2 and type(item[0]) is str and type(item[1]) is list):  # noqa: PLR2004
            message = "an array is described wrongly"
            raise ProtocolError(message)
        dtype, shape = _DTYPES.get(item[0]), item[1]
        if dtype is None:
            message = "an array's dtype is unknown, or may not cross"
            raise ProtocolError(message)
        size = _size(shape) * dtype.itemsize
        total += size
        if total > body_size:
            break
        layout.append((dtype, tuple(shape), size))
    if total != body_size:
        message = "the body is not as long as its arrays"
        raise ProtocolError(message)
    return layout


def _size(shape: list[Any]) -> int:
    """How many elements there are; an empty array may not have impossible sides either."""
    extent = 1
    for n in shape:
        if type(n) is not int or not 0 <= n <= MAX_BODY:
            extent = MAX_BODY + 1
            break
        extent *= n or 1
    if extent > MAX_BODY or len(shape) > MAX_DIMENSIONS:
        message = "an array's shape is impossible"
        raise ProtocolError(message)
    return 0 if 0 in shape else extent
