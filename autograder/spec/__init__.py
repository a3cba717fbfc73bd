"""What an assignment consists of, as its author writes it: frozen data; nothing here runs by itself."""

from autograder.spec.assignment import Assignment, Outline, Question
from autograder.spec.budget import FROZEN, REFERENCE, Bench, Budget, Judgement, Run, Seeded, Stored
from autograder.spec.case import Case
from autograder.spec.check import Check, Draw, GradientCost, Judge, Observations, Observe, Trial
from autograder.spec.error import SpecError
from autograder.spec.exercise import Exercise, Extras, Points, points_by_part
from autograder.spec.mistake import Edit, Mistake
from autograder.spec.scope import EVERYTHING, Scope

__all__ = [
    "EVERYTHING",
    "FROZEN",
    "REFERENCE",
    "Assignment",
    "Bench",
    "Budget",
    "Case",
    "Check",
    "Draw",
    "Edit",
    "Exercise",
    "Extras",
    "GradientCost",
    "Judge",
    "Judgement",
    "Mistake",
    "Observations",
    "Observe",
    "Outline",
    "Points",
    "Question",
    "Run",
    "Scope",
    "Seeded",
    "SpecError",
    "Stored",
    "Trial",
    "points_by_part",
]
