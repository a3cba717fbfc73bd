"""What an assignment is made of, as its author writes it: frozen data, nothing that runs by itself."""

from autograder.spec.budget import Budget, Memory, Scaling, Speed
from autograder.spec.case import Case
from autograder.spec.check import Check, Observations, Trial
from autograder.spec.error import SpecError
from autograder.spec.exercise import Assignment, Exercise, Extras, Points, Question
from autograder.spec.mistake import Mistake, swap

__all__ = [
    "Assignment",
    "Budget",
    "Case",
    "Check",
    "Exercise",
    "Extras",
    "Memory",
    "Mistake",
    "Observations",
    "Points",
    "Question",
    "Scaling",
    "SpecError",
    "Speed",
    "Trial",
    "swap",
]
