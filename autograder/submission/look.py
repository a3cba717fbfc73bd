"""What one file of a hand-in contains, before it is known whether it counts."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from autograder.submission.filenames import assignment_of_file, attempt, kind_of, stem_of
from autograder.submission.files import File, shown
from autograder.submission.recognition import recognised_file
from autograder.submission.source import Submission, SubmissionError
from dlkit import extraction

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["Look"]


@dataclass(frozen=True)
class Look:
    """What one file contains: "work", "stub", "unreadable" or "foreign", with the sentence."""

    file: File
    loaded: Loaded

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.file.name or self.file.path.name

    @cached_property
    def _found(self) -> tuple[extraction.Extraction | None, str]:
        if self.file.reason:
            return None, self.file.reason
        try:
            found = extraction.extract(self.file.path)
        except extraction.ExtractionError as error:
            return None, str(error)
        except OSError as error:
            return None, f"{self.name} cannot be read ({error.strerror}). Check who may read it."
        return found, ""

    @cached_property
    def submission(self) -> Submission:
        """The file as a submission.  SubmissionError if it cannot be read."""
        found, sentence = self._found
        if found is None or self.foreign:
            raise SubmissionError(sentence or self.foreign)
        return Submission(self.name, found, hashlib.sha256(found.text.encode()).hexdigest())

    @cached_property
    def foreign(self) -> str:
        """Why a readable file does not belong to this assignment; empty if it does."""
        found, _ = self._found
        if found is None:
            return ""
        own = self.loaded.assignment
        stamp = found.metadata.get("dlkit")
        stamped = stamp.get("assignment") if isinstance(stamp, dict) else None
        defined = found.defined | {name for cell in found.broken for name in cell.defines}
        named = assignment_of_file(self.name, [own.name])
        if any(exercise.name in defined for exercise in own.exercises) and stamped in (None, own.name):
            other = None if named or stamped else recognised_file(self.file.path, self.loaded.root)
            if other in (None, own.name):
                return ""
            return f"{self.name} belongs to {other}, not to {own.name}. Hand in {own.module}.ipynb."
        if isinstance(stamped, str) and stamped != own.name:
            other = shown(stamped[:60])
            return f"{self.name} belongs to {other}, not to {own.name}. Hand in {own.module}.ipynb."
        return f"{self.name} defines none of the exercises of {own.name}. Hand in {own.module}.ipynb."

    @cached_property
    def state(self) -> str:
        """Work, an untouched stub, of another assignment or of none, or unreadable."""
        found, _ = self._found
        if found is None:
            return "unreadable"
        if self.foreign:
            return "foreign"
        try:
            begun = self.submission.begun(self.loaded.assignment.exercises)
        except Exception:  # noqa: BLE001 - an error about one exercise belongs to that exercise's report
            begun = True
        return "work" if begun else "stub"

    @property
    def sentence(self) -> str:
        """Why it cannot count; empty if it can."""
        return self._found[1] or self.foreign

    @property
    def may_be_work(self) -> bool:
        """Whether an unreadable file may be the one with the work: it is not empty and not an unrelated text."""
        is_empty = not self.file.reason and self._size == 0
        is_named = assignment_of_file(self.name, [self.loaded.assignment.name]) is not None
        return self.state == "unreadable" and not is_empty and (is_named or kind_of(self.name) != "perhaps")

    @cached_property
    def _size(self) -> int:
        try:
            return self.file.path.stat().st_size
        except OSError:
            return -1

    @cached_property
    def time(self) -> float:
        """When it was saved, in seconds, or its number among a platform's attachments."""
        if self.file.time is not None:
            return self.file.time
        try:
            return self.file.path.stat().st_mtime
        except OSError:
            return 0.0

    @cached_property
    def attempt(self) -> tuple[str, tuple[int, ...]]:
        """Its name without numbers, and the numbers."""
        return attempt(self.name, self.loaded.assignment.module)

    @property
    def preference(self) -> tuple[Any, ...]:
        """The order of files that nothing else distinguishes: the assignment's own name and notebooks come first."""
        stem, module = stem_of(self.name).casefold(), self.loaded.assignment.module
        named = 0 if stem == module else 1 if module in stem else 2
        depth = self.file.shown.count("/")
        return (self.file.packed, named, depth, not self.name.casefold().endswith(".ipynb"), self.file.shown)

    @cached_property
    def meaning(self) -> str:
        """The exercises of a file, without layout and comments."""
        found = self.submission.extraction
        names = {exercise.name for exercise in self.loaded.assignment.exercises}
        try:
            kept = [ast.dump(ast.parse(chunk.source)) for chunk in found.chunks if names & set(chunk.defines)]
        except (RecursionError, ValueError, MemoryError):  # deep nesting, or a number of 5000 digits
            return found.text
        return "\n".join(kept + [cell.reason for cell in found.broken])
