"""The audit of whole courses: piece by piece in processes of their own, without what earlier audits found sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

from autograder.authoring.audit import Audit, Piece, added_up, look_at, pieces
from autograder.authoring.proved import Proved
from autograder.course import catalogue
from autograder.isolation.interpreter import isolated_processes
from autograder.isolation.launcher import Launcher, open_launcher
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
    for piece, result in _looked_at(root, left, jobs, options):
        found[piece] = result
        if proved:
            proved.keep(piece, result)
        progress(", ".join(dict.fromkeys(each.assignment for each in whole if each not in found)))
    if proved:
        proved.forget_old()
    return added_up(found[piece] for piece in whole)


def _looked_at(root: Path, left: list[Piece], jobs: int, options: dict[str, Any]) -> Iterator[tuple[Piece, Audit]]:
    """Audit pieces, each as soon as it is known; the longest are begun first, so that no process is idle at the end."""
    jobs = min(jobs, len(left))
    if jobs < 2:  # noqa: PLR2004 - nothing to share out
        with open_launcher() as launcher:
            for piece in left:
                yield piece, look_at(root, piece, launcher, **options)
        return
    with isolated_processes() as context, ProcessPoolExecutor(jobs, context) as pool:
        longest_first = sorted(left, key=lambda piece: _cost(root, piece), reverse=True)
        futures = {pool.submit(_in_own_process, root, piece, options): piece for piece in longest_first}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _in_own_process(root: Path, piece: Piece, options: dict[str, Any]) -> Audit:
    return look_at(root, piece, _launcher(), **options)


@cache
def _launcher() -> Launcher:
    """The launcher of a process that audits; it ends with the process."""
    return open_launcher()


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
