"""Rules for an author's hints: three for every part that a learner writes, and no code.

Hints are released with the checks, so every learner can read what they reveal about a solution.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from autograder.spec.exercise import MOST_HINTS

if TYPE_CHECKING:
    from autograder.spec import Exercise

__all__ = ["unsound_hints"]

SHORTEST = 8
"""A line with fewer characters, without blanks, is no evidence: ``x = y`` may be part of a formula."""

_WRITTEN = re.compile(
    r"\b(?:np|xp|cp|numpy|cupy)\.\w+"  # a library's function
    r"|\w\.\w+\("  # a method that is called
    r"|[(,] ?\w+=[\w(\[]|\b(?:axis|axes|keepdims|dtype|out)="  # an argument by name
    r"|\w* ?(?:[-+*/]=|==|:=|\*\*|@) ?\w*"  # operators that mathematics does not know
    r"|\[[^\]]*:[^\]]*\]"  # a slice
)


def unsound_hints(exercise: Exercise, source: str) -> Iterator[str]:
    """Report what is wrong with the hints of an exercise whose reference is ``source``.

    Each written part has three of them, and so has any other part (speed, memory) with hints.
    """
    lines = dict(_lines(source, exercise.parts))
    for part in dict.fromkeys((*exercise.parts, *exercise.hints)):
        hints = exercise.hints.get(part, ())
        if len(hints) < MOST_HINTS:
            yield f"has {len(hints)} hints for {part}; three are required: where to look, the formula, the step"
        if len(set(hints)) < len(hints):
            yield f"has the same hint twice for {part}"
        for level, hint in enumerate(hints, 1):
            if found := _code_in(hint, lines):
                yield f"hint {level} for {part} contains code: {found}. Use words or a formula"


def _code_in(hint: str, lines: dict[str, str]) -> str:
    """Return the code in a hint: one of the reference's lines, or what can only be code; empty if there is none."""
    bare = "".join(hint.split())
    if found := next((line for squeezed, line in lines.items() if squeezed in bare), ""):
        return found
    written = _WRITTEN.search(hint)
    return written[0].strip() if written else ""


def _lines(source: str, parts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every line of these functions, and what stands to the right of its sign, without blanks and as written."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef) or function.name not in parts:
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr | ast.For):
                continue
            value = node.iter if isinstance(node, ast.For) else node.value
            if value is None or isinstance(value, ast.Name | ast.Constant | ast.Attribute):
                continue
            whole = [] if isinstance(node, ast.For) else [ast.unparse(node)]
            for line in (*whole, ast.unparse(value)):
                squeezed = "".join(line.split())
                if len(squeezed) >= SHORTEST:
                    yield squeezed, line
