"""One student's source text, and what is known about it before it runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from autograder.course.catalogue import wire
from autograder.course.repairs import is_published
from autograder.report import NotGraded, Problem, WrittenAnswer
from autograder.spec import Exercise
from dlkit.extraction import Broken, Chunk, Extraction

__all__ = ["Submission", "SubmissionError"]


PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The grader's Python version."""


class SubmissionError(Exception):
    """The submission cannot be read: one sentence for its author."""


@dataclass(frozen=True)
class _Chosen:
    """Which definition of an exercise is graded, and which statements it needs.

    definition: number of its statement, None if there is none; numbers: of all statements, in order.
    """

    definition: int | None
    numbers: tuple[int, ...]


@dataclass
class Submission:
    """One student's source text, and what is known of it before it runs.

    poisoned: statements that ended the worker while loading or took too long, with the sentence; left out from then on.
    notes: remarks on the choice among several files; set_aside: those that were not chosen.
    """

    file: str
    extraction: Extraction
    sha256: str
    written: list[WrittenAnswer] = field(default_factory=list)
    poisoned: dict[int, str] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)
    set_aside: list[NotGraded] = field(default_factory=list)
    _chosen: dict[str, _Chosen] = field(default_factory=dict, init=False, repr=False)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the file itself."""
        broken = [Problem(self._say(cell), cell.label) for cell in self.extraction.broken]
        return broken + [Problem(sentence) for sentence in self.poisoned.values()] + self.notes

    def remarks(self, exercises: Iterable[Exercise]) -> list[Problem]:
        """Remarks for the author on how these exercises were found, such as two definitions."""
        return [Problem(said) for exercise in exercises if (said := self._two_definitions(exercise))]

    def broken_cell(self, exercise: Exercise) -> str | None:
        """Why the exercise is missing, if a cell that is not run as Python would have defined it."""
        name = exercise.name
        if name in self.extraction.defined:
            return None
        for broken in self.extraction.broken:
            if name in broken.defines:
                return self._say(broken)
        what = self.extraction.not_code.get(name)
        if what is None:
            return None
        cell, _, kind = what.partition(" is ")
        cure = "Change its type to Code." if kind in ("markdown", "raw") else "Remove the line with %%."
        return f"{name} is in {self.file}, {cell}, but this cell is {kind}, which is not run as Python. {cure}"

    def begun(self, exercises: Iterable[Exercise]) -> bool:
        """Whether any part of any of these is written, even in a cell that does not parse."""
        return any(self.broken_cell(e) or set(e.parts) - self.unwritten(e) for e in exercises)

    def unwritten(self, exercise: Exercise) -> set[str]:
        """Parts that are not written yet: missing with the whole exercise, still the stub, or still as published."""
        chosen = self._choice(exercise)
        if chosen.definition is None:
            return set(exercise.parts)
        return self._unwritten(exercise, chosen.definition) - self._set_later(exercise, chosen)

    def source_of(self, exercise: Exercise) -> str | None:
        """The text of the graded definition; None if there is none."""
        number = self._choice(exercise).definition
        return None if number is None else self.extraction.chunks[number].source

    def slice(self, exercise: Exercise) -> list[tuple[int, Chunk]]:
        """Every statement that the exercise needs, with its number, in order, except those that were left out."""
        chunks = self.extraction.chunks
        return [(number, chunks[number]) for number in self._choice(exercise).numbers if number not in self.poisoned]

    def holds(self, exercise: Exercise, where: str) -> bool:
        """Whether a place (``cell 3, line 7``) lies in the graded definition of an exercise."""
        number = self._choice(exercise).definition
        if number is None:
            return False
        chunk = self.extraction.chunks[number]
        label, _, line = where.rpartition(", line ")
        inside = range(chunk.line, chunk.line + chunk.source.count("\n") + 1)
        return label == chunk.label and line.isdigit() and int(line) in inside

    def statements(self, exercises: Iterable[Exercise]) -> list[Chunk]:
        """Every statement that any of these needs, in order."""
        numbers = {number for exercise in exercises for number in self._choice(exercise).numbers}
        return [self.extraction.chunks[number] for number in sorted(numbers)]

    def as_earlier(self, exercises: Iterable[Exercise]) -> list[Any]:
        """The form in which it is sent as earlier work: names and statements per group of exercises with one state.

        Exercises share a state unless one needs a name's value from before another needs it set again.
        """
        groups: list[tuple[list[str], set[int]]] = []
        for exercise in exercises:
            numbers = set(self._choice(exercise).numbers)
            if numbers:
                self._join(groups, exercise.name, numbers)
        chunks = self.extraction.chunks
        return [[names, wire(tuple(chunks[number] for number in sorted(numbers)))] for names, numbers in groups]

    def _join(self, groups: list[tuple[list[str], set[int]]], name: str, numbers: set[int]) -> None:
        """Add an exercise to the first group whose values of names it can share."""
        for group in groups:
            names, others = group
            mine, theirs = self._set(numbers - others), self._set(others - numbers)
            if not mine & self._named(others) and not theirs & self._named(numbers):
                names.append(name)
                others.update(numbers)
                return
        groups.append(([name], numbers))

    def _set(self, numbers: Iterable[int]) -> set[str]:
        """Names that these statements set or change."""
        found = (self.extraction.chunks[number].effects for number in numbers)
        return {name for effects in found for name in effects.bound | effects.changes}

    def _named(self, numbers: Iterable[int]) -> set[str]:
        """Names that these statements set, change or read."""
        found = (self.extraction.chunks[number].effects for number in numbers)
        return self._set(numbers) | {name for effects in found for name in effects.uses | effects.later}

    # --- which definition ------------------------------------------------------------------------

    def _choice(self, exercise: Exercise) -> _Chosen:
        """The definition that the notebook checks; if that is an untouched stub, one that holds work."""
        if exercise.name not in self._chosen:
            found = self.extraction
            definition, skipped = found.definition(exercise.name), list[int]()
            if definition is not None and self._is_untouched(exercise, definition):
                others = [n for n in found.definitions(exercise.name) if not self._is_untouched(exercise, n)]
                if others:
                    skipped = [n for n in found.definitions(exercise.name) if n not in others]
                    definition = others[-1]
            numbers = found.slice(
                exercise.name,
                also=exercise.depends,
                definition=definition if skipped else None,
                without=skipped,
            )
            self._chosen[exercise.name] = _Chosen(definition, tuple(numbers))
        return self._chosen[exercise.name]

    def _is_untouched(self, exercise: Exercise, number: int) -> bool:
        return self._unwritten(exercise, number) == set(exercise.parts)

    def _unwritten(self, exercise: Exercise, number: int) -> set[str]:
        functions = {part: _function(self.extraction.chunks[number].source, exercise, part) for part in exercise.parts}
        return {
            part
            for part, function in functions.items()
            if _is_stub(function) or is_published(function, exercise.published.get(part))
        }

    def _set_later(self, exercise: Exercise, chosen: _Chosen) -> set[str]:
        """Parts that a later statement adds to the class: ``Linear.backward = …``."""
        later = [self.extraction.chunks[number] for number in chosen.numbers]
        changed = [chunk.source for chunk in later if exercise.name in chunk.effects.assigned | chunk.effects.changes]
        return {part for part in exercise.parts if any(f".{part}" in text or f'"{part}"' in text for text in changed)}

    def _two_definitions(self, exercise: Exercise) -> str:
        numbers = self.extraction.definitions(exercise.name)
        chosen = self._choice(exercise).definition
        if len(numbers) < 2 or chosen in (None, numbers[-1]):  # noqa: PLR2004 - two of them
            return ""
        graded, last = (self._place(number) for number in (chosen, numbers[-1]))
        untouched = self._is_untouched(exercise, numbers[-1])
        why = "which is an untouched stub" if untouched else "which is not followed by check(…)"
        return (
            f"{self.file} defines {exercise.name} {len(numbers)} times. The definition in {graded} is graded, not the "
            f"last one in {last}, {why}. Delete the one that should not count."
        )

    def _place(self, number: int) -> str:
        chunk = self.extraction.chunks[number]
        return f"{chunk.label}, line {chunk.line}"

    def _say(self, cell: Broken) -> str:
        if cell.too_large:
            return f"{self.file}: {cell.label} is not read: {cell.reason}. Shorten it, or load data from a file."
        return (
            f"{self.file}: {cell.label} does not parse with the grader's Python {PYTHON} ({cell.reason}). "
            "Fix the cell, or delete it if it is scratch."
        )


def _function(source: str, exercise: Exercise, part: str) -> ast.stmt | None:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in nodes:
        if isinstance(node, ast.ClassDef) and exercise.is_class and node.name == exercise.name:
            return next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == part), None)
        if isinstance(node, ast.FunctionDef) and not exercise.is_class and node.name == part:
            return node
    return None


def _is_stub(function: ast.stmt | None) -> bool:
    """A body that does nothing, or that always raises NotImplementedError: nothing before it returns or yields."""
    if not isinstance(function, ast.FunctionDef):
        return False
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if all(isinstance(statement, ast.Pass) for statement in body):
        return True
    for statement in body:
        if isinstance(statement, ast.Raise) and statement.exc is not None:
            names = {getattr(n, "id", "") or getattr(n, "attr", "") for n in ast.walk(statement.exc)}
            return "NotImplementedError" in names
        if any(isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) for node in ast.walk(statement)):
            return False
    return False
