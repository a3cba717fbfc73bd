"""Small changes of a student's own code that break it: planted mistakes that fit it, and mutants of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from autograder.authoring.mutation.mutants import edit_between, mutants_of
from autograder.authorship.tokens import tokens_of
from autograder.spec import Edit, Exercise

__all__ = ["Changed", "changes_of"]

MOST_LINES = 2


@dataclass(frozen=True)
class Changed:
    """A changed source.

    old, new: the lines that differ; line: number of the first of them in the student's source; hint: the mistake's,
    empty if it is a mutant's.
    """

    source: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    line: int
    hint: str = ""


def changes_of(source: str, exercise: Exercise, random: Random) -> Iterator[Changed]:
    """Changes of at most two lines: planted mistakes that fit this source, then mutants, each in an order by chance."""
    fitting = [(new, mistake.hint) for mistake in exercise.mistakes for new in _planted(source, mistake.edits)]
    random.shuffle(fitting)
    yield from _shown(source, fitting)
    mutants = [(mutant.source, "") for mutant in mutants_of(source, solutions_only=False)]
    random.shuffle(mutants)
    yield from _shown(source, mutants)


def _shown(source: str, changed: Sequence[tuple[str, str]]) -> Iterator[Changed]:
    for new, hint in changed:
        edit = edit_between(source, new)
        places = edit.places(source)
        if len(places) == 1 and len(edit.old) <= MOST_LINES and len(edit.new) <= MOST_LINES:
            yield Changed(new, edit.old, edit.new, source.count("\n", 0, places[0][0]) + 1, hint)


def _planted(source: str, edits: Sequence[Edit]) -> Iterator[str]:
    """The source with a mistake of one edit, if the edited text occurs in it once, whatever its names."""
    if len(edits) != 1 or not edits[0].new:
        return
    old, new = "\n".join(edits[0].old), "\n".join(edits[0].new)
    wanted, tokens = tokens_of(old), tokens_of(source)
    if not wanted:
        return
    meanings = [token.text for token in tokens]
    size, meaning = len(wanted), [token.text for token in wanted]
    places = [at for at in range(len(tokens) - size + 1) if meanings[at : at + size] == meaning]
    if len(places) != 1:
        return
    begin, end = tokens[places[0]].start, tokens[places[0] + size - 1].end
    theirs = [source[token.start : token.end] for token in tokens[places[0] : places[0] + size]]
    names: dict[str, str] = {}
    for token, name in zip(wanted, theirs, strict=True):
        if names.setdefault(old[token.start : token.end], name) != name:
            return  # one name there, two here
    changed = source[:begin] + _renamed(new, names) + source[end:]
    if _parses(changed):
        yield changed


def _renamed(text: str, names: dict[str, str]) -> str:
    """Text with a student's names in place of the reference's."""
    for token in reversed(tokens_of(text)):
        text = (
            text[: token.start]
            + names.get(text[token.start : token.end], text[token.start : token.end])
            + text[token.end :]
        )
    return text


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True
