"""The mutants of a course that no check catches, except those that are recorded as equivalent."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autograder.authoring.mutation.catching import Catcher
from autograder.authoring.mutation.equivalents import FOLDER, as_entry, read_equivalents
from autograder.authoring.mutation.mutants import mutants_of
from autograder.authoring.side_by_side import side_by_side
from autograder.course import catalogue
from autograder.isolation.launcher import Launcher
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
    jobs: processes, or for a single exercise workers, in parallel;  progress: called with what is left to do.
    """
    result = Mutation(seed)
    pieces: list[_Piece] = []
    for name in names:
        try:
            loaded = catalogue.load(name, root)
            result.failures += _strays(loaded) if only is None else []
            pieces += _pieces(loaded, seed, only, named)
        except SpecError as error:
            result.failures.append(f"{name}: {error}")
    found: dict[_Piece, Mutation] = {}
    for piece, one in side_by_side(partial(_look_at, jobs if len(pieces) == 1 else 1), pieces, jobs):
        found[piece] = one
        progress(", ".join(dict.fromkeys(each.assignment for each in pieces if each not in found)))
    for one in (found[piece] for piece in pieces):
        for field in ("exercises", "mutants", "caught", "equivalent", "survivors", "failures"):
            setattr(result, field, getattr(result, field) + getattr(one, field))
    return result


class _Piece(msgspec.Struct, frozen=True):
    """One exercise to mutate; capstones: whether it is trained."""

    root: Path
    assignment: str
    exercise: str
    seed: int
    capstones: bool


def _strays(loaded: Loaded) -> list[str]:
    """One sentence for each file of records that belongs to no exercise."""
    name, known = loaded.assignment.name, {exercise.name for exercise in loaded.assignment.exercises}
    paths = sorted((loaded.folder / FOLDER).glob("*"))
    strays = [path for path in paths if path.suffix != ".md" or path.stem not in known]
    return [f"{name}: {FOLDER}/{path.name} is not named after an exercise of this assignment" for path in strays]


def _pieces(loaded: Loaded, seed: int, only: frozenset[str] | None, named: frozenset[str]) -> list[_Piece]:
    chosen = [exercise for exercise in loaded.assignment.exercises if only is None or exercise.name in only]
    return [
        _Piece(loaded.root, loaded.assignment.name, exercise.name, seed, exercise.name in named)
        for exercise in chosen
        if (not exercise.capstone or exercise.name in named) and not all(check.device_only for check in exercise.checks)
    ]


def _look_at(threads: int, piece: _Piece, launcher: Launcher) -> Mutation:
    """Mutate one exercise."""
    result = Mutation(piece.seed)
    try:
        loaded = catalogue.load(piece.assignment, piece.root)
        scope = Scope(capstones=piece.capstones)
        catcher = Catcher(loaded, launcher, seed=piece.seed, threads=threads, scope=scope)
        _mutate(loaded, loaded.assignment.exercise(piece.exercise), catcher, result)
    except SpecError as error:
        result.failures.append(f"{piece.assignment}: {error}")
    return result


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
