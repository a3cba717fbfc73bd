"""Zip files that strangers made: the few members that are wanted, read under bounds; everything odd is refused."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath

__all__ = ["ArchiveError", "members"]

MAX_MEMBERS = 200
MAX_MEMBER = 20 << 20
MAX_ARCHIVE = 64 << 20
CENTRAL = b"PK\x01\x02"
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArchiveError(Exception):
    """An archive that is not read: one sentence with the cure."""


def members(path: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Read the wanted members that are there, by name; nothing is written anywhere.

    Raises ArchiveError where the file is no zip, holds links, passwords, names that lead out of a folder, a name twice
    or too much.
    """
    try:
        if path.is_symlink() or not stat.S_ISREG(path.stat().st_mode):
            raise _refused(path, "is no ordinary file")
        if path.stat().st_size > MAX_ARCHIVE or path.read_bytes().count(CENTRAL) > MAX_MEMBERS:
            raise _refused(path, f"holds more than {MAX_MEMBERS} files or {MAX_ARCHIVE >> 20} MB")
        with zipfile.ZipFile(path) as archive:
            inside = archive.infolist()
            for member in inside:
                _look_at(path, member)
            names = [member.filename for member in inside]
            if len(set(names)) < len(names):
                raise _refused(path, "holds two files of one name")
            return {member.filename: _read(path, archive, member) for member in inside if member.filename in wanted}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise _refused(path, f"cannot be read as a zip file ({error})") from error


def _refused(path: Path, why: str) -> ArchiveError:
    return ArchiveError(f"{path.name} {why}. Pack it anew with autograder submit.")


def _look_at(path: Path, member: zipfile.ZipInfo) -> None:
    """Refuse a member that an honest hand-in never has, wanted or not."""
    name = member.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    shown = name[:60].encode("utf-8", "replace").decode()
    if name != member.orig_filename or not parts or parts[0].endswith(":") or parts[0] == "/" or ".." in parts:
        raise _refused(path, f"holds a file whose name leads elsewhere ({shown})")
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
