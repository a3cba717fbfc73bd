"""The references of other assignments than the one under test."""

from pathlib import Path

from autograder.course import catalogue

ROOT = Path(__file__).resolve().parents[2]


def names_of(assignment):
    """Every name that the assignment's reference source defines, in this process."""
    loaded = catalogue.load(assignment, ROOT)
    return loaded.subject(loaded.assignment.exercises[0])._executor.names
