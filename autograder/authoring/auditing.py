"""The audit of whole courses: piece by piece in processes of their own, without what earlier audits found sound."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from autograder.authoring.audit import Audit, Piece, added_up, look_at, pieces
from autograder.authoring.proved import Proved
from autograder.authoring.side_by_side import side_by_side
from autograder.course import catalogue
from autograder.isolation.launcher import Launcher
from autograder.spec import Exercise, SpecError

__all__ = ["audit_all"]

RUN, MEASUREMENT = 0.002, 1.0
"""What a mistake costs for each check that it may meet, and what a budget does, in seconds; a training its limit."""


def audit_all(
    root: Path,
    names: list[str],
    *,
    jobs: int,
    seed: int,
    only: frozenset[str] | None = None,
    stale: Callable[[Path, str], list[str]] | None = None,
    proved: Proved | None = None,
    sample: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Audit assignments with several processes; results are in the order of ``names``.

    proved: what earlier audits found, which is not looked for again; progress: called with what is left to do;
    other arguments: as ``audit`` and ``look_at`` take them.
    """
    whole = pieces(root, names, only)
    found = {piece: known for piece in whole if proved and (known := proved.find(piece))}
    left = [piece for piece in whole if piece not in found]
    options = {"seed": seed, "stale": stale if only is None else None, "sample": sample}
    left.sort(key=lambda piece: _cost(root, piece), reverse=True)  # so that no process is idle at the end
    for piece, result in side_by_side(partial(_look_at, root, options), left, jobs):
        found[piece] = result
        if proved:
            proved.keep(piece, result)
        progress(", ".join(dict.fromkeys(each.assignment for each in whole if each not in found)))
    if proved:
        proved.forget_old()
    return added_up(found[piece] for piece in whole)


def _look_at(root: Path, options: dict[str, Any], piece: Piece, launcher: Launcher) -> Audit:
    return look_at(root, piece, launcher, **options)


def _cost(root: Path, piece: Piece) -> float:
    """About how many seconds a piece takes."""
    try:
        assignment = catalogue.load(piece.assignment, root).assignment
    except SpecError:
        return 0.0
    if piece.exercise:
        return _cost_of(assignment.exercise(piece.exercise))
    return sum(RUN * len(exercise.mistakes) * len(exercise.checks) for exercise in assignment.exercises)


def _cost_of(exercise: Exercise) -> float:
    measured = sum(MEASUREMENT * len(exercise.variants) for check in exercise.checks if check.budget)
    trained = sum(check.cpu_s or 0.0 for check in exercise.checks) * len(exercise.mistakes)
    return RUN * len(exercise.mistakes) * len(exercise.checks) + measured + trained
