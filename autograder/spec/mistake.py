"""A mistake that people really make, planted in a correct implementation."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from autograder.spec.error import SpecError

__all__ = ["Edit", "Mistake", "with_methods", "with_mistakes"]

_TOKEN = re.compile(r"\w+|\s+|.")


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
        _must_parse(mutated, self.name, exercise)
        return mutated

    def _edited(self, source: str, exercise: str) -> str:
        places = self.places(source, exercise)
        for (_, end, _), (begin, _, _) in pairwise(places):
            if begin < end:
                message = f"{exercise}: mistake '{self.name}': two of its edits overlap; make them one"
                raise SpecError(message)
        return _replaced(source, places)

    def places(self, source: str, exercise: str) -> list[tuple[int, int, str]]:
        """Where each edit applies, in order: begin, end, and what takes its place; SpecError where one is not found."""
        places = []
        for edit in self.edits:
            found = edit.places(source)
            if len(found) != 1:
                text, times = "\n".join(edit.old), len(found)
                message = f"{exercise}: mistake '{self.name}': its text occurs {times} times, not once: {text!r}"
                if not found and len(edit.old) > 1 and all(line.strip() in source for line in edit.old):
                    message += "; its lines do, not in one piece: make pairs, with an empty line between two deletions"
                raise SpecError(message)
            places += found
        return sorted(places)


def _replaced(source: str, places: Sequence[tuple[int, int, str]]) -> str:
    for begin, end, text in reversed(places):
        source = source[:begin] + text + source[end:]
    return source


def _must_parse(source: str, name: str, exercise: str) -> None:
    try:
        ast.parse(source)
    except SyntaxError as error:
        message = f"{exercise}: mistake '{name}' does not parse: {error.msg}, line {error.lineno}"
        raise SpecError(message) from error


def with_mistakes(source: str, mistakes: Sequence[Mistake], exercise: str) -> str:
    """Return the exercise's source with all of these mistakes in it.

    Each is applied to what the ones before it left.  Where that took away the text of a later one, every mistake
    changes its own tokens of the original, so two edits may quote the same lines.  Raises SpecError where a mistake
    does not apply by itself, where two change the same tokens, and where the result does not parse.
    """
    mutated = source
    try:
        for mistake in mistakes:
            mutated = mistake.apply(mutated, exercise)
    except SpecError:
        if len(mistakes) == 1 or any(mistake.whole is not None for mistake in mistakes):
            raise
        return _merged(source, mistakes, exercise)
    return mutated


def _merged(source: str, mistakes: Sequence[Mistake], exercise: str) -> str:
    changes = [change for m in mistakes for place in m.places(source, exercise) for change in _changes(source, *place)]
    changes.sort(key=lambda change: change[:2])
    names = " + ".join(mistake.name for mistake in mistakes)
    if any(begin < end for (_, end, _), (begin, _, _) in pairwise(changes)):
        message = f"{exercise}: the mistakes {names} change the same tokens"
        raise SpecError(message)
    mutated = _replaced(source, changes)
    _must_parse(mutated, names, exercise)
    return mutated


def _changes(source: str, begin: int, end: int, text: str) -> Iterator[tuple[int, int, str]]:
    """The tokens that change where ``text`` replaces a piece of the source; the others only locate the edit."""
    old, new = _TOKEN.findall(source[begin:end]), _TOKEN.findall(text)
    starts = [begin]
    for token in old:
        starts.append(starts[-1] + len(token))
    for kind, first, last, new_first, new_last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield starts[first], starts[last], "".join(new[new_first:new_last])


def with_methods(source: str, methods: str) -> str:
    """A class's source with more methods: later ones override earlier ones."""
    return f"{source}\n{textwrap.indent(methods, '    ')}\n"
