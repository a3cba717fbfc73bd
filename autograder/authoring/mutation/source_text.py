"""The source of one exercise: its syntax tree with positions in the text, and changes of that text."""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Change", "SourceText", "called", "grouped"]

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
OPEN, CLOSE = "\ue000", "\ue001"
"""Parentheses that are written only if the syntax tree would differ without them."""


def grouped(text: str) -> str:
    """Text of an expression as one operand, with parentheses if it needs them."""
    return f"{OPEN}{text}{CLOSE}"


def called(node: ast.Call) -> str:
    """Name of the called function or method; empty if it has none."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@dataclass(frozen=True)
class Change:
    """Characters ``start`` to ``end`` of a source replaced by ``text``; ``what`` describes it in a few words."""

    start: int
    end: int
    text: str
    what: str


class SourceText:
    """The source of one exercise.

    solutions_only: only code between the solution markers counts as the student's; else all of it does.
    """

    def __init__(self, text: str, *, solutions_only: bool = True) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0, *itertools.accumulate(len(line) for line in self._lines)]
        self._students = self._between_markers() if solutions_only else set(range(1, len(self._lines) + 1))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def _between_markers(self) -> set[int]:
        found, inside = set(), False
        for number, line in enumerate(self._lines, 1):
            inside = (inside or BEGIN in line) and END not in line
            found |= {number} if inside else set()
        return found

    @cached_property
    def fingerprint(self) -> str:
        """The same for every text of the same syntax tree."""
        return ast.dump(self.tree)

    @cached_property
    def names(self) -> dict[int, frozenset[str]]:
        """Names of variables that occur in each line."""
        found: dict[int, set[str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.arg):
                name = node.id if isinstance(node, ast.Name) else node.arg
                found.setdefault(node.lineno, set()).add(name)
        return {line: frozenset(names) for line, names in found.items()}

    def span(self, node: ast.AST) -> tuple[int, int]:
        """First character of a node, and the one after its last."""
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword)  # noqa: S101 - what has a place in the text
        assert node.end_lineno is not None  # noqa: S101
        assert node.end_col_offset is not None  # noqa: S101
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        """The character's position; columns of a syntax tree count bytes of UTF-8."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def of(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def said(self, node: ast.AST) -> str:
        """The text of a node in one line, shortened, for a sentence."""
        text = " ".join(self.of(node).split())
        return text if len(text) <= 50 else f"{text[:49]}…"  # noqa: PLR2004 - a heading stays in one line

    def between(self, left: ast.AST, right: ast.AST, token: str) -> tuple[int, int]:
        """The position of a token between two nodes: ``<`` between a and b."""
        start = self.text.index(token, self.span(left)[1], self.span(right)[0])
        return start, start + len(token)

    def replace(self, node: ast.AST, text: str, what: str) -> Change:
        """Another text in a node's place."""
        return Change(*self.span(node), text, what)

    def is_students(self, node: ast.AST) -> bool:
        """Whether students write all of a node's code."""
        if not isinstance(node, ast.expr | ast.stmt | ast.keyword):
            return False
        return {node.lineno, node.end_lineno or node.lineno} <= self._students

    def enclosing(self, node: ast.AST, kind: type[ast.AST]) -> ast.AST | None:
        """The innermost enclosing node of a kind."""
        found = self.parents.get(node)
        while found is not None and not isinstance(found, kind):
            found = self.parents.get(found)
        return found

    def changed(self, change: Change) -> tuple[str, str] | None:
        """The changed source and its fingerprint; None if it does not parse or has the same tree."""
        text = self.text[: change.start] + change.text + self.text[change.end :]
        try:
            wanted = ast.dump(ast.parse(_written(text, {*range(text.count(OPEN))})))
        except (SyntaxError, ValueError):
            return None
        if wanted == self.fingerprint:
            return None
        return _without_needless(text, wanted), wanted


def _without_needless(text: str, wanted: str) -> str:
    """Leave out each pair of optional parentheses that the tree does not need."""
    kept: set[int] = {*range(text.count(OPEN))}
    if not kept or _parses_as(_written(text, set()), wanted):
        return _written(text, set())
    for pair in sorted(kept):
        if _parses_as(_written(text, kept - {pair}), wanted):
            kept.discard(pair)
    return _written(text, kept)


def _parses_as(text: str, wanted: str) -> bool:
    try:
        return ast.dump(ast.parse(text)) == wanted
    except (SyntaxError, ValueError):
        return False


def _written(text: str, kept: set[int]) -> str:
    """Write the pairs with these numbers as parentheses, and leave out the others."""
    if not kept:
        return text.replace(OPEN, "").replace(CLOSE, "")
    pieces, open_pairs, number = [], [], itertools.count()
    for character in text:
        if character == OPEN:
            open_pairs.append(next(number))
            pieces.append("(" if open_pairs[-1] in kept else "")
        elif character == CLOSE:
            pieces.append(")" if open_pairs.pop() in kept else "")
        else:
            pieces.append(character)
    return "".join(pieces)
