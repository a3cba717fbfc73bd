"""Changes of sums, products and signs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.authoring.mutation.operator import Example, Operator
from autograder.authoring.mutation.source_text import Change, SourceText, called, grouped

__all__ = ["ChangeOperator", "DropFactor", "DropTerm", "FlipSign"]

TOKENS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}
OTHERS = {
    "+": "-*",
    "-": "+",
    "*": "/+",
    "/": "*",
    "//": "/",
    "%": ("//",),
    "**": "*",
    "@": "*",
    "&": "|",
    "|": "&",
    "^": "&",
}
"""What each operator is changed to."""
ZEROS = {"zeros", "zeros_like", "empty", "empty_like"}
"""Functions whose result is the same with a minus before it: zeros, or nothing yet."""


class DropTerm(Operator):
    """Leave out one side of a sum or a difference."""

    name = "drop a term"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``a - b`` gives ``a`` and ``-b``."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            left, right = grouped(source.of(node.left)), grouped(source.of(node.right))
            sign = "-" if isinstance(node.op, ast.Sub) else ""
            yield source.replace(node, grouped(left), f"drops the term {source.said(node.right)}")
            yield source.replace(node, grouped(sign + right), f"drops the term {source.said(node.left)}")

    def examples(self) -> tuple[Example, ...]:
        """Parentheses stay where they are needed, and nowhere else."""
        return (
            Example("y = a + b", "y = a", "y = b"),
            Example("y = a - b * c", "y = a", "y = -(b * c)"),
            Example("y = (a + b * c) ** 2", "y = (a) ** 2", "y = (b * c) ** 2"),
        )


class DropFactor(Operator):
    """Leave out one side of a product, a quotient or a power."""

    name = "drop a factor"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``a / b`` gives ``a`` and ``1 / b``."""
        if not isinstance(node, ast.BinOp) or isinstance(node.op, ast.Add | ast.Sub):
            return
        left, right = grouped(source.of(node.left)), grouped(source.of(node.right))
        what = "exponent" if isinstance(node.op, ast.Pow) else "factor"
        yield source.replace(node, grouped(left), f"drops the {what} {source.said(node.right)}")
        if isinstance(node.op, ast.Mult | ast.MatMult | ast.BitAnd | ast.BitOr):
            yield source.replace(node, grouped(right), f"drops the factor {source.said(node.left)}")
        elif isinstance(node.op, ast.Div) and source.of(node.left) not in {"1", "1.0"}:
            yield source.replace(node, grouped(f"1 / {right}"), f"drops the factor {source.said(node.left)}")

    def examples(self) -> tuple[Example, ...]:
        """A product within a quotient, a power, a matrix product."""
        return (
            Example("y = (a + b) * c", "y = a + b", "y = c"),
            Example("y = a / (b * c)", "y = a", "y = 1 / (b * c)", "y = a / (b)", "y = a / (c)"),
            Example("y = x**2", "y = x"),
            Example("y = 1 / x", "y = 1"),
            Example("y = x @ W", "y = x", "y = W"),
        )


class ChangeOperator(Operator):
    """Compute with another operator."""

    name = "change an operator"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``a + b`` gives ``a - b`` and ``a * b``; ``a += b`` gives ``a -= b``."""
        if isinstance(node, ast.BinOp) and (old := TOKENS.get(type(node.op))):
            left, right = grouped(source.of(node.left)), grouped(source.of(node.right))
            for new in OTHERS[old]:
                text = grouped(f"{left} {new} {right}")
                yield source.replace(node, text, f"writes {new} for {old} in {source.said(node)}")
        elif isinstance(node, ast.AugAssign) and (old := TOKENS.get(type(node.op))):
            start, end = source.between(node.target, node.value, f"{old}=")
            new = OTHERS[old][0]
            yield Change(start, end, f"{new}=", f"writes {new}= for {old}= in {source.said(node)}")

    def examples(self) -> tuple[Example, ...]:
        """An operator that binds otherwise gets parentheses."""
        return (
            Example("y = a + b", "y = a - b", "y = a * b"),
            Example("y = a - b * c", "y = a + b * c", "y = a - b / c", "y = a - (b + c)"),
            Example("y = 2 * x ** 3", "y = 2 / x ** 3", "y = 2 + x ** 3", "y = 2 * (x * 3)"),
            Example("y = n // 2", "y = n / 2"),
            Example("y += x", "y -= x"),
            Example("y /= x", "y *= x"),
        )


class FlipSign(Operator):
    """Drop a minus, or put one before a value that is returned or assigned."""

    name = "flip a sign"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``-x`` gives ``x``; ``return x`` gives ``return -x``."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            what = f"drops the minus of {source.said(node)}"
            yield source.replace(node, grouped(source.of(node.operand)), what)
        elif isinstance(node, ast.Return | ast.Assign | ast.AugAssign) and node.value is not None:
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for value in values:
                if _may_be_negative(value):
                    yield source.replace(
                        value, f"-{grouped(source.of(value))}", f"flips the sign of {source.said(value)}"
                    )

    def examples(self) -> tuple[Example, ...]:
        """Each of several returned values."""
        return (
            Example("y = -x", "y = x"),
            Example(
                "def f(x, y):\n    return x, x + y",
                "def f(x, y):\n    return -x, x + y",
                "def f(x, y):\n    return x, -(x + y)",
            ),
            Example("y = 0 * -x", "y = -(0 * -x)", "y = 0 * x"),
            Example("y = 'text'"),
            Example("y = xp.zeros_like(x)"),
        )


def _may_be_negative(value: ast.expr) -> bool:
    """Whether a minus before it is worth a try: no text, no list, no zero, nothing that has one."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float) and bool(value.value)
    if isinstance(value, ast.UnaryOp):
        return not isinstance(value.op, ast.USub | ast.Not)
    if isinstance(value, ast.Call) and called(value) in ZEROS:
        return False
    return isinstance(value, ast.BinOp | ast.Call | ast.Name | ast.Attribute | ast.Subscript | ast.IfExp)
