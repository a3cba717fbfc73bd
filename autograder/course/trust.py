"""Which courses' checks may run on the command line: checks are programs that run as the user.

Trusted are the course that this package was installed with, one named by ``--course`` or DLKIT_COURSE, and one whose
files were made by ``autograder start`` or accepted by ``autograder trust``.  Their paths and hashes are stored in the
user's state directory, never in a course's own folder, which may come from a stranger.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
import time
from pathlib import Path

import msgspec

from autograder.course import catalogue
from autograder.course.assignment_folder import OUTLINE, released_files
from autograder.course.catalogue import UsageError
from autograder.course.hint_files import HINTS
from autograder.writing import refuse_links, write_file
from dlkit import course

__all__ = [
    "Accepted",
    "accept",
    "accepted",
    "content_of",
    "find_course",
    "forget",
    "hashed",
    "record",
    "require",
    "state_home",
]

CONTENT = (HINTS, "cases.npz", "yardsticks.json")
"""Trusted data of a released assignment; ``released_files`` are executed.  A student's work is neither."""


class Accepted(msgspec.Struct, frozen=True):
    """Accepted files of one course: the SHA-256 of each by its path in the course; by "start" or "trust"."""

    files: dict[str, str]
    by: str = "trust"
    at: str = ""


class _Store(msgspec.Struct):
    format: int = 1
    courses: dict[str, Accepted] = {}


# --- finding a course ------------------------------------------------------------------------


def find_course(named: Path | None = None, *, hand_ins: Path | None = None) -> Path:
    """Find the course whose checks may run: the one named by an option or DLKIT_COURSE, else the nearest one.

    hand_ins: a folder of hand-ins; a course inside it is skipped, and refused if it was named.
    Raises UsageError if its checks are not trusted or an assignment has the form of version 0.1, CourseError if there
    is no course.
    """
    if named is not None or "DLKIT_COURSE" in os.environ:
        root = course.root(named)
        if hand_ins is not None and _is_among(root, hand_ins):
            message = f"The course {root} is inside the hand-ins, {hand_ins}: name one elsewhere with --course."
            raise UsageError(message)
        catalogue.refuse_former(root)
        return root
    places = course.around(Path.cwd())
    found = next((place for place in places if hand_ins is None or not _is_among(place, hand_ins)), course.clone())
    if found is None:
        message = f"There is no course at or above {Path.cwd()}: name the folder that holds assignments/ with --course."
        raise course.CourseError(message)
    catalogue.refuse_former(found)
    require(found)
    return found


def _is_among(root: Path, hand_ins: Path) -> bool:
    """Whether a course, or any trusted file of it, is in a folder of hand-ins; never true for the installed one."""
    folder = hand_ins.resolve()
    places = (root, *_contents(root).values())
    return root != course.installed() and any(place.resolve().is_relative_to(folder) for place in places)


def require(root: Path) -> None:
    """Raise UsageError with one sentence if a course's checks are not trusted, or have changed since."""
    root = root.resolve()
    if root == course.installed() or ("DLKIT_COURSE" in os.environ and root == course.root()):
        return
    known = _read().courses.get(str(root), Accepted({})).files
    files = _contents(root)
    fresh = {name: path for name, path in files.items() if known.get(name) != hashed(path)}
    if not fresh:
        return
    folders = {_assignment_folder(root, name) for name in fresh}
    one = len(folders) == 1 and (known or root in {folder.parent for folder in folders})
    target = folders.pop() if one else root
    how = f"accept them with autograder trust {shlex.quote(str(target))}, or name another course with --course"
    if changed := sorted(known.keys() & fresh.keys()):
        message = f"{root / changed[0]} has changed since it was trusted, and would run as you: read it, then {how}."
    else:
        message = f"The checks in {target} would run as you, and are not trusted yet: {how}."
    raise UsageError(message)


def _assignment_folder(root: Path, name: str) -> Path:
    """The folder of the assignment that a file of the course belongs to."""
    folders = name.split("/")
    depth = next(i for i, folder in enumerate(folders, 1) if course.FOLDER.fullmatch(folder))
    return root.joinpath(*folders[:depth])


def _contents(root: Path) -> dict[str, Path]:
    """Every file of a course that is executed or trusted as data, by its path in the course."""
    found: list[Path] = []
    for name in catalogue.names(root):
        released, solution = course.shelf(root) / name, root / "solutions" / name
        found += content_of(released)
        found += [solution / "cases.npz", *sorted(solution.rglob("*.py")), *sorted(solution.glob("mistakes/*.md"))]
    return {path.relative_to(root).as_posix(): path for path in found if path.is_file()}


def content_of(folder: Path) -> list[Path]:
    """The files of a released assignment that are executed or trusted as data."""
    return [*released_files(folder), *(path for file in CONTENT if (path := folder / file).is_file())]


def hashed(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- what was accepted -----------------------------------------------------------------------


def accept(folder: Path) -> dict[Path, str]:
    """Trust the present content of a folder, a course's or one assignment's; return its files with their hashes.

    Raises UsageError if there is nothing to trust.
    """
    folder = folder.resolve()
    assignments = [
        path.parent for path in sorted(folder.glob(f"*/{OUTLINE}")) if course.FOLDER.fullmatch(path.parent.name)
    ]
    root = next(course.around(assignments[0] if assignments else folder), folder)
    files = {name: hashed(path) for name, path in _contents(root).items() if path.is_relative_to(folder)}
    if not files:
        message = f"There are no checks in {folder}: name a folder that holds assignments/, or an assignment's own."
        raise UsageError(message)
    record(root, files, by="trust")
    return {root / name: digest for name, digest in files.items()}


def record(root: Path, files: dict[str, str], *, by: str) -> None:
    """Store hashes of a course's files, by path in the course; UsageError if that cannot be written."""
    store = _read()
    before = store.courses.get(str(root), Accepted({})).files
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    store.courses[str(root)] = Accepted({**before, **files}, by, now)
    _write(store)


def accepted() -> dict[str, Accepted]:
    """Everything that is trusted in addition to the installed course, by the course's path."""
    return dict(sorted(_read().courses.items()))


def forget(folder: Path) -> list[str]:
    """Stop trusting a course, or one assignment of it; return the files that were trusted.  UsageError if none was."""
    folder, store = folder.resolve(), _read()
    gone = [
        (root, name)
        for root, known in store.courses.items()
        for name in known.files
        if Path(root, name).is_relative_to(folder)
    ]
    if not gone:
        message = f"Nothing in {folder} is trusted: see autograder trust --list."
        raise UsageError(message)
    for root in {root for root, _ in gone}:
        known = store.courses.pop(root)
        if kept := {name: digest for name, digest in known.files.items() if (root, name) not in gone}:
            store.courses[root] = msgspec.structs.replace(known, files=kept)
    _write(store)
    return [str(Path(root, name)) for root, name in gone]


def state_home() -> Path:
    """The folder in which the system keeps programs' state of a user."""
    named = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(named):  # noqa: PTH117 - the specification has others ignored
        return Path(named)
    try:
        home = Path.home()
    except RuntimeError as error:
        message = "There is no home folder in which to store trusted courses: set XDG_STATE_HOME."
        raise UsageError(message) from error
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return home / ".local" / "state"


def _path() -> Path:
    return state_home() / "dlkit-course" / "trusted.json"


def _read() -> _Store:
    path = _path()
    refuse_links(path, state_home())
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Store)
    except FileNotFoundError:
        return _Store()
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read ({error}): delete it, and trust your courses again."
        raise UsageError(message) from error


def _write(store: _Store) -> None:
    content = msgspec.json.format(msgspec.json.encode(store), indent=1) + b"\n"
    try:
        write_file(_path(), content, within=state_home(), mode=0o600)
    except OSError as error:
        message = f"{_path()} cannot be written ({error.strerror}): set XDG_STATE_HOME to a folder of your own."
        raise UsageError(message) from error
