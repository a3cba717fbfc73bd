"""The mutants of a course that no check catches, except those that are recorded as equivalent."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autograder.authoring.mutation.catching import Catcher
from autograder.authoring.mutation.equivalents import FOLDER, as_entry, read_equivalents
from autograder.authoring.mutation.mutants import mutants_of
from autograder.course import catalogue
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.spec import Exercise, Scope, SpecError

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["Mutation", "Survivor", "find_survivors"]


class Survivor(msgspec.Struct, frozen=True):
    """A mutant that every check passed.

    file: the record file that it belongs to if it is equivalent;  entry: its text there, without the reason.
    """

    file: str
    operator: str
    entry: str


class Mutation(msgspec.Struct):
    """The result: counts of mutants, those that survived, and one sentence for every failure.

    equivalent: recorded mutants, which are not run again;  survivors: those that are not recorded;
    failures: stale entries, and checks that raised errors.
    """

    seed: int
    exercises: int = 0
    mutants: int = 0
    caught: int = 0
    equivalent: int = 0
    survivors: list[Survivor] = []
    failures: list[str] = []


def find_survivors(
    root: Path,
    names: Collection[str],
    *,
    seed: int,
    only: frozenset[str] | None = None,
    named: frozenset[str] = frozenset(),
    jobs: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> Mutation:
    """Mutate the references of assignments and find the mutants that survive.

    only: exercises to mutate (all if None);  named: those whose capstones are trained; other capstones are left out;
    jobs: workers in parallel;  progress: called with the name of the current exercise.
    """
    result = Mutation(seed)
    with open_launcher() as launcher:
        for name in names:
            try:
                loaded = catalogue.load(name, root)
                _look_at(loaded, launcher, result, jobs=jobs, only=only, named=named, progress=progress)
            except SpecError as error:
                result.failures.append(f"{name}: {error}")
    return result


def _look_at(
    loaded: Loaded,
    launcher: Launcher,
    result: Mutation,
    *,
    jobs: int,
    only: frozenset[str] | None,
    named: frozenset[str],
    progress: Callable[[str], None],
) -> None:
    """Mutate the exercises of one assignment."""
    name, exercises = loaded.assignment.name, loaded.assignment.exercises
    known = {exercise.name for exercise in exercises}
    for path in sorted((loaded.folder / FOLDER).glob("*")):
        if only is None and (path.suffix != ".md" or path.stem not in known):
            result.failures.append(f"{name}: {FOLDER}/{path.name} is not named after an exercise of this assignment")
    for exercise in exercises:
        scope = Scope(capstones=exercise.name in named)
        left_out = exercise.capstone and not scope.capstones
        runnable = not left_out and not all(check.device_only for check in exercise.checks)
        if (only is None or exercise.name in only) and runnable:
            progress(f"{name}: {exercise.name}")
            catcher = Catcher(loaded, launcher, seed=result.seed, threads=jobs, scope=scope)
            _mutate(loaded, exercise, catcher, result)


def _mutate(loaded: Loaded, exercise: Exercise, catcher: Catcher, result: Mutation) -> None:
    """Run the mutants of one exercise, and the recorded ones, which must survive."""
    prefix, reference = f"{loaded.assignment.name}: {exercise.name}", loaded.source_of(exercise)
    recorded = read_equivalents(loaded.folder, exercise.name, reference)
    result.failures += [f"{loaded.assignment.name}: {entry.stale}" for entry in recorded if entry.stale]
    recorded = [entry for entry in recorded if not entry.stale]
    for entry, outcome in zip(recorded, catcher.outcomes(exercise, [entry.source for entry in recorded]), strict=True):
        if not outcome.survived:
            found = f"“{entry.name}” is recorded as equivalent, but “{outcome.check}” catches it: delete the entry"
            result.failures.append(f"{prefix}: {found}")
    mutants = list(mutants_of(reference))
    fingerprints = {entry.fingerprint for entry in recorded}
    unknown = [mutant for mutant in mutants if mutant.fingerprint not in fingerprints]
    outcomes = catcher.outcomes(exercise, [mutant.source for mutant in unknown])
    file = f"solutions/{loaded.assignment.name}/{FOLDER}/{exercise.name}.md"
    for mutant, outcome in zip(unknown, outcomes, strict=True):
        if outcome.survived:
            result.survivors.append(Survivor(file, mutant.operator, as_entry(mutant, reference)))
        if outcome.fault:
            result.failures.append(
                f"{prefix}: the check “{outcome.check}” raised {outcome.fault} on the mutant that {mutant.what}"
            )
    result.exercises += 1
    result.mutants += len(mutants)
    result.caught += sum(not outcome.survived for outcome in outcomes)
    result.equivalent += len(mutants) - len(unknown)
