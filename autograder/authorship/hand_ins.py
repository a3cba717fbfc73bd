"""A student's own code in a whole hand-in: every statement that is not the course's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from autograder.authorship.tokens import Gram, grams_of, tokens_of
from autograder.classroom.finding import Entry, submission_of
from autograder.course.catalogue import UsageError
from autograder.submission import SubmissionError
from autograder.submission.files import shown
from dlkit.extraction import Chunk, extract, newest

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["HandIn", "Released", "own_code", "read_hand_ins", "released"]


@dataclass(frozen=True)
class HandIn:
    """One student's statements.

    text: the student's own, without the course's; whole: all of them; file: which file of the hand-in counts.
    """

    student: str
    file: str
    text: str
    whole: str

    @cached_property
    def grams(self) -> list[Gram]:
        """The k-grams of the student's own statements."""
        return list(grams_of(self.text))


@dataclass(frozen=True)
class Released:
    """What the course hands out: its code as text, its statements by what they mean, and its k-grams."""

    text: str
    statements: frozenset[str]
    grams: frozenset[str] = field(repr=False)


def released(loaded: Loaded) -> Released:
    """The released file of an assignment.  UsageError if it is not there."""
    path = newest(loaded.released, loaded.assignment.module)
    if path is None:
        message = f"{loaded.assignment.name} is not released yet, so its stub is unknown: run autograder release first."
        raise UsageError(message)
    chunks = extract(path).chunks
    text = _joined(chunks)
    return Released(text, frozenset(map(_meaning, chunks)), frozenset(gram.text for gram in grams_of(text)))


def read_hand_ins(
    entries: Iterable[Entry], loaded: Loaded, stub: Released, advance: Callable[[str], None] = lambda _: None
) -> tuple[list[HandIn], list[tuple[str, str]]]:
    """Read hand-ins by the choice of file that grading makes; with them, who could not be compared, and why.

    advance: called with each student.
    """
    found, left = [], []
    for entry in entries:
        advance(entry.student)
        try:
            submission = submission_of(entry, loaded)
        except SubmissionError as error:
            left.append((entry.student, shown(str(error))))
            continue
        one = own_code(entry.student, submission.file, submission.extraction.chunks, stub)
        if any(gram.text not in stub.grams for gram in one.grams):
            found.append(one)
        else:
            left.append((entry.student, f"{shown(submission.file)} has no code beyond what the course hands out."))
        left += [
            (entry.student, f"{cell.label} does not parse and was left out.") for cell in submission.extraction.broken
        ]
    return found, left


def own_code(student: str, file: str, chunks: Sequence[Chunk], stub: Released) -> HandIn:
    """A hand-in from the statements of its file."""
    own = [chunk for chunk in chunks if _meaning(chunk) not in stub.statements]
    return HandIn(student, file, _joined(own), _joined(chunks))


def _meaning(chunk: Chunk) -> str:
    """The same for statements that differ in names and layout alone."""
    return _plain(chunk.source)


@lru_cache(maxsize=4096)
def _plain(source: str) -> str:
    """Its tokens; cached, because every hand-in repeats what the course hands out."""
    return " ".join(token.text for token in tokens_of(source)) or source


def _joined(chunks: Sequence[Chunk]) -> str:
    """Statements as one text, each cell with its number."""
    pieces, label = [], ""
    for chunk in chunks:
        if chunk.label != label:
            label = chunk.label
            pieces.append(f"# {label}")
        pieces.append(chunk.source.rstrip())
    return "\n\n".join(pieces) + "\n"
