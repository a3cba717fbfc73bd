"""Bytes that arrive at the grader's end of a pipe: as they are, cut anywhere, several frames in a row."""

from __future__ import annotations

import fcntl
import os
import random
from typing import Any
from unittest.mock import patch

from autograder.isolation import protocol
from autograder.isolation.protocol import Channel, ProtocolError
from autograder.isolation.tree import decode, encode
from fuzz import trees

MOST = 1 << 16
"""Bytes a pipe holds, so that one process may write them and then read."""
FEW = 64


def seeds() -> list[bytes]:
    """Frames as a worker sends them, and two in a row."""
    frames = [written(tree) for tree in trees.TREES]
    return [*frames, frames[0] + frames[1]]


def written(tree: object) -> bytes:
    """One frame's bytes."""
    arrays: list[object] = []
    ours, theirs = os.pipe()
    try:
        Channel(-1, theirs).send({"id": "0123456789abcdef", "value": encode(tree, arrays)}, arrays)
        return os.read(ours, MOST)
    finally:
        os.close(ours)
        os.close(theirs)


def one(data: bytes) -> None:
    """Read frames until the pipe is empty; a buffer that is too small for most of them makes no difference."""
    values, refused = received(data, protocol.SMALL)
    others, why = received(data, FEW)
    assert trees.same(values, others), "what is read depends on the buffer"
    assert refused == why, "what is refused depends on the buffer"


def received(data: bytes, room: int) -> tuple[list[Any], str]:
    """Every value that is let through, which must be one that may be sent again; and why it ended."""
    values: list[Any] = []
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETFL, os.O_NONBLOCK)
    try:
        os.write(theirs, data[:MOST])
        os.close(theirs)
        theirs = -1
        with patch.object(protocol, "SMALL", room):
            channel = Channel(ours, -1)
            while True:
                header, arrays = channel.receive()
                values.append(decode(header.get("value"), arrays))
                trees.check(values[-1])
    except (ProtocolError, EOFError) as error:
        return values, str(error)
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)


def mutate(data: bytes, source: random.Random) -> bytes:
    """Change the header's JSON, and make its length right again."""
    size = int.from_bytes(data[:4], "little")
    header, body = data[12 : 12 + size], data[12 + size :]
    header = trees.mutate_json(header, source)
    return len(header).to_bytes(4, "little") + len(body).to_bytes(8, "little") + header + body
