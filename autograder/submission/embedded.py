"""Embedded data of a submission: weights or tables typed into the source.  They are reported and change no mark.

A capstone's disguise makes embedded data useless as it is; code that sees through the disguise could still use it.
An exercise needs no such data: all literals of a whole assignment's reference have a few hundred characters.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from dlkit.extraction import Chunk

__all__ = ["embedded_data"]

MOST = 3000
"""Characters of literals, without docstrings, that are not reported."""
BITS_OF_A_DIGIT = 3.32


def embedded_data(chunks: Iterable[Chunk]) -> list[str]:
    """The continuation of “tried to”, if all literals together are far longer than any exercise needs."""
    size = sum(_size(chunk.source) for chunk in chunks)
    return [f"embed {size:,} characters of data"] if size > MOST else []


def _size(source: str) -> int:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    said = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return sum(_length(node.value) for node in nodes if isinstance(node, ast.Constant) and id(node) not in said)


def _length(value: object) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, bool) or not isinstance(value, int | float | complex):
        return 0
    return 1 + int(value.bit_length() / BITS_OF_A_DIGIT) if isinstance(value, int) else len(repr(value))
