"""The content of a handed-in folder: every file once, links included, within limits."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from autograder.submission.filenames import system_folder

__all__ = ["MOST_FILES", "Seen", "flaw", "is_plain_folder", "walk"]

MOST_FILES = 2000
MOST_DEEP = 12


class Seen(NamedTuple):
    """One file, or a folder that is not entered: its path, the folders and name that lead to it, its kind.

    kind: "file", "link" (to somewhere in the same place), "folder" (without a file), "system" (a program's folder),
    or "refused" with the reason.
    """

    path: Path
    parts: tuple[str, ...]
    kind: str = "file"
    reason: str = ""


def walk(folder: Path, home: Path) -> Iterator[Seen]:
    """List everything below a folder, in order; folders of programs are listed and not entered.

    home: the folder, without links, that belongs to the student; a link that leaves it is refused.
    """
    found = 0
    stack: list[tuple[Path, tuple[str, ...]]] = [(folder, ())]
    while stack:
        place, parts = stack.pop()
        try:
            with os.scandir(place) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            yield Seen(place, parts, "refused", f"cannot be read ({error.strerror}). Check who may read it.")
            continue
        if not entries:
            yield Seen(place, parts, "folder")
        inner = []
        for entry in entries:
            found += 1
            if found > MOST_FILES:
                yield Seen(place, parts, "refused", f"holds more than {MOST_FILES} files; the rest was not read.")
                return
            path, below = place / entry.name, (*parts, entry.name)
            if entry.is_symlink():
                reason = flaw(path, home)
                yield Seen(path, below, "refused" if reason else "link", reason)
            elif not entry.is_dir(follow_symlinks=False):
                yield Seen(path, below)
            elif system_folder(entry.name):
                yield Seen(path, below, "system")
            elif len(below) >= MOST_DEEP:
                yield Seen(path, below, "refused", f"lies more than {MOST_DEEP} folders deep and was not read.")
            else:
                inner.append((path, below))
        stack += reversed(inner)


def is_plain_folder(path: Path) -> bool:
    """Whether a path is a folder itself, no link to one."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and not getattr(found, "st_reparse_tag", 0)


def flaw(path: Path, home: Path) -> str:
    """Why a path is refused: its link leaves the student's folder or leads nowhere; empty if it is accepted."""
    try:
        if path.resolve(strict=True).is_relative_to(home):
            return ""
    except (OSError, RuntimeError):  # a loop of links, or one that leads to nothing
        return "is not an ordinary file. Hand in the file itself, not a link or a device."
    return "is a link to another place. Hand in the folder itself, with the file in it."
