"""Correct implementations in the styles of many people, written from what the student reads, before any check was read.

One file per exercise, ``NN_name/EXERCISE.md``.  A few take more time or memory than is allowed; that is measured
elsewhere.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.solutions.implementations import implementations


@dataclass(frozen=True)
class Right:
    """A correct implementation of one exercise: methods that replace the reference's, or a function."""

    exercise: str
    name: str
    source: str


RIGHT = {
    assignment: tuple(Right(exercise, entry.name, entry.source) for exercise, entry in found)
    for assignment, found in implementations(Path(__file__).parent).items()
}
"""By assignment, in the order of the course."""
