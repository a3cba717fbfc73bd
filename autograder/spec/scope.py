"""What a run grades of an assignment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autograder.spec.check import Check
from autograder.spec.exercise import Exercise

__all__ = ["EVERYTHING", "Scope"]


@dataclass(frozen=True)
class Scope:
    """What a run grades: everything, unless capstones, which train a model, or bonus exercises are left out.

    What is left out counts in neither the points nor the maximum.
    """

    capstones: bool = True
    bonus: bool = True

    def checks(self, exercise: Exercise) -> list[Check]:
        """The checks of an exercise that are graded."""
        if exercise.bonus and not self.bonus:
            return []
        return [check for check in exercise.checks if self.capstones or not check.capstone]

    def grades(self, exercise: Exercise) -> bool:
        """Whether any check of this exercise is graded; one without checks is listed, unless it is left out."""
        if not exercise.checks:
            return self.bonus or not exercise.bonus
        return bool(self.checks(exercise))

    def left_out(self, exercises: Iterable[Exercise]) -> list[str]:
        """Name the exercises that are graded only in part, or not at all."""
        return [e.name for e in exercises if len(self.checks(e)) < len(e.checks)]


EVERYTHING = Scope()
