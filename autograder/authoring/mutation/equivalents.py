"""``equivalent/NAME.md``: mutants of an exercise that no check can catch, each with the reason.

The format is that of ``mistakes/NAME.md``: a heading says what the mutant does, ``>`` gives the reason, ``-`` and ``+``
lines the change.  The files are never released.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from autograder.authoring.mutation.mutants import Mutant, edit_between
from autograder.course.mistake_files import entries
from autograder.spec import Mistake, SpecError

__all__ = ["FOLDER", "Equivalent", "as_entry", "read_equivalents"]

FOLDER = "equivalent"


@dataclass(frozen=True)
class Equivalent:
    """One recorded mutant.

    name: what it does;  source: the exercise's source with it;  fingerprint: of its syntax tree;
    stale: why its text cannot be found any more; its source and fingerprint are then empty.
    """

    name: str
    source: str = ""
    fingerprint: str = ""
    stale: str = ""


def read_equivalents(folder: Path, exercise: str, reference: str) -> list[Equivalent]:
    """Every recorded mutant of an exercise; none if it has no file.  SpecError if the file is malformed."""
    path = folder / FOLDER / f"{exercise}.md"
    if not path.is_file():
        return []
    found = []
    for entry in entries(path.read_text(encoding="utf-8"), path.name, repeated=True):
        where = f"{FOLDER}/{path.name}, line {entry.line}: “{entry.name}”"
        if entry.fields or entry.source is not None or not entry.edits:
            message = f"{where}: write '-' and '+' lines, and nothing else after the reason"
            raise SpecError(message)
        if not entry.hint:
            message = f"{where} has no reason: write after '> ' why no check can catch it"
            raise SpecError(message)
        try:
            source = Mistake(entry.name, entry.made_edits()).apply(reference, exercise)
        except SpecError as error:
            found.append(Equivalent(entry.name, stale=f"{where}: {error}"))
            continue
        found.append(Equivalent(entry.name, source, ast.dump(ast.parse(source))))
    return found


def as_entry(mutant: Mutant, reference: str) -> str:
    """An entry for a record file; its reason is still to be written."""
    edit = edit_between(reference, mutant.source)
    lines = [f"## {mutant.what}", ">", *(f"- {line}" for line in edit.old), *(f"+ {line}" for line in edit.new)]
    return "\n".join(line.rstrip() for line in lines) + "\n"
