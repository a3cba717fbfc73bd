r"""Zip files from untrusted sources: only the needed members are read, within limits; anything unusual is refused.

Windows' old packer writes ``02_layers\layers.py``: a member's name is given with ``/`` between its folders.
"""

from __future__ import annotations

import errno
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
"""Longest name of a file or a folder in an archive: file systems allow no more."""
MAX_MEMBER = 20 << 20
MAX_ARCHIVE = 64 << 20
CENTRAL = b"PK\x01\x02"
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArchiveError(Exception):
    """An archive that is refused: one sentence with the cure."""


class Member(NamedTuple):
    """One file of an archive: its name, its unpacked size in bytes, and when it was saved (in seconds)."""

    name: str
    size: int
    time: float


def listing(path: Path) -> list[Member]:
    """Name the files of an archive, without unpacking any.  Raises ArchiveError as ``members`` does."""
    with _opened(path) as (_, inside):
        files = {name: member for name, member in inside.items() if not name.endswith("/")}
        return [Member(name, member.file_size, _time(member)) for name, member in files.items()]


def members(path: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Read members by name, as far as they exist; nothing is written.

    Raises ArchiveError if the file is not a zip, or holds links, encrypted files, names that lead out of a folder,
    a name twice or too much data.
    """
    with _opened(path) as (archive, inside):
        return {name: _read(path, archive, member) for name, member in inside.items() if name in wanted}


@contextmanager
def _opened(
    path: Path, left: list[tuple[str, str]] | None = None
) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Open an archive, with its members by name, after all of it was inspected.

    left: receives the refused members, with the reason; without it, one refused member refuses the archive.
    """
    most = MAX_MEMBERS if left is None else MAX_FILES
    try:
        if path.is_symlink() or not stat.S_ISREG(path.stat().st_mode):
            raise _refused(path, "is not an ordinary file")
        if left is None and (path.stat().st_size > MAX_ARCHIVE or path.read_bytes().count(CENTRAL) > most):
            raise _refused(path, f"holds more than {most} files or {MAX_ARCHIVE >> 20} MB")
        with zipfile.ZipFile(path) as archive:
            inside: dict[str, zipfile.ZipInfo] = {}
            if len(archive.infolist()) > most:
                raise _refused(path, f"holds more than {most} files")
            for member in archive.infolist():
                name = member.filename.replace("\\", "/")
                flaw = _flaw(member) or ("holds two files of one name" if name in inside else "")
                if flaw and left is None:
                    raise _refused(path, flaw)
                if flaw and left is not None:
                    left.append((name, f"was not unpacked because it {flaw}."))
                    continue
                inside[name] = member
            yield archive, inside
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise _refused(path, f"cannot be read as a zip file ({error})") from error


def _time(member: zipfile.ZipInfo) -> float:
    try:
        return datetime(*member.date_time, tzinfo=UTC).timestamp()
    except ValueError:  # an impossible date
        return 0.0


def _refused(path: Path, why: str) -> ArchiveError:
    return ArchiveError(f"{path.name} {why}. Pack it again with autograder submit.")


def _flaw(member: zipfile.ZipInfo) -> str:
    """Why a member is refused: what an honest hand-in never contains; empty if it is accepted."""
    name = member.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    shown = name[:60].encode("utf-8", "replace").decode()
    whole = member.orig_filename.replace("\\", "/")
    if name.replace("\\", "/") != whole or not parts or parts[0].endswith(":") or parts[0] == "/" or ".." in parts:
        return f"holds a file whose name leads elsewhere ({shown})"
    if max(map(len, parts)) > MAX_NAME:
        return f"holds a file whose name has more than {MAX_NAME} characters ({shown})"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"holds a link or a device ({shown})"
    return f"is locked with a password ({shown})" if member.flag_bits & 1 else ""


def _read(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpack one member in memory, up to the limit, whatever its header says."""
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
    """Write out the files of a class's archive; return the names of those that were not written, with the reason.

    A member that would be refused in a student's archive is left out here, because one file must not stop a class.
    Raises ArchiveError if the file is not a zip or ``into`` cannot be written.
    """
    left: list[tuple[str, str]] = []
    total = 0
    with _opened(path, left) as (archive, inside):
        for name, member in inside.items():
            if name.endswith("/"):
                continue
            try:
                data = _read(path, archive, member)
            except (ArchiveError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
                left.append((name, f"was not unpacked ({error})"))
                continue
            total += len(data)
            if total > MAX_UNPACKED:
                raise ArchiveError(f"{path.name} holds more than {MAX_UNPACKED >> 30} GB.")
            if reason := _write(into / name, data, _time(member)):
                left.append((name, reason))
    return left


def _write(target: Path, data: bytes, seconds: float) -> str:
    """Write a file with its time; return the reason if this one cannot be written."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        os.utime(target, (seconds, seconds))
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.EINVAL, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
            raise ArchiveError(f"{target} cannot be written ({error.strerror}).") from error
        return f"was not unpacked ({error.strerror})."
    return ""
