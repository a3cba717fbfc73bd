r"""Zip files that strangers made: the few members that are wanted, read under bounds; everything odd is refused.

Windows' old packer writes ``02_layers\layers.py``: a member's name is given with ``/`` between its folders.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

__all__ = ["ArchiveError", "Member", "listing", "members", "unpack"]

MAX_MEMBERS = 2000
MAX_NAME = 240
"""Of a file or a folder in an archive; more than file systems take is a trick."""
MAX_MEMBER = 20 << 20
MAX_ARCHIVE = 64 << 20
CENTRAL = b"PK\x01\x02"
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArchiveError(Exception):
    """An archive that is not read: one sentence with the cure."""


class Member(NamedTuple):
    """One file of an archive: its name, its bytes once unpacked, and when it was saved (seconds, by its own clock)."""

    name: str
    size: int
    time: float


def listing(path: Path) -> list[Member]:
    """Name the files of an archive, without unpacking any.  Raises ArchiveError as ``members`` does."""
    with _opened(path) as (_, inside):
        files = {name: member for name, member in inside.items() if not name.endswith("/")}
        return [Member(name, member.file_size, _time(member)) for name, member in files.items()]


def members(path: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Read the wanted members that are there, by name; nothing is written anywhere.

    Raises ArchiveError where the file is no zip, holds links, passwords, names that lead out of a folder, a name twice
    or too much.
    """
    with _opened(path) as (archive, inside):
        return {name: _read(path, archive, member) for name, member in inside.items() if name in wanted}


@contextmanager
def _opened(
    path: Path, most: int = MAX_MEMBERS, large: int | None = MAX_ARCHIVE
) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Open an archive, with its members by name, once all of it was looked at.

    most: members; large: bytes, where a stranger packed it and even its directory is not read before they are counted.
    """
    try:
        if path.is_symlink() or not stat.S_ISREG(path.stat().st_mode):
            raise _refused(path, "is no ordinary file")
        if large and (path.stat().st_size > large or path.read_bytes().count(CENTRAL) > most):
            raise _refused(path, f"holds more than {most} files or {large >> 20} MB")
        with zipfile.ZipFile(path) as archive:
            inside: dict[str, zipfile.ZipInfo] = {}
            if len(archive.infolist()) > most:
                raise _refused(path, f"holds more than {most} files")
            for member in archive.infolist():
                _look_at(path, member)
                name = member.filename.replace("\\", "/")
                if name in inside:
                    raise _refused(path, "holds two files of one name")
                inside[name] = member
            yield archive, inside
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise _refused(path, f"cannot be read as a zip file ({error})") from error


def _time(member: zipfile.ZipInfo) -> float:
    try:
        return datetime(*member.date_time, tzinfo=UTC).timestamp()
    except ValueError:  # a 31st of February
        return 0.0


def _refused(path: Path, why: str) -> ArchiveError:
    return ArchiveError(f"{path.name} {why}. Pack it anew with autograder submit.")


def _look_at(path: Path, member: zipfile.ZipInfo) -> None:
    """Refuse a member that an honest hand-in never has, wanted or not."""
    name = member.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    shown = name[:60].encode("utf-8", "replace").decode()
    whole = member.orig_filename.replace("\\", "/")
    if name.replace("\\", "/") != whole or not parts or parts[0].endswith(":") or parts[0] == "/" or ".." in parts:
        raise _refused(path, f"holds a file whose name leads elsewhere ({shown})")
    if max(map(len, parts)) > MAX_NAME:
        raise _refused(path, f"holds a file whose name has more than {MAX_NAME} characters ({shown})")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(path, f"holds a link or a device ({shown})")
    if member.flag_bits & 1:
        raise _refused(path, f"is locked with a password ({shown})")


def _read(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpack one member in memory, no more of it than may be there, whatever its header says."""
    if member.compress_type not in PLAIN or member.file_size > MAX_MEMBER:
        raise _refused(path, f"holds a file of more than {MAX_MEMBER >> 20} MB, or packed in an unusual way")
    with archive.open(member) as stream:
        data = stream.read(MAX_MEMBER + 1)
    if len(data) > MAX_MEMBER:
        raise _refused(path, f"holds a file of more than {MAX_MEMBER >> 20} MB")
    return data


# --- a whole class ---------------------------------------------------------------------------

MAX_FILES = 200_000
MAX_UNPACKED = 16 << 30


def unpack(path: Path, into: Path) -> list[tuple[str, str]]:
    """Write the files of a class's archive out, as many as are small enough; names of the others, with the reason.

    Raises ArchiveError as ``members`` does: links, passwords and names that lead elsewhere have no place in a download.
    """
    left: list[tuple[str, str]] = []
    total = 0
    with _opened(path, MAX_FILES, None) as (archive, inside):
        for name, member in inside.items():
            if name.endswith("/"):
                into.joinpath(name).mkdir(parents=True, exist_ok=True)
                continue
            total += member.file_size
            if total > MAX_UNPACKED:
                raise _refused(path, f"holds more than {MAX_UNPACKED >> 30} GB")
            if member.file_size > MAX_MEMBER or member.compress_type not in PLAIN:
                left.append((name, f"has more than {MAX_MEMBER >> 20} MB, or is packed in an unusual way."))
                continue
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_read(path, archive, member))
            seconds = _time(member)
            os.utime(target, (seconds, seconds))
    return left
