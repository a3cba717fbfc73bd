"""Figures of an assignment's references that a machine without them can estimate by, measured at release.

They are of the machine that released, so they are measured again only where what was measured has changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from autograder.course.answers import generator
from autograder.grading.workplace import Settings, Workplace
from autograder.isolation.launcher import Launcher, Limits, NotMeasuredError, open_launcher
from autograder.measuring import yardstick
from autograder.report.verdict import write_atomically
from autograder.submission import Submission
from dlkit.extraction import Extraction

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.spec import Check, Exercise

__all__ = ["is_stale", "refresh"]

SEED = 1
DIGITS = 4


def is_stale(loaded: Loaded) -> bool:
    """Whether figures are missing, left over, or of another reference than this one."""
    stored = yardstick.read(loaded.released)
    found = {(name, check): kept.of for name, kepts in stored.exercises.items() for check, kept in kepts.items()}
    wanted = {(exercise.name, check.name): _hash(loaded, exercise, check) for exercise, check in _measured(loaded)}
    return found != wanted


def refresh(loaded: Loaded) -> bool:
    """Measure what has no figures yet, and write the file; return False where nothing was missing."""
    if not is_stale(loaded):
        return False
    stored = yardstick.read(loaded.released)
    exercises: dict[str, dict[str, yardstick.Stored]] = {}
    with contextlib.ExitStack() as stack:
        launcher: Launcher | None = None
        for exercise, check in _measured(loaded):
            of = _hash(loaded, exercise, check)
            figures = stored.find(exercise.name, check.name)
            if figures is None or figures.of != of:
                if launcher is None:
                    launcher = open_launcher()
                    stack.callback(launcher.close)
                figures = msgspec.structs.replace(_measure(loaded, launcher, exercise, check), of=of)
            exercises.setdefault(exercise.name, {})[check.name] = figures
    path = loaded.released / yardstick.FILE
    if exercises:
        write_atomically(path, yardstick.Yardsticks(exercises=exercises), within=loaded.root)
    else:
        path.unlink(missing_ok=True)
    return True


def _measured(loaded: Loaded) -> Iterator[tuple[Exercise, Check]]:
    """Every check that is held against the reference; growth needs none."""
    for exercise in loaded.assignment.exercises:
        for check in exercise.checks:
            if check.speed or check.memory:
                yield exercise, check


def _hash(loaded: Loaded, exercise: Exercise, check: Check) -> str:
    """Hash of the reference's text and of what it is measured on."""
    budget = check.speed or check.memory
    assert budget is not None  # noqa: S101 - chosen by it
    case = budget.draw(np.random.default_rng(SEED)).describe()
    text = "\n".join((loaded.source_of(exercise), check.name, case, budget.dtype, yardstick.SOURCE))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _measure(loaded: Loaded, launcher: Launcher, exercise: Exercise, check: Check) -> yardstick.Stored:
    settings = Settings(loaded, launcher, Limits(), "numpy", None, 1, capstones=False, isolation="none")
    place = Workplace(settings, exercise, Submission("", Extraction(()), ""), loaded.earlier)
    rng = generator(SEED, loaded.assignment.name, exercise.name, check.name)
    shapes = loaded.subject(exercise)
    if check.memory:
        try:
            found, _ = yardstick.peak(check, place.fresh_reference, shapes, rng)
        except NotMeasuredError:
            found = 0
        return yardstick.Stored("", peak=found)
    measured = yardstick.ratios(check, place.fresh_reference, place.fresh_yardsticks, shapes, rng)
    flat = {piece: [value for group in groups for value in group] for piece, groups in measured.items()}
    ratios = {piece: float(f"{statistics.median(values):.{DIGITS}g}") for piece, values in flat.items()}
    return yardstick.Stored("", ratios=ratios)
