"""Changes of numbers and booleans."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.authoring.mutation.arrays import NEVER_SEEN
from autograder.authoring.mutation.operator import Example, Operator
from autograder.authoring.mutation.source_text import Change, SourceText, called

__all__ = ["ChangeConstant"]

TINY = 1e-2
"""A float below this is an epsilon: another power of ten, rather than another number."""


class ChangeConstant(Operator):
    """Write another number, or the other boolean."""

    name = "change a constant"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``0`` gives ``1``; ``2`` gives ``1`` and ``3``; ``0.5`` gives ``1`` and ``0.25``."""
        if not isinstance(node, ast.Constant) or _is_never_seen(node, source):
            return
        for other in _others(node.value):
            yield source.replace(node, other, f"writes {other} for {source.said(node)}")

    def examples(self) -> tuple[Example, ...]:
        """Whole numbers, floats, epsilons, booleans; text is not changed."""
        return (
            Example("y = 0", "y = 1"),
            Example("y = x[-1]", "y = x[-0]", "y = x[-2]"),
            Example("y = x**2", "y = x**1", "y = x**3"),
            Example("y = 0.5 * x", "y = 1.0 * x", "y = 0.25 * x"),
            Example("y = x + 1e-8", "y = x + 1e-07", "y = x + 1e-09"),
            Example("y = 1.0 - x", "y = 0.0 - x", "y = 2.0 - x"),
            Example("y = f(x, copy=True)", "y = f(x, copy=False)"),
            Example("y = 'text', None"),
            Example("y = zip(a, b, strict=True)"),
            Example("y = x.reshape(2, -1)", "y = x.reshape(1, -1)", "y = x.reshape(3, -1)"),
        )


def _is_never_seen(node: ast.Constant, source: SourceText) -> bool:
    """Whether no other number would matter: ``strict=True`` of zip, and the −1 of reshape, where −2 works as well."""
    around = source.parents.get(node)
    if isinstance(around, ast.keyword):
        return around.arg in NEVER_SEEN
    call = source.parents.get(around) if isinstance(around, ast.UnaryOp) else None
    return isinstance(call, ast.Call) and called(call) == "reshape"


def _others(value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (str(not value),)
    if isinstance(value, int):
        return ("1",) if value == 0 else (str(value - 1), str(value + 1))
    if not isinstance(value, float):
        return ()
    if value == 0:
        return ("1.0",)
    if abs(value) < TINY:
        return f"{value * 10:.6g}", f"{value / 10:.6g}"
    return (str(value - 1), str(value + 1)) if value == 1 else (str(value * 2), str(value / 2))
