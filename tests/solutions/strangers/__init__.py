"""Correct implementations in the styles of many people, written from what the student reads, before any check was read.

Some of 08 are the exception: they were written beside the checks.
To these, the slowest ways without a loop over elements, rows or places were added for exercises that are graded for
speed.  One file per exercise, ``NN_name/EXERCISE.md``.  A few take more time or memory than is allowed:
``benchmarks/honest.py`` lists and measures them.
"""

from dataclasses import dataclass
from pathlib import Path

from autograder.course.mistake_files import REPLACE_ALL, REPLACE_METHODS
from tests.solutions.implementations import implementations


@dataclass(frozen=True)
class Right:
    """A correct implementation of one exercise: methods that replace the reference's, or all of its text."""

    exercise: str
    name: str
    source: str
    whole: bool


RIGHT = {
    assignment: tuple(
        Right(exercise, entry.name, entry.source, entry.replaces == REPLACE_ALL) for exercise, entry in found
    )
    for assignment, found in implementations(Path(__file__).parent, classes=(REPLACE_METHODS, REPLACE_ALL)).items()
}
"""By assignment, in the order of the course."""
