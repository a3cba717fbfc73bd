"""Changes of comparisons and conditions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autograder.authoring.mutation.operator import Example, Operator
from autograder.authoring.mutation.source_text import Change, SourceText, grouped

__all__ = ["ChangeComparison", "ChangeLogic"]

TOKENS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
OTHERS = {
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "==": ("!=",),
    "!=": ("==",),
    "is": ("is not",),
    "is not": ("is",),
    "in": ("not in",),
    "not in": ("in",),
}


class ChangeComparison(Operator):
    """Change a comparison: with or without equality, or reversed."""

    name = "change a comparison"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``a < b`` gives ``a <= b`` and ``a > b``."""
        if not isinstance(node, ast.Compare):
            return
        operands = [node.left, *node.comparators]
        for index, operator in enumerate(node.ops):
            old = TOKENS[type(operator)]
            start, end = source.span(operands[index])[1], source.span(operands[index + 1])[0]
            pattern = r"\s+".join(map(re.escape, old.split()))
            for place in re.finditer(pattern, source.text[start:end]):  # there is one
                for new in OTHERS[old]:
                    what = f"writes {new} for {old} in {source.said(node)}"
                    yield Change(start + place.start(), start + place.end(), new, what)

    def examples(self) -> tuple[Example, ...]:
        """Each comparison of a chain."""
        return (
            Example("y = x > 0", "y = x >= 0", "y = x < 0"),
            Example("y = 0 <= x < 1", "y = 0 < x < 1", "y = 0 >= x < 1", "y = 0 <= x <= 1", "y = 0 <= x > 1"),
            Example("y = (a) is not None", "y = (a) is None"),
        )


class ChangeLogic(Operator):
    """Exchange ``and`` and ``or``, drop a condition, negate one."""

    name = "change logic"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``a and b`` gives ``a or b``, ``a`` and ``b``; ``if a`` gives ``if not a``."""
        if isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            texts = [grouped(source.of(value)) for value in node.values]
            yield source.replace(node, grouped(f" {new} ".join(texts)), f"writes {new} for {old}")
            for index, value in enumerate(node.values):
                rest = f" {old} ".join(texts[:index] + texts[index + 1 :])
                yield source.replace(node, grouped(rest), f"drops the condition {source.said(value)}")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            what = f"drops the negation of {source.said(node.operand)}"
            yield source.replace(node, grouped(source.of(node.operand)), what)
        elif isinstance(node, ast.If | ast.IfExp | ast.While) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
            text = f"not {grouped(source.of(node.test))}"
            yield source.replace(node.test, text, f"negates the condition {source.said(node.test)}")

    def examples(self) -> tuple[Example, ...]:
        """A comparison is changed by another operator, and not also negated."""
        return (
            Example("y = a and b", "y = a or b", "y = b", "y = a"),
            Example("y = not a", "y = a"),
            Example("y = ~(a | b)", "y = a | b"),
            Example("y = 1 if a else 2", "y = 1 if not a else 2"),
            Example("y = 1 if a > 0 else 2"),
        )
