"""Changes specific to arrays: axes, kept dimensions, transposes, slices."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.authoring.mutation.operator import Example, Operator
from autograder.authoring.mutation.source_text import Change, SourceText, grouped

__all__ = ["NEVER_SEEN", "ChangeAxis", "DropBound", "DropKeyword", "DropTranspose"]

NEVER_SEEN = {"strict"}
"""Argument of ``zip``: it raises if lists differ in length, which never happens in a correct solution."""
AXES = {"axis", "axes", "axis1", "axis2"}
NUMBERS = {"0": ("1", "-1", "None"), "1": ("0", "2", "None"), "-1": ("0", "-2", "None"), "-2": ("-1", "0")}


class ChangeAxis(Operator):
    """Work along another axis, or along all of them."""

    name = "change an axis"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``axis=0`` gives ``axis=1``, ``axis=-1``, ``axis=None``; ``axis=(0, 1)`` gives ``axis=0``, ``axis=1``."""
        if not isinstance(node, ast.keyword) or node.arg not in AXES:
            return
        value, old = node.value, source.of(node.value)
        if isinstance(value, ast.Tuple):
            others = [source.of(element) for element in value.elts]
        else:
            others = [other for other in NUMBERS.get(old, ("0", "1", "-1", "None")) if other != old]
        for other in others:
            yield source.replace(value, other, f"writes {node.arg}={other} for {node.arg}={source.said(value)}")

    def examples(self) -> tuple[Example, ...]:
        """An axis that is given by name only: numbers elsewhere are constants."""
        return (
            Example("y = x.sum(axis=0)", "y = x.sum(axis=1)", "y = x.sum(axis=-1)", "y = x.sum(axis=None)"),
            Example("y = x.sum(axis=(0, 2))", "y = x.sum(axis=0)", "y = x.sum(axis=2)"),
            Example("y = f(x, axis=-2)", "y = f(x, axis=-1)", "y = f(x, axis=0)"),
            Example("y = f(x, 0)"),
        )


class DropKeyword(Operator):
    """Leave out an argument that is given by name."""

    name = "drop a named argument"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``f(x, keepdims=True)`` gives ``f(x)``."""
        if not isinstance(node, ast.Call):
            return
        everything = sorted((*node.args, *node.keywords), key=source.span)
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in NEVER_SEEN:
                continue
            index = everything.index(keyword)
            start, end = source.span(keyword)
            if index:
                start = source.span(everything[index - 1])[1] + _closing(source, everything[index - 1], keyword)
            elif len(everything) > 1:
                end = source.span(everything[1])[0]
            yield Change(start, end, "", f"drops {source.said(keyword)}")

    def examples(self) -> tuple[Example, ...]:
        """The first, one of several, the only one."""
        return (
            Example("y = f(x, axis=0, keepdims=True)", "y = f(x, keepdims=True)", "y = f(x, axis=0)"),
            Example("y = f(a=1, b=2)", "y = f(b=2)", "y = f(a=1)"),
            Example("y = f((x), a=1)", "y = f((x))"),
            Example("y = f(x, **options)"),
            Example("y = zip(a, b, strict=True)"),
        )


def _closing(source: SourceText, before: ast.AST, after: ast.AST) -> int:
    """Characters up to the comma between two arguments: parentheses around the first."""
    start, end = source.span(before)[1], source.span(after)[0]
    return source.text[start:end].index(",")


class DropTranspose(Operator):
    """Leave out a transpose."""

    name = "drop a transpose"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``W.T`` and ``W.swapaxes(0, 1)`` give ``W``."""
        if isinstance(node, ast.Attribute) and node.attr in {"T", "mT"}:
            yield source.replace(node, grouped(source.of(node.value)), f"drops the transpose of {source.said(node)}")
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"transpose", "swapaxes"}
            and not isinstance(node.func.value, ast.Name)
        ):
            text = grouped(source.of(node.func.value))
            yield source.replace(node, text, f"drops the transpose of {source.said(node)}")

    def examples(self) -> tuple[Example, ...]:
        """``xp.transpose(x)`` is a function's, and left alone."""
        return (
            Example("y = x @ (W + 1).T", "y = x @ (W + 1)"),
            Example("y = self.x.transpose(0, 2, 1)", "y = self.x"),
            Example("y = xp.transpose(x)"),
        )


class DropBound(Operator):
    """Take a slice from the beginning, to the end, or without its step."""

    name = "drop a bound of a slice"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``x[1:n]`` gives ``x[:n]`` and ``x[1:]``."""
        if isinstance(node, ast.Slice):
            for bound in (node.lower, node.upper, node.step):
                if bound is not None:
                    yield source.replace(bound, "", f"drops the bound {source.said(bound)} of {source.said(node)}")

    def examples(self) -> tuple[Example, ...]:
        """Each bound."""
        return (
            Example("y = x[1:n]", "y = x[:n]", "y = x[1:]"),
            Example("y = x[:, ::-1]", "y = x[:, ::]"),
            Example("y = x[:]"),
        )
