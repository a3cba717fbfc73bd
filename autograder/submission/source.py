"""One student's source text, and what is known of it before it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from autograder.catalogue import wire
from autograder.repairs import is_published
from autograder.spec import Exercise
from autograder.verdict import Problem, WrittenAnswer
from dlkit import extraction

__all__ = ["Submission", "SubmissionError"]


class SubmissionError(Exception):
    """A submission that cannot be read: one sentence for its author."""


@dataclass
class Submission:
    """One student's source text, and what is known of it before it runs.

    poisoned: chunks that ended the worker while loading, with the sentence; left out from then on.
    """

    file: str
    extraction: extraction.Extraction
    sha256: str
    written: list[WrittenAnswer] = field(default_factory=list)
    poisoned: dict[int, str] = field(default_factory=dict)

    @property
    def chunks(self) -> list[Any]:
        """Every statement, as it is sent to a worker."""
        return wire(self.extraction.chunks)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the file itself."""
        broken = [
            Problem(
                f"{self.file}: {cell.label} does not parse ({cell.reason}). "
                "Fix the cell, or delete it if it is scratch.",
                cell.label,
            )
            for cell in self.extraction.broken
        ]
        return broken + [Problem(sentence) for sentence in self.poisoned.values()]

    def broken_cell(self, exercise: Exercise) -> str | None:
        """Why the exercise is missing, where a cell that does not parse would have defined it."""
        if exercise.name in self.extraction.defined:
            return None
        for cell, problem in zip(self.extraction.broken, self.problems, strict=False):
            if exercise.name in cell.defines:
                return problem.sentence
        return None

    def begun(self, exercises: Iterable[Exercise]) -> bool:
        """Whether any part of any of these is written, be it in a cell that does not parse."""
        return any(self.broken_cell(e) or set(e.parts) - self.unwritten(e) for e in exercises)

    def unwritten(self, exercise: Exercise) -> set[str]:
        """Parts that nobody has written yet: absent with the whole exercise, still the stub, or still as published."""
        if exercise.name not in self.extraction.defined:
            return set(exercise.parts)
        source = [chunk.source for chunk in self.extraction.chunks if exercise.name in chunk.defines][-1]
        functions = {part: _function(source, exercise, part) for part in exercise.parts}
        return {
            part
            for part, function in functions.items()
            if _is_stub(function) or is_published(function, exercise.published.get(part))
        }


def _function(source: str, exercise: Exercise, part: str) -> ast.stmt | None:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in body:
        if isinstance(node, ast.ClassDef) and exercise.is_class:
            return next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == part), None)
        if isinstance(node, ast.FunctionDef) and node.name == part:
            return node
    return None


def _is_stub(function: ast.stmt | None) -> bool:
    """A body that does nothing, or that raises NotImplementedError whatever comes before."""
    if not isinstance(function, ast.FunctionDef):
        return False
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if all(isinstance(statement, ast.Pass) for statement in body):
        return True
    raised = (node for s in body if isinstance(s, ast.Raise) and s.exc for node in ast.walk(s.exc))
    return any("NotImplementedError" in (getattr(node, "id", ""), getattr(node, "attr", "")) for node in raised)
