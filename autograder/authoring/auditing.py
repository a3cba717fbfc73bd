"""The audit of several assignments at once, in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import msgspec

from autograder.authoring.audit import Audit, audit
from autograder.course import catalogue
from autograder.isolation.interpreter import isolated_processes
from autograder.spec import SpecError

__all__ = ["audit_all"]


def audit_all(
    root: Path, names: list[str], *, jobs: int, progress: Callable[[str], None] = lambda _: None, **options: Any
) -> Audit:
    """Audit assignments with several processes; results are in the order of ``names``.

    options: as ``audit`` takes them.
    """
    jobs = min(jobs, len(names))
    if jobs < 2:  # noqa: PLR2004 - nothing to share out
        return audit(root, names, progress=progress, **options)
    waiting = list(names)
    with isolated_processes() as context, ProcessPoolExecutor(jobs, context) as pool:
        largest_first = sorted(names, key=lambda name: _size(root, name), reverse=True)
        futures = {pool.submit(audit, root, [name], **options): name for name in largest_first}
        for future in as_completed(futures):
            waiting.remove(futures[future])
            progress(", ".join(waiting))
    found = {name: future.result() for future, name in futures.items()}
    return _together([found[name] for name in names])


def _size(root: Path, name: str) -> int:
    """How much there is to do."""
    try:
        exercises = catalogue.load(name, root).assignment.exercises
    except SpecError:
        return 0
    return sum(len(exercise.mistakes) * len(exercise.checks) for exercise in exercises)


def _together(audits: list[Audit]) -> Audit:
    """Counts added up, and sentences one after the other."""
    whole = Audit()
    for one in audits:
        for field in msgspec.structs.fields(Audit):
            setattr(whole, field.name, getattr(whole, field.name) + getattr(one, field.name))
    return whole
