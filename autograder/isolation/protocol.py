"""What crosses the pipe between host and worker: one frame = JSON header + raw array bytes.

Never pickle, never eval of what a worker sent.  A frame is ``u32 header length, u64 body length,
header, body``.  The header is a JSON object whose values may refer to arrays in the body.  The
reader checks every field before it allocates; object dtypes do not exist.

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = [
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
    "receive",
    "send",
]

PREFIX = struct.Struct("<IQ")
MAX_HEADER = 1 << 22
MAX_BODY = 1 << 28
MAX_ARRAYS = 4096
MAX_DIMENSIONS = 16
MAX_DEPTH = 24
MAX_NODES = 50_000
KINDS = "fiubc"
MAX_DIGITS = 4096
_DTYPE = re.compile(r"[<>|=]?[b-zA-Z]\d{0,2}")
_BIG = re.compile(rf"-?[0-9a-f]{{1,{MAX_DIGITS}}}")
SMALL = 1 << 16


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


_to_json = json.JSONEncoder(allow_nan=False, separators=(",", ":"), check_circular=False).encode
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(value: Any, arrays: list[Any]) -> Any:  # noqa: PLR0911 - one return a kind
    """Turn a tree of data and markers into JSON, gathering its arrays in ``arrays``.

    Raises TypeError for anything that may not cross.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if type(value) is int:
        return value if abs(value) < 1 << 63 else {"big": _hexadecimal(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {"f": "nan" if math.isnan(value) else f"{value}"}
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in KINDS:
            message = f"an array of dtype {value.dtype} cannot cross the pipe"
            raise TypeError(message)
        arrays.append(np.asarray(value))
        return {"s" if isinstance(value, np.generic) else "a": len(arrays) - 1}
    if isinstance(value, list):
        return [encode(item, arrays) for item in value]
    if isinstance(value, tuple):
        return {"t": [encode(item, arrays) for item in value]}
    if isinstance(value, Mapping):
        return {"d": [[encode(key, arrays), encode(item, arrays)] for key, item in value.items()]}
    return _encode_marker(value, arrays)


def _hexadecimal(value: int) -> str:
    text = f"{value:x}"
    if len(text) > MAX_DIGITS:
        message = f"an int of {value.bit_length()} bits cannot cross the pipe"
        raise TypeError(message)
    return text


def _encode_marker(value: Any, arrays: list[Any]) -> Any:
    match value:
        case Rng(seed):
            return {"rng": seed}
        case New():
            return {"new": value.name, "args": encode(list(value.args), arrays), "kw": encode(value.kwargs, arrays)}
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


@dataclass
class _Decoder:
    arrays: list[Any]
    markers: bool
    nodes: int = 0

    def decode(self, node: Any, depth: int = 0) -> Any:  # noqa: C901, PLR0911, PLR0912 - one branch a kind
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            message = "the tree is too deep or too large"
            raise ProtocolError(message)
        if node is None or isinstance(node, bool | int | float | str):
            return node
        if isinstance(node, list):
            return [self.decode(item, depth + 1) for item in node]
        match node:
            case {"a": int(k)} if 0 <= k < len(self.arrays):
                return self.arrays[k]
            case {"s": int(k)} if 0 <= k < len(self.arrays) and self.arrays[k].ndim == 0:
                return self.arrays[k][()]
            case {"f": str(name)} if name in _FLOATS:
                return _FLOATS[name]
            case {"big": str(digits)} if _BIG.fullmatch(digits):
                return int(digits, 16)
            case {"t": list(items)}:
                return tuple(self.decode(item, depth + 1) for item in items)
            case {"d": list(items)}:
                return self._mapping(items, depth)
            case {"o": str(name)}:
                return Opaque(name[:200])
        if self.markers:
            match node:
                case {"rng": int(seed)}:
                    return Rng(seed)
                case {"new": str(name), "args": args, "kw": kwargs}:
                    return New(name, *self.decode(args, depth + 1), **self.decode(kwargs, depth + 1))
                case {"ref": int(handle)}:
                    return Ref(handle)
                case {"code": str(text)}:
                    return Code(text)
                case {"strided": array}:
                    return Strided(self.decode(array, depth + 1))
        message = "the tree holds something that may not cross"
        raise ProtocolError(message)

    def _mapping(self, items: list[Any], depth: int) -> dict[Any, Any]:
        result = {}
        for pair in items:
            if not (isinstance(pair, list) and len(pair) == 2):  # noqa: PLR2004
                message = "a mapping's item is not a pair"
                raise ProtocolError(message)
            key = self.decode(pair[0], depth + 1)
            if not isinstance(key, str | int | float | bool | tuple | type(None)):
                message = "a mapping's key is not plain data"
                raise ProtocolError(message)
            try:
                result[key] = self.decode(pair[1], depth + 1)
            except TypeError as error:
                message = "a mapping's key is not plain data"
                raise ProtocolError(message) from error
        return result


def decode(node: Any, arrays: list[Any], *, markers: bool = False) -> Any:
    """Turn JSON back into a tree; markers are understood only on the worker's side.

    Raises ProtocolError for whatever ``encode`` would not have written.
    """
    return _Decoder(arrays, markers).decode(node)


def send(fd: int, header: dict[str, Any], arrays: list[Any], deadline: float | None = None) -> None:
    """Write one frame.  With a deadline (monotonic seconds) ``fd`` must be non-blocking.

    Raises Deadline where the peer does not read, BrokenPipeError where it is gone.
    """
    arrays = [array if array.flags.c_contiguous else np.ascontiguousarray(array) for array in arrays]
    header = {**header, "arrays": [[array.dtype.str, list(array.shape)] for array in arrays]}
    head = _to_json(header).encode()
    body = sum(array.nbytes for array in arrays)
    start = PREFIX.pack(len(head), body) + head
    if body <= SMALL:
        _write(fd, start + b"".join(array.tobytes() for array in arrays), deadline)
        return
    _write(fd, start, deadline)
    for array in arrays:
        if array.nbytes:
            _write(fd, array.reshape(-1).view(np.uint8), deadline)


def _write(fd: int, data: Any, deadline: float | None) -> None:
    view = memoryview(data).cast("B")
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


def receive(
    fd: int, wait: Callable[[], None] | None = None, *, max_body: int = MAX_BODY
) -> tuple[dict[str, Any], list[Any]]:
    """Read one frame of untrusted bytes: the header, and the arrays it names.

    wait: called before every read; blocks until there is something, or raises Deadline.
    Raises EOFError where the peer is gone, ProtocolError where the frame is not one.
    """
    prefix = bytearray(PREFIX.size)
    _read(fd, prefix, wait)
    header_size, body_size = PREFIX.unpack(prefix)
    if header_size > MAX_HEADER or body_size > max_body:
        message = f"the frame is too large ({header_size} + {body_size} bytes)"
        raise ProtocolError(message)
    head = bytearray(header_size)
    _read(fd, head, wait)
    try:
        header = json.loads(head.decode())
    except (ValueError, RecursionError) as error:
        message = "the header is no JSON"
        raise ProtocolError(message) from error
    if not isinstance(header, dict):
        message = "the header is no object"
        raise ProtocolError(message)
    layout = _layout(header.get("arrays"), body_size)
    body = np.empty(body_size, np.uint8)
    _read(fd, body.data, wait)
    arrays, offset = [], 0
    for dtype, shape, size in layout:
        arrays.append(body[offset : offset + size].view(dtype).reshape(shape))
        offset += size
    return header, arrays


def _layout(described: Any, body_size: int) -> list[tuple[Any, tuple[int, ...], int]]:
    """Check the header's list of arrays against the size of the body, before anything is allocated."""
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        message = "the header lists no arrays, or too many"
        raise ProtocolError(message)
    layout, total = [], 0
    for item in described:
        match item:
            case [str(name), list(shape)] if len(name) <= 4 and len(shape) <= MAX_DIMENSIONS:  # noqa: PLR2004
                pass
            case _:
                message = "an array is described wrongly"
                raise ProtocolError(message)
        if not all(type(n) is int and 0 <= n <= MAX_BODY for n in shape) or math.prod(n or 1 for n in shape) > MAX_BODY:
            message = "an array's shape is impossible"
            raise ProtocolError(message)
        try:
            dtype = np.dtype(name if _DTYPE.fullmatch(name) else "unknown")
        except TypeError as error:
            message = "an array's dtype is unknown"
            raise ProtocolError(message) from error
        if dtype.kind not in KINDS:
            message = f"arrays of dtype {dtype} may not cross"
            raise ProtocolError(message)
        size = math.prod(shape) * dtype.itemsize
        total += size
        if total > body_size:
            break
        layout.append((dtype, tuple(shape), size))
    if total != body_size:
        message = "the body is not as long as its arrays"
        raise ProtocolError(message)
    return layout


def _read(fd: int, buffer: Any, wait: Callable[[], None] | None) -> None:
    view = memoryview(buffer)
    while view:
        if wait is not None:
            wait()
        try:
            count = os.readv(fd, [view])
        except BlockingIOError:
            continue
        if not count:
            message = "the peer closed the pipe"
            raise EOFError(message)
        view = view[count:]
