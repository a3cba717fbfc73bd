"""A mistake that people really make, planted in a correct implementation."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from itertools import pairwise

from autograder.spec.error import SpecError

__all__ = ["Edit", "Mistake", "with_methods"]


@dataclass(frozen=True)
class Edit:
    """Lines of text that occur exactly once in a source, and the lines in their place (none: they are deleted).

    The first line may begin, and the last may end, anywhere in a line of the source.  Further lines are found and
    written with the indentation of the line that the first one lies in.
    """

    old: tuple[str, ...]
    new: tuple[str, ...] = ()

    def places(self, source: str) -> list[tuple[int, int, str]]:
        """Every place where the text occurs: begin, end, and what takes its place."""
        found = []
        begin = source.find(self.old[0])
        while begin >= 0:
            line_start = source.rfind("\n", 0, begin) + 1
            line = source[line_start : (source + "\n").index("\n", line_start)]
            margin = line[: len(line) - len(line.lstrip())]
            margin = margin[_indentation(self.old[0]) :]
            text = _with_margin(self.old, margin)
            if source.startswith(text, begin):
                found.append(self._place(source, begin, begin + len(text), margin))
            begin = source.find(self.old[0], begin + 1)
        return found

    def _place(self, source: str, begin: int, end: int, margin: str) -> tuple[int, int, str]:
        if self.new:
            return begin, end, _with_margin(self.new, margin)
        line_start = source.rfind("\n", 0, begin) + 1
        whole = not source[line_start:begin].strip() and source[end : end + 1] == "\n"
        return (line_start, end + 1, "") if whole else (begin, end, "")


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _with_margin(lines: tuple[str, ...], margin: str) -> str:
    return "\n".join([lines[0], *(margin + line if line else "" for line in lines[1:])])


@dataclass(frozen=True)
class Mistake:
    """A planted incorrect implementation, named by what its author did, with the hint that they need.

    edits: of the exercise's source in the solution, all found in the text as it is there;
    whole: in place of edits, all of the exercise's source;
    caught_by: the check meant to catch it; by default the first of the part that is edited.
    """

    name: str
    edits: tuple[Edit, ...] = ()
    hint: str = ""
    caught_by: str | None = None
    whole: str | None = None

    def apply(self, source: str, exercise: str) -> str:
        """Return the exercise's source with the mistake in it.

        Raises SpecError where the text of an edit does not occur exactly once, where two edits overlap, and where the
        result does not parse.
        """
        mutated = self._edited(source, exercise) if self.whole is None else self.whole
        try:
            ast.parse(mutated)
        except SyntaxError as error:
            message = f"{exercise}: mistake '{self.name}' does not parse: {error.msg}, line {error.lineno}"
            raise SpecError(message) from error
        return mutated

    def _edited(self, source: str, exercise: str) -> str:
        places = []
        for edit in self.edits:
            found = edit.places(source)
            if len(found) != 1:
                text = "\n".join(edit.old)
                message = f"{exercise}: mistake '{self.name}': its text occurs {len(found)} times, not once: {text!r}"
                raise SpecError(message)
            places += found
        places.sort()
        for (_, end, _), (begin, _, _) in pairwise(places):
            if begin < end:
                message = f"{exercise}: mistake '{self.name}': two of its edits overlap; make them one"
                raise SpecError(message)
        for begin, end, text in reversed(places):
            source = source[:begin] + text + source[end:]
        return source


def with_methods(source: str, methods: str) -> str:
    """A class's source with more methods: later ones override earlier ones."""
    return f"{source}\n{textwrap.indent(methods, '    ')}\n"
