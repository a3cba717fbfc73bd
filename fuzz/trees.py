"""Frames whose lengths are correct: what the header's JSON may contain, and what is read from the body."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import numpy as np

from autograder.isolation.protocol import ProtocolError
from autograder.isolation.tree import Opaque, decode, encode
from fuzz import frames

TREES: list[Any] = [
    None,
    [1, -2.5, True, "text", "é", float("nan"), float("-inf"), 1 << 70],
    {"W": np.ones((2, 3)), "b": np.zeros(3, "<f4"), "step": 3},
    (np.float64(1.5), np.array(2), np.zeros((0, 4), ">i2"), np.array([True, False])),
    {1: "a", (2, "b"): [None], None: {}},
    [[[[("deep", {"x": [np.ones(1, "c16")]})]]], Opaque("Thing")],
]
ODD: list[Any] = [
    *(None, True, 0, -1, 1 << 63, 10**400, 0.0, 1e308, "", "a", "<f8", "|O", "nan", "\ud800", "\0", [], {}, [[]]),
    *({"a": 0}, {"s": 0}, {"a": -1}, {"t": []}, {"t": {}}, {"m": {}}, {"d": []}, {"d": [[1]]}, {"d": [[[], 1]]}),
    *({"f": "inf"}, {"big": "-ff"}, {"o": "x"}, {"rng": 1}, {"ref": 1}, {"code": "1"}, {"strided": {"a": 0}}),
    *({"new": ["x", [], {}]}, ["<f8", [1]], ["<f8", [0, 1 << 28]], ["|b1", [3]], ["<f8", [-1]], {"id": 1, "arrays": 3}),
]


def seeds() -> list[bytes]:
    """Two bytes of the body's length, the header, the body."""
    found = []
    for tree in TREES:
        frame = frames.written(tree)
        size = int.from_bytes(frame[:4], "little")
        found.append(len(frame[12 + size :]).to_bytes(2, "little") + frame[12:])
    return found


def one(data: bytes) -> None:
    """Put the lengths before the bytes and read the frame."""
    body = min(int.from_bytes(data[:2], "little"), len(data[2:]))
    header = len(data[2:]) - body
    frames.one(header.to_bytes(4, "little") + body.to_bytes(8, "little") + data[2:])


def mutate(data: bytes, source: random.Random) -> bytes:
    """Change the header's JSON, and now and then a length."""
    body = min(int.from_bytes(data[:2], "little"), len(data[2:]))
    end = len(data) - body
    header = mutate_json(data[2:end], source)
    if not source.randrange(8):
        body += source.randint(-3, 3)
    return max(0, body).to_bytes(2, "little") + header + data[end:]


def mutate_json(text: bytes, source: random.Random) -> bytes:
    """Replace, drop, copy or wrap one node of a JSON text; text that is none is left alone."""
    try:
        tree = json.loads(text)
        nodes = list(places(tree))
    except (ValueError, RecursionError):
        return text
    for _ in range(source.randint(1, 3)):
        if not nodes:
            return json.dumps(source.choice(ODD)).encode()
        parent, key = source.choice(nodes)
        with contextlib.suppress(LookupError):
            match source.randrange(5):
                case 0:
                    del parent[key]
                case 1:
                    other, its = source.choice(nodes)
                    parent[key] = json.loads(json.dumps(other[its]))
                case 2:
                    parent[key] = source.choice(([parent[key]], {"t": [parent[key]]}, {"m": {"x": parent[key]}}))
                case _:
                    parent[key] = source.choice(ODD)
    with contextlib.suppress(ValueError, RecursionError):
        return json.dumps(tree, ensure_ascii=source.random() < 0.5).encode("utf-8", "replace")  # noqa: PLR2004
    return text


def places(node: Any) -> Any:
    """Every place below a node, as its container with the key or index there."""
    if isinstance(node, dict | list):
        for key, item in list(node.items() if isinstance(node, dict) else enumerate(node)):
            yield node, key
            yield from places(item)


def check(tree: Any) -> None:
    """Assert that a value that was let through is one that could have been sent: it is read back unchanged."""
    arrays: list[Any] = []
    node = json.loads(json.dumps(encode(tree, arrays), allow_nan=False))
    with contextlib.suppress(ProtocolError):  # written again, a tree may have a few nodes more
        assert same(decode(node, arrays), tree)


def same(left: Any, right: Any) -> bool:
    """Whether two trees are the same, in kind and to the last bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray | np.generic):
        return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left), list(right)) and all(map(same, left.values(), right.values()))
    return left == right or left != left  # noqa: PLR0124 - the float that is not itself
