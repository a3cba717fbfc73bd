"""IDX files, the format in which MNIST is published, plain or compressed with gzip.

Two zero bytes, one for the type, one for the count of dimensions, each dimension as a big-endian
32-bit number, then the numbers, the last dimension fastest.

Source: LeCun, Cortes & Burges, The MNIST database of handwritten digits (1998), "File formats".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from dlkit.backend import NumpyArray

__all__ = ["DatasetError", "read_idx"]

LARGEST = 2**31
"""Bytes of the largest array that is read; more means a damaged header."""
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class DatasetError(ValueError):
    """The files of a data set are missing or damaged; the message names the file and the cure."""


def read_idx(path: str | Path, *, dimensions: int | None = None) -> NumpyArray:
    """Read one IDX file, plain or gzip (recognized by its first bytes): a NumPy array in native byte order.

    dimensions: how many the array must have (3 for images, 1 for labels), or None for any.
    Raises DatasetError where the file is missing, is no IDX file, is cut short, has bytes left over,
    or has other dimensions.
    """
    path = Path(path)
    try:
        with _open(path) as stream:
            return _read(stream, path, dimensions)
    except FileNotFoundError as error:
        message = f"{path} does not exist: put the file there, or name the folder that holds it."
        raise DatasetError(message) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"{path} is a damaged gzip file ({error}): download it again."
        raise DatasetError(message) from error
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}): check that it is a file you may read."
        raise DatasetError(message) from error


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")


def _read(stream: BinaryIO, path: Path, dimensions: int | None) -> NumpyArray:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not magic[3]:  # noqa: PLR2004
        message = f"{path} is not an IDX file (it begins with {magic.hex(' ') or 'nothing'}): download it again."
        raise DatasetError(message)
    dtype, rank = np.dtype(_TYPES[magic[2]]), magic[3]
    if dimensions is not None and rank != dimensions:
        message = f"{path} has {rank} dimensions; expected {dimensions}: check that the names were not swapped."
        raise DatasetError(message)
    header = stream.read(4 * rank)
    if len(header) < 4 * rank:
        message = f"{path} ends within its header: download it again."
        raise DatasetError(message)
    shape = struct.unpack(f">{rank}I", header)
    due = math.prod(shape) * dtype.itemsize
    if due > LARGEST:
        message = f"{path} claims {due} bytes for the shape {shape}, more than any MNIST has: download it again."
        raise DatasetError(message)
    payload = stream.read(due + 1)
    if len(payload) < due:
        message = f"{path} is truncated: {len(payload)} of {due} bytes for the shape {shape}; download it again."
        raise DatasetError(message)
    if len(payload) > due:
        message = f"{path} has extra bytes after the {due} of the shape {shape}: download it again."
        raise DatasetError(message)
    return np.frombuffer(payload, dtype).reshape(shape).astype(dtype.newbyteorder("="))
