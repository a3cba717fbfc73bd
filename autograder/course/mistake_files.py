"""``mistakes/NAME.md``: planted mistakes as text, without escapes.

::

    ## adds a repeated id only once
    caught by: gradients match numerical differences
    > Fancy-index assignment keeps one of several equal ids. Use a scatter-add.
    - scatter_add(self.W.grad, ids, dy)
    + self.W.grad[ids] += dy

A heading names the mistake.  ``KEY: value`` lines follow; ``>`` is the hint, of several lines one paragraph.
Consecutive ``-`` lines are one text that occurs exactly once in the exercise's solution, and the ``+`` lines after them
stand in its place; without any the text is deleted.  An empty line ends a pair; several pairs make one mistake.
``replace all:``, with a block of code fenced by three backquotes, gives the exercise's whole source in place of edits;
``replace methods:`` gives those methods of a class that differ.  A line that begins with ``%`` is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.spec import Edit, Mistake, SpecError

__all__ = ["Entry", "entries", "read_mistakes"]

HEADING, COMMENT, FENCE = "## ", "%", "```"
FIELD = re.compile(r"([a-z][a-z ]*[a-z]):(?: (.*))?$")
REPLACES = ("replace all", "replace methods")


@dataclass
class Entry:
    """One entry of a file: its heading, its ``KEY: value`` lines (a key may come twice), hint and edits."""

    name: str
    line: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    hint: str = ""
    edits: list[tuple[list[str], list[str]]] = field(default_factory=list)
    source: str | None = None
    replaces: str = ""

    def made_edits(self) -> tuple[Edit, ...]:
        """Its edits, as the specification has them."""
        return tuple(Edit(tuple(old), tuple(new)) for old, new in self.edits)


def read_mistakes(path: Path) -> tuple[Mistake, ...]:
    """Every mistake of one file.  SpecError names the file and the line where something is wrong."""
    found = []
    for entry in entries(path.read_text(encoding="utf-8"), path.name):
        where = f"{path.name}, line {entry.line}: “{entry.name}”"
        if unknown := set(entry.fields) - {"caught by"}:
            message = f"{where}: '{min(unknown)}:' is not known here; 'caught by:', 'replace all:' are"
            raise SpecError(message)
        if entry.replaces == REPLACES[1] or (entry.source is None) == (not entry.edits):
            message = f"{where}: give it either '-' and '+' lines, or 'replace all:' with a block of code"
            raise SpecError(message)
        if not entry.hint:
            message = f"{where} has no hint: write what its author needs to hear, after '> '"
            raise SpecError(message)
        caught = entry.fields.get("caught by", [None])[-1]
        found.append(Mistake(entry.name, entry.made_edits(), entry.hint, caught, entry.source))
    names = [mistake.name for mistake in found]
    if twice := {name for name in names if names.count(name) > 1}:
        message = f"{path.name}: named twice: {', '.join(sorted(twice))}"
        raise SpecError(message)
    return tuple(found)


def entries(text: str, where: str) -> Iterator[Entry]:
    """Every entry of a file's text; ``where`` names it in errors.  Raises SpecError."""
    head, *blocks = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    number = head.count("\n") + 1
    if odd := [line for line in head.splitlines() if line.strip() and not line.startswith(("#", COMMENT))]:
        message = f"{where}: begin with '## ' and the name of a mistake; this stands before it: {odd[0]!r}"
        raise SpecError(message)
    for block in blocks:
        yield _entry(block.splitlines(), number, where)
        number += block.count("\n")


def _entry(lines: list[str], number: int, where: str) -> Entry:
    entry = Entry(lines[0][len(HEADING) :].strip(), number)
    pair: tuple[list[str], list[str]] | None = None
    fence: list[str] | None = None
    for line in lines[1:]:
        number += 1
        if line.startswith(FENCE):
            entry.source = None if fence is None else "\n".join(fence) + "\n"
            fence = [] if fence is None else None
        elif fence is not None:
            fence.append(line)
        elif line[:1] in ("-", "+"):
            pair = _in_pair(entry, pair, line, f"{where}, line {number}")
        elif line.strip():
            _note(entry, line, f"{where}, line {number}")
        else:
            pair = None
    if fence is not None:
        message = f"{where}, line {number}: the block of code has no end: close it with three backquotes"
        raise SpecError(message)
    return entry


def _note(entry: Entry, line: str, where: str) -> None:
    """Take a line that is no code: part of the hint, a comment, or a key with its value."""
    match = FIELD.match(line)
    if line.startswith(">"):
        entry.hint = f"{entry.hint} {line[1:].strip()}".strip()
    elif match and match[1] in REPLACES:
        entry.replaces = match[1]
    elif match:
        entry.fields.setdefault(match[1], []).append((match[2] or "").strip())
    elif not line.startswith(COMMENT):
        message = f"{where}: a line begins with '- ', '+ ', '> ', '% ' or 'key: '; this does not: {line!r}"
        raise SpecError(message)


def _in_pair(
    entry: Entry, pair: tuple[list[str], list[str]] | None, line: str, where: str
) -> tuple[list[str], list[str]]:
    """Add a line to the pair that is being read, or to a new one."""
    text = line[2:] if line[1:2] == " " else line[1:]
    if line.startswith("-"):
        if pair is None or pair[1]:
            pair = ([], [])
            entry.edits.append(pair)
        pair[0].append(text)
    elif pair is None:
        message = f"{where}: '+' lines take the place of '-' lines, which come first"
        raise SpecError(message)
    else:
        pair[1].append(text)
    return pair
