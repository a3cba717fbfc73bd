"""Folder layouts of platforms: from a folder to one place per student.

Sources: nbgrader's ``submitted/STUDENT/ASSIGNMENT``; Canvas's download ``lastfirst_LATE_USERID_ATTACHMENTID_name``;
Moodle's ``Full Name_NUMBER_assignsubmission_file_/``; Gradescope's ``submission_NUMBER/`` and
``submission_metadata.yml``; GitHub's clones, a folder for each repository; ASSIGNMENT/STUDENT, as many teachers sort.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.classroom.gradescope_export import METADATA, submitters
from autograder.submission.filenames import assignment_of_folder, kind_of, stem_of, system_folder
from autograder.submission.files import File

__all__ = ["Layout", "Place"]

MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_\w*", re.DOTALL)
MOODLE_FILE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_(?P<file>.+)", re.DOTALL)
CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<user>\d+)_(?P<attachment>\d+)_(?P<file>.+)", re.DOTALL)
CANVAS_TEXT = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<user>\d+)_(?P<file>text\.html)")
"""Text entered in Canvas itself."""


@dataclass
class Place:
    """A place with files of one student; student "" stands for files of nobody.

    assignment: of the files, if the layout shows it; name: of the student, if the id is different.
    """

    student: str
    folders: list[Path] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    assignment: str | None = None
    name: str = ""


@dataclass(frozen=True)
class _Listing:
    """The content of a folder; a link to a folder counts as a folder."""

    folder: Path
    folders: Sequence[Path]
    files: Sequence[Path]

    @property
    def platform(self) -> str:
        """The platform that the folder was downloaded from: gradescope, moodle, canvas; empty for any other."""
        if any(path.name == METADATA for path in self.files):
            return "gradescope"
        if any(MOODLE.fullmatch(path.name) for path in self.folders):
            return "moodle"
        if any(MOODLE_FILE.fullmatch(path.name) for path in self.files):
            return "moodle"
        return "canvas" if any(CANVAS.fullmatch(path.name) for path in self.files) else ""


class Layout:
    """Finds the places of students in a folder.

    base: the folder of hand-ins, which names of files are relative to; known: the course's assignments;
    skipped: paths that are not entered, with the reason; those found on the way are added.
    """

    def __init__(self, base: Path, known: Sequence[str], skipped: dict[Path, str]) -> None:
        self.base, self.known, self.skipped = base, known, skipped

    def places(self, *, packed: bool = False) -> Iterator[Place]:
        """List the places below the base; packed: it came from a zip, which may hold one folder around everything."""
        yield from self._places(self.base, packed=packed)

    def _places(self, folder: Path, *, packed: bool = False) -> Iterator[Place]:
        listing = self._listed(folder)
        platform = {"gradescope": self._gradescope, "moodle": self._moodle, "canvas": self._canvas}.get(
            listing.platform
        )
        if platform:
            yield from platform(listing)
            return
        if packed and len(listing.folders) == 1 and not self._is_student(listing.folders[0]):
            yield from self._places(listing.folders[0])
            yield from self._nobody(listing.files)
            return
        named = {path: name for path in listing.folders if (name := assignment_of_folder(path.name, self.known))}
        if named and self._holds_students(list(named)):
            for path, assignment in named.items():
                for place in self._places(path):
                    place.assignment = place.assignment or assignment
                    yield place
            yield from self._nobody([*(path for path in listing.folders if path not in named), *listing.files])
        elif named and len(named) == len(listing.folders):
            yield Place(folder.resolve().name, [folder])
        else:
            yield from self._by_student(listing, named)

    def file(self, path: Path, **more: object) -> File:
        """Name a file by its path below the base."""
        return File(path, path.relative_to(self.base).as_posix(), **more)  # type: ignore[arg-type]

    def _nobody(self, paths: Sequence[Path]) -> Iterator[Place]:
        if paths:
            yield Place("", files=[self.file(path) for path in paths])

    def _listed(self, folder: Path) -> _Listing:
        folders, files = [], []
        with os.scandir(folder) as found:
            names = sorted(entry.name for entry in found)
        for name in names:
            path = folder / name
            if path in self.skipped:
                continue
            if not _is_folder(path):
                files.append(path)
            elif system_folder(name):
                self.skipped[path] = "belongs to a program or an operating system."
            elif (path / "run.json").is_file() and (path / "reports").is_dir():
                self.skipped[path] = "was written by autograder grade."
            else:
                folders.append(path)
        return _Listing(folder, folders, files)

    def _by_student(self, listing: _Listing, named: dict[Path, str]) -> Iterator[Place]:
        """One folder per student; a file not named after an assignment is named after its student: ``amara.zip``."""
        found = {path.name: Place(path.name, [path]) for path in listing.folders if path not in named}
        nobody = list(named)
        for path in listing.files:
            stem = stem_of(path.name)
            is_work = kind_of(path.name) in ("code", "zip")
            if is_work and (stem in found or assignment_of_folder(stem, self.known) is None):
                found.setdefault(stem, Place(stem)).files.append(self.file(path))
            else:
                nobody.append(path)
        yield from found.values()
        yield from self._nobody(nobody)

    def _moodle(self, listing: _Listing) -> Iterator[Place]:
        """The id is the folder's name, which Moodle's worksheet uses; without folders, the name it would have."""
        found: dict[str, Place] = {}
        nobody = []
        for path in (*listing.folders, *listing.files):
            is_folder = path in listing.folders
            parts = MOODLE.fullmatch(path.name) if is_folder else MOODLE_FILE.fullmatch(path.name)
            if parts is None:
                nobody.append(path)
                continue
            student = f"{parts['name']}_{parts['number']}_assignsubmission_file_"
            place = found.setdefault(student, Place(student, name=parts["name"]))
            if is_folder:
                place.folders.append(path)
            else:
                place.files.append(self.file(path, name=parts["file"]))
        yield from found.values()
        yield from self._nobody(nobody)

    def _canvas(self, listing: _Listing) -> Iterator[Place]:
        """The id is Canvas's own number, which its gradebook uses; a later attachment has a higher number."""
        found: dict[str, Place] = {}
        nobody = []
        for path in listing.files:
            parts = CANVAS.fullmatch(path.name) or CANVAS_TEXT.fullmatch(path.name)
            if parts is None:
                nobody.append(path)
                continue
            place = found.setdefault(parts["user"], Place(parts["user"], name=parts["name"]))
            number = parts.groupdict().get("attachment")
            place.files.append(self.file(path, name=parts["file"], time=float(number) if number else None))
        yield from found.values()
        yield from (Place(path.name, [path]) for path in listing.folders)
        yield from self._nobody(nobody)

    def _gradescope(self, listing: _Listing) -> Iterator[Place]:
        """A submission counts for each of its submitters."""
        known = submitters(listing.folder / METADATA)
        for path in listing.folders:
            those = known.get(path.name, [])
            yield from (Place(one.id, [path], name=one.name) for one in those)
            if not those:
                yield Place(path.name, [path])
        yield from self._nobody([path for path in listing.files if path.name != METADATA])

    def _holds_students(self, folders: Sequence[Path]) -> bool:
        """Whether folders of assignments hold one folder per student, rather than one student's files."""
        inner = [self._listed(path) for path in folders if not path.is_symlink()]
        if any(one.platform for one in inner):
            return True
        work = [path for one in inner for path in one.files if kind_of(path.name) == "code"]
        students = [path for one in inner for path in one.folders if not assignment_of_folder(path.name, self.known)]
        return bool(students) and not work

    def _is_student(self, folder: Path) -> bool:
        """Whether a folder belongs to one student, rather than to a class."""
        listing = self._listed(folder)
        if listing.platform:
            return False
        if any(kind_of(path.name) == "code" for path in listing.files) or not listing.folders:
            return True
        named = [path for path in listing.folders if assignment_of_folder(path.name, self.known)]
        return bool(named) and not self._holds_students(named)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no permission to look
        return False
