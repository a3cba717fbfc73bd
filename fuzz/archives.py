"""Zip files that are handed in: any bytes, and archives whose records do not agree with each other."""

from __future__ import annotations

import io
import random
import stat
import zipfile

from autograder.submission.archive import MAX_MEMBER, ArchiveError, members
from fuzz.scripts import folder

WANTED = ("02_layers/layers.py", "02_layers/layers.ipynb")
NAMES = (
    *WANTED,
    "layers.py",
    "../up.py",
    "/etc/passwd",
    "C:\\x.py",
    "02_layers\\layers.py",
    "02_layers/",
    "",
    "é.py",
    "a\0b",
)
RECORDS = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08")
EXTRA = (b"\x01\x00\x08\x00" + b"\xff" * 8, b"\x75\x70\x06\x00\x01\x00\x00\x00\x00x", b"\x01\x00\xff\xff")


def seeds() -> list[bytes]:
    """Honest archives, stored and deflated, and some of odd members."""
    content = b"class Linear:\n    pass\n" * 20
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        found.append(_zip([(WANTED[0], 0o100644, b""), ("manifest.json", 0, b"")], content, method))
        found.append(_zip([(WANTED[1], stat.S_IFLNK | 0o777, b""), (WANTED[0], 0, EXTRA[0])], content, method))
    found.append(_zip([(name, 0, b"") for name in NAMES if name and "\0" not in name], b"x", zipfile.ZIP_DEFLATED))
    return [*found, b"PK\x05\x06" + bytes(18)]


def one(data: bytes) -> None:
    """Read the bytes as ``02_layers.zip``; the result is the expected members within the limits, or one sentence."""
    path = folder() / "02_layers.zip"
    path.write_bytes(data)
    try:
        found = members(path, WANTED)
    except ArchiveError as error:
        str(error).encode()
        return
    assert set(found) <= set(WANTED)
    assert all(len(content) <= MAX_MEMBER for content in found.values())


def mutate(data: bytes, source: random.Random) -> bytes:
    """Change a field of a record, put a record elsewhere, exchange names, or cut."""
    starts = [at for record in RECORDS for at in _places(data, record)] or [0]
    at = source.choice(starts)
    match source.randrange(5):
        case 0:  # sizes, flags, methods and offsets are two or four bytes somewhere behind a record's mark
            field = at + source.randrange(4, 46)
            value = source.choice((b"\0\0", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", source.randbytes(2)))
            return data[:field] + value + data[field + len(value) :]
        case 1:
            piece = data[at : at + source.randrange(4, 120)]
            to = source.randint(0, len(data))
            return data[:to] + piece * source.choice((1, 2, 300)) + data[to:]
        case 2:
            old, new = source.sample(NAMES, 2)
            return data.replace(old.encode(), new.encode()) if old else data + new.encode()
        case 3:
            return data[:at] + source.choice(EXTRA) + data[at:]
        case _:
            return data[: source.randint(0, len(data))] + data[source.randint(0, len(data)) :]


def _places(data: bytes, record: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(record, at)]


def _zip(inside: list[tuple[str, int, bytes]], content: bytes, method: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, mode, extra in inside:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.extra, info.compress_type = mode << 16, extra, method
            archive.writestr(info, content)
    return target.getvalue()
