"""A learner's work on one assignment: which file counts, and when two texts are the same for an exercise."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.course import catalogue
from autograder.course.catalogue import Loaded, UsageError
from autograder.grading.grader import hash_of_earlier
from autograder.spec import Assignment, Exercise
from autograder.submission import Submission, SubmissionError, own_earlier, read_submission
from dlkit import extraction

__all__ = ["Work", "chosen", "exercise_of", "file_of", "latest", "open_work", "read_work", "reset_target"]


@dataclass(frozen=True)
class Work:
    """One file with a learner's work, read once.

    earlier: source of the learner's earlier assignments, as ``Grader.grade`` takes it.
    """

    loaded: Loaded
    path: Path
    submission: Submission
    earlier: dict[str, list[Any]] | None

    @property
    def assignment(self) -> Assignment:
        """The assignment."""
        return self.loaded.assignment

    @cached_property
    def sources(self) -> dict[str, str]:
        """The text of every exercise in the file: the definition that counts, or why it cannot be read."""
        found = {}
        for exercise in self.assignment.exercises:
            text = self.submission.source_of(exercise) or self.submission.broken_cell(exercise)
            if text is not None:
                found[exercise.name] = text
        return found

    @cached_property
    def _shared(self) -> str:
        """Hash of what the verdict of every exercise depends on: earlier assignments, the checks."""
        return _hash(hash_of_earlier(self.earlier or {}), self.loaded.checks_sha256)

    def identity(self, exercise: str) -> str:
        """Hash of everything that a verdict on this exercise depends on."""
        found = self.assignment.exercise(exercise)
        own = [chunk.source for _, chunk in self.submission.slice(found)]
        return _hash(own, self.sources.get(exercise, ""), sorted(self.submission.unwritten(found)), self._shared)

    def begun(self) -> bool:
        """Whether any part of any exercise is written."""
        return self.submission.begun(self.assignment.exercises)


def _hash(*things: Any) -> str:
    return hashlib.sha256(json.dumps(things, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def open_work(loaded: Loaded, path: Path | None = None) -> Work:
    """Read a file, or the one in a folder that holds work; by default the learner's, the newer of two.

    Raises SubmissionError with one sentence if nothing can be read.
    """
    path = path or file_of(loaded)
    earlier = None if loaded.official else own_earlier(loaded.released.parent, loaded)
    submission = read_work(path, loaded)
    return Work(loaded, path / submission.file if path.is_dir() else path, submission, earlier)


def read_work(path: Path, loaded: Loaded) -> Submission:
    """Read a learner's file; SubmissionError if that fails, whatever was raised."""
    try:
        return read_submission(path, loaded)
    except SubmissionError:
        raise
    except Exception as error:
        message = (
            f"{path.name} cannot be read: the grader itself failed on it ({type(error).__name__}). Remove what you "
            "added last, and report the cell to the maintainers."
        )
        raise SubmissionError(message) from error


def file_of(loaded: Loaded) -> Path:
    """The notebook or the file of an assignment, whichever was saved last.  SubmissionError if there is neither."""
    module = loaded.assignment.module
    found = extraction.newest(loaded.released, module)
    if found is None:
        message = (
            f"There is no {module}.ipynb and no {module}.py in {loaded.released}. "
            f"Start with: autograder start {loaded.assignment.name}"
        )
        raise SubmissionError(message)
    return found


def latest(root: Path) -> Loaded:
    """The assignment that was edited last; the first one if none is started.  UsageError if there is none."""
    begun: list[tuple[float, Loaded]] = []
    every = [catalogue.load(name, root) for name in catalogue.names(root)]
    if not every:
        message = f"There is no assignment in {root}. Start with: autograder start 02_layers"
        raise UsageError(message)
    for loaded in every:
        path = extraction.newest(loaded.released, loaded.assignment.module)
        try:
            if path and open_work(loaded, path).begun():
                begun.append((path.stat().st_mtime, loaded))
        except (SubmissionError, OSError):
            continue
    return max(begun, key=lambda pair: pair[0])[1] if begun else every[0]


def chosen(target: str | None, root: Path) -> tuple[Loaded, Path | None]:
    """The target of a command: an assignment or a file; by default what was edited last.

    UsageError if the target is neither.
    """
    if target is None:
        return latest(root), None
    if Path(target).suffix not in {".py", ".ipynb"}:
        return catalogue.load(catalogue.find(target, root), root), None
    [(loaded, path, _)] = catalogue.targets([target], root)
    return loaded, path


def exercise_of(target: str, root: Path) -> tuple[Loaded, Exercise, str | None]:
    """An exercise, or a part of one (``Linear``, ``layers.Linear``, ``Linear.backward``).  UsageError otherwise."""
    try:
        loaded, part = catalogue.with_exercise(target, root), None
    except UsageError:
        owner, _, part = target.rpartition(".")
        if not owner:
            raise
        loaded = catalogue.with_exercise(owner, root)
        target = owner
    exercise = loaded.assignment.exercise(target.rpartition(".")[2])
    if part is not None and part not in exercise.parts:
        message = f"{exercise.name} has no part '{part}'. Its parts are: {', '.join(exercise.parts)}."
        raise UsageError(message)
    return loaded, exercise, part


def reset_target(target: str, root: Path) -> tuple[Loaded, Exercise | None, str | None]:
    """An assignment, an exercise, or a part of one.  UsageError if it is something else."""
    try:
        return catalogue.load(catalogue.find(target, root), root), None, None
    except UsageError:
        return exercise_of(target, root)
