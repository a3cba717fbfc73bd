"""A course of tiny exercises with correct code: the examples of patterns are edits of it.

correct    the code, read as text
exercises  how it is checked
"""

from __future__ import annotations

from pathlib import Path

from autograder.course.catalogue import Loaded
from autograder.diagnosis.examples.exercises import EXERCISES
from autograder.spec import Assignment

__all__ = ["COURSE", "SEED"]

FOLDER = Path(__file__).parent
COURSE = Loaded(Assignment("00_correct", title="Examples", exercises=EXERCISES), FOLDER, FOLDER, official=True)
"""The exercises as the grader loads an assignment."""
SEED = 0
"""Of the cases that the examples' sentences are about."""
