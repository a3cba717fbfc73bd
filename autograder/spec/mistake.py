"""A mistake that people really make, planted in a right implementation."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from autograder.spec.error import SpecError

__all__ = ["Mistake", "Swap", "swap"]


@dataclass(frozen=True)
class Swap:
    """One piece of text in place of another; made by ``swap``."""

    old: str
    new: str


def swap(old: str, new: str) -> Swap:
    """Replace ``old`` by ``new`` in the reference's source of the exercise, where it must occur exactly once."""
    return Swap(old, new)


@dataclass(frozen=True)
class Mistake:
    """A planted wrong implementation, named by what the person did, with the hint that they need.

    edits: swaps in the exercise's reference source, or one whole replacement source (a string).
    caught_by: the check meant to catch it; by default the first of the part that is edited.
    """

    name: str
    edits: tuple[Swap | str, ...]
    hint: str
    caught_by: str | None = None

    def __init__(self, name: str, *edits: Swap | str, hint: str, caught_by: str | None = None) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "edits", edits)
        object.__setattr__(self, "hint", hint)
        object.__setattr__(self, "caught_by", caught_by)

    def apply(self, source: str, exercise: str) -> str:
        """Return the exercise's source with the mistake in it.

        Raises SpecError where a swap's text does not occur exactly once.
        """
        for edit in self.edits:
            if isinstance(edit, str):
                source = edit
                continue
            count = source.count(edit.old)
            if count != 1:
                message = f"{exercise}: mistake '{self.name}': its text occurs {count} times, not once: {edit.old!r}"
                raise SpecError(message)
            source = source.replace(edit.old, edit.new)
        try:
            ast.parse(source)
        except SyntaxError as error:
            message = f"{exercise}: mistake '{self.name}' does not parse: {error.msg}, line {error.lineno}"
            raise SpecError(message) from error
        return source
