"""The assignment of a file whose name does not say it: by the course's stamp, or by what it defines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from autograder.course import catalogue
from autograder.course.assignment_folder import OUTLINE, RELEASED, released_files
from autograder.spec import SpecError
from dlkit import course

__all__ = ["handed_out", "is_the_courses", "may_be_handed_out", "recognised", "recognised_file"]

_STAMP = re.compile(rb'"dlkit"\s*:\s*\{\s*"assignment"\s*:\s*"([\w-]{1,80})"')
_DEFINED = re.compile(rb"(?:\\n|\b)(?:class|def)\s+([A-Za-z_]\w*)")
"""In the JSON of a notebook, the end of a line is two characters."""
MOST_BYTES = 20 << 20
LARGEST = 1 << 20
"""Size of the largest file that is compared with the course's files."""
_OWN = b"from autograder.checks import"


def recognised(data: bytes, root: Path) -> str | None:
    """Name the assignment of the course at ``root`` that a notebook or a script belongs to; None if that is unclear.

    Nothing is parsed: these may be any bytes.  A notebook with the course's stamp is what the stamp says; else it is
    the assignment with the most exercises defined.
    """
    plain = data[:MOST_BYTES].replace(b"\0", b"")  # leaves the letters of UTF-16
    known = catalogue.names(root)
    if stamp := _STAMP.search(plain):
        name = stamp[1].decode()
        return name if name in known else None
    defined = {name.decode() for name in _DEFINED.findall(plain)}
    counts = {name: len(defined & _exercises(name, root)) for name in known}
    most = max(counts.values(), default=0)
    best = [name for name, count in counts.items() if count == most]
    return best[0] if most and len(best) == 1 else None


def recognised_file(path: Path, root: Path) -> str | None:
    """The same for a file; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return recognised(file.read(MOST_BYTES), root)
    except OSError:
        return None


def handed_out(parts: Sequence[str], path: Path, root: Path) -> bool:
    """Whether a file with these folders and this name is one that the course hands out, not a student's work."""
    return may_be_handed_out(parts) and is_the_courses(_head(path), root)


def may_be_handed_out(parts: Sequence[str]) -> bool:
    """Whether a file is where the course puts its own files; its content decides."""
    return parts[-1] == OUTLINE or (len(parts) > 1 and parts[-2] in RELEASED and parts[-1].endswith(".py"))


def is_the_courses(data: bytes, root: Path) -> bool:
    """Whether bytes are a script of the course: checks are recognised by their imports, other files by their hash."""
    return _OWN in data or _digest(data) in _digests(root)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


@lru_cache(maxsize=8)
def _digests(root: Path) -> frozenset[str]:
    folders = [course.shelf(root) / name for name in catalogue.names(root)]
    return frozenset(_digest(path.read_bytes()) for folder in folders for path in released_files(folder))


@lru_cache(maxsize=64)
def _exercises(name: str, root: Path) -> frozenset[str]:
    try:
        exercises: Iterable[str] = [exercise.name for exercise in catalogue.load(name, root).assignment.exercises]
    except SpecError:  # another assignment's checks are broken: that one is not recognised
        exercises = ()
    return frozenset(exercises)
