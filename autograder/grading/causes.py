"""Where an exercise fails that uses another one, which is not correct either: the report says so."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from autograder.report import ExerciseResult, Status
from autograder.spec import Exercise

if TYPE_CHECKING:
    from autograder.submission import Submission

__all__ = ["with_causes"]


def with_causes(
    results: Sequence[ExerciseResult], submission: Submission, exercises: Iterable[Exercise]
) -> list[ExerciseResult]:
    """The results; a failure of one that uses others names those of them that fail as well."""
    by_name = {exercise.name: exercise for exercise in exercises}
    wrong = {result.name for result in results if _is_wrong(result, by_name[result.name])}
    return [_named(result, sorted(wrong & _used(submission, by_name[result.name]))) for result in results]


def _is_wrong(result: ExerciseResult, exercise: Exercise) -> bool:
    """Whether the first check of a part fails: results or gradients are wrong, not only slow or of another dtype."""
    first = {check.part: check for check in reversed(exercise.checks)}
    decisive = {check.name for check in first.values() if not check.budget}
    return any(v.status is Status.FAILED and v.check in decisive for v in result.verdicts)


def _used(submission: Submission, exercise: Exercise) -> set[str]:
    """Other names that the exercise's own definition reads."""
    try:
        tree = ast.parse(submission.source_of(exercise) or "")
    except (SyntaxError, ValueError, RecursionError):
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - {exercise.name}


def _named(result: ExerciseResult, causes: Sequence[str]) -> ExerciseResult:
    if not causes:
        return result
    are = "is" if len(causes) == 1 else "are"
    more = f"; {' and '.join(causes)}, which it uses, {are} not correct yet: correct that first"
    return ExerciseResult(
        result.name,
        [
            msgspec.structs.replace(verdict, sentence=verdict.sentence + more)
            if verdict.status is Status.FAILED
            else verdict
            for verdict in result.verdicts
        ],
        result.bonus,
    )
