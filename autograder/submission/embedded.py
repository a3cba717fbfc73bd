"""Data that a submission brings along: weights or tables typed into the source.  It is told and changes no mark.

A capstone's disguise keeps what was typed in as it is from fitting; code that sees through the disguise could still use
it.  An exercise needs no such data: all literals of a whole assignment's reference come to a few hundred characters.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from dlkit.extraction import Chunk

__all__ = ["told_of"]

MOST = 3000
"""Characters of literals, docstrings aside, that nobody is asked about."""
BITS_OF_A_DIGIT = 3.32


def told_of(chunks: Iterable[Chunk]) -> list[str]:
    """What follows “tried to”, where all literals together are far longer than any exercise needs."""
    size = sum(_size(chunk.source) for chunk in chunks)
    return [f"bring {size:,} characters of data along"] if size > MOST else []


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
