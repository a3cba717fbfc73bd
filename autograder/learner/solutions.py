"""The author's solution of an exercise, for a learner whose own passes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course.catalogue import UsageError
from autograder.course.released_solutions import SOLUTIONS, released_solutions, solutions_in
from autograder.learner.checking import verdict_of
from autograder.learner.originals import came_from
from autograder.learner.work import exercise_of, open_work
from autograder.render.reading import RIGHT
from dlkit import course

if TYPE_CHECKING:
    from autograder.isolation.launcher import Launcher

__all__ = ["Solution", "solution"]


@dataclass(frozen=True)
class Solution:
    """The author's text of one exercise."""

    assignment: str
    exercise: str
    source: str


def solution(target: str, root: Path, launcher: Launcher) -> Solution:
    """The solution of an exercise (``Linear``, ``layers.Linear``), if the course that it came from ships it.

    Raises UsageError where there is no such exercise, where the learner's own does not pass yet, or where that course
    has no solution.
    """
    loaded, exercise, _ = exercise_of(target, root)
    name = loaded.assignment.name
    if verdict_of(open_work(loaded), exercise.name, launcher).status not in RIGHT:
        message = (
            f"Your own {exercise.name} does not pass yet, and its solution is shown once it does. "
            f"For a hint: autograder hint {exercise.name}"
        )
        raise UsageError(message)
    for place in came_from(loaded.root):
        released = released_solutions(course.shelf(place) / name / SOLUTIONS)
        source = place / "solutions" / name / f"{loaded.assignment.module}.py"
        found = {**released, **solutions_in(source, [exercise.name])}
        if exercise.name in found:
            return Solution(name, exercise.name, found[exercise.name])
    message = f"The course that {name} comes from was handed out without solutions: ask whoever gave it to you."
    raise UsageError(message)
