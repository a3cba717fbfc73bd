"""Correct implementations that are written in other ways than the reference; one file per exercise."""

from pathlib import Path

from autograder.course.mistake_files import REPLACE_ALL, REPLACE_METHODS
from tests.solutions.implementations import implementations

ALTERNATIVES = implementations(Path(__file__).parent, classes=(REPLACE_ALL, REPLACE_METHODS))
"""By assignment, in the order of the course, each with its exercise's name."""
