"""The files of a hand-in that could be the assignment: those of a folder, and those in its zips."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.report import NotGraded
from autograder.submission.archive import ArchiveError, listing, members
from autograder.submission.filenames import assignment_of_folder, kind_of, system_folder
from autograder.submission.recognition import handed_out, is_the_courses, may_be_handed_out
from autograder.submission.walk import walk

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["CODE", "File", "files_in", "shown", "unpack"]

CODE = ("code", "perhaps")
MOST_PACKED = 40 << 20
"""Most bytes of notebooks and scripts that are unpacked from one zip."""


class File(NamedTuple):
    """One file that could be the assignment.

    shown: its path below the folder of hand-ins; reason: why it is not read, if it is not;
    packed: whether it came from a zip.
    vague: whether only its content connects it with the assignment.
    name: its author's name for it, where a platform adds a prefix; time: when it was handed in by the platform's
    own numbering, where file times say nothing.
    """

    path: Path
    shown: str
    reason: str = ""
    packed: bool = False
    vague: bool = False
    name: str = ""
    time: float | None = None


def files_in(folder: Path, loaded: Loaded, home: Path) -> list[File]:
    """List the files of a folder that could be the assignment; home: as in ``walk``."""
    known = catalogue.names(loaded.root)
    files = []
    for seen in walk(folder, home):
        kind = kind_of(seen.path.name)
        if any(_means_another(part, loaded, known) for part in seen.parts[:-1]):
            continue
        if seen.kind == "file" and handed_out(seen.parts, seen.path, loaded.root):
            continue
        if seen.kind == "refused" and (kind in (*CODE, "zip") or seen.path == folder):
            files.append(File(seen.path, "/".join(seen.parts), f"{seen.path.name} {seen.reason}"))
        elif seen.kind == "file" and kind in (*CODE, "zip"):
            files.append(File(seen.path, "/".join(seen.parts)))
    return files


def _means_another(folder: str, loaded: Loaded, known: Iterable[str]) -> bool:
    return assignment_of_folder(folder, known) not in (None, loaded.assignment.name)


def unpack(file: File, into: Path, loaded: Loaded) -> tuple[list[File], list[NotGraded]]:
    """Write out the notebooks and scripts of a zip; list what else is in it."""
    known = catalogue.names(loaded.root)
    wanted, aside, total = {}, [], 0
    try:
        for member in listing(file.path):
            *folders, name = member.name.split("/")
            kind = kind_of(name)
            place = shown(f"{file.shown}/{member.name}")
            if any(map(system_folder, folders)) or any(_means_another(one, loaded, known) for one in folders):
                continue
            if kind in ("zip", "archive"):
                reason = "is an archive inside an archive, which is not opened. Hand in its files."
                aside.append(NotGraded(place, reason, assignment=loaded.assignment.name))
            elif kind in CODE and total + member.size > MOST_PACKED:
                reason = f"was not unpacked: {file.path.name} holds more than {MOST_PACKED >> 20} MB."
                aside.append(NotGraded(place, reason, assignment=loaded.assignment.name))
            elif kind in CODE:
                total += member.size
                wanted[member.name] = member.time
        inside = members(file.path, wanted)
    except ArchiveError as error:
        return [File(file.path, file.shown, str(error))], []
    found = []
    for number, (name, data) in enumerate(inside.items()):
        if may_be_handed_out(name.split("/")) and is_the_courses(data, loaded.root):
            continue
        path = into / str(number) / name.rpartition("/")[2]
        try:
            path.parent.mkdir(parents=True)
            path.write_bytes(data)
            os.utime(path, (wanted[name], wanted[name]))
        except OSError as error:
            message = f"{into.parent} cannot be written ({error.strerror}). Free space for temporary files."
            raise UsageError(message) from error
        found.append(File(path, shown(f"{file.shown}/{name}"), packed=True))
    return found, aside


def shown(text: str) -> str:
    """A path in a form that a report can hold."""
    return text.encode("utf-8", "replace").decode()
