"""Writes whole files or nothing, and never through a symbolic link below the folder named by the user.

A link at or above that folder is its owner's choice and is followed.  One below it may have come with a hand-in, and
could overwrite somebody else's file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

__all__ = ["LinkedPathError", "make_folder", "refuse_links", "write_atomically", "write_file"]

BY_DESCRIPTOR = {os.open, os.mkdir, os.stat, os.rename, os.unlink} <= os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
"""Whether each folder can be opened from the one above it, so that none can be replaced by a link meanwhile."""
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", os.O_RDONLY)
JUNCTION = 0xA0000003
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK | getattr(os, "O_BINARY", 0)


class LinkedPathError(Exception):
    """A symbolic link leads out of the folder that would be written: one sentence with the cure."""

    def __init__(self, link: str) -> None:
        super().__init__(link)
        self.link = link

    def __str__(self) -> str:
        return f"{self.link} is a symbolic link, which is not followed for writing: remove it, or name another folder."


def write_file(path: Path, content: bytes, *, within: Path | None = None, mode: int = 0o666) -> None:
    """Write a whole file or nothing, with the folders that it needs.

    within: the folder named by the user; links to it are followed, and nothing below it may be a link.  By
    default the folder of the file.  mode: of a new file, minus the umask.
    Raises LinkedPathError if the file or a folder on the way to it is a link, OSError if it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    with _opened(path.parent, within or path.parent) as folder:
        _refuse(path, folder)
        here, there = _named(part, folder), _named(path, folder)
        try:
            with os.fdopen(os.open(here, NEW_FILE, mode, dir_fd=folder), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(here, there, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(here, dir_fd=folder)
            raise


def write_atomically(path: Path, content: object, *, within: Path | None = None) -> None:
    """Write a whole file or nothing: text as UTF-8, a struct as JSON; within, errors: as in ``write_file``."""
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
    write_file(path, content, within=within)


def make_folder(folder: Path, within: Path) -> None:
    """Create a folder and its missing parents.

    Raises LinkedPathError if one of them below ``within`` is a link.
    """
    with _opened(folder, within):
        pass


def refuse_links(path: Path, within: Path) -> None:
    """Raise LinkedPathError if a path, or a folder above it and below ``within``, is a link; create nothing."""
    place = str(within)
    for name in _steps(path, within):
        place = os.path.join(place, name)  # noqa: PTH118 - twice for every hand-in of a class
        try:
            found = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return  # and below it there is nothing
        _refuse_link(place, found)


def _steps(path: Path, within: Path) -> tuple[str, ...]:
    steps = path.relative_to(within).parts
    if ".." in steps:
        message = f"{path} leads out of {within}"
        raise ValueError(message)
    return steps


@contextlib.contextmanager
def _opened(folder: Path, within: Path) -> Iterator[int | None]:
    """Create a folder and open it step by step from ``within``; yield its descriptor, or None if unsupported."""
    within.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(within, FOLDER) if BY_DESCRIPTOR else None
    place = within
    try:
        for name in _steps(folder, within):
            place /= name
            with contextlib.suppress(FileExistsError):
                os.mkdir(_named(place, descriptor), dir_fd=descriptor)
            _refuse(place, descriptor)
            if descriptor is not None:
                above, descriptor = descriptor, _go_into(place, descriptor)
                os.close(above)
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _go_into(place: Path, above: int) -> int:
    try:
        return os.open(place.name, FOLDER | NO_LINK, dir_fd=above)
    except OSError:
        _refuse(place, above)  # it has become a link since it was checked
        raise


def _named(place: Path, folder: int | None) -> str:
    """A path's name relative to its open folder, or the whole path if the folder is not open."""
    return str(place) if folder is None else place.name


def _refuse(place: Path, folder: int | None) -> None:
    """Raise LinkedPathError if a path is a link, or on Windows a junction."""
    try:
        found = os.stat(_named(place, folder), dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return
    _refuse_link(str(place), found)


def _refuse_link(place: str, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == JUNCTION:
        raise LinkedPathError(place)
