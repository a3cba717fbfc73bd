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
    """Limit this process permanently.

    mapped: bytes of address space already in use; memory_mb: address space beyond them; cpu_s: seconds of all
    threads together.  No core dumps, no file output, few descriptors and threads.
    gpu: do not limit address space and descriptors, because a driver reserves both by the thousand.
    """
    bounds = {
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 1),  # the soft limit sends a signal, the hard limit kills
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
    """Read the limits of this process in advance, for its forks."""
    for which in LIMITED:
        _hard_limit(which)


def mapped() -> int:
    """Bytes of address space that this process has in use."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def go_first() -> None:
    """If the machine runs out of memory, let this process and its forks be killed before others."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _tasks_in_all() -> int:
    """Tasks of all users, because the limit counts all of a user's; 0 for root, whose workers are separate users."""
    if os.geteuid() == 0:
        return 0
    descriptor = os.open("/proc/loadavg", os.O_RDONLY)
    text = os.read(descriptor, 200)
    os.close(descriptor)
    return int(text.split()[3].partition(b"/")[2])
