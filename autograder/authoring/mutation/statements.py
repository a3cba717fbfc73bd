"""Changes of whole statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.authoring.mutation.operator import Example, Operator
from autograder.authoring.mutation.source_text import Change, SourceText

__all__ = ["DropStatement", "SetInPlaceOfAdding"]

DROPPED = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.If, ast.For, ast.While, ast.Break,
           ast.Continue, ast.Raise, ast.Assert, ast.Delete)  # fmt: skip


class DropStatement(Operator):
    """Leave out a statement with everything in it; for an ``if``, also only its ``else``."""

    name = "drop a statement"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``y += b`` gives ``pass``."""
        if not isinstance(node, DROPPED) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return
        first_line = source.of(node).partition("\n")[0]
        what = first_line if len(first_line) <= 50 else f"{first_line[:49]}…"  # noqa: PLR2004 - as in SourceText.said
        yield source.replace(node, "pass", f"drops {what}")

    def examples(self) -> tuple[Example, ...]:
        """A docstring is not dropped."""
        return (
            Example('def f(x):\n    """Say."""\n    x = g(x)\n', 'def f(x):\n    """Say."""\n    pass\n'),
            Example("for x in y:\n    f(x)\n", "pass\n", "for x in y:\n    pass\n"),
            Example("if x:\n    pass\nelse:\n    y = 1", "pass", "if x:\n    pass\nelse:\n    pass"),
            Example("pass"),
        )


class SetInPlaceOfAdding(Operator):
    """Set a value in place of adding to it."""

    name = "set in place of adding"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``g += dy`` gives ``g = dy``, and ``g[...] = dy`` where that would only rebind a name."""
        if not isinstance(node, ast.AugAssign):
            return
        start, end = source.span(node.target)[1], source.span(node.value)[0]
        place = start + source.text[start:end].index("=")
        before = source.text[start : place + 1].lstrip()
        what = f"writes = for {before} in {source.said(node)}"
        yield Change(start, place + 1, " =", what)
        if not isinstance(node.target, ast.Subscript):
            yield Change(start, place + 1, "[...] =", what.replace("writes =", "writes [...] ="))

    def examples(self) -> tuple[Example, ...]:
        """An array gets other contents, or a name another array."""
        return (
            Example("g += dy", "g = dy", "g[...] = dy"),
            Example("self.W.grad[i] -= f(x)", "self.W.grad[i] = f(x)"),
        )
