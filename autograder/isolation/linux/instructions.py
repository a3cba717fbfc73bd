"""Instructions that a process executes, counted by the processor: evidence that other processes cannot disturb.

Optional: a virtual machine often provides no counters, and a kernel may refuse them to ordinary users.

Source: perf_event_open(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct

from autograder.isolation.linux.kernel import syscall

__all__ = ["Counter", "open_counter"]

CALL = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "ppc64le": 319, "s390x": 331}
"""The number of the system's call, by machine."""
HARDWARE, SOFTWARE = 0, 1
INSTRUCTIONS = 1
ATTRIBUTE_BYTES = 128
TYPE, SIZE, CONFIG, FLAGS = 0, 4, 8, 40
"""Offsets of the fields of ``perf_event_attr``."""
INHERIT, EXCLUDE_KERNEL, EXCLUDE_HYPERVISOR = 1 << 1, 1 << 5, 1 << 6
CLOSE_ON_EXEC = 1 << 3


class Counter:
    """Counts one event of one process and of every thread that it starts from now on."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self) -> int:
        """Events since the counter was opened."""
        return int.from_bytes(os.read(self._fd, 8), "little")

    def close(self) -> None:
        """Release the counter."""
        with contextlib.suppress(OSError):
            os.close(self._fd)


def open_counter(pid: int, kind: int = HARDWARE, event: int = INSTRUCTIONS) -> Counter | None:
    """Count an event of a process, by default instructions outside the kernel; None if that is not available."""
    number = CALL.get(platform.machine())
    if number is None:
        return None
    attribute = bytearray(ATTRIBUTE_BYTES)
    struct.pack_into("I", attribute, TYPE, kind)
    struct.pack_into("I", attribute, SIZE, ATTRIBUTE_BYTES)
    struct.pack_into("Q", attribute, CONFIG, event)
    struct.pack_into("Q", attribute, FLAGS, INHERIT | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR)
    try:
        return Counter(syscall(number, bytes(attribute), pid, -1, -1, ctypes.c_ulong(CLOSE_ON_EXEC)))
    except OSError:
        return None
