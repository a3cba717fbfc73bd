"""``mistakes/NAME.md``: planted mistakes as text, without escapes.

::

    ## adds a repeated id only once
    caught by: gradients match numerical differences
    > Fancy-index assignment keeps one of several equal ids. Use a scatter-add.
    - scatter_add(self.W.grad, ids, dy)
    + self.W.grad[ids] += dy

A heading names the mistake.  ``KEY: value`` lines follow; ``>`` lines are the hint, joined into one paragraph.
Consecutive ``-`` lines are one text that occurs exactly once in the exercise's solution, and the ``+`` lines after them
replace it; without any, the text is deleted.  An empty line ends a pair; several pairs make one mistake.
``replace all:``, with a block of code fenced by three backquotes, gives the exercise's whole source in place of edits;
``replace methods:`` gives the methods of a class that differ.  A line that begins with ``%`` is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from autograder.course.text_files import read_text
from autograder.spec import Edit, Mistake, SpecError

__all__ = ["REPLACE_ALL", "REPLACE_METHODS", "Entry", "entries", "read_mistakes"]

TITLE, HEADING, COMMENT, FENCE = "# ", "## ", "%", "```"
FIELD = re.compile(r"([a-z][a-z ]*[a-z]):(?: (.*))?$")
REPLACE_ALL, REPLACE_METHODS = "replace all", "replace methods"
REPLACES = (REPLACE_ALL, REPLACE_METHODS)
CAUGHT_BY = "caught by"
Pair = tuple[list[str], list[str]]
Lines = Sequence[tuple[int, str]]
"""Lines with their numbers."""


@dataclass
class Entry:
    """One entry of a file: its heading, its ``KEY: value`` lines (a key may come twice), hint and edits.

    source: the fenced block of code; replaces: ``replace all`` or ``replace methods``, empty if there is none.
    """

    name: str
    line: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    hint: str = ""
    edits: list[Pair] = field(default_factory=list)
    source: str | None = None
    replaces: str = ""

    def made_edits(self) -> tuple[Edit, ...]:
        """Its edits, as objects of the specification."""
        return tuple(Edit(tuple(old), tuple(new)) for old, new in self.edits)


def read_mistakes(path: Path) -> tuple[Mistake, ...]:
    """Every mistake of one file.  SpecError names the file and the line of an error."""
    return tuple(_mistake(entry, path.name) for entry in entries(read_text(path), path.name))


def _mistake(entry: Entry, where: str) -> Mistake:
    where = f"{where}, line {entry.line}: “{entry.name}”"
    if unknown := set(entry.fields) - {CAUGHT_BY}:
        message = f"{where}: unknown key '{min(unknown)}:'; expected 'caught by:' or 'replace all:'"
        raise SpecError(message)
    caught = entry.fields.get(CAUGHT_BY, [None])
    if len(caught) > 1 or caught == [""]:
        message = f"{where}: 'caught by:' names one check; leave it out for the first check of the part that is edited"
        raise SpecError(message)
    if entry.replaces == REPLACE_METHODS or (entry.source is None) == (not entry.edits):
        message = f"{where}: write either '-' and '+' lines, or 'replace all:' with a block of code"
        raise SpecError(message)
    if not entry.hint:
        message = f"{where} has no hint: write after '> ' what a student who makes this mistake needs to know"
        raise SpecError(message)
    return Mistake(entry.name, entry.made_edits(), entry.hint, caught[0], entry.source)


def entries(text: str, where: str, *, repeated: bool = False) -> Iterator[Entry]:
    """Every entry of a file's text; ``where`` names it in errors.  Raises SpecError.

    repeated: whether two entries may have one name.
    """
    lines = list(enumerate(text.split("\n"), 1))
    fenced, begins = False, []
    for number, line in lines:
        if line.startswith(FENCE):
            fenced = not fenced
        elif line.startswith(HEADING) and not fenced:
            begins.append(number - 1)
    for number, line in lines[: begins[0] if begins else None]:
        if line.strip() and not line.startswith((TITLE, COMMENT)):
            message = f"{where}, line {number}: begin with '## ' and the name of a mistake; found before it: {line!r}"
            raise SpecError(message)
    known: dict[str, int] = {}
    for begin, end in pairwise([*begins, len(lines)]):
        entry = _entry(lines[begin:end], where)
        if entry.name in known and not repeated:
            message = f"{where}, line {entry.line}: “{entry.name}” is already used in line {known[entry.name]}"
            raise SpecError(message)
        known[entry.name] = entry.line
        yield entry


def _entry(lines: Lines, where: str) -> Entry:
    entry = Entry(lines[0][1][len(HEADING) :].strip(), lines[0][0])
    if not entry.name:
        message = f"{where}, line {entry.line}: write a name for the mistake after '## '"
        raise SpecError(message)
    pair: Pair | None = None
    rest = iter(lines[1:])
    for number, line in rest:
        place = f"{where}, line {number}"
        if line.startswith(FENCE):
            _take_block(entry, rest, place)
        elif line[:1] in ("-", "+"):
            pair = _in_pair(entry, pair, line, place)
        elif line.strip():
            _note(entry, line, place)
        else:
            pair = None
    if entry.replaces and entry.source is None:
        message = f"{where}, line {entry.line}: '{entry.replaces}:' has no block of code, fenced by three backquotes"
        raise SpecError(message)
    return entry


def _take_block(entry: Entry, rest: Iterator[tuple[int, str]], where: str) -> None:
    """Read a block of code up to its end."""
    if not entry.replaces or entry.source is not None:
        message = f"{where}: write 'replace all:' or 'replace methods:' before a block of code, once per mistake"
        raise SpecError(message)
    block: list[str] = []
    for _, line in rest:
        if line.startswith(FENCE):
            entry.source = "\n".join(block) + "\n"
            return
        block.append(line)
    message = f"{where}: the block of code has no end: close it with three backquotes"
    raise SpecError(message)


def _note(entry: Entry, line: str, where: str) -> None:
    """Read a line that is not code: part of the hint, a comment, or a key with its value."""
    match = FIELD.match(line)
    if line.startswith(">"):
        entry.hint = f"{entry.hint} {line[1:].strip()}".strip()
    elif match and match[1] in REPLACES:
        if match[2] or entry.replaces:
            message = f"{where}: '{match[1]}:' must be alone on its line, once per mistake; its block of code follows"
            raise SpecError(message)
        entry.replaces = match[1]
    elif match:
        entry.fields.setdefault(match[1], []).append((match[2] or "").strip())
    elif not line.startswith(COMMENT):
        message = f"{where}: expected a line that begins with '- ', '+ ', '> ', '% ' or 'key: ', got {line!r}"
        raise SpecError(message)


def _in_pair(entry: Entry, pair: Pair | None, line: str, where: str) -> Pair:
    """Add a line to the current pair, or to a new one."""
    text = line[2:] if line[1:2] == " " else line[1:]
    if line.startswith("-"):
        if pair is None or pair[1]:
            pair = ([], [])
            entry.edits.append(pair)
        pair[0].append(text)
    elif pair is None:
        message = f"{where}: '+' lines replace '-' lines, which must come first"
        raise SpecError(message)
    else:
        pair[1].append(text)
    return pair
