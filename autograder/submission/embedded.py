"""Embedded data of a submission: weights or tables that were typed into its source, in whatever form.

A capstone's disguise makes such data useless as they are; code that sees through it could still use them.  So the
grader measures the text of what a capstone runs, and one that carries far more data than any needs earns nothing.
Docstrings and comments are not counted: they are removed before a capstone's code is run, so nothing can read them.
"""

from __future__ import annotations

import ast
import io
import tokenize
import zlib
from collections.abc import Iterable, Iterator

from dlkit.extraction import Chunk

__all__ = ["MOST", "MOST_COMPRESSED", "bare", "carried", "compressed", "embedded_data", "too_much_data"]

MOST = 4000
"""Characters of data that a capstone may carry, and each earlier assignment that it runs on.  The references of all
capstones have at most 1,081, those of earlier assignments 1,184; with other people's longest exercises, 1,427."""
MOST_COMPRESSED = 10_000
"""Bytes that the same code may have when it is compressed, in whatever form data are hidden in it.  The references of
all capstones have at most 2,259, those of earlier assignments 2,137; with other people's longest exercises, 2,974."""
BITS_OF_A_DIGIT = 3.32
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def embedded_data(chunks: Iterable[Chunk]) -> list[str]:
    """The continuation of “tried to”, if these statements carry far more data than any exercise needs."""
    size = carried(chunk.source for chunk in chunks)
    return [f"embed {size:,} characters of data"] if size > MOST else []


def too_much_data(sources: Iterable[str]) -> str:
    """Say in a sentence that these statements carry more data than any capstone needs; empty where they do not."""
    sources = list(sources)
    size = carried(sources)
    if size > MOST:
        return (
            f"the code carries {size:,} characters of data (numbers, texts and names, without docstrings and comments);"
            f" at most {MOST:,} are allowed where a model is to be trained"
        )
    packed = compressed(sources)
    if packed > MOST_COMPRESSED:
        return (
            f"the code has {packed:,} bytes even when it is compressed, without docstrings and comments; at most "
            f"{MOST_COMPRESSED:,} are allowed where a model is to be trained"
        )
    return ""


def carried(sources: Iterable[str]) -> int:
    """Characters of data: of every literal each time, of every name once, in UTF-8; of a damaged statement, all."""
    names: set[str] = set()
    size = 0
    for source in sources:
        nodes = _nodes(source)
        if nodes is None:
            size += len(source)
            continue
        size += sum(_length(node) for node in nodes)
        names.update(name for node in nodes for name in _names(node))
    return size + sum(len(name.encode("utf-8", "replace")) for name in names)


def compressed(sources: Iterable[str]) -> int:
    """Bytes of these statements after compression: a limit on data hidden in the code's form, as in ``-+--+x``."""
    return len(zlib.compress("\n".join(_plain(source) for source in sources).encode("utf-8", "replace"), 9))


def bare(source: str) -> str:
    """The same statement without comments and texts that stand alone, docstrings among them; lines keep their numbers.

    Where Python cannot read the source it stays as it is.
    """
    try:
        lines = _without_comments(source)
        tree = ast.parse("\n".join(lines))
    except (*_UNREADABLE, tokenize.TokenError):
        return source
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and _is_text(node.value)]
    cut = [line.encode() for line in lines]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset), reverse=True):  # from the end
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        rest = cut[last][node.end_col_offset :]
        kept = [cut[first][: node.col_offset] + b"None", *[b""] * (last - first)]
        cut[first : last + 1] = kept if not rest.strip() else [kept[0] + rest, *kept[1:]]
    text = b"\n".join(cut).decode()
    return text if _parses(text) else source


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except _UNREADABLE:
        return False
    return True


def _without_comments(source: str) -> list[str]:
    lines = source.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return lines


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _plain(source: str) -> str:
    """The statement in Python's own layout, without comments and docstrings; as it stands where it cannot be parsed."""
    try:
        return ast.unparse(ast.parse(bare(source)))
    except _UNREADABLE:
        return source


def _nodes(source: str) -> list[ast.AST] | None:
    """The nodes of a statement as it is run; None where it cannot be parsed."""
    try:
        return list(ast.walk(ast.parse(bare(source))))
    except _UNREADABLE:
        return None


def _length(node: ast.AST) -> int:
    if not isinstance(node, ast.Constant):
        return 0
    value = node.value
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return 1 + int(value.bit_length() / BITS_OF_A_DIGIT)
    return len(repr(value)) if isinstance(value, float | complex) else 1


def _names(node: ast.AST) -> Iterator[str]:
    """Every name that a node spells: variables, attributes, arguments, functions, classes, modules."""
    for field in ("id", "attr", "arg", "name", "asname", "module", "rest"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield from value.split(".")
    if isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names
    if isinstance(node, ast.MatchClass):
        yield from node.kwd_attrs
