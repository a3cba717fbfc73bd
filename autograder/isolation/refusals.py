"""What the system's refusals mean to a student: “Permission denied” says neither that a file was to be written nor why.

An audit hook of the interpreter remembers what was asked for last; it refuses nothing itself.
"""

from __future__ import annotations

import errno
import os
import sys
from types import TracebackType
from typing import Any

__all__ = ["Refusals"]

NO_FILES, NO_PROCESSES, NO_NETWORK = (
    "exercises write no files",
    "exercises start no processes",
    "exercises use no network",
)
REFUSED = frozenset({errno.EPERM, errno.EACCES, errno.EROFS, errno.EFBIG, errno.ENOSYS})
PROCESSES = ("multiprocessing", "subprocess", "concurrent.futures.process")
"""Modules that start processes, and fail in several ways where they may not."""
EVENTS = {
    **dict.fromkeys(
        ("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen"), NO_PROCESSES
    ),
    **dict.fromkeys(
        ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate"), NO_FILES
    ),
    **dict.fromkeys(("os.chmod", "os.chown"), NO_FILES),
    **dict.fromkeys(("socket.__new__", "socket.getaddrinfo"), NO_NETWORK),
}


class Refusals:
    """Remembers the last thing that was asked of the system, and says what its refusal means."""

    def __init__(self) -> None:
        self._last = ""

    def begin(self) -> None:
        """Listen in this process from now on."""
        sys.addaudithook(self._hook)

    def meaning(self, error: BaseException) -> str:
        """What an error means, where the system refused what no exercise needs; else empty."""
        if not isinstance(error, OSError) or error.errno not in REFUSED:
            return ""
        why = NO_PROCESSES if _within(error.__traceback__, PROCESSES) else self._last
        return f"{why} ({os.strerror(error.errno)})" if why else ""

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            flags = arguments[2]
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            self._last = NO_FILES if writes else ""
        elif event in EVENTS:
            self._last = EVENTS[event]


def _within(trace: TracebackType | None, modules: tuple[str, ...]) -> bool:
    """Whether an error went through one of these modules."""
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith(modules):
            return True
        trace = trace.tb_next
    return False
