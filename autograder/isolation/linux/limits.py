"""Limits: how much of the machine one worker may take."""

from __future__ import annotations

import contextlib
import os
import resource
from functools import cache
from pathlib import Path

__all__ = ["go_first", "limit", "mapped", "prepare"]

MEGABYTE = 1 << 20
DESCRIPTORS = 64
THREADS = 64
LIMITED = tuple(number for name, number in vars(resource).items() if name.startswith("RLIMIT_"))


def limit(mapped: int, memory_mb: int, cpu_s: int, *, gpu: bool = False) -> None:
    """Bound this process for good.

    mapped: bytes of address space in use already; memory_mb: address space beyond them; cpu_s: seconds, of all
    threads together.  No core dump, no byte into a file, few descriptors and threads.
    gpu: address space and descriptors are left alone, since a driver reserves both by the thousand.
    """
    bounds = {
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 1),  # the first sends a signal with a name, the second kills
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_NPROC: (_tasks_in_all() + THREADS,) * 2,
    }
    if not gpu:
        bounds[resource.RLIMIT_AS] = (mapped + memory_mb * MEGABYTE,) * 2
        bounds[resource.RLIMIT_NOFILE] = (DESCRIPTORS, DESCRIPTORS)
    for which, (soft, hard) in bounds.items():
        most = _hard_limit(which)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)  # noqa: PLW2901
        resource.setrlimit(which, (soft, hard))


@cache
def _hard_limit(which: int) -> int:
    return resource.getrlimit(which)[1]


def prepare() -> None:
    """Look up the limits of this process, for those that it forks."""
    for which in LIMITED:
        _hard_limit(which)


def mapped() -> int:
    """Bytes of address space that this process has in use."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def go_first() -> None:
    """Where the machine runs out of memory, let this process and what it forks be ended before others."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _tasks_in_all() -> int:
    """Tasks of all users, since the limit counts all of one; 0 for root, whose workers are users of their own."""
    if os.geteuid() == 0:
        return 0
    descriptor = os.open("/proc/loadavg", os.O_RDONLY)
    text = os.read(descriptor, 200)
    os.close(descriptor)
    return int(text.split()[3].partition(b"/")[2])
