"""Source text as tokens that stay the same when code is renamed, reformatted or commented differently."""

from __future__ import annotations

import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

__all__ = ["LENGTH", "Gram", "grams_of", "tokens_of"]

LENGTH = 8
"""Tokens in one k-gram: about one short statement.  ``docs/decisions.md`` has the figures for 3 to 16."""
LAYOUT = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)
BUILT_IN = frozenset(dir(builtins))
OF_ARRAYS = frozenset(dir(np)) | frozenset(dir(np.ndarray)) | frozenset(dir(np.random.Generator))
NAME, TEXT = "name", "text"


class Token(NamedTuple):
    """What a token means, and its characters in the source: the first, and the one after the last."""

    text: str
    start: int
    end: int


class Gram(NamedTuple):
    """``LENGTH`` neighbouring tokens, and their characters in the source."""

    text: str
    start: int
    end: int


def tokens_of(source: str) -> list[Token]:
    """The tokens of a source, without comments, docstrings and layout; none if it cannot be read.

    Names that the author may choose are one and the same token; keywords, built-in functions and what NumPy calls its
    functions and an array its attributes keep their names.  Numbers keep their values, strings do not.
    """
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    try:
        found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    kept, before, begins = [], "", True
    for number, token in enumerate(found):
        if token.type in LAYOUT:
            begins = begins or token.type == tokenize.NEWLINE
            continue
        is_docstring = begins and token.type == tokenize.STRING and found[number + 1].type == tokenize.NEWLINE
        begins = False
        if not is_docstring:
            start, end = (starts[row - 1] + column for row, column in (token.start, token.end))
            kept.append(Token(_meaning(token, before), start, end))
        before = token.string
    return kept


def _meaning(token: tokenize.TokenInfo, before: str) -> str:
    if token.type == tokenize.STRING:
        return TEXT
    if token.type != tokenize.NAME or keyword.iskeyword(token.string):
        return token.string
    known = OF_ARRAYS if before == "." else BUILT_IN
    return token.string if token.string in known else NAME


def grams_of(source: str) -> Iterator[Gram]:
    """Every run of ``LENGTH`` neighbouring tokens of a source, in order."""
    tokens = tokens_of(source)
    for first in range(len(tokens) - LENGTH + 1):
        run = tokens[first : first + LENGTH]
        yield Gram(" ".join(token.text for token in run), run[0].start, run[-1].end)
