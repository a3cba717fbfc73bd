"""Repairs: exercises whose students get published, incorrect code in place of a stub, and fix it.

The published body of each part is in the spec (``published={"train": …}``); the author's notebook holds the correct
one between the usual markers.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection

from autograder.spec import Exercise, SpecError

__all__ = ["NOTICE", "as_published", "attempted", "is_published"]

NOTICE = "# PUBLISHED, AND WRONG: REPAIR IT"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
DEFINITION = re.compile(r"\s*def (\w+)")


def as_published(source: str, exercise: Exercise) -> str:
    """Put the published body in place of every solution region of the exercise's source."""
    return _replaced(source, exercise, {part: f"{NOTICE}\n{text}" for part, text in _bodies(exercise).items()})


def attempted(source: str, exercise: Exercise, parts: Collection[str]) -> str:
    """The source with the published bodies of these parts, changed just enough to count as an attempt."""
    return _replaced(source, exercise, {part: f"pass\n{_bodies(exercise)[part]}" for part in parts})


def is_published(function: ast.stmt | None, text: str | None) -> bool:
    """Whether a function's body is the published one, apart from layout, comments and docstring."""
    if text is None or not isinstance(function, ast.FunctionDef):
        return False
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    published = [ast.dump(s) for s in ast.parse(textwrap.dedent(text)).body]
    try:
        return [ast.dump(s) for s in body] == published
    except (ValueError, RecursionError, MemoryError):  # nested deeper than any published code
        return False


def _bodies(exercise: Exercise) -> dict[str, str]:
    return {part: textwrap.dedent(text).strip("\n") for part, text in exercise.published.items()}


def _replaced(source: str, exercise: Exercise, bodies: dict[str, str]) -> str:
    """Replace the region of each part in ``bodies``; a region outside every part is an error of the author."""
    lines: list[str] = []
    part, leaving = "", False
    for line in source.split("\n"):
        definition = None if leaving else DEFINITION.match(line)
        part = definition[1] if definition else part
        if BEGIN in line and part not in exercise.published:
            message = f"{exercise.name}: a repair has published code for every part; '{part}' has none"
            raise SpecError(message)
        if BEGIN in line and part in bodies:
            leaving = True
            lines += textwrap.indent(bodies[part], " " * line.index("#")).split("\n")
        if not leaving:
            lines.append(line)
        leaving = leaving and END not in line
    return "\n".join(lines)
