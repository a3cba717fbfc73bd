"""Figures of an assignment's references, measured at release, for estimates on machines without them.

They depend on the releasing machine, so they are measured again only if the measured code has changed.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from autograder.course.answers import generator
from autograder.grading.options import Options
from autograder.grading.workplace import Context, Workplace
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.measuring import yardstick
from autograder.spec import FROZEN, Bench, Budget, Check, Exercise, Scope, Stored
from autograder.submission import Submission
from autograder.writing import write_atomically
from dlkit.extraction import Extraction

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["bench_of", "is_stale", "refresh"]

SEED = 1


def is_stale(loaded: Loaded) -> bool:
    """Whether figures are missing, left over, or belong to another reference."""
    stored = yardstick.read(loaded.released)
    found = {(name, check): kept.of for name, kepts in stored.exercises.items() for check, kept in kepts.items()}
    needed = {(one.name, check.name): _hash(loaded, one, check, budget) for one, check, budget in _calibrated(loaded)}
    return found != needed


def refresh(loaded: Loaded) -> bool:
    """Measure what has no figures yet, and write the file; return False if nothing was missing."""
    if not is_stale(loaded):
        return False
    stored = yardstick.read(loaded.released)
    exercises: dict[str, dict[str, Stored]] = {}
    with contextlib.ExitStack() as stack:
        launcher: Launcher | None = None
        for exercise, check, budget in _calibrated(loaded):
            of = _hash(loaded, exercise, check, budget)
            figures = stored.find(exercise.name, check.name)
            if figures is None or figures.of != of:
                if launcher is None:
                    launcher = open_launcher()
                    stack.callback(launcher.close)
                bench = bench_of(loaded, launcher, exercise, check)
                figures = msgspec.structs.replace(budget.calibrate(check, bench), of=of)
            exercises.setdefault(exercise.name, {})[check.name] = figures
    path = loaded.released / yardstick.FILE
    if exercises:
        write_atomically(path, yardstick.Yardsticks(exercises=exercises), within=loaded.root)
    else:
        path.unlink(missing_ok=True)
    return True


def _calibrated(loaded: Loaded) -> Iterator[tuple[Exercise, Check, Budget]]:
    """Every check whose estimate needs the reference's figures."""
    for exercise in loaded.assignment.exercises:
        for check in exercise.checks:
            if check.budget and check.budget.is_calibrated:
                yield exercise, check, check.budget


def _hash(loaded: Loaded, exercise: Exercise, check: Check, budget: Budget) -> str:
    """Hash of the text of what is measured, the reference or the frozen version, and of its inputs."""
    source = loaded.source_of(exercise)
    if budget.against == FROZEN:
        source = exercise.varied(source, exercise.variants.get(FROZEN))
    cases = [run.draw(np.random.default_rng(SEED)).describe() for run in budget.runs]
    text = "\n".join((source, check.name, *cases, budget.dtype, yardstick.SOURCE))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def bench_of(loaded: Loaded, launcher: Launcher, exercise: Exercise, check: Check) -> Bench:
    """A bench on which the reference, or the frozen version, takes the place of the code."""
    context = Context(loaded, launcher, Options(scope=Scope(capstones=False)))
    place = Workplace(context, exercise, Submission("", Extraction(()), ""), loaded.earlier)
    measured = place.fresh_frozen if check.budget and check.budget.against == FROZEN else place.fresh_reference
    return Bench(
        code=measured,
        reference=measured,
        pieces=place.fresh_yardsticks,
        shapes=loaded.subject(exercise),
        rng=generator(SEED, loaded.assignment.name, exercise.name, check.name),
    )
