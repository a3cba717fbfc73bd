"""A mutation operator: one small kind of change, with examples that are its tests."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from autograder.authoring.mutation.source_text import Change, SourceText

__all__ = ["Example", "Operator"]


@dataclass(frozen=True)
class Example:
    """A source, and every source that the operator makes from it, in order."""

    before: str
    after: tuple[str, ...]

    def __init__(self, before: str, *after: str) -> None:
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "after", after)


class Operator(ABC):
    """One kind of small change."""

    name: ClassVar[str]

    @abstractmethod
    def changes(self, node: ast.AST, source: SourceText) -> Iterator[Change]:
        """Every change of this kind at one node of the syntax tree."""

    @abstractmethod
    def examples(self) -> tuple[Example, ...]:
        """Sources with the expected results."""
