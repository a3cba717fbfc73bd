"""Changes of names: another variable, exchanged arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from autograder.authoring.mutation.operator import Example, Operator
from autograder.authoring.mutation.source_text import Change, SourceText, called

__all__ = ["SwapArguments", "UseAnotherName"]

FUNCTION = ast.FunctionDef
COMMUTATIVE = {"maximum", "minimum", "max", "min", "add", "multiply", "logical_and", "logical_or", "hypot"}
LIBRARIES = {"xp", "np"}
NEAR = 1
"""Most lines between a use of a variable and the variable that replaces it, to bound the number of mutants."""


class UseAnotherName(Operator):
    """Use another of the function's variables, or another of the object's attributes."""

    name = "use another name"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``x @ dy`` gives ``dy @ dy`` and ``x @ x``; ``self.W`` gives ``self.b``."""
        if _only_gives_library(node, source):
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            others = _variables(node, source)
        elif _is_attribute(node):
            others = [f"self.{name}" for name in _attributes(node, source)]
        else:
            return
        if (old := source.of(node)) in others:
            yield from (source.replace(node, other, f"writes {other} for {old}") for other in others if other != old)

    def examples(self) -> tuple[Example, ...]:
        """Names of variables set before, and of attributes; not of functions or libraries."""
        return (
            Example("def f(x, dy):\n    return g(x)", "def f(x, dy):\n    return g(dy)"),
            Example(
                "def f(x, dy):\n    return array_module(x), g(dy)", "def f(x, dy):\n    return array_module(x), g(x)"
            ),
            Example("def f(a):\n    b = a\n    return a", "def f(a):\n    b = a\n    return b"),
            Example(
                "class A:\n    def f(self):\n        self.a = self.b = 1\n        self.f(self.a)",
                "class A:\n    def f(self):\n        self.a = self.b = 1\n        self.f(self.b)",
            ),
        )


def _variables(node: ast.Name, source: SourceText) -> list[str]:
    """Arguments and variables of the enclosing function that were set in an earlier line."""
    function = source.enclosing(node, FUNCTION)
    if not isinstance(function, FUNCTION):
        return []
    arguments = function.args
    given = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    stored = [
        each.id
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.lineno < node.lineno
    ]
    lines = range(node.lineno - NEAR, node.lineno + NEAR + 1)
    near = frozenset().union(*(source.names.get(line, frozenset()) for line in lines)) - {"self", *LIBRARIES}
    return [name for name in dict.fromkeys(given + stored) if name in near]


def _only_gives_library(node: ast.AST, source: SourceText) -> bool:
    """Whether a use is the argument of ``array_module``, which returns the same for every array."""
    call = source.parents.get(node)
    return isinstance(call, ast.Call) and called(call) == "array_module"


def _is_attribute(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _attributes(node: ast.AST, source: SourceText) -> list[str]:
    """Attributes that the class sets."""
    of_class = source.enclosing(node, ast.ClassDef) or source.tree
    found = [
        each.attr
        for each in ast.walk(of_class)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    ]
    return list(dict.fromkeys(found))


class SwapArguments(Operator):
    """Exchange two neighbouring arguments."""

    name = "swap arguments"

    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """``f(a, b)`` gives ``f(b, a)``, unless f is known to be symmetric."""
        if not isinstance(node, ast.Call) or called(node) in COMMUTATIVE:
            return
        for one, other in pairwise(node.args):
            if isinstance(one, ast.Starred) or isinstance(other, ast.Starred):
                continue
            (start, middle), (rest, end) = source.span(one), source.span(other)
            text = source.of(other) + source.text[middle:rest] + source.of(one)
            yield Change(start, end, text, f"swaps {source.said(one)} and {source.said(other)}")

    def examples(self) -> tuple[Example, ...]:
        """Neighbours only."""
        return (
            Example("y = f(a, b + 1, c)", "y = f(b + 1, a, c)", "y = f(a, c, b + 1)"),
            Example("y = xp.maximum(x, 0)"),
            Example("y = f(a, *b)"),
        )
