"""Finds assignments: in the author's ``solutions/`` with its references, or in the released folders."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from autograder.course.assignment_folder import OUTLINE, released_files, specified
from autograder.spec import Assignment, Exercise, SpecError
from autograder.subject import LocalSubject
from dlkit import course, extraction

__all__ = [
    "Loaded",
    "UsageError",
    "chosen",
    "find",
    "load",
    "names",
    "refuse_former",
    "targets",
    "wire",
    "with_earlier",
    "with_exercise",
]


class UsageError(Exception):
    """The command was used incorrectly, or its input cannot be read: one sentence with the cure."""


@dataclass(frozen=True)
class Loaded:
    """An assignment with the folder of its specification.

    official: whether the references are available (``solutions/``); else only the released files are.
    """

    assignment: Assignment
    folder: Path
    root: Path
    official: bool

    @cached_property
    def reference(self) -> extraction.Extraction:
        """The reference's source, cut into statements.  SpecError if there is none."""
        path = self.folder / f"{self.assignment.module}.py"
        if not self.official:
            message = f"the references of {self.assignment.name} are not available"
            raise SpecError(message)
        found = extraction.extract(path)
        if found.broken:
            message = f"{self.assignment.name}: {found.broken[0].label}: {found.broken[0].reason}"
            raise SpecError(message)
        return replace(found, chunks=found.definitions_for(e.name for e in self.assignment.exercises))

    @cached_property
    def checks_sha256(self) -> str:
        """Hash of everything that decides a grade: the checks, the reference, and the grader's own source."""
        digest = hashlib.sha256()
        for path in [*released_files(self.folder), *sorted((self.folder / "mistakes").glob("*.md"))]:
            digest.update(path.read_bytes())
        for package in (Path(__file__).parents[1], Path(course.__file__).parent):
            for path in sorted(package.rglob("*.py")):
                digest.update(path.read_bytes())
        if self.official:
            digest.update(self.reference.text.encode())
        return digest.hexdigest()

    @cached_property
    def earlier(self) -> dict[str, list[Any]]:
        """References of the earlier assignments that this one builds on, ready to be sent; empty if there are none."""
        found: dict[str, list[Any]] = {}
        for name in self.assignment.earlier if self.official else ():
            if not (self.root / "solutions" / name / OUTLINE).is_file():
                message = f"{self.assignment.name}: earlier= names {name}, which is not in solutions/: copy it there"
                raise SpecError(message)
            other = load(name, self.root)
            names = [exercise.name for exercise in other.assignment.exercises]
            found.update({**other.earlier, other.assignment.module: [[names, wire(other.reference.chunks)]]})
        return found

    @property
    def released(self) -> Path:
        """The folder of the student's version."""
        return course.shelf(self.root) / self.assignment.name

    def source_of(self, exercise: Exercise) -> str:
        """The reference's text of one exercise."""
        for chunk in self.reference.chunks:
            if exercise.name in chunk.defines:
                return chunk.source
        message = f"{self.assignment.name}: the reference does not define {exercise.name}"
        raise SpecError(message)

    def variant(self, exercise: Exercise, source: str) -> tuple[extraction.Chunk, ...]:
        """The whole reference with another text of one exercise."""
        return tuple(
            replace(chunk, source=source) if exercise.name in chunk.defines else chunk
            for chunk in self.reference.chunks
        )

    def subject(self, exercise: Exercise, chunks: tuple[extraction.Chunk, ...] | None = None) -> LocalSubject:
        """The reference, or a variant of it, in this process."""
        return LocalSubject.from_chunks(
            self.assignment.module,
            wire(self.reference.chunks if chunks is None else chunks),
            support=exercise.support,
            earlier=self.earlier,
        )


def wire(chunks: tuple[extraction.Chunk, ...]) -> list[Any]:
    """Statements in the form in which they are sent to a worker."""
    return [[chunk.label, chunk.line, chunk.source] for chunk in chunks]


def names(root: Path) -> list[str]:
    """Every assignment of the course, in order."""
    shelves = (root / "solutions", course.shelf(root))
    folders = {path.parent.name for shelf in shelves for path in shelf.glob(f"*/{OUTLINE}")}
    return sorted(name for name in folders if course.FOLDER.fullmatch(name))


def refuse_former(root: Path) -> None:
    """Raise UsageError if an assignment of the course has the form of version 0.1, which is not read any more."""
    for shelf in (root / "solutions", course.shelf(root)):
        for path in sorted(shelf.glob("*/checks.py")):
            folder = path.parent
            if not course.FOLDER.fullmatch(folder.name) or (folder / OUTLINE).is_file():
                continue
            if shelf.name == "solutions":
                cure = "Write it in the new form, which docs/writing-exercises.md describes, or stay with version 0.1."
            else:
                cure = f"Type autograder start {folder.name} in an empty folder, and copy your own work there."
            message = f"{folder} is an assignment of version 0.1: its checks are in checks.py. {cure}"
            raise UsageError(message)


def find(target: str, root: Path) -> str:
    """Complete an assignment's name: ``02``, ``layers`` or ``02_layers``.  UsageError if there is none."""
    known = names(root)
    target = target.rstrip("/").rpartition("/")[2]
    for name in known:
        if target in (name, *name.split("_", 1)):
            return name
    message = f"There is no assignment '{target}'. Choose one of: {', '.join(known) or '(there are none)'}."
    raise UsageError(message)


@lru_cache(maxsize=64)
def load(name: str, root: Path) -> Loaded:
    """Load one assignment's specification.  UsageError if it does not exist, SpecError if it is invalid."""
    official = (root / "solutions" / name / OUTLINE).is_file()
    folder = (root / "solutions" if official else course.shelf(root)) / name
    if not (folder / OUTLINE).is_file():
        message = f"There is no assignment '{name}' in {root.name}/. Choose one of: {', '.join(names(root))}."
        raise UsageError(message)
    return Loaded(specified(name, folder, official=official), folder, root, official)


def with_earlier(name: str, root: Path) -> list[str]:
    """An assignment and all that it builds on, directly or indirectly, the earliest first."""
    found = [name]
    for each in found:
        found += [other for other in load(each, root).assignment.earlier if other not in found]
    return sorted(found)


def targets(wanted: list[str], root: Path) -> Iterator[tuple[Loaded, Path, frozenset[str] | None]]:
    """The meaning of each target: an assignment, the path of its work, and which of its exercises (all if None).

    A target is an assignment, an exercise (``Linear``, ``layers.Linear``) or a file.  UsageError if it is neither.
    """
    known = names(root)
    for target in wanted or known:
        path = Path(target)
        if path.suffix in {".py", ".ipynb"}:
            folder = path.resolve().parent.name
            stem = next(
                (name for name in known if name in (folder, path.parent.name) or name.endswith(f"_{path.stem}")), ""
            )
            yield load(find(stem or path.stem, root), root), path, None
            continue
        try:
            loaded = load(find(target, root), root)
            only = None
        except UsageError:
            loaded = with_exercise(target, root)
            only = frozenset({target.rpartition(".")[2]})
        yield loaded, loaded.released, only


def with_exercise(exercise: str, root: Path) -> Loaded:
    """Find the assignment of an exercise: ``Linear``, ``layers.Linear``.  UsageError if there is none."""
    wanted, _, name = exercise.rpartition(".")
    for assignment in names(root):
        loaded = load(assignment, root)
        own = wanted in ("", loaded.assignment.module, assignment)
        if own and any(found.name == name for found in loaded.assignment.exercises):
            return loaded
    message = f"There is no assignment or exercise '{exercise}'. Assignments are: {', '.join(names(root))}."
    raise UsageError(message)


def chosen(wanted: list[str], root: Path) -> tuple[list[str], frozenset[str] | None]:
    """Sort names of assignments and exercises: which assignments, and which of their exercises (all if None).

    UsageError if a name is neither.
    """
    whole = [name for name in names(root) if not wanted]
    single: dict[str, str] = {}
    for name in wanted:
        try:
            whole.append(find(name, root))
        except UsageError:
            single[name.rpartition(".")[2]] = with_exercise(name, root).assignment.name
    if not single:
        return whole, None
    every = {exercise.name for name in whole for exercise in load(name, root).assignment.exercises}
    return sorted({*whole, *single.values()}), frozenset({*every, *single})
