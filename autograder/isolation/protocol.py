"""The protocol on the pipe between grader process and worker: one frame = JSON header + raw array bytes.

Never pickle, never eval of what a worker sent.  A frame is ``u32 header length, u64 body length,
header, body``.  The header is a JSON object whose values may refer to arrays in the body (``tree``).  The
reader checks every field before it allocates.

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
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

from autograder.isolation.tree import ProtocolError

if TYPE_CHECKING:
    from dlkit.backend import NumpyArray

__all__ = ["Channel", "Deadline", "Frame", "LargeReplyError", "ProtocolError"]

PREFIX = struct.Struct("<IQ")
MAX_HEADER = 1 << 22
MAX_BODY = 1 << 28
MAX_ARRAYS = 4096
MAX_DIMENSIONS = 16
_DTYPES = {d.str: d for code in "?bhilqBHILQefdgFDG" for d in (np.dtype(code), np.dtype(code).newbyteorder())}
_SURROGATE = re.compile(r"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")
SMALL = 1 << 16
"""A frame up to this size is written and read in one piece."""

Frame: TypeAlias = "tuple[dict[str, object], list[NumpyArray]]"
"""The header's JSON, of which nothing else is certain where the peer is a worker, and the arrays that it names."""
Layout: TypeAlias = list[tuple[np.dtype[Any], tuple[int, ...], int]]
"""The dtype, shape and bytes of every array of a body."""


class LargeReplyError(ProtocolError):
    """A frame whose arrays exceed the limit; its message is the rest of a sentence about them."""


class Deadline(Exception):  # noqa: N818 - a deadline is not an error
    """The peer did not answer, or did not read, in time."""


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


_from_json = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode


def _make_writer() -> Callable[[object], str]:
    """The function that writes JSON; the C encoder, if there is one, is created only once."""
    plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False)
    made = getattr(json.encoder, "c_make_encoder", None)
    text = getattr(json.encoder, "c_encode_basestring", None)
    if made is None or text is None:
        return plain.encode
    pieces = made(None, plain.default, text, None, ":", ",", False, False, False)  # noqa: FBT003
    return lambda value: "".join(pieces(value, 0))


_to_json = _make_writer()


class Channel:
    """One side of the two pipes: writes frames to one, reads them from the other.

    Bytes beyond a frame are kept as the beginning of the next one.
    """

    __slots__ = ("_buffer", "_end", "_read", "_start", "_view", "_write", "received")

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read, self._write = read_fd, write_fd
        self._buffer = bytearray(SMALL)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self.received = 0

    def send(self, header: Mapping[str, object], arrays: list[NumpyArray], deadline: float | None = None) -> None:
        """Write one frame.  With a deadline (monotonic seconds) the descriptor must be non-blocking.

        Raises Deadline if the peer does not read, BrokenPipeError if it is gone.
        """
        arrays = [array if array.flags.c_contiguous else np.ascontiguousarray(array) for array in arrays]
        head = _to_json({**header, "arrays": [(array.dtype.str, array.shape) for array in arrays]})
        text = head.encode("utf-8", "replace")
        body = sum([array.nbytes for array in arrays])
        start = PREFIX.pack(len(text), body) + text
        if body <= SMALL:
            _write(self._write, b"".join([start, *(array.data for array in arrays)]) if arrays else start, deadline)
            return
        _write(self._write, start, deadline)
        for array in arrays:
            if array.nbytes:
                _write(self._write, array.reshape(-1).view(np.uint8).data, deadline)

    def receive(
        self,
        wait: Callable[[], None] | None = None,
        *,
        max_body: int = MAX_BODY,
        max_header: int = MAX_HEADER,
    ) -> Frame:
        """Read one frame of untrusted bytes: the header, and the arrays it names.

        wait: called before every read; blocks until there is something, or raises Deadline.
        max_body: largest number of bytes of arrays that is read; of a larger frame only the header is.
        Raises EOFError if the peer is gone, ProtocolError if the frame is invalid, LargeReplyError above
        ``max_body``.
        """
        buffer, view = self._buffer, self._view
        begin, self._end = 0, self._end - self._start
        if self._end:
            buffer[: self._end] = buffer[self._start : self._start + self._end]
        self._start = 0
        self._fill(PREFIX.size, wait)
        header_size, body_size = PREFIX.unpack_from(buffer)
        if header_size > max_header or body_size > MAX_BODY:
            message = f"the frame is too large ({header_size} + {body_size} bytes)"
            raise ProtocolError(message)
        begin = PREFIX.size + header_size
        if begin <= SMALL:
            self._fill(begin, wait)
            header = _parse(view[PREFIX.size : begin])
        else:
            text = bytearray(header_size)
            self._take(PREFIX.size, text, wait)
            header = _parse(text)
            begin = self._start
        self.received += begin + body_size
        layout = _layout(header.get("arrays"), body_size)
        if body_size > max_body:
            raise LargeReplyError(_announced(layout, body_size, max_body))
        if begin + body_size <= SMALL:
            self._fill(begin + body_size, wait)
            arrays = []
            for dtype, shape, size in layout:
                array: NumpyArray = np.ndarray(shape, dtype, buffer, begin)
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
        """Read until the buffer holds its first ``end`` bytes; further bytes are kept."""
        while self._end < end:
            if wait is not None:
                wait()
            self._end += _read_some(self._read, self._view[self._end :])

    def _take(self, begin: int, target: bytearray | memoryview, wait: Callable[[], None] | None) -> None:
        """Fill ``target`` from the buffer, starting at ``begin``, then from the pipe."""
        view = memoryview(target)
        held = min(self._end - begin, len(view))
        view[:held] = self._view[begin : begin + held]
        self._start = begin + held
        view = view[held:]
        while view:
            if wait is not None:
                wait()
            view = view[_read_some(self._read, view) :]


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


def _write(fd: int, data: bytes | memoryview, deadline: float | None) -> None:
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


def _parse(text: memoryview | bytearray) -> dict[str, object]:
    """Read the header's JSON, as ``Channel.send`` writes it: without surrounding space and without lone surrogates."""
    try:
        head = str(text, "utf-8")
        header, end = _from_json(head)
    except (ValueError, RecursionError) as error:
        message = "the header is not JSON"
        raise ProtocolError(message) from error
    if end != len(head) or ("\\u" in head and _SURROGATE.search(head)):
        message = "the header is not JSON"
        raise ProtocolError(message)
    if type(header) is not dict:
        message = "the header is not an object"
        raise ProtocolError(message)
    return header


def _layout(described: object, body_size: int) -> Layout:
    """Check the header's list of arrays against the size of the body, before anything is allocated."""
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        message = "the header lists no arrays, or too many"
        raise ProtocolError(message)
    layout, total = [], 0
    for item in described:
        if not (type(item) is list and len(item) == 2 and type(item[0]) is str and type(item[1]) is list):  # noqa: PLR2004
            message = "an array's description is invalid"
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


def _announced(layout: Layout, size: int, most: int) -> str:
    """The content of a frame that is too large."""
    what = f"an array of shape {layout[0][1]}" if len(layout) == 1 else f"{len(layout)} arrays"
    return f"{what}: {size / (1 << 20):.1f} MB, where at most {most / (1 << 20):.1f} MB are read"


def _size(shape: list[object]) -> int:
    """The number of elements; even an empty array may not have impossible dimensions."""
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
