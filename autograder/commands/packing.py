"""Packs the autograder for Gradescope: one assignment with its solution, and those that it builds on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autograder.commands.options import check_isolation

if TYPE_CHECKING:
    from autograder.spec import Scope

__all__ = ["pack"]


def pack(root: Path, name: str, target: Path, isolation: str, seconds: float, *, scope: Scope) -> list[str]:
    """Write the zip; return sentences about its content.

    Raises UsageError if there is no such assignment, its solution is missing, or ``target`` cannot be written.
    """
    from autograder.classroom.gradescope_container import Plan
    from autograder.course import catalogue
    from autograder.course.catalogue import UsageError
    from autograder.export.bundle import archive
    from autograder.writing import write_atomically

    check_isolation(isolation)
    loaded = catalogue.load(catalogue.find(name, root), root)
    if not loaded.official:
        message = f"The solution of {loaded.assignment.name} is missing: run this in a clone of the project."
        raise UsageError(message)
    needed = catalogue.with_earlier(loaded.assignment.name, root)
    plan = Plan(loaded.assignment.name, isolation, scope.capstones, seconds, scope.bonus)
    try:
        write_atomically(target, archive(root, needed, plan))
    except OSError as error:
        message = f"{target} cannot be written ({error.strerror}). Name another --to."
        raise UsageError(message) from error
    exercises = [exercise for exercise in loaded.assignment.exercises if not exercise.bonus]
    points = sum(exercise.points_of(check) for exercise in exercises for check in scope.checks(exercise))
    return [
        f"{target}: {', '.join(needed)} with solutions, {points:g} automatic points, isolation at least {isolation}.",
        "Upload it under Configure Autograder. The file contains the solutions.",
    ]
