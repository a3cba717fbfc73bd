"""What earlier audits found sound, remembered by a hash of everything that decides it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

import dlkit
from autograder.authoring.audit import Audit, Piece
from autograder.course import catalogue
from autograder.course.assignment_folder import released_files
from autograder.course.catalogue import Loaded, UsageError
from autograder.course.trust import state_home
from autograder.grading.grader import versions
from autograder.spec import SpecError
from autograder.writing import write_atomically

__all__ = ["Proved"]

KEPT_S = 30 * 24 * 3600
"""How long a result is kept after it was last of use."""


class Proved:
    """Results of earlier audits of a course, in the user's state directory.  Only those without a failure are kept.

    An exercise is audited anew where its mistakes, anything else that decides grades in its assignment, what was
    released of it, the autograder, dlkit or NumPy has changed.
    options: of the audit, where they were chosen: another seed is another audit.
    """

    def __init__(self, root: Path, options: Iterable[object] = ()) -> None:
        self._root, self._options = root, tuple(options)
        self._keys: dict[Piece, str] = {}

    def find(self, piece: Piece) -> Audit | None:
        """The earlier result of a piece; None where there is none."""
        with suppress(OSError, msgspec.DecodeError, SpecError, UsageError):
            path = self._path(piece)
            found = msgspec.json.decode(path.read_bytes(), type=Audit)
            os.utime(path)
            return found
        return None

    def keep(self, piece: Piece, result: Audit) -> None:
        """Remember a result without failures; where nothing can be written, nothing is remembered."""
        if not result.failures:
            with suppress(OSError, SpecError, UsageError):
                write_atomically(self._path(piece), result, within=state_home())

    def forget_old(self) -> None:
        """Delete what was of no use for a month."""
        with suppress(OSError, UsageError):
            for path in _folder().glob("*.json"):
                if time.time() - path.stat().st_mtime > KEPT_S:
                    path.unlink()

    def _path(self, piece: Piece) -> Path:
        if piece not in self._keys:  # before it is audited: a file that is saved meanwhile is another one
            self._keys[piece] = self._key(piece)
        return _folder() / f"{self._keys[piece]}.json"

    def _key(self, piece: Piece) -> str:
        loaded = catalogue.load(piece.assignment, self._root)
        given = [
            piece,
            self._options,
            os.uname().machine if hasattr(os, "uname") else os.name,
            sorted(versions().items()),
        ]
        digest = hashlib.sha256(f"{given}{_source_hash()}".encode())
        for other in catalogue.with_earlier(piece.assignment, self._root):
            digest.update(catalogue.load(other, self._root).reference.text.encode())
        for path in _files_of(piece, loaded):
            digest.update(f"\0{path.relative_to(self._root)}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()


def _folder() -> Path:
    return state_home() / "dlkit-course" / "audits"


def _files_of(piece: Piece, loaded: Loaded) -> list[Path]:
    """The files of a course that decide what is found of a piece."""
    folder, name = loaded.folder, f"{loaded.assignment.module}.py"
    if not piece.exercise:
        found = [
            path for place in (folder, loaded.released) for path in place.rglob("*") if "__pycache__" not in path.parts
        ]
    else:
        stubs = [loaded.released / name, loaded.released / f"{loaded.assignment.module}.ipynb", folder / name]
        mistakes = folder / "mistakes" / f"{piece.exercise}.md"
        found = [*released_files(folder), *(folder / "variants").glob("*.py"), mistakes, *stubs]
    return sorted(path for path in found if path.is_file())


@cache
def _source_hash() -> str:
    """Hash of the packages autograder and dlkit, data included."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parents[1], Path(dlkit.__file__).parent):
        for path in sorted(package.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()
