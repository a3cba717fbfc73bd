"""System calls that Python has no function for."""

from __future__ import annotations

import ctypes
import os

__all__ = ["prctl", "syscall"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long


def syscall(number: int, *arguments: object) -> int:
    """Make a system call by its number; OSError if the kernel refuses."""
    result = int(_LIBC.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; OSError if the kernel refuses."""
    zero = ctypes.c_ulong(0)
    if _LIBC.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
