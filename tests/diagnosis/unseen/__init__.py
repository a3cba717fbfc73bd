"""Incorrect implementations that nobody planted, written before the patterns that should recognise them.

One file per exercise, ``NN_name/EXERCISE.md``.  ``true:`` lines say what may be said of an implementation, as patterns
of file names on the claims of a diagnosis (``factor *``, ``mistake: averages the weight gradient``), as it was written
down beforehand.  ``also:`` lines name claims that were not foreseen and turned out to be true.  Every other claim is
false.  ``double: yes`` marks two mistakes at once.  Every third implementation is held out: nothing was tuned to it.
"""

from dataclasses import dataclass
from pathlib import Path

from autograder.course.mistake_files import Entry
from tests.solutions.implementations import implementations


@dataclass(frozen=True)
class Unseen:
    """An incorrect implementation of one exercise: methods that replace the reference's, or a function."""

    exercise: str
    name: str
    source: str
    true: tuple[str, ...]
    double: bool = False
    also: tuple[str, ...] = ()


def _unseen(exercise: str, entry: Entry) -> Unseen:
    fields = entry.fields
    double = fields.get("double", [])
    assert double in ([], ["yes"]), f"{exercise}: “{entry.name}”: 'double: yes', or no such line"
    return Unseen(
        exercise, entry.name, entry.source, tuple(fields.get("true", ())), bool(double), tuple(fields.get("also", ()))
    )


UNSEEN = {
    assignment: tuple(_unseen(exercise, entry) for exercise, entry in found)
    for assignment, found in implementations(Path(__file__).parent, keys=("true", "also", "double")).items()
}
"""By assignment, in the order of the course."""


def held_out(rows: tuple[Unseen, ...]) -> tuple[Unseen, ...]:
    """Every third."""
    return rows[2::3]


def open_to_see(rows: tuple[Unseen, ...]) -> tuple[Unseen, ...]:
    """The others."""
    return tuple(row for i, row in enumerate(rows) if i % 3 != 2)
