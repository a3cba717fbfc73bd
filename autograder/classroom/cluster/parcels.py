"""What travels to another machine: a whole course, and one hand-in with the files that it may be read from."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.finding import Entry
from autograder.submission import File, SubmissionError
from autograder.submission.archive import MAX_ARCHIVE
from autograder.submission.recognition import MOST_BYTES
from dlkit import course

__all__ = ["Packed", "Parcel", "pack_course", "pack_hand_in", "unpack_course", "unpack_hand_in"]

MOST_IN_ALL = 256 << 20
"""Bytes of all files of one hand-in together that are sent."""
LEVEL = 6
SKIPPED = ("__pycache__", ".ipynb_checkpoints")
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Packed:
    """A course as one zip; sha256: of the zip, which is the same for the same files."""

    sha256: str
    content: bytes


def pack_course(root: Path) -> Packed:
    """Pack everything of a course that grading reads: the assignments with their references, and what is handed out."""
    buffer = io.BytesIO()
    shelves = {"solutions": root / "solutions", "assignments": course.shelf(root)}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, shelf in shelves.items():
            for path in sorted(shelf.rglob("*")):
                parts = path.relative_to(shelf).parts
                if path.is_file() and not any(part in SKIPPED for part in parts):
                    info = zipfile.ZipInfo("/".join([name, *parts]), EPOCH)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(info, path.read_bytes())
    content = buffer.getvalue()
    return Packed(hashlib.sha256(content).hexdigest(), content)


def unpack_course(packed: Packed, folder: Path) -> Path:
    """Write a packed course below ``folder``, in a folder named by its hash; return that folder.  OSError as raised."""
    root = folder / f"course-{packed.sha256[:16]}"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        archive.extractall(root)
    return root


@dataclass(frozen=True)
class _Sent:
    """A file of a hand-in: what is known about it, its beginning, its size and the time of its last change."""

    file: File
    content: bytes = b""
    size: int = 0
    changed: float = 0.0


@dataclass(frozen=True)
class Parcel:
    """One hand-in as content: whose, of which assignment, the name of its place, its files and earlier assignments'."""

    student: str
    assignment: str
    name: str
    files: tuple[_Sent, ...]
    earlier: tuple[tuple[str, tuple[_Sent, ...]], ...]


def pack_hand_in(entry: Entry, *, with_earlier: bool) -> Parcel:
    """Read an entry's files; with_earlier: also those of the student's other assignments.

    Raises OSError if one of them cannot be read, SubmissionError if they are too large to be sent.
    """
    left = MOST_IN_ALL

    def sent(files: Iterable[File]) -> tuple[_Sent, ...]:
        nonlocal left
        found = []
        for file in files:
            found.append(_sent(file))
            left -= len(found[-1].content)
            if left < 0:
                message = (
                    f"holds more than {MOST_IN_ALL >> 20} MB of files that could be the assignment. "
                    "Hand in the notebook alone."
                )
                raise SubmissionError(message)
        return tuple(found)

    earlier = entry.earlier if with_earlier else {}
    return Parcel(
        entry.student,
        entry.assignment,
        Path(entry.path).name,
        sent(entry.files or ()),
        tuple((name, sent(files)) for name, files in earlier.items()),
    )


def _sent(file: File) -> _Sent:
    """A file, and of one that is refused for its size as much as is read to see what it is."""
    if file.reason:
        return _Sent(file)
    status = file.path.lstat()
    if not stat.S_ISREG(status.st_mode):
        message = f"{file.path} is no regular file"
        raise OSError(message)
    most = MAX_ARCHIVE if status.st_size <= MAX_ARCHIVE else MOST_BYTES
    with file.path.open("rb") as opened:
        return _Sent(file, opened.read(most), status.st_size, status.st_mtime)


def unpack_hand_in(parcel: Parcel, folder: Path) -> Entry:
    """Write a parcel's files below ``folder``; return the entry that is graded there.  OSError as raised."""
    earlier = {
        name: [_written(one, folder / f"earlier-{i}" / str(j)) for j, one in enumerate(files)]
        for i, (name, files) in enumerate(parcel.earlier)
    }
    files = [_written(one, folder / str(i)) for i, one in enumerate(parcel.files)]
    return Entry(parcel.student, parcel.assignment, str(folder / parcel.name), files, earlier, again=True)


def _written(one: _Sent, folder: Path) -> File:
    if one.file.reason:
        return one.file
    path = folder / one.file.path.name
    path.parent.mkdir(parents=True)
    path.write_bytes(one.content)
    os.truncate(path, one.size)
    os.utime(path, (one.changed, one.changed))
    return one.file._replace(path=path)
