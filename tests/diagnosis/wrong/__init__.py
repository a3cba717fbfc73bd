"""Incorrect implementations by people who had not read the checks, one file per exercise; a hint says what is wrong."""

from pathlib import Path

from autograder.course.mistake_files import REPLACE_ALL
from tests.solutions.implementations import implementations

WRONG = [
    (assignment, exercise, entry)
    for assignment, found in implementations(Path(__file__).parent, classes=(REPLACE_ALL,)).items()
    for exercise, entry in found
]
"""Assignment, exercise and entry, in the order of the course."""
