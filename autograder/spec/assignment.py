"""An assignment: what its author lists, and the complete object with its exercises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autograder.spec.error import SpecError
from autograder.spec.exercise import Exercise, Points, points_by_part

__all__ = ["Assignment", "Outline", "Question"]


@dataclass(frozen=True)
class Outline:
    """What ``assignment.py`` says: title, exercises in the notebook's order with their points, written questions.

    points: of each part of an exercise, ``Points(forward=2, backward=4, speed=1)``; for a function, a number is enough,
    and 0 makes it an optional step: checked, and left out of everything that counts;
    bonus: those of the exercises whose points are added to the mark, and are not part of the maximum;
    questions: points by name; their text and mark scheme stand in the notebook;
    earlier: assignments whose exercises this one uses;  minutes: the time a student needs for all of it.
    """

    title: str
    points: Mapping[str, Points | float]
    questions: Mapping[str, float] = field(default_factory=dict)
    earlier: tuple[str, ...] = ()
    bonus: tuple[str, ...] = ()
    minutes: int = 0

    def __post_init__(self) -> None:
        if unknown := [name for name in self.bonus if name not in self.points]:
            message = f"bonus names {', '.join(unknown)}, which points does not list"
            raise SpecError(message)

    def points_of(self, exercise: str) -> Points:
        """The points of an exercise's parts."""
        return points_by_part(exercise, self.points[exercise])


@dataclass(frozen=True)
class Question:
    """A written question, graded by hand; its text and mark scheme stand in the notebook."""

    name: str
    points: float


@dataclass(frozen=True)
class Assignment:
    """A folder and a notebook: exercises in reading order, and written questions."""

    name: str
    title: str
    exercises: tuple[Exercise, ...]
    questions: tuple[Question, ...] = ()
    earlier: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        *,
        title: str,
        exercises: Iterable[Exercise],
        questions: Iterable[Question] = (),
        earlier: Iterable[str] = (),
    ) -> None:
        for attribute, value in (
            ("name", name),
            ("title", title),
            ("exercises", tuple(exercises)),
            ("questions", tuple(questions)),
            ("earlier", tuple(earlier)),
        ):
            object.__setattr__(self, attribute, value)
        names = [exercise.name for exercise in self.exercises]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            message = f"{name}: exercises named twice: {', '.join(sorted(twice))}"
            raise SpecError(message)

    @property
    def module(self) -> str:
        """The file's name without suffix: ``layers`` for ``02_layers``."""
        return self.name.split("_", 1)[1]

    def exercise(self, name: str) -> Exercise:
        """Return the exercise of this name; SpecError where there is none."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        message = f"{self.name} has no exercise '{name}'; it has: {', '.join(e.name for e in self.exercises)}"
        raise SpecError(message)
