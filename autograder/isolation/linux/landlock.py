"""Landlock: an allow-list of files that may be read; nothing may be written.

Source: https://docs.kernel.org/userspace-api/landlock.html.  Rights that no rule grants are refused from
then on, for this process and its descendants.  Reading the metadata of a file is not a right.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from autograder.isolation.linux.kernel import syscall

__all__ = ["Ruleset"]

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ABI_VERSION = 1
PATH_BENEATH = 1
FIRST_DESCRIPTOR = 100
"""Above those that a worker keeps."""
READ_FILE = 1 << 2
FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""File rights that each version of the interface adds."""
NETWORK_SINCE, NETWORK_RIGHTS = 4, 0b11
SCOPED_SINCE, SCOPED = 6, 0b11
"""Abstract sockets and signals cannot leave the domain."""


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


class Ruleset:
    """Created once; every worker forked later enters it with one call.

    readable: files, and folders with everything below; descriptor: must stay open until it is entered.
    Raises OSError if the kernel has no Landlock.
    """

    def __init__(self, readable: Iterable[Path]) -> None:
        self.abi = syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(ABI_VERSION))
        rights = sum(bits for since, bits in FILE_RIGHTS.items() if self.abi >= since)
        attr = _RulesetAttr(
            rights, NETWORK_RIGHTS if self.abi >= NETWORK_SINCE else 0, SCOPED if self.abi >= SCOPED_SINCE else 0
        )
        size = 24 if self.abi >= SCOPED_SINCE else 16 if self.abi >= NETWORK_SINCE else 8
        created = syscall(CREATE_RULESET, ctypes.byref(attr), ctypes.c_size_t(size), ctypes.c_uint32(0))
        self.descriptor = fcntl.fcntl(created, fcntl.F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR)
        os.close(created)
        for path in readable:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                self._allow(path)

    def _allow(self, path: Path) -> None:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = _PathBeneath(READ_FILE, parent)
            syscall(
                ADD_RULE,
                ctypes.c_int(self.descriptor),
                ctypes.c_int(PATH_BENEATH),
                ctypes.byref(rule),
                ctypes.c_uint32(0),
            )
        finally:
            os.close(parent)

    def enter(self) -> None:
        """Restrict this process permanently; it must no longer be able to gain privileges."""
        syscall(RESTRICT_SELF, ctypes.c_int(self.descriptor), ctypes.c_uint32(0))
        os.close(self.descriptor)
